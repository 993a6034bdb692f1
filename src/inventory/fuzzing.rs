//! A door for the crate `fuzz`.

pub use super::subnet::{Taken, read as subnet};
