//! The one error type that crosses the library's edge, sorted by whose move it is.

use std::fmt;

/// What went wrong, sorted by who can mend it; each kind has its exit status.
///
/// Every message is one sentence that names the file, row or flag, what is wrong and what would be right.
#[derive(Debug)]
pub enum Error {
    /// The arguments or the input are unusable: exit status 2.
    Input(String),
    /// A peer process was lost or never came: exit status 3.
    Peer(String),
    /// The machine refused (disk full, permission, a port in use): exit status 1.
    Machine(String),
}

/// A result whose error is [`Error`], unless another is named.
pub type Result<T, E = Error> = std::result::Result<T, E>;

impl Error {
    /// Unusable arguments or input.
    pub fn input(message: impl Into<String>) -> Self {
        Error::Input(message.into())
    }

    /// A lost peer process.
    pub fn peer(message: impl Into<String>) -> Self {
        Error::Peer(message.into())
    }

    /// What the machine refused.
    pub fn machine(message: impl Into<String>) -> Self {
        Error::Machine(message.into())
    }

    /// The exit status that the program ends with.
    pub fn exit_status(&self) -> u8 {
        match self {
            Error::Machine(_) => 1,
            Error::Input(_) => 2,
            Error::Peer(_) => 3,
        }
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Error::Input(message) | Error::Peer(message) | Error::Machine(message) => {
                f.write_str(message)
            }
        }
    }
}

impl std::error::Error for Error {}
