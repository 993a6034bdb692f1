//! `destination-exporter` watches the Docker networks that workloads are deployed to, from inside.
//!
//! The house stands on floors, and every import runs down (`tests/floors.rs` holds this):
//!
//! | floor | rooms |
//! | --- | --- |
//! | 9 | `commands` |
//! | 8 | `web` |
//! | 7 | `topology`, `monitor` |
//! | 6 | `metrics`, `report`, `timeline` |
//! | 5 | `schedule`, `diagnosis`, `traffic` |
//! | 4 | `plan`, `state` |
//! | 3 | `probe`, `docker`, `baseline` |
//! | 2 | `namespace` |
//! | 1 | `inventory`, `netstack`, `outcome`, `config`, `cli`, `log`, `heap` |
//! | 0 | `proxy`, `certificate`, `strangers` |
//!
//! Data flows one way: `docker` → `inventory` → `plan` → `schedule` → `probe` → `state` →
//! `diagnosis`, `traffic` → `timeline`, `metrics`, `report`, `topology`, `web`, `commands`.
#![deny(unsafe_code)]

pub mod baseline;
pub mod certificate;
pub mod cli;
pub mod commands;
pub mod config;
pub mod diagnosis;
pub mod docker;
pub mod heap;
pub mod inventory;
pub mod log;
pub mod metrics;
pub mod monitor;
pub mod namespace;
pub mod netstack;
pub mod outcome;
pub mod plan;
pub mod probe;
pub mod proxy;
pub mod report;
pub mod schedule;
pub mod state;
pub mod strangers;
pub mod timeline;
pub mod topology;
pub mod traffic;
pub mod web;
