//! How the processes of a run find each other, talk, and notice that one is gone.
//!
//! ```text
//! addresses / launch_local ──▶ connect ──▶ execute ──▶ one result a worker
//!   who listens where          sockets,    timely on them,
//!                              agreement   each connection watched
//! ```
//!
//! Every pair of processes shares one TCP connection; the one with the greater index calls. [`connect`] ends with all
//! processes connected and agreed, or in an error on each within [`ClusterConfig::deadline`]. What is no octaflow
//! process (a port scanner, a browser, silence) is dropped and never holds up the start. Peers are not authenticated,
//! nor is what they say encrypted: a cluster belongs on a network that its users trust.
//!
//! While the dataflow runs nothing can stop timely's workers from outside. So a lost peer, or a worker that panics,
//! ends the process at once through [`Fatal`].

mod addresses;
mod call;
mod door;
mod frame;
mod launch;
mod line;
mod link;
mod mesh;
mod run;
mod terms;

use std::convert::Infallible;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

pub use addresses::{FIRST_PORT, addresses};
pub use launch::{Local, launch_local, tell};
pub use mesh::connect;
pub use run::{Connected, execute};

use crate::{Error, Result};

/// How long processes wait for each other if nobody says otherwise.
pub const DEADLINE: Duration = Duration::from_secs(60);

/// What a process must know of its cluster.
#[derive(Clone, Debug)]
pub struct ClusterConfig {
    /// Worker threads of each process (`-w`), at least 1.
    pub workers: usize,
    /// How many processes there are (`-n`), at least 1.
    pub processes: usize,
    /// Which of them this is (`-p`), from 0.
    pub process: usize,
    /// `host:port` of each process; a single process needs none.
    pub addresses: Vec<String>,
    /// How long to wait for the others at the start.
    pub deadline: Duration,
    /// What must agree between the processes, such as the command and its flags: names, as the user knows them, and
    /// values. The version of octaflow and the byte order are added to it.
    pub settings: Vec<(String, String)>,
    /// What ends this process when the run cannot go on.
    pub fatal: Fatal,
}

impl ClusterConfig {
    /// One process with `workers` workers.
    pub fn single(workers: usize) -> Self {
        ClusterConfig {
            workers,
            processes: 1,
            process: 0,
            addresses: Vec::new(),
            deadline: DEADLINE,
            settings: Vec::new(),
            fatal: Fatal::default(),
        }
    }

    /// How messages call process `index`.
    fn name(&self, index: usize) -> String {
        match self.addresses.get(index) {
            Some(address) => format!("process {index} at {address}"),
            None => format!("process {index}"),
        }
    }

    fn check(&self) -> Result<()> {
        let Self {
            workers,
            processes,
            process,
            ..
        } = *self;
        if workers == 0 || u32::try_from(workers.saturating_mul(processes)).is_err() {
            return Err(Error::input(format!(
                "-w {workers} is not a number of workers: it should be 1 or more"
            )));
        }
        if processes == 0 {
            return Err(Error::input(
                "-n 0 is not a number of processes: it should be 1 or more",
            ));
        }
        if process >= processes {
            return Err(Error::input(format!(
                "-p {process} is not one of {processes} processes: it should be from 0 to {}",
                processes - 1
            )));
        }
        if processes > 1 && self.addresses.len() != processes {
            let known = self.addresses.len();
            return Err(Error::input(format!(
                "{known} addresses are given for {processes} processes: each needs one"
            )));
        }
        Ok(())
    }
}

/// What ends a process whose run cannot go on: it is told why, and does not return.
///
/// The default writes the error to stderr, as one line, and exits with its status. Only the first end counts: whoever
/// comes later waits for it.
#[derive(Clone)]
pub struct Fatal(Arc<Ending>);

struct Ending {
    begun: AtomicBool,
    how: Box<dyn Fn(Error) -> Infallible + Send + Sync>,
    /// Finds the reason behind an error, where more is known than the error says.
    explain: Box<dyn Fn(Error) -> Error + Send + Sync>,
}

impl Fatal {
    /// Ends the process by `how`, which cannot return.
    pub fn new<F: Fn(Error) -> Infallible + Send + Sync + 'static>(how: F) -> Self {
        Fatal::explained(how, |error| error)
    }

    fn explained<F, E>(how: F, explain: E) -> Self
    where
        F: Fn(Error) -> Infallible + Send + Sync + 'static,
        E: Fn(Error) -> Error + Send + Sync + 'static,
    {
        let begun = AtomicBool::new(false);
        Fatal(Arc::new(Ending {
            begun,
            how: Box::new(how),
            explain: Box::new(explain),
        }))
    }

    /// Ends the process because of `error`.
    pub fn end(&self, error: Error) -> ! {
        if !self.0.begun.swap(true, Ordering::SeqCst) {
            match (self.0.how)((self.0.explain)(error)) {}
        }
        self.wait()
    }

    /// The reason behind an error that a caller is about to be given; if the end has begun already, nobody is given
    /// another.
    fn explain(&self, error: Error) -> Error {
        let error = (self.0.explain)(error);
        if self.0.begun.load(Ordering::SeqCst) {
            self.wait()
        } else {
            error
        }
    }

    fn wait(&self) -> ! {
        loop {
            std::thread::park();
        }
    }
}

impl Default for Fatal {
    fn default() -> Self {
        Fatal::new(|error| {
            tell(&error);
            std::process::exit(error.exit_status().into())
        })
    }
}

impl std::fmt::Debug for Fatal {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Fatal")
            .field("begun", &self.0.begun)
            .finish()
    }
}
