//! Memory: how much there is, and a budget that every brick is charged to before it is made.

use crate::brick::BRICK_CELLS;
use crate::{Error, Result};

/// What a brick takes in all: the map's 2 bytes a cell and what the engine adds to them.
pub(crate) const BRICK_BYTES: u64 = 13 * BRICK_CELLS as u64;

/// What is assumed where the machine does not tell.
const ASSUMED_BYTES: u64 = 8 << 30;

/// How many bytes of memory the machine has available: the lesser of what Linux estimates can be had without
/// swapping and what the control group allows; 8 GiB where neither is told.
pub fn available_memory_bytes() -> u64 {
    let machine = std::fs::read_to_string("/proc/meminfo")
        .ok()
        .and_then(|text| available_in(&text))
        .unwrap_or(ASSUMED_BYTES);
    let group = std::fs::read_to_string("/sys/fs/cgroup/memory.max")
        .ok()
        .and_then(|text| text.trim().parse().ok())
        .unwrap_or(u64::MAX);
    machine.min(group)
}

fn available_in(meminfo: &str) -> Option<u64> {
    let rest = meminfo
        .lines()
        .find_map(|line| line.strip_prefix("MemAvailable:"))?;
    let kibibytes: u64 = rest.trim().strip_suffix("kB")?.trim().parse().ok()?;
    kibibytes.checked_mul(1024)
}

/// What a reader may still allocate.
pub(crate) struct Budget {
    file: String,
    limit_bytes: u64,
    used_bytes: u64,
}

impl Budget {
    pub(crate) fn new(file: String, limit_bytes: u64) -> Self {
        Budget {
            file,
            limit_bytes,
            used_bytes: 0,
        }
    }

    /// Charges `count` things of `each` bytes.
    ///
    /// # Errors
    /// [`Error::Input`] when the budget is spent.
    pub(crate) fn charge(&mut self, count: u64, each: u64) -> Result<()> {
        self.used_bytes = self.used_bytes.saturating_add(count.saturating_mul(each));
        if self.used_bytes <= self.limit_bytes {
            return Ok(());
        }
        let gib = |bytes: u64| bytes as f64 / f64::from(1 << 30);
        Err(Error::input(format!(
            "{}: what it holds needs at least {:.2} GiB of memory, but {:.2} GiB are available: give a smaller file, \
             or run where there is more memory",
            self.file,
            gib(self.used_bytes),
            gib(self.limit_bytes),
        )))
    }

    /// Gives back a charge for `count` things of `each` bytes.
    pub(crate) fn refund(&mut self, count: u64, each: u64) {
        self.used_bytes -= count * each;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_available_memory_is_read_from_meminfo() {
        let text = "MemTotal:       100 kB\nMemAvailable:   12345 kB\n";
        assert_eq!(available_in(text), Some(12345 * 1024));
        assert_eq!(available_in("MemAvailable: much\n"), None);
        assert!(available_memory_bytes() > 0);
    }

    #[test]
    fn a_budget_is_spent_but_never_overflows() {
        let mut budget = Budget::new("a.bt".into(), 100);
        assert!(budget.charge(10, 10).is_ok());
        assert!(budget.charge(0, 10).is_ok());
        let error = budget.charge(u64::MAX, 7).unwrap_err().to_string();
        assert!(error.starts_with("a.bt: "), "{error}");
    }
}
