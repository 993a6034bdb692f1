//! The diagnostics report: a [`Verdict`] in the shape that people and scripts are promised.
//!
//! Pure. Every face that shows the whole picture (the command line, the web) shows this value; none
//! of them judges anything again. [`build()`] makes it, [`text()`] writes it for a terminal.
//!
//! [`Verdict`]: crate::diagnosis::Verdict

mod build;
mod detail;
mod flows;
mod fold;
pub mod model;
mod routes;
#[cfg(test)]
mod tests;
mod text;

pub use build::build;
pub use detail::detail;
pub use model::*;
pub use text::{Look, text};
