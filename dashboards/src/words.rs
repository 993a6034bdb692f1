//! What values are called, and in which colour: one word for one thing on every dashboard.

/// A value, its word, its colour.
pub type Words = &'static [(&'static str, &'static str, &'static str)];

pub const GOOD: &str = "green";
pub const WARN: &str = "orange";
pub const BAD: &str = "red";
/// Not known: neither good nor bad.
pub const BLIND: &str = "purple";
pub const NEUTRAL: &str = "blue";

/// Of `query::STATE`.
pub const STATE: Words =
    &[("0", "HEALTHY", GOOD), ("1", "TICKET", WARN), ("2", "UNKNOWN", BLIND), ("3", "PAGE", BAD)];
pub const UP: Words = &[("0", "DOWN", BAD), ("1", "UP", GOOD)];
pub const PRESENT: Words = &[("0", "MISSING", BAD), ("1", "PRESENT", GOOD)];
pub const ANSWERS: Words = &[("0", "NO ANSWER", BAD), ("1", "ANSWERS", GOOD)];
pub const PROBED: Words = &[("0", "FAILS", BAD), ("1", "WORKS", GOOD)];
pub const SERVED: Words = &[("0", "NOT SERVED", BAD), ("1", "SERVED", GOOD)];
pub const VALID: Words = &[("0", "REFUSED BY BROWSERS", BAD), ("1", "VALID", GOOD)];
pub const CAN: Words = &[("0", "CANNOT", WARN), ("1", "CAN", GOOD)];
pub const LOADED: Words = &[("0", "REFUSED", WARN), ("1", "LOADED", GOOD)];
pub const FORWARDS: Words = &[("0", "FORWARDS NOTHING", BAD), ("1", "FORWARDS", GOOD)];
pub const FIRING: Words = &[("1", "FIRING", BAD)];
pub const READY: Words = &[("0", "NOT READY", BAD), ("1", "READY", GOOD)];
/// Without a quorum, or locked.
pub const CONTROL: Words = &[("0", "CANNOT DECIDE", BAD), ("1", "DECIDES", GOOD)];
/// What a node of a Swarm is meant for, by Docker's words.
pub const AVAILABILITY: Words =
    &[("active", "active", GOOD), ("pause", "PAUSED", WARN), ("drain", "drained", NEUTRAL)];
/// What a node is of its Swarm, by its Engine's word.
pub const MEMBER: Words = &[
    ("active", "active", GOOD),
    ("pending", "PENDING", WARN),
    ("locked", "LOCKED", BAD),
    ("error", "ERROR", BAD),
];
/// Of `parts::ATTACHED`.
pub const ATTACHED: Words = &[("0", "ATTACHED", GOOD), ("1", "NOT NEEDED", NEUTRAL), ("2", "DETACHED", BAD)];
/// Of `query::findings`.
pub const SEVERITY: Words = &[("3", "PAGE", BAD), ("2", "TICKET", WARN), ("1", "INFO", NEUTRAL)];
/// Of `way`, as docs/metrics.md has it.
pub const WAY: Words = &[
    ("inside", "inside", GOOD),
    ("across", "ACROSS", WARN),
    ("hairpin", "HAIRPIN", WARN),
    ("host", "host", NEUTRAL),
    ("outside", "outside", NEUTRAL),
];
