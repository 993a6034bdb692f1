//! What a reverse proxy reads in the labels of a container: rules, and where they lead.
//!
//! Pure, and of labels alone: it knows neither networks nor addresses. Which address a proxy dials for a rule is for
//! the inventory to say, which sees all containers. Whoever deploys a container writes its labels, so they are
//! data: whatever is not understood is told of that one rule and costs nothing else, and nothing here grows with what
//! a label repeats.

pub mod caddy;
mod model;
pub mod pages;
pub mod traefik;

pub use model::*;
