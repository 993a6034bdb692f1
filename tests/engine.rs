//! The Engine that misbehaves: a hand-made one on a socket of its own hangs, cuts its answers, forbids,
//! invents states and dies on demand, as a real one will only on somebody's server at night.
//!
//! Whatever it does, the exporter must not crash, must not lose a scrape, must not take *unknown* for
//! *down*, must say what happened, and must be itself again when the Engine is. Every [`fake::Fake`]
//! looks at the end at what it was asked: nothing but GET.

mod engine {
    mod addresses;
    mod answers;
    mod endless;
    mod exporter;
    mod fake;
    mod ghosts;
    mod growth;
    mod half_dead;
    mod looks;
    mod odd;
    mod outage;
    mod pools;
    mod strangers;
    mod things;
    mod traffic;
    mod watching;
}
