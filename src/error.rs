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
                write_line(message, f)
            }
        }
    }
}

impl std::error::Error for Error {}

/// Writes a message on one line of bounded length, whatever names it repeats.
fn write_line(message: &str, f: &mut fmt::Formatter<'_>) -> fmt::Result {
    const LONGEST: usize = 2000;
    for c in message.chars().take(LONGEST) {
        if c.is_control() {
            write!(f, "{}", c.escape_default())?;
        } else {
            fmt::Write::write_char(f, c)?;
        }
    }
    match message.chars().nth(LONGEST) {
        Some(_) => f.write_str("…"),
        None => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::Error;

    #[test]
    fn a_message_is_one_line_of_bounded_length() {
        let error = Error::input("a\nb\u{1b}[31m.npy: é");
        assert_eq!(error.to_string(), "a\\nb\\u{1b}[31m.npy: é");
        let long = Error::machine("x".repeat(5000)).to_string();
        assert_eq!(long.chars().count(), 2001);
    }
}
