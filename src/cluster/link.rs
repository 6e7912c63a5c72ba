//! A connection to a peer while the dataflow runs, watched so that its loss ends the process in order.
//!
//! Timely reads and writes each connection from two threads, and panics in them when it breaks, while the workers
//! wait on. A [`Link`] stands between: it follows the messages' headers, so it knows whether the peer has said farewell
//! (a header of zero length, after which nothing may follow). A connection that ends before that is a lost peer.

use std::io::{self, Read, Write};
use std::net::{Shutdown, TcpStream};
use std::ops::Range;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use timely::communication::allocator::zero_copy::stream::Stream;

use super::Fatal;
use crate::{Error, Result};

/// No message between workers is longer: 1 GiB.
const MESSAGE_BYTES: u64 = 1 << 30;

/// What is known of a peer, shared by the reading and the writing side.
struct Peer {
    /// For messages: `process 1 at host:port`.
    name: String,
    /// Set when its farewell has come.
    done: AtomicBool,
    /// What ends this process.
    fatal: Fatal,
}

/// A watched connection.
pub(super) struct Link {
    socket: TcpStream,
    peer: Arc<Peer>,
    walk: Walk,
}

impl Link {
    /// Watches `socket`, which leads to the process `name` with workers `theirs`; `ours` are this process's.
    pub fn new(
        socket: TcpStream,
        name: String,
        ours: Range<u64>,
        theirs: Range<u64>,
        fatal: Fatal,
    ) -> Self {
        let done = AtomicBool::new(false);
        Link {
            socket,
            peer: Arc::new(Peer { name, done, fatal }),
            walk: Walk::new(ours, theirs),
        }
    }

    fn lost(&self, how: impl std::fmt::Display) -> ! {
        let name = &self.peer.name;
        self.peer.fatal.end(Error::peer(format!(
            "{name} was lost during the run: {how}"
        )))
    }

    fn is_done(&self) -> bool {
        self.peer.done.load(Ordering::Acquire)
    }
}

impl Read for Link {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        loop {
            match self.socket.read(buffer) {
                Err(e) if e.kind() == io::ErrorKind::Interrupted => {}
                Ok(0) | Err(_) if self.is_done() => return Ok(0),
                Ok(0) => self.lost("it closed the connection before its work was done"),
                Err(e) => self.lost(e),
                Ok(read) => {
                    if let Err(fault) = self.walk.over(&buffer[..read]) {
                        self.lost(fault);
                    }
                    self.peer.done.fetch_or(self.walk.done, Ordering::AcqRel);
                    return Ok(read);
                }
            }
        }
    }
}

impl Write for Link {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        loop {
            match self.socket.write(bytes) {
                Err(e) if e.kind() == io::ErrorKind::Interrupted => {}
                Err(e) => self.lost(e),
                written => return written,
            }
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl Stream for Link {
    fn try_clone(&self) -> io::Result<Self> {
        let (peer, walk) = (Arc::clone(&self.peer), self.walk.clone());
        Ok(Link {
            socket: self.socket.try_clone()?,
            peer,
            walk,
        })
    }

    fn set_nonblocking(&self, nonblocking: bool) -> io::Result<()> {
        self.socket.set_nonblocking(nonblocking)
    }

    fn shutdown(&self, how: Shutdown) -> io::Result<()> {
        match self.socket.shutdown(how) {
            Err(e) if !self.is_done() => self.lost(e),
            _ => Ok(()),
        }
    }
}

/// Follows timely's messages through a stream of bytes: a header of six big-endian words (channel, source, the range
/// of its targets, length, number), then as many bytes as its length says.
#[derive(Clone)]
struct Walk {
    ours: Range<u64>,
    theirs: Range<u64>,
    header: [u8; 48],
    /// How many bytes of the header have come.
    filled: usize,
    /// How many bytes of the message are to come.
    body: u64,
    done: bool,
}

impl Walk {
    fn new(ours: Range<u64>, theirs: Range<u64>) -> Self {
        Walk {
            ours,
            theirs,
            header: [0; 48],
            filled: 0,
            body: 0,
            done: false,
        }
    }

    /// Goes on over `bytes`; an error says why no timely process can have sent them.
    fn over(&mut self, mut bytes: &[u8]) -> std::result::Result<(), &'static str> {
        while !bytes.is_empty() {
            if self.done {
                return Err("it went on after its farewell");
            }
            let skip = self.body.min(bytes.len() as u64) as usize;
            self.body -= skip as u64;
            bytes = &bytes[skip..];
            let take = bytes.len().min(self.header.len() - self.filled);
            self.header[self.filled..][..take].copy_from_slice(&bytes[..take]);
            self.filled += take;
            bytes = &bytes[take..];
            if self.filled == self.header.len() {
                self.filled = 0;
                self.enter()?;
            }
        }
        Ok(())
    }

    /// Takes in a whole header.
    fn enter(&mut self) -> std::result::Result<(), &'static str> {
        let [_, source, lower, upper, length, _] = std::array::from_fn(|word| {
            u64::from_be_bytes(std::array::from_fn(|byte| self.header[8 * word + byte]))
        });
        let farewell = length == 0;
        let known = self.theirs.contains(&source)
            && self.ours.contains(&lower)
            && (lower + 1..=self.ours.end).contains(&upper);
        if !farewell && (!known || length > MESSAGE_BYTES) {
            return Err("it sent what is no message to a worker here");
        }
        self.done = farewell;
        self.body = length;
        Ok(())
    }
}

/// Readies a connected socket for the run: it blocks without limit, sends at once, and notices within a minute
/// that the other machine has gone silent.
pub(super) fn ready_for_run(socket: &TcpStream) -> Result<()> {
    let set = || -> io::Result<()> {
        socket.set_nonblocking(false)?;
        socket.set_read_timeout(None)?;
        socket.set_write_timeout(None)?;
        socket.set_nodelay(true)?;
        keep_alive(socket)
    };
    set().map_err(|e| {
        Error::machine(format!(
            "a connection between processes cannot be set up: {e}"
        ))
    })
}

#[cfg(target_os = "linux")]
fn keep_alive(socket: &TcpStream) -> io::Result<()> {
    use rustix::net::sockopt;
    use std::time::Duration;

    sockopt::set_socket_keepalive(socket, true)?;
    sockopt::set_tcp_keepidle(socket, Duration::from_secs(10))?;
    sockopt::set_tcp_keepintvl(socket, Duration::from_secs(5))?;
    sockopt::set_tcp_keepcnt(socket, 4)?;
    sockopt::set_tcp_user_timeout(socket, 60_000)?;
    Ok(())
}

#[cfg(not(target_os = "linux"))]
fn keep_alive(socket: &TcpStream) -> io::Result<()> {
    Ok(rustix::net::sockopt::set_socket_keepalive(socket, true)?)
}

#[cfg(test)]
mod tests {
    use super::*;
    use timely::communication::networking::MessageHeader;

    fn message(source: usize, targets: Range<usize>, length: usize) -> Vec<u8> {
        let mut bytes = Vec::new();
        let (target_lower, target_upper) = (targets.start, targets.end);
        MessageHeader {
            channel: 3,
            source,
            target_lower,
            target_upper,
            length,
            seqno: 1,
        }
        .write_to(&mut bytes)
        .unwrap();
        bytes.resize(bytes.len() + length, 0);
        bytes
    }

    #[test]
    fn the_farewell_is_found_whatever_the_pieces() {
        let stream = [
            message(2, 0..2, 100),
            message(3, 1..2, 48),
            message(2, 0..1, 8),
            message(0, 0..0, 0),
        ]
        .concat();
        for piece in 1..stream.len() {
            let mut walk = Walk::new(0..2, 2..4);
            for bytes in stream[..stream.len() - 1].chunks(piece) {
                walk.over(bytes).unwrap();
                assert!(!walk.done);
            }
            walk.over(&stream[stream.len() - 1..]).unwrap();
            assert!(walk.done);
            assert!(walk.over(&[0]).is_err());
        }
    }

    #[test]
    fn messages_to_workers_that_are_not_here_are_refused() {
        for (source, targets, length) in [
            (1, 0..1, 8),
            (4, 0..1, 8),
            (2, 0..3, 8),
            (2, 2..3, 8),
            (2, 1..1, 8),
        ] {
            let mut walk = Walk::new(0..2, 2..4);
            assert!(walk.over(&message(source, targets, length)).is_err());
        }
        let mut huge = message(2, 0..1, 0);
        huge[32..40].copy_from_slice(&u64::MAX.to_be_bytes());
        assert!(Walk::new(0..2, 2..4).over(&huge).is_err());
    }
}
