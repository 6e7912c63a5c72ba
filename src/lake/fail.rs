//! Where a run may be killed, for tests that kill it everywhere.
//!
//! Each write, sync, rename and commit of what must survive a kill calls [`point`] first. In builds with debug
//! assertions the environment variable `OCTAFLOW_DIE_AT` names the number of the call, counted from 1 in each process,
//! at which the process ends at once as if it were killed; `OCTAFLOW_COUNT_POINTS` names a file that is told how many
//! calls there were. In other builds nothing happens.

/// Ends the process if that is what the environment asks for here.
#[cfg(debug_assertions)]
pub(crate) fn point() {
    use std::sync::LazyLock;
    use std::sync::atomic::{AtomicU64, Ordering};

    static CALLS: AtomicU64 = AtomicU64::new(0);
    static DIE_AT: LazyLock<Option<u64>> = LazyLock::new(|| {
        let number = std::env::var("OCTAFLOW_DIE_AT").ok()?;
        number.parse().ok()
    });
    static COUNT: LazyLock<Option<std::ffi::OsString>> =
        LazyLock::new(|| std::env::var_os("OCTAFLOW_COUNT_POINTS"));

    let call = CALLS.fetch_add(1, Ordering::Relaxed) + 1;
    if *DIE_AT == Some(call) {
        std::process::abort();
    }
    if let Some(file) = &*COUNT {
        let _ = std::fs::write(file, call.to_string());
    }
}

/// Ends the process if that is what the environment asks for here.
#[cfg(not(debug_assertions))]
pub(crate) fn point() {}
