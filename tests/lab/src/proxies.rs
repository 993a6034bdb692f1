//! Real proxies, as Coolify starts them, in front of a lab's applications.

mod caddy;
mod papers;
mod traefik;
mod visit;

pub use caddy::Caddy;
pub use papers::{Authority, Paper};
pub use traefik::Traefik;
pub use visit::Visit;

/// What Coolify calls its proxy, of whatever kind.
pub const NAME: &str = "coolify-proxy";
