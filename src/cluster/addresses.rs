//! Where the processes of a cluster listen.

use std::collections::HashMap;
use std::fs::File;
use std::io::Read;
use std::path::Path;

use crate::{Error, Result};

/// The port of process 0 where no hostfile says otherwise; process `i` listens `i` ports above.
pub const FIRST_PORT: u16 = 2101;

/// More bytes than any list of hosts has.
const HOSTFILE_BYTES: u64 = 1 << 24;

/// The addresses `host:port` of `processes` processes: the first lines of `hostfile`, or `localhost` from port
/// [`FIRST_PORT`] on. Blank lines and what follows a `#` are skipped.
///
/// # Errors
/// [`Error::Input`] if the hostfile cannot be read, has a line that is no `host:port`, has one twice or has too few.
pub fn addresses(processes: usize, hostfile: Option<&Path>) -> Result<Vec<String>> {
    let Some(path) = hostfile else {
        return (0..processes)
            .map(|i| {
                let port = u16::try_from(i)
                    .ok()
                    .and_then(|i| FIRST_PORT.checked_add(i));
                port.map(|port| format!("localhost:{port}")).ok_or_else(|| {
                    let most = usize::from(u16::MAX - FIRST_PORT) + 1;
                    Error::input(format!(
                        "-n {processes}: one host has ports for {most} processes at most"
                    ))
                })
            })
            .collect();
    };
    let name = path.display();
    let mut text = String::new();
    File::open(path)
        .and_then(|file| file.take(HOSTFILE_BYTES).read_to_string(&mut text))
        .map_err(|e| Error::input(format!("--hostfile {name} cannot be read: {e}")))?;
    let mut found =
        parse(&text).map_err(|fault| Error::input(format!("--hostfile {name}, {fault}")))?;
    if found.len() < processes {
        return Err(Error::input(format!(
            "--hostfile {name} has {} addresses but -n asks for {processes} processes: add a line host:port for each",
            found.len()
        )));
    }
    found.truncate(processes);
    Ok(found)
}

/// The addresses in a hostfile's text; an error names the line.
fn parse(text: &str) -> std::result::Result<Vec<String>, String> {
    let mut found = Vec::new();
    let mut first_line = HashMap::new();
    for (row, line) in text.lines().enumerate() {
        let row = row + 1;
        let address = line.split('#').next().unwrap_or_default().trim();
        if address.is_empty() {
            continue;
        }
        if !is_address(address) {
            let shown: String = address.chars().take(80).collect();
            return Err(format!(
                "line {row}: {shown:?} is not an address; it should be host:port, such as node7:2101"
            ));
        }
        if let Some(first) = first_line.insert(address.to_owned(), row) {
            return Err(format!(
                "line {row}: {address} is the address of line {first} already; every process needs its own"
            ));
        }
        found.push(address.to_owned());
    }
    Ok(found)
}

/// Whether `address` is `host:port`, `a.b.c.d:port` or `[v6]:port`, with a port above 0.
fn is_address(address: &str) -> bool {
    let Some((host, port)) = address.rsplit_once(':') else {
        return false;
    };
    let named = match host.strip_prefix('[') {
        Some(rest) => rest
            .strip_suffix(']')
            .is_some_and(|v6| v6.parse::<std::net::Ipv6Addr>().is_ok()),
        None => {
            !host.is_empty()
                && host.len() <= 253
                && host
                    .chars()
                    .all(|c| c.is_alphanumeric() || "-_.".contains(c))
        }
    };
    named && port.bytes().all(|b| b.is_ascii_digit()) && port.parse::<u16>().is_ok_and(|p| p > 0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_come_from_ports_in_a_row_or_from_the_lines_of_a_file() {
        assert_eq!(
            addresses(2, None).unwrap(),
            ["localhost:2101", "localhost:2102"]
        );
        assert!(addresses(70_000, None).is_err());
        let text = "# the rack\n\nnode7:2101  # first\r\n [::1]:9 \n10.0.0.1:65535\n";
        assert_eq!(
            parse(text).unwrap(),
            ["node7:2101", "[::1]:9", "10.0.0.1:65535"]
        );
    }

    #[test]
    fn bad_lines_are_named() {
        for bad in [
            "node7",
            "node7:",
            ":2101",
            "node7:0",
            "node7:70000",
            "node7:+5",
            "a b:1",
            "[::1:9",
            "[x]:9",
            "::1:9",
        ] {
            let fault = parse(&format!("good:1\n{bad}\n")).unwrap_err();
            assert!(
                fault.starts_with("line 2: ") && fault.contains("host:port"),
                "{fault}"
            );
        }
        assert!(
            parse("a:1\nb:1\n\na:1")
                .unwrap_err()
                .contains("line 4: a:1 is the address of line 1")
        );
    }
}
