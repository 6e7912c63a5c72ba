//! Paths of data files as a log spells them: relative URIs, percent-encoded, that stay inside the table.

use serde::{Deserialize, Deserializer, Serializer};

/// The longest path that is taken, in bytes.
const LONGEST: usize = 4096;

/// The bytes that stand for themselves: RFC 3986's unreserved characters, what its path segments allow beside, and
/// the separator.
fn is_plain(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || b"-_.~/=!$'()*,;@".contains(&byte)
}

/// A relative path as a URI.
pub(super) fn encode(path: &str) -> String {
    let mut uri = String::with_capacity(path.len());
    for byte in path.bytes() {
        if is_plain(byte) {
            uri.push(byte.into());
        } else {
            uri.push_str(&format!("%{byte:02X}"));
        }
    }
    uri
}

/// The path that a URI of a log names, relative to the table; an error says why it names none that may be opened.
pub(in crate::lake) fn decode(uri: &str) -> Result<String, String> {
    let shown: String = uri.chars().take(80).collect();
    let refuse = |why: &str| {
        Err(format!(
            "the path {shown:?} {why}; it should name a file inside the table's folder"
        ))
    };
    if uri.len() > LONGEST {
        return refuse("is longer than 4096 bytes");
    }
    let scheme = uri.split(['/', '?', '#']).next().unwrap_or_default();
    if scheme.contains(':') {
        return refuse("is a URI with a scheme");
    }
    let Some(path) = percent_decoded(uri) else {
        return refuse("is not percent-encoded UTF-8");
    };
    // No writer makes such names, and messages that show them would be no lines of text.
    if path.contains(char::is_control) {
        return refuse("holds a control character");
    }
    if path.starts_with('/') {
        return refuse("is absolute");
    }
    match path.split('/').find(|part| ["", ".", ".."].contains(part)) {
        Some("..") => refuse("leaves the folder"),
        Some(_) => refuse("has an empty component"),
        None => Ok(path),
    }
}

/// True if a file could not be opened because there can be none of its path: it is missing, and the machine refused nothing.
pub(in crate::lake) fn names_nothing(error: &std::io::Error) -> bool {
    use std::io::ErrorKind;
    matches!(
        error.kind(),
        ErrorKind::NotFound | ErrorKind::NotADirectory | ErrorKind::InvalidFilename
    )
}

/// The text in which `%41` stands for `A`; `None` if that is not UTF-8.
pub(in crate::lake) fn percent_decoded(uri: &str) -> Option<String> {
    let mut bytes = Vec::with_capacity(uri.len());
    let mut rest = uri.bytes();
    while let Some(byte) = rest.next() {
        bytes.push(match byte {
            b'%' => {
                let digit = |b: u8| char::from(b).to_digit(16);
                let (high, low) = (digit(rest.next()?)?, digit(rest.next()?)?);
                (high << 4 | low) as u8
            }
            plain => plain,
        });
    }
    String::from_utf8(bytes).ok()
}

pub(super) fn serialize<S: Serializer>(path: &str, to: S) -> Result<S::Ok, S::Error> {
    to.serialize_str(&encode(path))
}

pub(super) fn deserialize<'de, D: Deserializer<'de>>(from: D) -> Result<String, D::Error> {
    let uri = String::deserialize(from)?;
    decode(&uri).map_err(serde::de::Error::custom)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_inside_the_table_come_back() {
        for path in [
            "part-00000.parquet",
            "lod=15/key=05/part.parquet",
            "a b/ä%:+#?.parquet",
        ] {
            assert_eq!(decode(&encode(path)).unwrap(), path);
        }
        assert_eq!(encode("k=a b/x"), "k=a%20b/x");
    }

    #[test]
    fn paths_out_of_the_table_are_refused() {
        let long = "x".repeat(5000);
        for uri in [
            "../x",
            "a/../../x",
            "/etc/passwd",
            "s3://bucket/x",
            "file:///x",
            "C:/x",
            "%2e%2e/x",
            "a%2F..%2F..%2Fx",
            "",
            "a//b",
            "./a",
            "%",
            "%zz",
            "%ff",
            "a%00",
            &long,
        ] {
            let error = decode(uri).unwrap_err();
            assert!(error.contains("should name a file inside"), "{error}");
        }
    }
}
