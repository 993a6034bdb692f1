//! The map: destinations, the containers on them, and who talks to whom.
//!
//! Pure. [`build()`] makes it of a verdict; as JSON it is the value itself, [`svg()`] draws it, and [`mermaid()`] and [`dot()`]
//! have it drawn by [Mermaid](https://mermaid.js.org/syntax/flowchart.html) and
//! [Graphviz](https://graphviz.org/doc/info/lang.html). Names in it are strangers': each drawing language
//! gets them in the one form in which they cannot end the text that they stand in.

mod build;
mod doors;
mod dot;
mod drawing;
mod mermaid;
mod model;
mod svg;
#[cfg(test)]
mod tests;

pub use build::{build, of};
pub use dot::dot;
pub use mermaid::mermaid;
pub use model::*;
pub use svg::svg;
