//! Points in tables.

use crate::map_support::Scratch;
use crate::parquet_files::parquet_bytes_with;
use crate::shared::{names, read, rows, try_read};
use arrow::array::{ArrayRef, BooleanArray, Float32Array, Float64Array, Int64Array, StringArray};
use octaflow::points::{PointFile, PointOptions};
use parquet::file::properties::WriterProperties;
use std::sync::Arc;

#[test]
fn columns_of_numbers_are_attributes() {
    let scratch = Scratch::new();
    let plain = "name,z,i,x,y,empty,late\na,3,7,1,2,,\nb,6.5,,4,5,,8\n";
    let quoted = "name,z,i,x,y,empty,late\n\"a\nb\",3,7,1,2,,\n\"b\"\"\",6.5,,4,5,,8\n";
    let json = "{\"x\":1,\"y\":2,\"z\":3,\"i\":7,\"name\":\"a\",\"deep\":{\"x\":1}}\n\n\
        {\"z\":6.5,\"y\":5,\"x\":4,\"late\":8}\n";
    for (name, text) in [
        ("a.csv", plain.to_owned()),
        ("a.csv", plain.replace('\n', "\r\n")),
        ("a.csv", format!("\u{feff}{plain}")),
        ("a.csv", plain.trim_end().to_owned()),
        ("a.csv", quoted.to_owned()),
        (
            "a.csv",
            plain.replace("x,y", "X,Y").replace("name,z", "name,Z"),
        ),
        ("a.ndjson", json.to_owned()),
        ("a.json", json.trim_end().to_owned()),
    ] {
        let path = scratch.write(name, &text);
        let (found, all) = read(&path, &PointOptions::default());
        assert_eq!(found, names("i late"), "{text}");
        let rows = rows(&all);
        assert_eq!(rows.len(), 2, "{text}");
        assert_eq!(rows[0][..4], [1.0, 2.0, 3.0, 7.0], "{text}");
        assert_eq!(rows[1][..3], [4.0, 5.0, 6.5], "{text}");
        assert!(rows[0][4].is_nan() && rows[1][3].is_nan());
        assert_eq!(rows[1][4], 8.0);
    }
}

#[test]
fn shares_of_a_text_end_where_lines_do() {
    let scratch = Scratch::new();
    let mut csv = "x,y,z,n\n".to_owned();
    let mut json = String::new();
    for n in 0..500 {
        let x = 10f64.powi(n % 17) + 0.5;
        csv += &format!("{x},1,2,{n}\n");
        json += &format!("{{\"x\":{x},\"y\":1,\"z\":2,\"n\":{n}}}\n");
    }
    for (name, text) in [("a.csv", csv), ("a.json", json)] {
        let path = scratch.write(name, &text);
        for peers in 1..60 {
            let (_, all) = try_read(&path, &PointOptions::default(), peers, 64).unwrap();
            let numbers: Vec<f64> = (0..500).map(f64::from).collect();
            assert_eq!(all.attributes, [numbers], "{name} by {peers}");
        }
        // Not one share has it all.
        let file = PointFile::open(&path, &PointOptions::default()).unwrap();
        let mut share = file.share(0, 2).unwrap();
        let mut points = octaflow::points::Points::default();
        assert!(share.next_batch(&mut points, 10_000).unwrap());
        assert!((200..300).contains(&points.len()), "{}", points.len());
    }
}

pub fn parquet_sample() -> Vec<u8> {
    let float = |make: fn(i32) -> f64| -> ArrayRef {
        Arc::new(Float64Array::from_iter_values((0..100).map(make)))
    };
    let text: ArrayRef = Arc::new(StringArray::from_iter_values((0..100).map(|_| "a")));
    let flags: ArrayRef = Arc::new(BooleanArray::from(vec![true; 100]));
    let whole: ArrayRef = Arc::new(Int64Array::from_iter(
        (0..100).map(|n| (n % 10 > 0).then_some(i64::MAX - n)),
    ));
    let small: ArrayRef = Arc::new(Float32Array::from_iter_values((0..100).map(|n| n as f32)));
    let properties = WriterProperties::builder()
        .set_max_row_group_row_count(Some(30))
        .build();
    let columns = vec![
        ("text", text),
        ("y", float(|n| f64::from(n) + 0.5)),
        ("whole", whole),
        ("x", float(f64::from)),
        ("flags", flags),
        ("z", float(|n| -f64::from(n))),
        ("small", small),
    ];
    parquet_bytes_with(columns, properties)
}

#[test]
fn row_groups_of_parquet_are_shared() {
    let scratch = Scratch::new();
    let path = scratch.write("a.parquet", parquet_sample());
    let (found, all) = read(&path, &PointOptions::default());
    assert_eq!(found, names("whole small"));
    assert_eq!(all.len(), 100);
    for n in 0..100 {
        let f = n as f64;
        assert_eq!(all.xyz[n], [f, f + 0.5, -f]);
        assert_eq!(all.attributes[1][n], f);
        match n % 10 {
            0 => assert!(all.attributes[0][n].is_nan()),
            _ => assert_eq!(all.attributes[0][n], i64::MAX as f64),
        }
    }
    let file = PointFile::open(&path, &PointOptions::default()).unwrap();
    assert_eq!(file.total(), Some(100));
    let mut share = file.share(1, 4).unwrap();
    let mut points = octaflow::points::Points::default();
    assert!(share.next_batch(&mut points, 10_000).unwrap());
    assert_eq!((points.len(), points.xyz[0][0]), (30, 30.0));
}

#[test]
fn faults_of_rows_are_named() {
    let scratch = Scratch::new();
    for (text, words) in [
        ("x,y,z\n1,2,3\n1,nan,3\n", ["row 2", "\"y\" is"]),
        ("x,y,z\n1,2,3\n1,2,\n", ["row 2", "\"z\" is missing"]),
        ("x,y,z\n1,2,3\n1,a,3\n", ["row 2", "\"a\""]),
        ("x,y,z\n1,2,3\n1,2,3,4\n", ["row 2", "4 fields"]),
        ("x,y,w\n1,2,3\n", ["\"z\"", "column"]),
        ("x,y,z,x\n1,2,3,4\n", ["\"x\"", "two columns"]),
        ("", ["empty", "a.csv"]),
    ] {
        let path = scratch.write("a.csv", text);
        let error = try_read(&path, &PointOptions::default(), 1, 99).unwrap_err();
        for word in words {
            assert!(error.to_string().contains(word), "{text:?}: {error}");
        }
    }
    let path = scratch.write("a.csv", "x,y,z,word,n\n1,2,3,a,4\n");
    for (asked, word) in [
        ("word", "\"a\""),
        ("none", "\"none\""),
        ("n n", "twice"),
        ("x", "\"x\""),
    ] {
        let options = PointOptions {
            attributes: Some(names(asked)),
            ..Default::default()
        };
        let error = try_read(&path, &options, 1, 99).unwrap_err().to_string();
        assert!(error.contains(word), "{asked}: {error}");
    }
}
