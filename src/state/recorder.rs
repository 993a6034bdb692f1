//! The only writer.

/// Takes what happens and makes snapshots of it.
#[derive(Debug)]
pub struct Recorder {}
