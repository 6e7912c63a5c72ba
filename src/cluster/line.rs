//! A connection on which frames are exchanged; it never blocks for long.

use std::hash::{BuildHasher, RandomState};
use std::io::{self, Read, Write};
use std::net::{Shutdown, TcpStream};
use std::thread;
use std::time::{Duration, Instant};

use super::frame::{Broken, Frame, FrameReader};
use super::terms;
use crate::Error;

/// How often waits look again.
pub(super) const TICK: Duration = Duration::from_millis(2);

/// How long a connection may take over its handshake before it is dropped (and tried again).
pub(super) const HANDSHAKE: Duration = Duration::from_secs(10);

/// A connection on which frames are exchanged.
pub(super) struct Line {
    /// The connection; it does not block.
    pub socket: TcpStream,
    reader: FrameReader,
}

impl Line {
    /// Takes a socket in.
    pub fn new(socket: TcpStream) -> io::Result<Self> {
        socket.set_nonblocking(true)?;
        socket.set_nodelay(true)?;
        Ok(Line {
            socket,
            reader: FrameReader::default(),
        })
    }

    /// The next frame, if it has come.
    pub fn poll(&mut self) -> std::result::Result<Option<Frame>, Broken> {
        self.reader.poll(&mut self.socket)
    }

    /// Sends a frame; frames fit the socket's buffer, so that this waits only for a peer that does not read.
    pub fn send(&mut self, frame: &Frame) -> io::Result<()> {
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

    /// Says why the run cannot be, and hangs up. What the other side still says is read away, since a reset would
    /// overtake the reason.
    pub fn refuse(&mut self, error: &Error) {
        // The run is over for the other side; if it cannot be told, it sees the connection end.
        let _ = self.send(&terms::refuse(error));
        let _ = self.socket.shutdown(Shutdown::Write);
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

/// A number that nobody can guess to be that of another process, run or challenge.
pub(super) fn random() -> u64 {
    RandomState::new().hash_one(Instant::now()).max(1)
}
