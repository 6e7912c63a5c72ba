//! The cluster flags of every dataflow command.

use crate::cluster::{self, ClusterConfig, DEADLINE, Fatal, Local};
use crate::partition::Partition;
use crate::{Error, Result};
use clap::Args;
use clap::builder::{PossibleValuesParser, TypedValueParser};
use std::ffi::OsString;
use std::path::PathBuf;
use std::time::Duration;

/// How many workers a run can have.
const MAX_WORKERS: usize = 1024;

#[derive(Args, Clone, Debug)]
#[command(next_help_heading = "Workers and processes")]
pub(super) struct ClusterArgs {
    /// Worker threads of each process [default: all cores]
    #[arg(short = 'w', long, value_name = "N")]
    workers: Option<usize>,

    /// Processes; without -p they are all started here, on this machine
    #[arg(short = 'n', long, value_name = "N", default_value_t = 1)]
    processes: usize,

    /// Which process this is, from 0; start one for each number with the same flags
    #[arg(short = 'p', long, value_name = "I")]
    process: Option<usize>,

    /// A file with one line host:port for each process [default: localhost:2101 and on]
    #[arg(long, value_name = "F")]
    hostfile: Option<PathBuf>,

    /// How bricks are divided among workers
    #[arg(long, value_name = "P", default_value = "hash",
          value_parser = PossibleValuesParser::new(Partition::ALL.map(Partition::name)).map(|name| name.parse::<Partition>().expect("a name of the list")))]
    partition: Partition,

    /// How long to wait for the other processes at the start, in seconds
    #[arg(long, value_name = "S", default_value_t = DEADLINE.as_secs(), hide = true)]
    deadline: u64,
}

/// Who takes part in a run.
#[derive(Clone, Debug)]
pub(super) struct Cluster {
    pub workers: usize,
    pub processes: usize,
    pub process: usize,
    pub partition: Partition,
    /// True if this process is to start the others.
    launch: bool,
    addresses: Vec<String>,
    deadline: Duration,
}

impl ClusterArgs {
    /// Names the file of hosts in full, before the current folder changes.
    pub fn make_absolute(&mut self) {
        if let Some(path) = &mut self.hostfile {
            *path = std::path::absolute(&*path).unwrap_or_else(|_| path.clone());
        }
    }

    pub fn partition(&self) -> Partition {
        self.partition
    }

    pub fn divide_by(&mut self, partition: Partition) {
        self.partition = partition;
    }

    pub fn partition_name(&self) -> &'static str {
        self.partition.name()
    }

    pub fn check(self) -> Result<Cluster> {
        let workers = match self.workers {
            Some(workers) => workers,
            None => std::thread::available_parallelism().map_or(1, usize::from),
        };
        let (processes, process) = (self.processes, self.process.unwrap_or(0));
        if workers == 0 {
            return Err(Error::input("-w 0: a process needs at least 1 worker"));
        }
        if processes == 0 {
            return Err(Error::input("-n 0: a run needs at least 1 process"));
        }
        if workers.saturating_mul(processes) > MAX_WORKERS {
            return Err(Error::input(format!(
                "-w {workers} with -n {processes} makes more than {} workers, the most that a run can have",
                MAX_WORKERS
            )));
        }
        if process >= processes {
            return Err(Error::input(format!(
                "-p {process}: with -n {processes} processes it should be 0…{}",
                processes - 1
            )));
        }
        let launch = processes > 1 && self.process.is_none();
        if launch && self.hostfile.is_some() {
            return Err(Error::input(
                "--hostfile without -p: say with -p which line of it this process is",
            ));
        }
        let addresses = if processes > 1 && !launch {
            cluster::addresses(processes, self.hostfile.as_deref())?
        } else {
            Vec::new()
        };
        Ok(Cluster {
            workers,
            processes,
            process,
            partition: self.partition,
            launch,
            addresses,
            deadline: Duration::from_secs(self.deadline),
        })
    }
}

impl Cluster {
    /// All workers of all processes.
    pub fn parts(&self) -> usize {
        self.workers * self.processes
    }

    /// Starts the other processes, if that is this one's task, and gives what connects to them.
    pub fn prepare(
        &self,
        args: &[OsString],
        settings: Vec<(String, String)>,
    ) -> Result<(ClusterConfig, Option<Local>)> {
        let mut config = ClusterConfig {
            workers: self.workers,
            processes: self.processes,
            process: self.process,
            addresses: self.addresses.clone(),
            deadline: self.deadline,
            settings,
            fatal: Fatal::default(),
        };
        if !self.launch {
            return Ok((config, None));
        }
        let args: Option<Vec<String>> = args[1..]
            .iter()
            .map(|arg| arg.to_str().map(str::to_owned))
            .collect();
        let args = args.ok_or_else(|| {
            Error::input("an argument is not valid UTF-8, which -n without -p needs it to be")
        })?;
        let local = cluster::launch_local(self.processes, &args, &config.fatal)?;
        config.addresses = local.addresses().to_vec();
        config.fatal = local.fatal();
        Ok((config, Some(local)))
    }
}
