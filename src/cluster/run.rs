//! The run: timely on the connections, and what its workers return.

use std::any::Any;
use std::panic::{AssertUnwindSafe, catch_unwind};

use timely::WorkerConfig;
use timely::communication::allocator::ProcessBuilder;
use timely::communication::allocator::zero_copy::initialize::initialize_networking_from_sockets;
use timely::communication::{AllocatorBuilder, Config, Hooks};
use timely::worker::Worker;

use super::ClusterConfig;
use super::link::Link;
use super::mesh::Mesh;
use crate::{Error, Result};

/// A process that is connected with all others of its run.
///
/// Dropping it without [`execute`] ends the run: the other processes see this one lost.
pub struct Connected {
    mesh: Mesh,
}

/// What timely makes its workers from, and what keeps its connections alive.
type Builders = (Vec<AllocatorBuilder>, Box<dyn Any + Send>);

impl Connected {
    pub(super) fn new(mesh: Mesh) -> Self {
        Connected { mesh }
    }

    /// The random number that process 0 chose for this run; all its processes have it.
    pub fn run(&self) -> u64 {
        self.mesh.me.run
    }

    /// Gives up before the dataflow has begun and tells the other processes why, so that they end with the same error.
    pub fn abandon(mut self, error: &Error) {
        self.mesh.refuse_all(error);
    }

    /// Waits for all processes, however long they take (one may still be reading its map), and hands the connections
    /// over.
    fn into_builders(mut self) -> Result<Builders> {
        let config = self.mesh.config.clone();
        if config.processes == 1 {
            let within = if config.workers == 1 {
                Config::Thread
            } else {
                Config::Process(config.workers)
            };
            return within.try_build().map_err(Error::machine);
        }
        if let Err(error) = self.mesh.agree(None, None) {
            self.mesh.refuse_all(&error);
            return Err(config.fatal.explain(error));
        }
        let workers_of = |process: usize| {
            let first = (process * config.workers) as u64;
            first..first + config.workers as u64
        };
        let links = self
            .mesh
            .into_sockets()?
            .into_iter()
            .enumerate()
            .map(|(index, socket)| {
                let ours = workers_of(config.process);
                Some(Link::new(
                    socket?,
                    config.name(index),
                    ours,
                    workers_of(index),
                    config.fatal.clone(),
                ))
            });
        let hooks = Hooks::default();
        let inner = ProcessBuilder::new_typed_vector(config.workers, hooks.refill.clone(), None);
        initialize_networking_from_sockets(
            inner,
            links.collect(),
            config.process,
            config.workers,
            hooks,
        )
        .map(|(builders, guard)| {
            let builders = builders.into_iter().map(AllocatorBuilder::Tcp).collect();
            (builders, Box::new(guard) as Box<dyn Any + Send>)
        })
        .map_err(|e| Error::machine(format!("timely cannot take over the connections: {e}")))
    }
}

/// Runs `work` on every worker of this process, then its dataflows until they are done, and returns what each worker's
/// `work` returned, in the order of the workers. Workers with nothing to do park.
///
/// It returns when every process has done its work. It never returns if a peer is lost or a worker panics meanwhile:
/// then [`ClusterConfig::fatal`] ends the process, with [`Error::Peer`] or [`Error::Machine`].
///
/// # Errors
/// [`Error::Peer`] if a process was lost, or gave up, before all had begun; [`Error::Machine`] if no threads are to be
/// had.
pub fn execute<T, F>(connected: Connected, work: F) -> Result<Vec<T>>
where
    T: Send + 'static,
    F: Fn(&mut Worker) -> T + Send + Sync + 'static,
{
    let config: ClusterConfig = connected.mesh.config.clone();
    let (builders, guard) = connected.into_builders()?;
    let fatal = config.fatal.clone();
    let guarded = move |worker: &mut Worker| {
        let index = worker.index();
        let done = catch_unwind(AssertUnwindSafe(|| {
            let result = work(worker);
            while worker.has_dataflows() {
                worker.step_or_park(None);
            }
            result
        }));
        done.unwrap_or_else(|panic| fatal.end(broken_worker(index, &*panic)))
    };
    let guards = timely::execute::execute_from(builders, guard, WorkerConfig::default(), guarded)
        .map_err(|e| Error::machine(format!("the workers cannot be started: {e}")))?;
    let results = guards.join();
    results
        .into_iter()
        .map(|result| {
            result.map_err(|e| Error::machine(format!("a worker broke down at its end: {e}")))
        })
        .collect()
}

fn broken_worker(index: usize, panic: &(dyn Any + Send)) -> Error {
    let text = panic.downcast_ref::<String>().map(String::as_str);
    let text = text
        .or_else(|| panic.downcast_ref::<&str>().copied())
        .unwrap_or("no reason was given");
    Error::machine(format!(
        "worker {index} broke down, which is a fault of octaflow: {text}"
    ))
}
