//! Which probes are worth running for an inventory: pure.
