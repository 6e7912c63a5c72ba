//! The calling half of the start: from an address to a process that has answered as what it should be.

use std::io;
use std::net::{SocketAddr, TcpStream, ToSocketAddrs};
use std::sync::mpsc;
use std::thread;
use std::time::{Duration, Instant};

use super::frame::{Broken, Frame, Greeting};
use super::line::{HANDSHAKE, Line, TICK, random};
use super::mesh::{Mesh, Peer};
use super::terms;
use crate::{Error, Result};

impl Mesh {
    /// Calls process `index` until it answers as what it should be.
    pub fn call(&mut self, index: usize) -> Result<()> {
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
                Ok(Some(Frame::Refuse(status, reason))) => {
                    return Err(terms::refusal(status, &reason));
                }
                Ok(Some(Frame::Welcome(theirs))) if theirs.answer == challenge => break theirs,
                Err(Broken::Version(version)) => {
                    return Err(terms::other_version(&self.config.name(index), version));
                }
                Ok(Some(_)) => return Ok(Some(Broken::Stranger.to_string())),
                Err(broken) => return Ok(Some(broken.to_string())),
            }
        };
        if theirs.process as usize != index {
            return Err(terms::misplaced(index, theirs.process));
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
}

/// The socket addresses of `host:port`, each once; name servers may take no longer than `limit`.
pub(super) fn resolve(address: &str, limit: Duration) -> io::Result<Vec<SocketAddr>> {
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
