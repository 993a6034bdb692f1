//! From what labels ask of a proxy to where it will really lead: which container, on which network, at which
//! address and port.
//!
//! The proxies' own rules of choice are followed, because a route that breaks breaks by them. Traefik takes the network that
//! the label names, else the one of its own settings, else any that the container is on (`pkg/provider/docker/config.go`);
//! a container whose check is not good is none of its backends. Caddy with caddy-docker-proxy takes the network of
//! `caddy_ingress_network`, else one that it is on itself, and does not ask for checks.
//!
//! Pure, and linear in the labels: a site that many claim is one route with many backends.

mod backend;
mod gather;
mod model;
mod place;
mod proxies;
mod rivals;

pub use gather::View;
pub use gather::routes;
pub use model::*;
pub use place::Seat;
pub use proxies::proxies;

#[cfg(test)]
pub(crate) mod tests;
