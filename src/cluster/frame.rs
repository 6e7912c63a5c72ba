//! The words that processes exchange before timely takes the sockets over.
//!
//! ```text
//! process j                                  process i < j, who listens
//!     ── Hello (who I am, a challenge) ──────────▶
//!     ◀── Welcome (who I am, the answer, a challenge)   or Refuse (why)
//!     ── Confirm (the answer) ──────────────────▶
//! process 0, once it is connected to all
//!     ◀── Ready, from each that is connected to all
//!     ── Go, to each ───────────────────────────▶
//! ```
//!
//! A frame is a header of 20 bytes (`octaflow`, protocol, kind, length of what follows; little-endian) and a payload.
//! The header is the same in every version of the protocol, so that versions can tell each other apart. A challenge
//! is a random number that its answer repeats: it proves that the other side reads and speaks now, not who it is. A
//! shared secret would be proven here, by answering with a keyed hash of the challenge.

use std::io::{self, Read};

/// What every frame begins with.
const MAGIC: &[u8; 8] = b"octaflow";

/// The version of these words; it changes with any change of a payload or of their order.
pub(super) const PROTOCOL: u32 = 1;

/// A frame's length without its payload.
const HEADER: usize = 20;

/// No payload is longer.
pub(super) const PAYLOAD: usize = 1 << 16;

/// Who a process is and what it was started with.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Greeting {
    /// Its index.
    pub process: u32,
    /// The index of the process it means to speak to.
    pub to: u32,
    /// How many processes it was told there are.
    pub processes: u32,
    /// Its workers.
    pub workers: u32,
    /// A random number of its own: two processes of one index differ in it.
    pub instance: u64,
    /// The run that it takes part in, as process 0 chose it; 0 as long as it has not heard.
    pub run: u64,
    /// What the other side is to repeat.
    pub challenge: u64,
    /// The other side's challenge; 0 in a Hello.
    pub answer: u64,
    /// What must agree between processes, by name.
    pub settings: Vec<(String, String)>,
}

/// What one process says to another.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Frame {
    /// The caller introduces itself.
    Hello(Greeting),
    /// The called one does.
    Welcome(Greeting),
    /// The caller's answer to the challenge.
    Confirm(u64),
    /// The run cannot be, and why: an exit status and a sentence.
    Refuse(u8, String),
    /// The sender is connected to all.
    Ready,
    /// All are.
    Go,
}

/// Why no more can be read from a connection.
#[derive(Debug)]
pub(super) enum Broken {
    /// It ended.
    Closed,
    /// The machine or the network broke it.
    Failed(io::Error),
    /// What came is not a frame.
    Stranger,
    /// It speaks another version.
    Version(u32),
}

impl Frame {
    /// The frame's bytes.
    pub fn to_bytes(&self) -> Vec<u8> {
        let mut payload = Vec::new();
        let kind: u32 = match self {
            Frame::Hello(greeting) => greeting.write(&mut payload, 1),
            Frame::Welcome(greeting) => greeting.write(&mut payload, 2),
            Frame::Confirm(answer) => {
                payload.extend_from_slice(&answer.to_le_bytes());
                3
            }
            Frame::Refuse(status, reason) => {
                payload.push(*status);
                write_text(&mut payload, reason);
                4
            }
            Frame::Ready => 5,
            Frame::Go => 6,
        };
        let mut bytes = Vec::with_capacity(HEADER + payload.len());
        bytes.extend_from_slice(MAGIC);
        for word in [PROTOCOL, kind, payload.len() as u32] {
            bytes.extend_from_slice(&word.to_le_bytes());
        }
        bytes.extend_from_slice(&payload);
        bytes
    }

    fn parse(kind: u32, mut payload: &[u8]) -> Option<Self> {
        let rest = &mut payload;
        let frame = match kind {
            1 => Frame::Hello(Greeting::read(rest)?),
            2 => Frame::Welcome(Greeting::read(rest)?),
            3 => Frame::Confirm(read_u64(rest)?),
            4 => {
                let (status, after) = rest.split_first()?;
                *rest = after;
                Frame::Refuse(*status, read_text(rest)?)
            }
            5 => Frame::Ready,
            6 => Frame::Go,
            _ => return None,
        };
        payload.is_empty().then_some(frame)
    }
}

impl Greeting {
    fn write(&self, payload: &mut Vec<u8>, kind: u32) -> u32 {
        for word in [self.process, self.to, self.processes, self.workers] {
            payload.extend_from_slice(&word.to_le_bytes());
        }
        for word in [self.instance, self.run, self.challenge, self.answer] {
            payload.extend_from_slice(&word.to_le_bytes());
        }
        payload.extend_from_slice(&(self.settings.len() as u32).to_le_bytes());
        for (name, value) in &self.settings {
            write_text(payload, name);
            write_text(payload, value);
        }
        kind
    }

    fn read(rest: &mut &[u8]) -> Option<Self> {
        let mut greeting = Greeting {
            process: read_u32(rest)?,
            to: read_u32(rest)?,
            processes: read_u32(rest)?,
            workers: read_u32(rest)?,
            instance: read_u64(rest)?,
            run: read_u64(rest)?,
            challenge: read_u64(rest)?,
            answer: read_u64(rest)?,
            settings: Vec::new(),
        };
        for _ in 0..read_u32(rest)? {
            greeting.settings.push((read_text(rest)?, read_text(rest)?));
        }
        Some(greeting)
    }
}

fn write_text(payload: &mut Vec<u8>, text: &str) {
    payload.extend_from_slice(&(text.len() as u32).to_le_bytes());
    payload.extend_from_slice(text.as_bytes());
}

fn read_text(rest: &mut &[u8]) -> Option<String> {
    let length = read_u32(rest)? as usize;
    let (text, after) = rest.split_at_checked(length)?;
    *rest = after;
    String::from_utf8(text.to_vec()).ok()
}

fn read_u32(rest: &mut &[u8]) -> Option<u32> {
    let (word, after) = rest.split_first_chunk()?;
    *rest = after;
    Some(u32::from_le_bytes(*word))
}

fn read_u64(rest: &mut &[u8]) -> Option<u64> {
    let (word, after) = rest.split_first_chunk()?;
    *rest = after;
    Some(u64::from_le_bytes(*word))
}

/// Collects frames from a connection that does not block, and never reads a byte beyond the frame it is at.
#[derive(Default)]
pub(super) struct FrameReader {
    bytes: Vec<u8>,
}

impl FrameReader {
    /// The next frame, or `None` as long as it has not come whole.
    pub fn poll(&mut self, from: &mut impl Read) -> Result<Option<Frame>, Broken> {
        loop {
            let wanted = self.wanted()?;
            let have = self.bytes.len();
            if have == wanted && have > HEADER || have == HEADER && self.word(16) == 0 {
                let frame = Frame::parse(self.word(12), &self.bytes[HEADER..]);
                self.bytes.clear();
                return frame.map(Some).ok_or(Broken::Stranger);
            }
            self.bytes.resize(wanted, 0);
            let read = from.read(&mut self.bytes[have..]);
            self.bytes.truncate(have + *read.as_ref().unwrap_or(&0));
            match read {
                Ok(0) => return Err(Broken::Closed),
                Ok(_) => {}
                Err(e) if e.kind() == io::ErrorKind::WouldBlock => return Ok(None),
                Err(e) if e.kind() == io::ErrorKind::Interrupted => {}
                Err(e) => return Err(Broken::Failed(e)),
            }
        }
    }

    /// How long the frame is, as far as is known; an error as soon as it can be none.
    fn wanted(&self) -> Result<usize, Broken> {
        let magic = self.bytes.len().min(MAGIC.len());
        if self.bytes[..magic] != MAGIC[..magic] {
            return Err(Broken::Stranger);
        }
        if self.bytes.len() < HEADER {
            return Ok(HEADER);
        }
        if self.word(8) != PROTOCOL {
            return Err(Broken::Version(self.word(8)));
        }
        match self.word(16) as usize {
            length if length <= PAYLOAD => Ok(HEADER + length),
            _ => Err(Broken::Stranger),
        }
    }

    fn word(&self, at: usize) -> u32 {
        u32::from_le_bytes(std::array::from_fn(|i| self.bytes[at + i]))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn greeting() -> Greeting {
        Greeting {
            process: 1,
            to: 0,
            processes: 2,
            workers: 3,
            instance: 4,
            run: 5,
            challenge: 6,
            answer: 7,
            settings: vec![
                ("--map".into(), "a b.bt".into()),
                ("ü".into(), String::new()),
            ],
        }
    }

    /// Gives a byte at a time, and blocks after each.
    struct Dribble<'a>(&'a [u8], bool);

    impl Read for Dribble<'_> {
        fn read(&mut self, buf: &mut [u8]) -> io::Result<usize> {
            self.1 = !self.1;
            if self.1 {
                return Err(io::ErrorKind::WouldBlock.into());
            }
            self.0.read(&mut buf[..1])
        }
    }

    #[test]
    fn frames_round_trip_byte_by_byte_and_leave_what_follows() {
        let frames = [
            Frame::Hello(greeting()),
            Frame::Ready,
            Frame::Welcome(greeting()),
            Frame::Confirm(8),
            Frame::Refuse(2, "no".into()),
            Frame::Go,
        ];
        let mut bytes: Vec<u8> = frames.iter().flat_map(Frame::to_bytes).collect();
        bytes.push(0xff);
        let (mut source, mut reader) = (Dribble(&bytes, false), FrameReader::default());
        for frame in frames {
            let got = loop {
                if let Some(got) = reader.poll(&mut source).unwrap() {
                    break got;
                }
            };
            assert_eq!(got, frame);
        }
        assert_eq!(source.0, [0xff]);
    }

    #[test]
    fn strangers_and_other_versions_are_told_apart() {
        let broken = |bytes: &[u8]| {
            FrameReader::default()
                .poll(&mut &*bytes)
                .expect_err("no frame")
        };
        let hello = Frame::Hello(greeting()).to_bytes();
        for cut in 0..hello.len() {
            assert!(
                matches!(broken(&hello[..cut]), Broken::Closed),
                "{cut} bytes"
            );
        }
        for place in 0..HEADER {
            let mut bent = hello.clone();
            bent[place] ^= 0x40;
            let got = broken(&bent);
            match place {
                8..12 => assert!(matches!(got, Broken::Version(_))),
                16..18 => assert!(matches!(got, Broken::Stranger | Broken::Closed)),
                _ => assert!(matches!(got, Broken::Stranger), "{place}: {got:?}"),
            }
        }
        let mut counting = hello.clone();
        counting[HEADER + 48] = 0xff;
        assert!(matches!(broken(&counting), Broken::Stranger));
        assert!(matches!(
            broken(b"GET / HTTP/1.1\r\n\r\n"),
            Broken::Stranger
        ));
    }
}
