//! One heap for all threads.
//!
//! glibc gives each thread a heap of its own so that none waits for another. Here one thread does nearly all
//! the work, and what others leave in theirs (a page once, a look into a namespace) is memory that nobody uses:
//! a quarter of the whole.

/// To be called before there is a second thread.
#[cfg(all(target_os = "linux", target_env = "gnu"))]
#[expect(unsafe_code, reason = "no safe crate hands it on")]
pub fn one_for_all_threads() {
    // SAFETY: takes two integers by value, and no other thread allocates yet. That it did not work (0) only costs
    // the memory that it would have saved.
    unsafe { libc::mallopt(libc::M_ARENA_MAX, 1) };
}

/// Other C libraries have one heap anyway.
#[cfg(not(all(target_os = "linux", target_env = "gnu")))]
pub fn one_for_all_threads() {}
