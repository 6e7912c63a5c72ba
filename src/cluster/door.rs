//! The listening half of the start: callers, known and unknown.

use std::io;
use std::net::TcpListener;
use std::thread;
use std::time::{Duration, Instant};

use super::ClusterConfig;
use super::call::resolve;
use super::frame::{Broken, Frame, Greeting};
use super::line::{HANDSHAKE, Line, TICK, random};
use super::mesh::{Mesh, Peer};
use super::terms;
use crate::{Error, Result};

/// How many unknown connections are heard at a time beside those of the run's processes; the oldest gives way.
const STRANGERS: usize = 64;

/// How long the processes that have not called yet are waited for when the run cannot be, to tell them so.
const TURN_AWAY: Duration = Duration::from_secs(2);

/// A connection that has not shown who it is.
struct Caller {
    line: Line,
    since: Instant,
    /// What it said and what it was asked, once it has said it.
    heard: Option<(Greeting, u64)>,
}

impl Caller {
    fn new(line: Line) -> Self {
        Caller {
            line,
            since: Instant::now(),
            heard: None,
        }
    }
}

/// Where others call this process.
pub(super) struct Door {
    listeners: Vec<TcpListener>,
    callers: Vec<Caller>,
    /// How many of them are heard at a time.
    most: usize,
}

impl Door {
    /// Listens at every address that this process's name stands for.
    pub fn open(config: &ClusterConfig) -> Result<Self> {
        Ok(Door {
            listeners: listen(config)?,
            callers: Vec::new(),
            most: STRANGERS + 2 * config.processes,
        })
    }

    /// All who are waiting to be heard, with those who have come since.
    fn callers(&mut self) -> Vec<Caller> {
        let mut callers = std::mem::take(&mut self.callers);
        for listener in &self.listeners {
            for _ in 0..self.most {
                let Ok((socket, _)) = listener.accept() else {
                    break;
                };
                if callers.len() == self.most {
                    callers.remove(0);
                }
                // A caller that is gone already is no loss.
                callers.extend(Line::new(socket).ok().map(Caller::new));
            }
        }
        callers
    }
}

impl Mesh {
    /// The processes above this one that are not connected.
    fn missing(&self) -> impl Iterator<Item = usize> {
        (self.config.process + 1..self.peers.len()).filter(|i| self.peers[*i].is_none())
    }

    /// Hears callers until every process above this one is among them.
    pub fn be_called(&mut self, door: &mut Door) -> Result<()> {
        loop {
            let Some(missing) = self.missing().next() else {
                return Ok(());
            };
            if Instant::now() > self.deadline {
                return Err(Error::peer(format!(
                    "{} did not come within {} s: start it with -p {missing}, or correct --hostfile",
                    self.config.name(missing),
                    self.config.deadline.as_secs_f32()
                )));
            }
            self.attend_all(door)?;
            self.hear(self.peers.len())?;
            thread::sleep(TICK);
        }
    }

    /// Hears everybody at the door on.
    pub fn attend_all(&mut self, door: &mut Door) -> Result<()> {
        let mut callers = door.callers().into_iter();
        while let Some(caller) = callers.next() {
            match self.attend(caller) {
                Ok(waiting) => door.callers.extend(waiting),
                Err(error) => {
                    door.callers.extend(callers);
                    return Err(error);
                }
            }
        }
        Ok(())
    }

    /// Tells the processes that have not called yet why the run cannot be, as they call: else they would call until
    /// their deadline.
    pub fn turn_away(&mut self, door: &mut Door, error: &Error) {
        let until = Instant::now() + TURN_AWAY;
        while self.missing().any(|i| !self.refused.contains(&(i as u32))) && Instant::now() < until
        {
            for mut caller in door.callers() {
                match (caller.line.poll(), &caller.heard) {
                    (Ok(None), _) => door.callers.push(caller),
                    (Ok(Some(Frame::Hello(theirs))), _) => {
                        self.refuse(caller, theirs.process, error)
                    }
                    (Ok(Some(_)), Some((theirs, _))) => {
                        let process = theirs.process;
                        self.refuse(caller, process, error);
                    }
                    _ => {}
                }
            }
            thread::sleep(TICK);
        }
    }

    /// Tells a caller why the run cannot be.
    fn refuse(&mut self, mut caller: Caller, process: u32, error: &Error) {
        caller.line.refuse(error);
        self.refused.insert(process);
    }

    /// Hears one caller on; gives it back as long as its handshake lasts.
    fn attend(&mut self, mut caller: Caller) -> Result<Option<Caller>> {
        match (caller.line.poll(), caller.heard.take()) {
            (Ok(None), heard) => {
                caller.heard = heard;
                Ok((caller.since.elapsed() < HANDSHAKE).then_some(caller))
            }
            (Ok(Some(Frame::Hello(theirs))), None) => self.welcome(caller, theirs),
            (Ok(Some(Frame::Confirm(answer))), Some((theirs, challenge)))
                if answer == challenge =>
            {
                // Another process of the same index may have come between its Hello and this.
                if let Some(fault) = self.twin(&theirs) {
                    let error = Error::input(fault);
                    self.refuse(caller, theirs.process, &error);
                    return Err(error);
                }
                self.peers[theirs.process as usize] = Some(Peer::new(caller.line, theirs.instance));
                Ok(None)
            }
            (Err(Broken::Version(version)), None) => {
                let error = terms::other_version("a process that called", version);
                caller.line.refuse(&error);
                Err(error)
            }
            _ => Ok(None),
        }
    }

    /// Answers a Hello.
    fn welcome(&mut self, mut caller: Caller, theirs: Greeting) -> Result<Option<Caller>> {
        if theirs.run != 0 && theirs.run != self.me.run {
            // A process of another run: it is refused, but no reason for this run to end.
            caller
                .line
                .refuse(&Error::peer("another run is starting at this address"));
            return Ok(None);
        }
        if let Some(fault) = self.me.disagreement(&theirs).or_else(|| self.twin(&theirs)) {
            let error = Error::input(fault);
            self.refuse(caller, theirs.process, &error);
            return Err(error);
        }
        let challenge = random();
        let answer = theirs.challenge;
        let welcome = Greeting {
            to: theirs.process,
            challenge,
            answer,
            ..self.me.clone()
        };
        let sent = caller.line.send(&Frame::Welcome(welcome));
        caller.heard = Some((theirs, challenge));
        Ok(sent.is_ok().then_some(caller))
    }

    /// What to say if another process has the caller's index.
    fn twin(&self, theirs: &Greeting) -> Option<String> {
        let known = self.peers[theirs.process as usize].as_ref()?;
        (known.instance != theirs.instance).then(|| terms::same_index(theirs.process))
    }
}

/// Listeners at all addresses that this process's name stands for.
fn listen(config: &ClusterConfig) -> Result<Vec<TcpListener>> {
    let address = &config.addresses[config.process];
    let refused = |e: io::Error| match e.kind() {
        io::ErrorKind::AddrInUse => Error::machine(format!(
            "the address {address} of process {} is in use: end the program that holds it, or give another in --hostfile",
            config.process
        )),
        _ => Error::machine(format!(
            "process {} cannot listen at {address}: {e}",
            config.process
        )),
    };
    let mut listeners = Vec::new();
    let mut problem = io::Error::from(io::ErrorKind::AddrNotAvailable);
    for place in resolve(address, config.deadline).map_err(refused)? {
        let bound = TcpListener::bind(place).and_then(|l| l.set_nonblocking(true).map(|()| l));
        match bound {
            Ok(listener) => listeners.push(listener),
            Err(e) if e.kind() == io::ErrorKind::AddrInUse => return Err(refused(e)),
            Err(e) => problem = e,
        }
    }
    if listeners.is_empty() {
        Err(refused(problem))
    } else {
        Ok(listeners)
    }
}
