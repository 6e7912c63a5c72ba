//! All processes of a run on this machine, started by the first.

use std::io::Write;
use std::net::TcpListener;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use super::Fatal;
use crate::{Error, Result};

/// How often children are looked after.
const TICK: Duration = Duration::from_millis(10);

/// How long the end of one child waits for the child that caused it.
const GRACE: Duration = Duration::from_millis(500);

/// The other processes of a run that this process, its process 0, has started.
///
/// Dropping it kills those that still run.
pub struct Local {
    addresses: Vec<String>,
    family: Arc<Family>,
    fatal: Fatal,
}

/// The children.
struct Family {
    children: Mutex<Vec<Child>>,
    /// Set once nobody needs to be told of a child's end any more.
    over: AtomicBool,
}

/// Starts processes 1 to `processes - 1` of a run on this machine: this executable with `args` (those of this process,
/// without its name) and `-p I --hostfile /dev/stdin`, where each finds the addresses: free ports of the loopback
/// interface. What they write to stderr passes through, what they write to stdout is dropped.
///
/// If one of them fails, this process ends through `fatal` with the kind of error that the child's exit status tells.
///
/// # Errors
/// [`Error::Machine`] if ports or processes are not to be had.
pub fn launch_local(processes: usize, args: &[String], fatal: &Fatal) -> Result<Local> {
    let addresses = free_addresses(processes).map_err(|e| {
        Error::machine(format!(
            "no {processes} ports are free on the loopback interface: {e}"
        ))
    })?;
    let family = Arc::new(Family {
        children: Mutex::new(Vec::new()),
        over: AtomicBool::new(false),
    });
    let local_fatal = {
        let (family, outer) = (Arc::clone(&family), fatal.clone());
        Fatal::explained(
            move |error| outer.end(error),
            move |error| family.conclude(error),
        )
    };
    let local = Local {
        addresses,
        family,
        fatal: local_fatal,
    };
    for index in 1..processes {
        let child = spawn(index, args, &local.addresses)
            .map_err(|e| Error::machine(format!("process {index} cannot be started: {e}")))?;
        local.family.lock().push(child);
    }
    let (family, fatal) = (Arc::clone(&local.family), local.fatal.clone());
    let watch = move || family.watch(&fatal);
    thread::Builder::new()
        .name("octaflow:children".into())
        .spawn(watch)
        .map_err(|e| Error::machine(format!("the processes cannot be watched: {e}")))?;
    Ok(local)
}

impl Local {
    /// Where the processes listen, this one first.
    pub fn addresses(&self) -> &[String] {
        &self.addresses
    }

    /// What ends this process and all it has started; it belongs into the configuration of process 0.
    pub fn fatal(&self) -> Fatal {
        self.fatal.clone()
    }

    /// Waits for the end of all children, once process 0 has done its own work.
    ///
    /// # Errors
    /// The kind of error that a failed child's exit status tells.
    pub fn wait(self) -> Result<()> {
        self.family.over.store(true, Ordering::SeqCst);
        loop {
            match self.family.look() {
                Look::Done => return Ok(()),
                Look::Failed(error) => return Err(self.family.conclude(error)),
                Look::Running => thread::sleep(TICK),
            }
        }
    }
}

impl Drop for Local {
    fn drop(&mut self) {
        self.family.disband();
    }
}

/// How the children are.
enum Look {
    Running,
    Done,
    Failed(Error),
}

impl Family {
    fn lock(&self) -> MutexGuard<'_, Vec<Child>> {
        self.children.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Looks at every child; of several failures, one that is not merely the loss of another process counts.
    fn look(&self) -> Look {
        let mut running = false;
        let mut failed: Option<Error> = None;
        for (child, index) in self.lock().iter_mut().zip(1..) {
            match child.try_wait() {
                Ok(None) => running = true,
                Ok(Some(status)) if status.success() => {}
                Ok(Some(status)) => {
                    let error = failure(index, status);
                    if failed.as_ref().is_none_or(|known| known.exit_status() == 3) {
                        failed = Some(error);
                    }
                }
                Err(e) => {
                    failed = Some(Error::machine(format!(
                        "process {index} cannot be waited for: {e}"
                    )))
                }
            }
        }
        match failed {
            Some(error) => Look::Failed(error),
            None if running => Look::Running,
            None => Look::Done,
        }
    }

    /// Ends this process when a child fails.
    fn watch(&self, fatal: &Fatal) {
        while !self.over.load(Ordering::SeqCst) {
            if let Look::Failed(error) = self.look()
                && !self.over.load(Ordering::SeqCst)
            {
                fatal.end(error);
            }
            thread::sleep(TICK);
        }
    }

    /// What the run ends with: `error`, unless it is the loss of a process and a child tells a better reason. All
    /// children are gone then.
    fn conclude(&self, error: Error) -> Error {
        let until = Instant::now() + GRACE;
        let mut cause = error;
        while cause.exit_status() == 3 && Instant::now() < until {
            match self.look() {
                Look::Failed(better) if better.exit_status() != 3 => cause = better,
                _ => thread::sleep(TICK),
            }
        }
        self.disband();
        cause
    }

    /// Kills and reaps the children.
    fn disband(&self) {
        self.over.store(true, Ordering::SeqCst);
        for child in self.lock().iter_mut() {
            // Both fail only for a child that is gone.
            let _ = child.kill();
            let _ = child.wait();
        }
    }
}

/// The error that a child's exit status tells; its own words stand on stderr.
fn failure(index: usize, status: ExitStatus) -> Error {
    match status.code() {
        Some(2) => Error::input(format!(
            "process {index} ended with exit status 2, for the reason it gave"
        )),
        Some(3) => Error::peer(format!(
            "process {index} ended with exit status 3, for the reason it gave"
        )),
        Some(code) => Error::machine(format!(
            "process {index} ended with exit status {code}, for the reason it gave"
        )),
        None => Error::peer(format!(
            "process {index} was lost: it was ended from outside ({status})"
        )),
    }
}

fn spawn(index: usize, args: &[String], addresses: &[String]) -> std::io::Result<Child> {
    let mut child = Command::new(std::env::current_exe()?)
        .args(args)
        .args(["-p", &index.to_string(), "--hostfile", "/dev/stdin"])
        .stdin(Stdio::piped())
        .stdout(Stdio::null())
        .spawn()?;
    if let Some(mut hostfile) = child.stdin.take() {
        // A child that is gone before it has read this is found by its exit status.
        let _ = hostfile.write_all((addresses.join("\n") + "\n").as_bytes());
    }
    Ok(child)
}

/// Addresses whose ports are free: they are held all at once, so that they differ, and then let go.
fn free_addresses(processes: usize) -> std::io::Result<Vec<String>> {
    let held: std::io::Result<Vec<_>> = (0..processes)
        .map(|_| TcpListener::bind("127.0.0.1:0"))
        .collect();
    held?
        .iter()
        .map(|l| Ok(l.local_addr()?.to_string()))
        .collect()
}
