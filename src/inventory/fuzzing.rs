//! A door for the crate `fuzz`.

pub use super::subnet::read as subnet;
