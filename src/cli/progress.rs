//! Progress bars: on stderr, on process 0, in a terminal, for work longer than a second.

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use std::io::IsTerminal;
use std::time::{Duration, Instant};

/// One bar that appears when its work has lasted a second.
pub(super) struct Progress {
    bar: ProgressBar,
    begun: Instant,
    shown: bool,
    wanted: bool,
}

impl Progress {
    /// A bar that is still hidden; it stays so unless `wanted`.
    pub fn new(what: &'static str, template: &str, wanted: bool) -> Self {
        let bar = ProgressBar::with_draw_target(None, ProgressDrawTarget::hidden());
        let style =
            ProgressStyle::with_template(template).unwrap_or_else(|_| ProgressStyle::default_bar());
        bar.set_style(style);
        bar.set_message(what);
        Progress {
            bar,
            begun: Instant::now(),
            shown: false,
            wanted: wanted && std::io::stderr().is_terminal(),
        }
    }

    /// A bar over bytes.
    pub fn bytes(what: &'static str, wanted: bool) -> Self {
        let template = "{msg:>12} {bar:32} {bytes} of {total_bytes}, {eta} left";
        Progress::new(what, template, wanted)
    }

    /// A bar over bricks.
    pub fn bricks(what: &'static str, wanted: bool) -> Self {
        let template = "{msg:>12} {bar:32} {human_pos} of {human_len} bricks, {elapsed}";
        Progress::new(what, template, wanted)
    }

    /// A bar over the steps of blocks.
    pub fn steps(what: &'static str, wanted: bool) -> Self {
        let template = "{msg:>12} {bar:32} {percent} % of the steps, {elapsed}, {eta} left";
        Progress::new(what, template, wanted)
    }

    /// A bar of queries.
    pub fn queries(what: &'static str, wanted: bool) -> Self {
        let template = "{msg:>12} {bar:32} {human_pos} of {human_len} queries, {elapsed}";
        Progress::new(what, template, wanted)
    }

    /// A count of epochs.
    pub fn epochs(what: &'static str, wanted: bool) -> Self {
        Progress::new(
            what,
            "{msg:>12} {spinner} {human_pos} epochs, {elapsed}",
            wanted,
        )
    }

    /// Shows how far the work is.
    pub fn show(&mut self, done: u64, of: u64) {
        if !self.wanted {
            return;
        }
        if !self.shown && self.begun.elapsed() >= Duration::from_secs(1) {
            self.bar.set_draw_target(ProgressDrawTarget::stderr());
            self.shown = true;
        }
        if self.shown {
            self.bar.set_length(of);
            self.bar.set_position(done);
        }
    }
}

impl Drop for Progress {
    fn drop(&mut self) {
        self.bar.finish_and_clear();
    }
}
