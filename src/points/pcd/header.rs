//! The header of a PCD file: fields, the number of points, and how they are written.

use crate::map::input::shown;
use crate::points::lines::Lines;
use crate::points::records::Kind;
use crate::{Error, Result};
use std::path::Path;

/// The most bytes of a header.
const LONGEST_BYTES: u64 = 1 << 20;

/// The most numbers of a point: the longest descriptors have some thousand.
const MOST_NUMBERS: usize = 1 << 16;

/// How the points are written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Encoding {
    Text,
    Binary,
    Compressed,
}

/// A field of a point.
#[derive(Clone, Debug)]
pub(super) struct Field {
    pub(super) name: String,
    pub(super) kind: Kind,
    /// How many numbers it has.
    pub(super) count: usize,
}

impl Field {
    /// How many bytes it takes in a record.
    pub(super) fn bytes(&self) -> usize {
        self.kind.bytes() * self.count
    }

    /// Whether it is a colour, of which each byte is a channel, whatever its type says.
    pub(super) fn is_packed_colour(&self) -> bool {
        matches!(self.name.as_str(), "rgb" | "rgba") && self.kind.bytes() == 4 && self.count == 1
    }
}

/// What a header tells.
pub(super) struct Header {
    pub(super) fields: Vec<Field>,
    pub(super) points: u64,
    pub(super) encoding: Encoding,
    /// How many lines and bytes the header takes.
    pub(super) lines: u64,
    pub(super) bytes: u64,
}

/// The lines of a header, as words.
#[derive(Default)]
struct Entries {
    names: Option<Vec<String>>,
    sizes: Option<Vec<String>>,
    types: Option<Vec<String>>,
    counts: Option<Vec<String>>,
    width: Option<Vec<String>>,
    height: Option<Vec<String>>,
    points: Option<Vec<String>>,
}

impl Header {
    /// Reads a header, up to the line `DATA`.
    pub(super) fn read(path: &Path) -> Result<Self> {
        let file = path.display().to_string();
        let mut lines = Lines::open(path)?;
        let mut entries = Entries::default();
        let encoding = loop {
            if !lines.advance()? || lines.position().1 > LONGEST_BYTES {
                return Err(lines.wrong("the header of a PCD file must end in a line \"DATA\""));
            }
            if let Some(encoding) = entries.take(&lines)? {
                break encoding;
            }
        };
        let wrong = |what: String| Error::input(format!("{file}: {what}"));
        let fields = entries.fields().map_err(wrong)?;
        let points = entries.points().map_err(wrong)?;
        let (lines, bytes) = lines.position();
        Ok(Header {
            fields,
            points,
            encoding,
            lines,
            bytes,
        })
    }

    /// How long a binary record is.
    pub(super) fn record_bytes(&self) -> usize {
        self.fields.iter().map(Field::bytes).sum()
    }
}

impl Entries {
    /// Takes a line of the header; the encoding, if it is the last one.
    fn take(&mut self, lines: &Lines) -> Result<Option<Encoding>> {
        let mut words = lines.words();
        let keyword = words.next().unwrap_or_default();
        let rest: Vec<String> = words
            .map(|word| String::from_utf8_lossy(word).into_owned())
            .collect();
        let slot = match keyword {
            b"VERSION" | b"VIEWPOINT" | b"" => return Ok(None),
            _ if keyword.starts_with(b"#") => return Ok(None),
            // Older files say COLUMNS.
            b"FIELDS" | b"COLUMNS" => &mut self.names,
            b"SIZE" => &mut self.sizes,
            b"TYPE" => &mut self.types,
            b"COUNT" => &mut self.counts,
            b"WIDTH" => &mut self.width,
            b"HEIGHT" => &mut self.height,
            b"POINTS" => &mut self.points,
            b"DATA" => {
                return match rest.first().map(String::as_str) {
                    Some("ascii") => Ok(Some(Encoding::Text)),
                    Some("binary") => Ok(Some(Encoding::Binary)),
                    Some("binary_compressed") => Ok(Some(Encoding::Compressed)),
                    _ => Err(lines.wrong("DATA must be ascii, binary or binary_compressed")),
                };
            }
            _ => {
                let line = shown(lines.line());
                return Err(lines.wrong(&format!("{line} is no line of a PCD header")));
            }
        };
        if slot.replace(rest).is_some() {
            return Err(lines.wrong("the header says this twice"));
        }
        Ok(None)
    }

    fn fields(&self) -> std::result::Result<Vec<Field>, String> {
        let part = |words: &Option<Vec<String>>, name| {
            words
                .clone()
                .ok_or_else(|| format!("its header must have a line {name}"))
        };
        let names = part(&self.names, "FIELDS")?;
        let sizes = part(&self.sizes, "SIZE")?;
        let types = part(&self.types, "TYPE")?;
        let counts = match &self.counts {
            Some(counts) => counts.clone(),
            None => vec!["1".to_owned(); names.len()],
        };
        let n = names.len();
        if [sizes.len(), types.len(), counts.len()] != [n; 3] {
            return Err(format!(
                "its header has {n} FIELDS, but {} of SIZE, {} of TYPE and {} of COUNT: they must be as many",
                sizes.len(),
                types.len(),
                counts.len()
            ));
        }
        let mut fields = Vec::new();
        let mut numbers = 0usize;
        for (name, (size, (kind, count))) in names
            .into_iter()
            .zip(sizes.iter().zip(types.iter().zip(&counts)))
        {
            let kind = kind_of(kind, size).ok_or_else(|| {
                format!(
                    "the field {} has the type {} of {} bytes: it must be I or U of 1, 2, 4 or 8, or F of 4 or 8",
                    shown(name.as_bytes()),
                    shown(kind.as_bytes()),
                    shown(size.as_bytes())
                )
            })?;
            let count: usize = count.parse().unwrap_or(usize::MAX);
            numbers = numbers.saturating_add(count);
            if numbers > MOST_NUMBERS {
                return Err(format!(
                    "its COUNT must be whole numbers, together {MOST_NUMBERS} at most"
                ));
            }
            fields.push(Field { name, kind, count });
        }
        Ok(fields)
    }

    fn points(&self) -> std::result::Result<u64, String> {
        let one = |words: &Option<Vec<String>>, name: &str| match words.as_deref() {
            None => Ok(None),
            Some([word]) => word.parse::<u64>().map(Some).map_err(|_| {
                format!(
                    "{name} is {}: it must be a whole number",
                    shown(word.as_bytes())
                )
            }),
            Some(_) => Err(format!("{name} must be one number")),
        };
        let (width, height) = (one(&self.width, "WIDTH")?, one(&self.height, "HEIGHT")?);
        let area = width.map(|w| w.checked_mul(height.unwrap_or(1)));
        match (one(&self.points, "POINTS")?, area) {
            (Some(points), None) => Ok(points),
            (None, Some(Some(area))) => Ok(area),
            (Some(points), Some(Some(area))) if points == area => Ok(points),
            (None, None) => Err("its header must have a line POINTS".into()),
            (points, _) => Err(format!(
                "its WIDTH times HEIGHT must be its POINTS{}",
                points.map(|n| format!(", {n}")).unwrap_or_default()
            )),
        }
    }
}

fn kind_of(letter: &str, size: &str) -> Option<Kind> {
    Some(match (letter, size) {
        ("I", "1") => Kind::I8,
        ("I", "2") => Kind::I16,
        ("I", "4") => Kind::I32,
        ("I", "8") => Kind::I64,
        ("U", "1") => Kind::U8,
        ("U", "2") => Kind::U16,
        ("U", "4") => Kind::U32,
        ("U", "8") => Kind::U64,
        ("F", "4") => Kind::F32,
        ("F", "8") => Kind::F64,
        _ => return None,
    })
}
