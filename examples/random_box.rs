//! Writes a box of cells with random obstacles as a Parquet table of cells, in bounded memory: a map of any size to
//! try `octaflow field` on.
//!
//! `cargo run --release --example random_box -- 48 25 box.parquet` writes 48³ bricks of 1024 cells (113 million) of
//! which 25 % are blocked and left out; then
//! `octaflow field --map box.parquet --source 0,0,0 --out field`.

use octaflow::brick::{BrickId, LOCAL_BY_INDEX};
use parquet::column::writer::ColumnWriter;
use parquet::errors::Result;
use parquet::file::properties::WriterProperties;
use parquet::file::writer::SerializedFileWriter;
use parquet::schema::parser::parse_message_type;
use std::fs::File;
use std::sync::Arc;

fn main() -> Result<()> {
    let args: Vec<String> = std::env::args().skip(1).collect();
    let [side, percent, path] = args.as_slice() else {
        eprintln!("usage: random_box SIDE_IN_BRICKS PERCENT_BLOCKED FILE.parquet");
        std::process::exit(2);
    };
    let number = |text: &str| {
        text.parse::<u64>()
            .unwrap_or_else(|_| panic!("{text} is no number"))
    };
    let (side, percent) = (number(side), number(percent));

    let schema = "message cells { required int32 lx; required int32 ly; required int32 lz; }";
    let properties = WriterProperties::builder()
        .set_compression(parquet::basic::Compression::SNAPPY)
        .build();
    let file = File::create(path)?;
    let schema = Arc::new(parse_message_type(schema)?);
    let mut writer = SerializedFileWriter::new(file, schema, Arc::new(properties))?;

    let mut columns: [Vec<i32>; 3] = Default::default();
    let codes = (0u64..).take_while(|code| code >> (3 * 12) == 0);
    let mut left = side * side * side;
    for brick in codes.filter_map(BrickId::from_code) {
        if left == 0 {
            break;
        }
        if brick.xyz().iter().any(|&c| c as u64 >= side) {
            continue;
        }
        left -= 1;
        for local in LOCAL_BY_INDEX {
            let source = brick.code() == 0 && local.index() == 0;
            if source || mix(brick.code() << 10 | local.index() as u64) % 100 >= percent {
                for (column, value) in columns.iter_mut().zip(brick.cell(local).xyz()) {
                    column.push(value);
                }
            }
        }
        if columns[0].len() >= 1 << 20 || left == 0 {
            write_group(&mut writer, &mut columns)?;
        }
    }
    writer.close()?;
    Ok(())
}

fn write_group(writer: &mut SerializedFileWriter<File>, columns: &mut [Vec<i32>; 3]) -> Result<()> {
    let mut group = writer.next_row_group()?;
    for values in columns {
        let mut column = group.next_column()?.expect("three columns");
        if let ColumnWriter::Int32ColumnWriter(typed) = column.untyped() {
            typed.write_batch(values, None, None)?;
        }
        column.close()?;
        values.clear();
    }
    group.close()?;
    Ok(())
}

/// splitmix64.
fn mix(x: u64) -> u64 {
    let z = x.wrapping_add(0x9E37_79B9_7F4A_7C15);
    let z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    let z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
    z ^ (z >> 31)
}
