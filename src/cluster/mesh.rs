//! The start: from addresses to a connection with every other process, agreed on by all.
//!
//! A process listens first, then calls the processes below it in order, then is called by those above it. Process 0
//! calls nobody, so somebody always answers: process `i` answers once it has been answered by all below `i`. Sockets
//! never block; every wait looks at what the connected peers say meanwhile, and ends at the deadline.

use std::hash::{BuildHasher, RandomState};
use std::io::{self, Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream, ToSocketAddrs};
use std::sync::mpsc;
use std::thread;
use std::time::{Duration, Instant};

use super::frame::{Broken, Frame, FrameReader, Greeting, PAYLOAD, PROTOCOL};
use super::run::Connected;
use super::{ClusterConfig, link};
use crate::{Error, Result};

/// How often waits look again.
const TICK: Duration = Duration::from_millis(2);

/// How long a connection may take over its handshake before it is dropped (and tried again).
const HANDSHAKE: Duration = Duration::from_secs(10);

/// How many unknown connections are heard at a time; the oldest gives way.
const CALLERS: usize = 64;

/// A sentence from elsewhere is cut here.
const REASON_CHARS: usize = 2000;

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
        return Err(error);
    }
    Ok(Connected::new(mesh))
}

/// This process's connections, as far as they stand.
pub(super) struct Mesh {
    config: ClusterConfig,
    me: Greeting,
    peers: Vec<Option<Peer>>,
    deadline: Instant,
}

/// A process that is connected and agrees.
struct Peer {
    line: Line,
    instance: u64,
    ready: bool,
    go: bool,
}

/// A connection on which frames are exchanged.
struct Line {
    socket: TcpStream,
    reader: FrameReader,
}

/// A connection that has not shown who it is.
struct Caller {
    line: Line,
    since: Instant,
    /// What it said and what it was asked, once it has said it.
    heard: Option<(Greeting, u64)>,
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
            deadline: Instant::now() + config.deadline,
        })
    }

    /// Listens, calls and is called, until all are connected to all.
    fn assemble(&mut self) -> Result<()> {
        let listeners = listen(&self.config)?;
        for index in 0..self.config.process {
            self.call(index)?;
        }
        self.be_called(&listeners)?;
        drop(listeners);
        let grace = Duration::from_secs(5);
        self.agree(Some(self.deadline + grace))
    }

    /// The configuration that the mesh was made from.
    pub fn config(&self) -> &ClusterConfig {
        &self.config
    }

    /// The number that process 0 chose for this run.
    pub fn run(&self) -> u64 {
        self.me.run
    }

    /// Waits until every process has come to this same point.
    pub fn agree(&mut self, limit: Option<Instant>) -> Result<()> {
        let others = |mesh: &Self| {
            (0..mesh.peers.len())
                .filter(|i| mesh.peers[*i].is_some())
                .collect::<Vec<_>>()
        };
        if self.config.process > 0 {
            self.tell(0, &Frame::Ready)?;
            self.wait(limit, |mesh| {
                mesh.peers[0].as_ref().is_none_or(|peer| peer.go)
            })?;
        } else {
            self.wait(limit, |mesh| {
                mesh.peers.iter().flatten().all(|peer| peer.ready)
            })?;
            for index in others(self) {
                self.tell(index, &Frame::Go)?;
            }
        }
        for peer in self.peers.iter_mut().flatten() {
            (peer.ready, peer.go) = (false, false);
        }
        Ok(())
    }

    fn wait(&mut self, limit: Option<Instant>, done: impl Fn(&Self) -> bool) -> Result<()> {
        // Beyond process 0, a peer that is told to go first may speak timely already: only process 0 is heard.
        let heard = if self.config.process > 0 {
            1
        } else {
            self.peers.len()
        };
        loop {
            self.hear(heard)?;
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
    fn hear(&mut self, heard: usize) -> Result<()> {
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
                Ok(Some(Frame::Refuse(status, reason))) => return Err(refusal(status, &reason)),
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
        let frame = Frame::Refuse(
            error.exit_status(),
            error.to_string().chars().take(REASON_CHARS).collect(),
        );
        for peer in self.peers.iter_mut().flatten() {
            // The run is over; whoever cannot be told sees the connection end.
            let _ = peer.line.send(&frame);
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

    /// Calls process `index` until it answers as what it should be.
    fn call(&mut self, index: usize) -> Result<()> {
        let mut pause = Duration::from_millis(20);
        let mut problem = String::from("no answer");
        while Instant::now() < self.deadline {
            let left = self.deadline.saturating_duration_since(Instant::now());
            match resolve(&self.config.addresses[index], left) {
                Err(e) => problem = e.to_string(),
                Ok(found) => {
                    for address in found {
                        match self.call_at(index, address)? {
                            None => return Ok(()),
                            Some(fault) => problem = fault,
                        }
                    }
                }
            }
            self.hear(self.peers.len())?;
            let left = self.deadline.saturating_duration_since(Instant::now());
            thread::sleep(pause.min(left));
            pause = (pause * 2).min(Duration::from_secs(1));
        }
        Err(Error::peer(format!(
            "{} did not answer within {} s ({problem}): start it, or correct --hostfile",
            self.config.name(index),
            self.config.deadline.as_secs_f32()
        )))
    }

    /// One call. `None` is success, a text what to try again for, an error what no repetition will mend.
    fn call_at(&mut self, index: usize, address: SocketAddr) -> Result<Option<String>> {
        let until = self.deadline.min(Instant::now() + HANDSHAKE);
        let left = until.saturating_duration_since(Instant::now()).max(TICK);
        let challenge = random();
        let hello = Greeting {
            to: index as u32,
            challenge,
            ..self.me.clone()
        };
        let opened = TcpStream::connect_timeout(&address, left).and_then(|socket| {
            let mut line = Line::new(socket)?;
            line.send(&Frame::Hello(hello)).map(|()| line)
        });
        let mut line = match opened {
            Ok(line) => line,
            Err(e) => return Ok(Some(e.to_string())),
        };
        let theirs = loop {
            match line.poll() {
                Ok(None) if Instant::now() > until => {
                    return Ok(Some("it accepts connections but says nothing".into()));
                }
                Ok(None) => {
                    self.hear(self.peers.len())?;
                    thread::sleep(TICK);
                }
                Ok(Some(Frame::Refuse(status, reason))) => return Err(refusal(status, &reason)),
                Ok(Some(Frame::Welcome(theirs))) if theirs.answer == challenge => break theirs,
                Err(Broken::Version(version)) => {
                    return Err(other_version(&self.config.name(index), version));
                }
                Ok(Some(_)) => return Ok(Some(Broken::Stranger.to_string())),
                Err(broken) => return Ok(Some(broken.to_string())),
            }
        };
        if theirs.process as usize != index {
            return Err(misplaced(index, theirs.process));
        }
        if let Err(e) = line.send(&Frame::Confirm(theirs.challenge)) {
            return Ok(Some(e.to_string()));
        }
        if index == 0 {
            self.me.run = theirs.run;
        }
        self.peers[index] = Some(Peer::new(line, theirs.instance));
        Ok(None)
    }

    /// Hears callers until every process above this one is among them.
    fn be_called(&mut self, listeners: &[TcpListener]) -> Result<()> {
        let mut callers: Vec<Caller> = Vec::new();
        loop {
            let missing =
                (self.config.process + 1..self.peers.len()).find(|i| self.peers[*i].is_none());
            let Some(missing) = missing else {
                return Ok(());
            };
            if Instant::now() > self.deadline {
                return Err(Error::peer(format!(
                    "{} did not come within {} s: start it with -p {missing}, or correct --hostfile",
                    self.config.name(missing),
                    self.config.deadline.as_secs_f32()
                )));
            }
            for listener in listeners {
                while let Ok((socket, _)) = listener.accept() {
                    if callers.len() == CALLERS {
                        callers.remove(0);
                    }
                    // A caller that is gone already is no loss.
                    callers.extend(Line::new(socket).ok().map(Caller::new));
                }
            }
            let mut waiting = Vec::new();
            for caller in callers {
                waiting.extend(self.attend(caller)?);
            }
            callers = waiting;
            self.hear(self.peers.len())?;
            thread::sleep(TICK);
        }
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
                self.peers[theirs.process as usize] = Some(Peer::new(caller.line, theirs.instance));
                Ok(None)
            }
            (Err(Broken::Version(version)), None) => {
                let error = other_version("a process that called", version);
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
            caller.line.refuse(&error);
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
        (known.instance != theirs.instance).then(|| same_index(theirs.process))
    }
}

impl Greeting {
    /// What differs between this process and one that calls it, as a sentence that is true on both sides.
    fn disagreement(&self, theirs: &Greeting) -> Option<String> {
        let (me, they) = (self.process, theirs.process);
        let differ = |what: &str, mine: &str, yours: &str| {
            let shown = |value: &str| value.chars().take(200).collect::<String>();
            Some(format!(
                "process {me} was started with {what} {} but process {they} with {what} {}: they should be the same",
                shown(mine),
                shown(yours)
            ))
        };
        if theirs.processes != self.processes {
            return differ(
                "-n",
                &self.processes.to_string(),
                &theirs.processes.to_string(),
            );
        }
        if theirs.to != me {
            return Some(misplaced(theirs.to as usize, me).to_string());
        }
        if they == me {
            return Some(same_index(me));
        }
        if they < me || they >= self.processes {
            return Some(format!(
                "process {they} called process {me}, which it should not: correct its -p"
            ));
        }
        if theirs.workers != self.workers {
            return differ("-w", &self.workers.to_string(), &theirs.workers.to_string());
        }
        for (name, mine) in &self.settings {
            let yours = theirs.settings.iter().find(|(theirs, _)| theirs == name);
            match yours {
                Some((_, yours)) if yours == mine => {}
                Some((_, yours)) => return differ(name, mine, yours),
                None => return differ(name, mine, "(none)"),
            }
        }
        let extra = theirs
            .settings
            .iter()
            .find(|(name, _)| !self.settings.iter().any(|(mine, _)| mine == name));
        extra.and_then(|(name, yours)| differ(name, "(none)", yours))
    }
}

impl Peer {
    fn new(line: Line, instance: u64) -> Self {
        Peer {
            line,
            instance,
            ready: false,
            go: false,
        }
    }
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

impl Line {
    fn new(socket: TcpStream) -> io::Result<Self> {
        socket.set_nonblocking(true)?;
        socket.set_nodelay(true)?;
        Ok(Line {
            socket,
            reader: FrameReader::default(),
        })
    }

    fn poll(&mut self) -> std::result::Result<Option<Frame>, Broken> {
        self.reader.poll(&mut self.socket)
    }

    /// Sends a frame; frames fit the socket's buffer, so that this waits only for a peer that does not read.
    fn send(&mut self, frame: &Frame) -> io::Result<()> {
        let bytes = frame.to_bytes();
        let mut rest = bytes.as_slice();
        let until = Instant::now() + Duration::from_secs(1);
        while !rest.is_empty() {
            match self.socket.write(rest) {
                Ok(written) => rest = &rest[written..],
                Err(e) if e.kind() == io::ErrorKind::Interrupted => {}
                Err(e) if e.kind() == io::ErrorKind::WouldBlock && Instant::now() < until => {
                    thread::sleep(TICK)
                }
                Err(e) => return Err(e),
            }
        }
        Ok(())
    }

    /// Refuses the caller and hangs up; what it still says is read away, since a reset would overtake the reason.
    fn refuse(&mut self, error: &Error) {
        // The caller is unwelcome; that it cannot be told is its own loss.
        let _ = self.send(&Frame::Refuse(error.exit_status(), error.to_string()));
        let _ = self.socket.shutdown(std::net::Shutdown::Write);
        let _ = self.socket.read(&mut [0; 4096]);
    }
}

impl std::fmt::Display for Broken {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Broken::Closed => f.write_str("it closed the connection"),
            Broken::Failed(e) => e.fmt(f),
            Broken::Stranger => f.write_str("what answers there is not octaflow"),
            Broken::Version(version) => write!(f, "it speaks version {version} of the protocol"),
        }
    }
}

/// The error that another process found, in its own words.
fn refusal(status: u8, reason: &str) -> Error {
    let printable = |c: char| if c.is_control() { ' ' } else { c };
    let reason: String = reason.chars().take(REASON_CHARS).map(printable).collect();
    match status {
        1 => Error::peer(format!("another process could not start: {reason}")),
        2 => Error::input(reason),
        _ => Error::peer(reason),
    }
}

fn misplaced(expected: usize, found: u32) -> Error {
    Error::input(format!(
        "process {found} listens where process {expected} should: every process should have the same --hostfile, and \
         -p the line that is its own"
    ))
}

fn same_index(process: u32) -> String {
    format!("two processes were started with -p {process}: every process should have its own")
}

fn other_version(who: &str, version: u32) -> Error {
    Error::input(format!(
        "{who} speaks version {version} of the cluster protocol, this process version {PROTOCOL}: every process should \
         be the same octaflow"
    ))
}

/// A number that nobody can guess to be that of another process, run or challenge.
fn random() -> u64 {
    RandomState::new().hash_one(Instant::now()).max(1)
}

/// Listens at every address that this process's name stands for.
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

/// The socket addresses of `host:port`, each once; name servers may take no longer than `limit`.
fn resolve(address: &str, limit: Duration) -> io::Result<Vec<SocketAddr>> {
    let (tell, told) = mpsc::channel();
    let asked = address.to_owned();
    thread::Builder::new()
        .name("octaflow:resolve".into())
        .spawn(move || {
            // Nobody listens any more if the limit has passed.
            let _ = tell.send(
                asked
                    .to_socket_addrs()
                    .map(|found| found.collect::<Vec<_>>()),
            );
        })?;
    let mut found = told
        .recv_timeout(limit)
        .map_err(|_| io::Error::from(io::ErrorKind::TimedOut))??;
    found.sort_unstable();
    found.dedup();
    Ok(found)
}
