//! Which commits are octaflow's, and that these are as octaflow writes them.
//!
//! A commit has no checksum. But octaflow writes the same thing in one form only: so a commit of its own must be, member
//! by member, the one that it makes of what the commit says, as the headers of its pages must be.

use super::actions::{Action, Commit};
use super::commit::table_id;
use crate::map::told;
use serde_json::{Map, Value};

/// What the name of the program in octaflow's commits starts with.
const ENGINE: &str = "octaflow/";

/// What the applications of octaflow's transactions start with.
const APPLICATION: &str = "octaflow-";

/// How many characters of a value are shown.
const SHOWN_CHARS: usize = 80;

/// Where an action of a log is from.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(in crate::lake) struct Source {
    /// The version whose commit it stands in; `None` for a checkpoint.
    pub version: Option<u64>,
    /// Whether octaflow wrote that commit.
    pub own: bool,
}

/// True if octaflow wrote the commit of these actions: it says so, or publishes a transaction of octaflow's.
pub(super) fn is_own(actions: &[Action]) -> bool {
    let starts = |action: &Action| {
        let engine = action.commit_info.as_ref().map(|info| &info.engine_info);
        let engine = engine.and_then(|engine| engine.as_ref()?.as_str());
        let application = action.txn.as_ref().map(|txn| txn.app_id.as_str());
        engine.is_some_and(|engine| engine.starts_with(ENGINE))
            || application.is_some_and(|name| name.starts_with(APPLICATION))
    };
    actions.iter().any(starts)
}

/// What is not as octaflow writes it in a commit of its own, with the number of its line; `lines` are the text of
/// `actions`.
pub(super) fn oddity(actions: &[Action], lines: &[Vec<u8>]) -> Option<String> {
    let right = expected(actions, lines);
    if lines.len() != right.len() {
        return Some(format!(
            "has {} actions where octaflow writes {} of what it says",
            lines.len(),
            right.len()
        ));
    }
    let mut numbered = (1_u64..).zip(lines.iter().zip(&right));
    numbered.find_map(|(number, (line, right))| {
        let what = oddity_of_line(line, right)?;
        Some(format!("line {number}: {what}"))
    })
}

fn oddity_of_line(line: &[u8], right: &Value) -> Option<String> {
    let text = right.to_string();
    if line.trim_ascii() == text.as_bytes() {
        return None;
    }
    if !is_comparable(line.len(), text.len()) {
        return Some(format!(
            "it has {} bytes where octaflow writes {} of what it says",
            line.len(),
            text.len()
        ));
    }
    let mut found: Value = serde_json::from_slice(line).unwrap_or_default();
    // That a file has no tags is told with the file.
    if let Some(add) = found.get_mut("add").and_then(Value::as_object_mut)
        && add.get("tags").is_some_and(is_empty)
    {
        add.remove("tags");
    }
    difference(&found, right, "octaflow writes")
}

/// Whether a text is short enough beside the right one to be read into memory whole, where it takes many times its
/// length.
pub(in crate::lake) fn is_comparable(length: usize, right: usize) -> bool {
    length <= right.saturating_mul(4).saturating_add(1 << 16)
}

fn is_empty(value: &Value) -> bool {
    value.is_null() || value.as_object().is_some_and(Map::is_empty)
}

/// The actions that octaflow writes to say what these say.
fn expected(actions: &[Action], lines: &[Vec<u8>]) -> Vec<Value> {
    let mut commit = Commit::default();
    let mut timestamp = 0;
    for action in actions {
        commit.add.extend(action.add.clone().map(|mut add| {
            // The digits of a checksum are small ones.
            if let Some(Ok(crc32)) = add.crc32() {
                add.tag(crc32);
            }
            add
        }));
        let removed = action.remove.as_ref().map(|remove| remove.path.clone());
        commit.remove.extend(removed);
        if let Some(txn) = &action.txn {
            commit.txn = Some((txn.app_id.clone(), txn.version));
        }
        if let Some(metadata) = &action.meta_data {
            commit.metadata = Some(metadata.clone());
        }
        let told = action.commit_info.as_ref().and_then(|info| info.timestamp);
        timestamp = told.unwrap_or(timestamp);
    }
    let run = commit.txn.as_ref();
    let run = run.and_then(|(name, _)| name.strip_prefix(APPLICATION));
    if let Some(metadata) = &mut commit.metadata
        && let (Some(run), Some(name)) = (run, &metadata.name)
    {
        metadata.id = table_id(run, name);
    }
    let mut right = commit.actions(timestamp);
    // The operation is a word, the version of the program any.
    let first = lines.first().filter(|line| is_comparable(line.len(), 0));
    let first = first.and_then(|line| serde_json::from_slice::<Value>(line).ok());
    let words = first.as_ref().and_then(|line| line.get("commitInfo"));
    for (name, is_right) in [
        ("operation", (|_| true) as fn(&str) -> bool),
        ("engineInfo", is_engine),
    ] {
        let word = words.and_then(|info| info.get(name)?.as_str());
        if let Some(word) = word.filter(|word| is_right(word)) {
            right[0]["commitInfo"][name] = word.into();
        }
    }
    right
}

/// True for `octaflow/1.2.3`.
fn is_engine(text: &str) -> bool {
    let allowed = |b: u8| b.is_ascii_alphanumeric() || b".-+".contains(&b);
    let version = text.strip_prefix(ENGINE);
    version.is_some_and(|v| v.starts_with(|c: char| c.is_ascii_digit()) && v.bytes().all(allowed))
}

/// The first member in which two values differ, in words: `add.size is 7 where OTHER 9`.
pub(in crate::lake) fn difference(found: &Value, right: &Value, other: &str) -> Option<String> {
    if found == right {
        return None;
    }
    let (mut found, mut right) = (Some(found), Some(right));
    let mut name = String::new();
    loop {
        match (found, right) {
            (Some(Value::Object(a)), Some(Value::Object(b))) => {
                let key = a.keys().chain(b.keys()).find(|&k| a.get(k) != b.get(k))?;
                let point = if name.is_empty() { "" } else { "." };
                name += &format!("{point}{}", shown(key));
                (found, right) = (a.get(key), b.get(key));
            }
            (Some(Value::Array(a)), Some(Value::Array(b))) if a.len() == b.len() => {
                let at = a.iter().zip(b).position(|(a, b)| a != b)?;
                name += &format!("[{at}]");
                (found, right) = (a.get(at), b.get(at));
            }
            _ => break,
        }
    }
    let told =
        |value: Option<&Value>| value.map_or("nothing".to_owned(), |v| shown(&v.to_string()));
    let name = if name.is_empty() { "it" } else { &name };
    Some(format!(
        "{name} is {} where {other} {}",
        told(found),
        told(right)
    ))
}

fn shown(text: &str) -> String {
    told(&text.chars().take(SHOWN_CHARS).collect::<String>())
}
