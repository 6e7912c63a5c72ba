//! The start: from addresses to a connection with every other process, agreed on by all.
//!
//! A process listens first, then calls the processes below it in order, then is called by those above it. Process 0
//! calls nobody, so somebody always answers: process `i` answers once it has been answered by all below `i`. Sockets
//! never block; every wait looks at what the connected peers say meanwhile, and ends at the deadline.

use std::collections::BTreeSet;
use std::net::TcpStream;
use std::thread;
use std::time::{Duration, Instant};

use super::door::Door;
use super::frame::{Frame, Greeting, PAYLOAD};
use super::line::{Line, TICK, random};
use super::run::Connected;
use super::{ClusterConfig, link, terms};
use crate::{Error, Result};

/// No deadline is later, so that it can be reckoned with.
const YEAR: Duration = Duration::from_secs(365 * 24 * 3600);

/// How much longer than the deadline the last agreement may take.
const GRACE: Duration = Duration::from_secs(5);

/// Connects this process with all others of its run.
///
/// # Errors
/// [`Error::Input`] if the configuration is unusable or processes were started differently (all processes get the
/// same sentence), [`Error::Peer`] if one does not come within the deadline or goes away, [`Error::Machine`] if the
/// address of this process cannot be listened at.
pub fn connect(config: &ClusterConfig) -> Result<Connected> {
    config.check()?;
    let mut mesh = Mesh::new(config)?;
    if config.processes > 1
        && let Err(error) = mesh.assemble()
    {
        mesh.refuse_all(&error);
        return Err(config.fatal.explain(error));
    }
    Ok(Connected::new(mesh))
}

/// This process's connections, as far as they stand.
pub(super) struct Mesh {
    /// What it was made from.
    pub config: ClusterConfig,
    /// How this process introduces itself.
    pub me: Greeting,
    /// The others by process, as they connect; this process has no entry.
    pub peers: Vec<Option<Peer>>,
    /// Those that were told that the run cannot be.
    pub refused: BTreeSet<u32>,
    /// When waiting for them ends.
    pub deadline: Instant,
}

/// A process that is connected and agrees.
pub(super) struct Peer {
    /// The connection.
    pub line: Line,
    /// The random number of its own.
    pub instance: u64,
    ready: bool,
    go: bool,
}

impl Mesh {
    fn new(config: &ClusterConfig) -> Result<Self> {
        let mut settings = config.settings.clone();
        settings.push((
            "the version of octaflow".into(),
            env!("CARGO_PKG_VERSION").into(),
        ));
        let order = if cfg!(target_endian = "little") {
            "little"
        } else {
            "big"
        };
        settings.push(("the byte order".into(), order.into()));
        let me = Greeting {
            process: config.process as u32,
            to: 0,
            processes: config.processes as u32,
            workers: config.workers as u32,
            instance: random(),
            run: if config.process == 0 { random() } else { 0 },
            challenge: 0,
            answer: 0,
            settings,
        };
        if Frame::Hello(me.clone()).to_bytes().len() > PAYLOAD {
            return Err(Error::input(
                "the arguments are too long for several processes: shorten them to 60,000 bytes",
            ));
        }
        Ok(Mesh {
            config: config.clone(),
            me,
            peers: (0..config.processes).map(|_| None).collect(),
            refused: BTreeSet::new(),
            deadline: Instant::now() + config.deadline.min(YEAR),
        })
    }

    /// Listens, calls and is called, until all are connected to all.
    fn assemble(&mut self) -> Result<()> {
        let mut door = Door::open(&self.config)?;
        for index in 0..self.config.process {
            self.call(index)?;
        }
        let limit = self.deadline + GRACE;
        // The door stays open until all are ready: who calls at the wrong one then is still told so.
        self.be_called(&mut door)
            .and_then(|()| self.agree(Some(limit), Some(&mut door)))
            .inspect_err(|error| {
                // Every process calls process 0 first, so it is there that the late ones hear of it.
                if self.config.process == 0 && error.exit_status() == 2 {
                    self.turn_away(&mut door, error);
                }
            })
    }

    /// Waits until every process has come to this same point.
    pub fn agree(&mut self, limit: Option<Instant>, mut door: Option<&mut Door>) -> Result<()> {
        if self.config.process > 0 {
            self.tell(0, &Frame::Ready)?;
            self.wait(limit, &mut door, |mesh| {
                mesh.peers[0].as_ref().is_none_or(|peer| peer.go)
            })?;
        } else {
            self.wait(limit, &mut door, |mesh| {
                mesh.peers.iter().flatten().all(|peer| peer.ready)
            })?;
            for index in 1..self.peers.len() {
                self.tell(index, &Frame::Go)?;
            }
        }
        for peer in self.peers.iter_mut().flatten() {
            (peer.ready, peer.go) = (false, false);
        }
        Ok(())
    }

    fn wait(
        &mut self,
        limit: Option<Instant>,
        door: &mut Option<&mut Door>,
        done: impl Fn(&Self) -> bool,
    ) -> Result<()> {
        // Beyond process 0, a peer that is told to go first may speak timely already: only process 0 is heard.
        let heard = if self.config.process > 0 {
            1
        } else {
            self.peers.len()
        };
        loop {
            self.hear(heard)?;
            if let Some(door) = door {
                self.attend_all(door)?;
            }
            if done(self) {
                return Ok(());
            }
            if limit.is_some_and(|limit| Instant::now() > limit) {
                return Err(Error::peer(
                    "the other processes connected but did not get ready in time",
                ));
            }
            thread::sleep(TICK);
        }
    }

    /// Takes in what the first `heard` processes say.
    pub fn hear(&mut self, heard: usize) -> Result<()> {
        for (index, peer) in self.peers[..heard].iter_mut().enumerate() {
            let Some(peer) = peer else { continue };
            let gone = |how: &str| {
                Error::peer(format!(
                    "{} was lost at the start of the run: {how}",
                    self.config.name(index)
                ))
            };
            match peer.line.poll() {
                Ok(None) => {}
                Ok(Some(Frame::Ready)) => peer.ready = true,
                Ok(Some(Frame::Go)) => peer.go = true,
                Ok(Some(Frame::Refuse(status, reason))) => {
                    return Err(terms::refusal(status, &reason));
                }
                Ok(Some(_)) => return Err(gone("it spoke out of turn")),
                Err(broken) => return Err(gone(&broken.to_string())),
            }
        }
        Ok(())
    }

    fn tell(&mut self, index: usize, frame: &Frame) -> Result<()> {
        let Some(peer) = &mut self.peers[index] else {
            return Ok(());
        };
        peer.line.send(frame).map_err(|e| {
            let name = self.config.name(index);
            Error::peer(format!("{name} was lost at the start of the run: {e}"))
        })
    }

    /// Tells all that are connected why the run cannot be.
    pub fn refuse_all(&mut self, error: &Error) {
        for peer in self.peers.iter_mut().flatten() {
            peer.line.refuse(error);
        }
    }

    /// The sockets by process, ready for the run; this process has none.
    pub fn into_sockets(self) -> Result<Vec<Option<TcpStream>>> {
        let sockets = self
            .peers
            .into_iter()
            .map(|peer| peer.map(|peer| peer.line.socket));
        sockets
            .map(|socket| {
                socket
                    .map(|s| link::ready_for_run(&s).map(|()| s))
                    .transpose()
            })
            .collect()
    }
}

impl Peer {
    /// A peer that has just connected.
    pub fn new(line: Line, instance: u64) -> Self {
        Peer {
            line,
            instance,
            ready: false,
            go: false,
        }
    }
}
