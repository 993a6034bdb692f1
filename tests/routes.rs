//! Faults of routes through a real proxy: each is one finding, with its cause, and goes without a trace when it is
//! repaired. What a visitor gets meanwhile is seen as well, so that the fault is known to be one.

#[path = "routes/asleep.rs"]
mod asleep;
#[path = "routes/backends.rs"]
mod backends;
#[path = "routes/caddy.rs"]
mod caddy;
#[path = "routes/cases.rs"]
mod cases;
#[path = "routes/certificates.rs"]
mod certificates;
#[path = "routes/events.rs"]
mod events;
#[path = "routes/networks.rs"]
mod networks;
#[path = "routes/ports.rs"]
mod ports;
#[path = "routes/proxies.rs"]
mod proxies;
#[path = "routes/report.rs"]
mod report;
#[path = "routes/street.rs"]
mod street;
