//! All processes of a run on this machine, started by the first.

use std::io::{BufRead, BufReader, Write};
use std::net::TcpListener;
use std::process::{Child, ChildStdout, Command, ExitStatus, Stdio};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread::{self, JoinHandle};
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
    children: Mutex<Vec<Member>>,
    /// Set once nobody needs to be told of a child's end any more.
    over: AtomicBool,
}

/// A started process, and the error that it told, without the program's name.
struct Member {
    process: Child,
    listener: Option<JoinHandle<Option<String>>>,
    told: Option<String>,
}

impl Member {
    /// The error that the process told, once it has ended.
    fn told(&mut self) -> Option<&str> {
        if let Some(listener) = self.listener.take() {
            self.told = listener.join().ok().flatten();
        }
        self.told.as_deref()
    }
}

/// Starts processes 1 to `processes - 1` of a run on this machine: this executable with `args` (those of this process,
/// without its name) and `-p I --hostfile /dev/stdin`, where each finds the addresses: free ports of the loopback
/// interface. What they write to stderr passes through; what they write to stdout is dropped, but for the error that
/// [`tell`] writes there.
///
/// If one of them fails, this process ends through `fatal` with its error, or with the kind of error that its exit status
/// tells. If several fail for the same reason, it is told once.
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
    fn lock(&self) -> MutexGuard<'_, Vec<Member>> {
        self.children.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Looks at every child; of several failures, one that is not merely the loss of another process counts.
    fn look(&self) -> Look {
        let mut running = false;
        let mut failed: Option<Error> = None;
        for (child, index) in self.lock().iter_mut().zip(1..) {
            match child.process.try_wait() {
                Ok(None) => running = true,
                Ok(Some(status)) if status.success() => {}
                Ok(Some(status)) => {
                    let error = failure(index, status, child.told());
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
            let _ = child.process.kill();
            let _ = child.process.wait();
        }
    }
}

/// A child's error: what it told, of the kind that its exit status tells.
fn failure(index: usize, status: ExitStatus, told: Option<&str>) -> Error {
    let Some(code) = status.code() else {
        return Error::peer(format!(
            "process {index} was lost: it was ended from outside ({status})"
        ));
    };
    let words = match told {
        Some(words) => words.to_string(),
        None => format!("process {index} ended with exit status {code} and gave no reason"),
    };
    match code {
        2 => Error::input(words),
        3 => Error::peer(words),
        _ => Error::machine(words),
    }
}

/// Set for started processes, whose errors the first process tells.
const STARTED: &str = "OCTAFLOW_STARTED";

/// Tells the user the error that ends this process: on stderr, in one write, so that lines of several processes do not
/// mix. A process that [`launch_local`] has started leaves that to the first one, as long as there is one.
///
/// Several threads may meet an error at a time. Only the first is told, and its thread ends the process; the others wait
/// for that here.
pub fn tell(error: &Error) {
    static ENDING: AtomicBool = AtomicBool::new(false);
    if ENDING.swap(true, Ordering::SeqCst) {
        loop {
            thread::park();
        }
    }
    let line = format!("octaflow: {error}\n");
    let listened_to = std::env::var_os(STARTED).is_some()
        && std::io::stdout().write_all(line.as_bytes()).is_ok()
        && std::io::stdout().flush().is_ok();
    if !listened_to {
        // There is nowhere to report its failure.
        let _ = std::io::stderr().write_all(line.as_bytes());
    }
}

/// The last error that a child tells.
fn listen(stdout: ChildStdout) -> Option<String> {
    let mut told = None;
    for line in BufReader::new(stdout)
        .split(b'\n')
        .map_while(|line| line.ok())
    {
        if let Some(words) = line.strip_prefix(b"octaflow: ") {
            told = Some(String::from_utf8_lossy(words).into_owned());
        }
    }
    told
}

fn spawn(index: usize, args: &[String], addresses: &[String]) -> std::io::Result<Member> {
    let mut child = Command::new(std::env::current_exe()?)
        .args(args)
        .args(["-p", &index.to_string(), "--hostfile", "/dev/stdin"])
        .stdin(Stdio::piped())
        .env(STARTED, "1")
        .stdout(Stdio::piped())
        .spawn()?;
    let stdout = child.stdout.take().expect("a pipe");
    let listener = thread::Builder::new()
        .name("octaflow:listener".into())
        .spawn(move || listen(stdout));
    if let Some(mut hostfile) = child.stdin.take() {
        // A child that is gone before it has read this is found by its exit status.
        let _ = hostfile.write_all((addresses.join("\n") + "\n").as_bytes());
    }
    let listener = listener.inspect_err(|_| {
        let _ = child.kill();
        let _ = child.wait();
    })?;
    Ok(Member {
        process: child,
        listener: Some(listener),
        told: None,
    })
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
