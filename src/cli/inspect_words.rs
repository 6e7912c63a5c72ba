//! A description in words.

use super::summary::{counted, grouped};
use crate::lake::audit::{ColumnSummary, Description, Extent, SavedRun};
use crate::map::input::told;
use serde_json::Value;

/// The description, a few lines a part.
pub(super) fn in_words(description: &Description) -> String {
    let mut words = headline(description);
    let mut line = |what: &str, text: String| words += &format!("  {what:<9} {text}\n");
    if let Some(rows) = description.rows {
        line("rows", rows_in_words(description, rows));
    }
    if let Some(cells) = cells_in_words(description) {
        line("cells", cells);
    }
    if let Some(extent) = &description.extent {
        line("extent", extent_in_words(extent));
    }
    if let Some(frame) = &description.frame {
        let [x, y, z] = frame.origin_m;
        line(
            "frame",
            format!(
                "cells {} m apart{}, the origin at {x},{y},{z} m",
                frame.cell_size_m,
                description
                    .lod
                    .map_or_else(String::new, |lod| format!(" (level of detail {lod})"))
            ),
        );
    }
    if let Some(plan) = &description.plan {
        let epoch = description
            .epoch
            .map_or_else(String::new, |epoch| format!(", as of epoch {epoch}"));
        line("plan", format!("{}{epoch}", told(plan)));
    }
    if let Some(checksum) = &description.checksum {
        line("checksum", checksum.clone());
    }
    if !description.settings.is_empty() {
        let settings = description
            .settings
            .iter()
            .map(|(key, value)| told(&format!("{key}={value}")));
        line("settings", settings.collect::<Vec<_>>().join(", "));
    }
    if description.foreign_files > 0 {
        let files = counted(description.foreign_files as usize, "file");
        line(
            "note",
            format!("{files} written by another program than octaflow"),
        );
    }
    if let Some(saved) = &description.saved {
        line("run", saved_in_words(saved));
    }
    words += &columns_in_words(description);
    if let Some(summary) = &description.summary {
        words += &summary_in_words(summary);
    }
    for part in &description.parts {
        words += "\n";
        words += &in_words(part);
    }
    words
}

fn headline(description: &Description) -> String {
    let kind = match (description.kind, description.table, description.version) {
        ("table", Some(table), None) => format!("the table {table}"),
        ("table", Some(table), Some(version)) => {
            format!("the table {table}, version {version} of its log")
        }
        ("table", None, Some(version)) => format!("a table, version {version} of its log"),
        ("checkpoints", ..) => "checkpoints".to_owned(),
        ("octaindex3d container", _, Some(version)) => {
            format!("a container of octaindex3d, version {version}")
        }
        (kind, ..) => format!("a {kind}"),
    };
    format!(
        "{}: {kind}, {}, {}\n",
        description.path,
        counted(description.files as usize, "file"),
        bytes_in_words(description.bytes),
    )
}

/// The run that checkpoints are of.
fn saved_in_words(saved: &SavedRun) -> String {
    let mut words = format!(
        "octaflow {}, version {}",
        told(&saved.command),
        told(&saved.octaflow)
    );
    match saved.checkpoints.first() {
        _ if saved.complete => words += ", complete",
        Some(newest) => {
            let epochs = counted(saved.epochs as usize, "epoch");
            words += &format!(", to go on from checkpoint {newest}, after {epochs}");
        }
        None => words += ", to go on from its beginning",
    }
    if saved.drafts > 0 {
        let drafts = counted(saved.drafts as usize, "checkpoint");
        words += &format!(", {drafts} half written");
    }
    words
}

fn rows_in_words(description: &Description, rows: u64) -> String {
    let (what, group) = match description.kind {
        "container" => ("brick", "segment"),
        "octaindex3d container" => ("frame", ""),
        _ => ("row", "row group"),
    };
    let mut words = counted(rows as usize, what);
    if let Some(groups) = description.groups {
        words += &format!(" in {}", counted(groups as usize, group));
    }
    if let Some(bytes) = description.bytes_a_row {
        words += &format!(", {bytes:.2} bytes each");
    }
    words
}

fn cells_in_words(description: &Description) -> Option<String> {
    let mut words = grouped(description.cells?);
    if let Some(open) = description.open {
        words += &format!(", {} of them open", grouped(open));
    }
    if let Some(bricks) = description.bricks {
        words += &format!(", in {}", counted(bricks as usize, "brick"));
    }
    Some(words)
}

fn extent_in_words(extent: &Extent) -> String {
    let [low, high] = extent.lattice.map(|c| c.map(|c| c.to_string()).join(","));
    let mut words = format!("{low} to {high} in lattice units");
    if let Some(metres) = extent.metres {
        let [low, high] = metres.map(|c| c.map(|c| format!("{c:.3}")).join(","));
        words += &format!(", {low} to {high} in metres");
    }
    words
}

fn columns_in_words(description: &Description) -> String {
    let width = description
        .columns
        .iter()
        .map(|column| column.name.chars().count())
        .max();
    let width = width.unwrap_or(0).clamp(8, 32);
    let mut words = String::new();
    for column in &description.columns {
        words += &format!("  {:<width$}  {:<16}", told(&column.name), column.kind);
        words += &format!(" {:>12}", bytes_in_words(column.bytes));
        words += &range_in_words(column);
        words += "\n";
    }
    words
}

fn range_in_words(column: &ColumnSummary) -> String {
    let shown = |value: &Value| match value {
        Value::String(text) => told(&text.chars().take(40).collect::<String>()),
        other => other.to_string(),
    };
    let mut words = String::new();
    if let (Some(least), Some(greatest)) = (&column.least, &column.greatest) {
        words += &format!("  {} to {}", shown(least), shown(greatest));
    }
    if let Some(nulls) = column.nulls.filter(|&nulls| nulls > 0) {
        words += &format!(", {} null", grouped(nulls));
    }
    words
}

/// What a run's summary says of the run.
fn summary_in_words(summary: &Value) -> String {
    let text = |key: &str| {
        summary.get(key).map(|value| match value {
            Value::String(text) => told(text),
            other => other.to_string(),
        })
    };
    let map = |key: &str| {
        summary
            .get("map")
            .and_then(|map| map.get(key))
            .and_then(Value::as_u64)
    };
    let mut words = String::new();
    if let (Some(command), Some(version)) = (text("command"), text("octaflow")) {
        words += &format!("  {:<9} octaflow {command}, version {version}", "run");
        let count = |key: &str| summary.get(key).and_then(Value::as_u64);
        if let (Some(workers), Some(processes)) = (count("workers"), count("processes")) {
            let workers = counted(workers as usize, "worker");
            words += &format!(
                ", {workers} a process, {}",
                counted(processes as usize, "process")
            );
        }
        words += "\n";
    }
    if let (Some(cells), Some(open)) = (map("cells"), map("open")) {
        words += &format!(
            "  {:<9} {}, {} of them open\n",
            "map",
            counted(cells as usize, "cell"),
            grouped(open)
        );
    }
    words
}

pub(super) fn bytes_in_words(bytes: u64) -> String {
    match bytes {
        0..1000 => format!("{bytes} bytes"),
        1000..1_000_000 => format!("{:.1} kB", bytes as f64 / 1e3),
        _ => format!("{:.1} MB", bytes as f64 / 1e6),
    }
}
