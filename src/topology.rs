//! The map: destinations, the containers on them, and who talks to whom.
//!
//! Pure. [`build()`] makes it of a verdict; as JSON it is the value itself, [`mermaid()`] and [`dot()`] draw it
//! for [Mermaid](https://mermaid.js.org/syntax/flowchart.html) and
//! [Graphviz](https://graphviz.org/doc/info/lang.html). Names in it are strangers': each drawing language
//! gets them in the one form in which they cannot end the text that they stand in.

mod build;
mod doors;
mod dot;
mod drawing;
mod mermaid;
mod model;
#[cfg(test)]
mod tests;

pub use build::build;
pub use dot::dot;
pub use mermaid::mermaid;
pub use model::*;
