//! A guard around a decoder that may panic on damaged files.

use std::cell::Cell;
use std::panic::{AssertUnwindSafe, catch_unwind, set_hook, take_hook};
use std::sync::Once;

thread_local! {
    /// Whether this thread is in a guarded step, whose panics are answers and not news.
    static GUARDED: Cell<bool> = const { Cell::new(false) };
}

/// Runs a step; `None` if it panicked. Nothing is printed: the first call puts a hook before the program's panic
/// hook, which passes on every panic but those of guarded steps.
pub(crate) fn guarded<T>(step: impl FnOnce() -> T) -> Option<T> {
    static QUIET: Once = Once::new();
    QUIET.call_once(|| {
        let loud = take_hook();
        set_hook(Box::new(move |panic| {
            if !GUARDED.get() {
                loud(panic);
            }
        }));
    });
    let before = GUARDED.replace(true);
    let result = catch_unwind(AssertUnwindSafe(step)).ok();
    GUARDED.set(before);
    result
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_panic_is_an_answer() {
        assert_eq!(guarded(|| 7), Some(7));
        assert_eq!(guarded(|| -> u32 { panic!("never printed") }), None);
        assert!(!GUARDED.get());
    }
}
