//! Small sound files of each format, from which a search starts.

#[path = "../../map_support/mod.rs"]
mod map_support;
#[path = "../../map_support/parquet_files.rs"]
mod parquet_files;

use crate::answers::some_bricks;
use arrow::array::{
    ArrayRef, BinaryArray, BooleanArray, Float32Array, Float64Array, Int16Array, Int64Array,
    StringArray, UInt8Array, UInt64Array,
};
use map_support::{Voxels, bt_bytes, npy_bytes, some_voxels};
use octaflow::lattice::{Cell, Galactic128, GalacticHeader, Hilbert64, Index64, Route64};
use octaflow::partition::{Partition, Plan};
use parquet::basic::{Compression, Encoding};
use parquet::file::properties::{WriterProperties, WriterVersion};
use parquet_files::{cell_columns, parquet_bytes_with};
use std::path::PathBuf;
use std::sync::Arc;

/// Files to start from.
pub type Seeds = Vec<Vec<u8>>;

/// Fills the corpus that the command line names with seeds, if it is empty.
pub fn plant(seeds: fn() -> Seeds) {
    let named = std::env::args().skip(1).find(|word| !word.starts_with('-'));
    let Some(corpus) = named.map(PathBuf::from).filter(|path| path.is_dir()) else {
        return;
    };
    if corpus
        .read_dir()
        .is_ok_and(|mut files| files.next().is_none())
    {
        for (n, seed) in seeds().iter().enumerate() {
            let path = corpus.join(format!("seed-{n}"));
            std::fs::write(path, seed).expect("the corpus can be written");
        }
    }
}

/// Octrees.
pub fn bt() -> Seeds {
    let small = Voxels::from([([0, 0, 0], 256), ([1, 2, 3], 0)]);
    let mut cube = Voxels::new();
    for n in 0..512 {
        cube.insert([n & 7, n >> 3 & 7, n >> 6].map(|c| c + 8), 256);
    }
    let last = Voxels::from([([32767; 3], 256)]);
    [small, cube, last, some_voxels()]
        .iter()
        .map(|voxels| bt_bytes(voxels, 0.1))
        .collect()
}

/// Maps of the benchmarks.
pub fn movingai() -> Seeds {
    seeds_of(&[
        "voxel 9 8 7\n1 2 3\n1 2 4\n8 7 6\n",
        "voxel 2 2 2\r\n0 0 0\r\n",
        "voxel 20 1 1",
        "voxel 32768 1 1\n32767 0 0\n",
    ])
}

/// Arrays.
pub fn npy() -> Seeds {
    let mut seeds = vec![
        npy_bytes("|b1", false, "(2, 2, 2)", &[1; 8]),
        npy_bytes("|u1", true, "(3, 2, 1)", &[1, 0, 2, 3, 255, 1]),
        npy_bytes("<f4", false, "(1, 1, 2)", &[0, 0, 0x80, 0x3f, 0, 0, 0, 0]),
    ];
    for (descr, bytes) in [("<i2", 2), (">i4", 4), ("<u8", 8), ("<f2", 2), (">f8", 8)] {
        seeds.push(npy_bytes(descr, false, "(2, 1, 2)", &vec![0; 4 * bytes]));
    }
    seeds
}

/// CSV.
pub fn csv() -> Seeds {
    seeds_of(&[
        "lx,ly,lz,cost\n0,0,0,1\n1,1,1,2.5\n\"2\",2,2,0\n",
        "x,y,z\n0,0,0\n0.25,0.25,0.75\n-7.5,1e0,2\n",
        "time,kind,x,y,z,cost\n1,cost,0,0,1,1\n2,voxel,1,1,1,2.5\n3,source+,1,1,1,\n",
        "time,kind,x,y,z,cost,query,gx,gy,gz\n1,query+,0,0,1,,7,1,1,1\n5,query-,,,,,7,,,\n",
        "z , y,x,\"more\"\r\n1,2,3,\"a, \"\"b\"\"\nc\"\r\n",
    ])
}

/// Newline-delimited JSON.
pub fn json() -> Seeds {
    seeds_of(&[
        "{\"x\":1,\"y\":2.5e0,\"z\":-3}\n{\"x\":1,\"y\":2,\"z\":3,\"w\":[{},null,true]}\n",
        "{\"time\":1,\"kind\":\"cost\",\"x\":0,\"y\":1e0,\"z\":1,\"cost\":1}\n\n\
         {\"time\":2,\"kind\":\"source\\u002b\",\"x\":0,\"y\":1,\"z\":1}\n",
        "{\"time\":1,\"kind\":\"query+\",\"query\":7,\"x\":0,\"y\":1,\"z\":1,\"gx\":0,\"gy\":1,\"gz\":1}\n\
         {\"time\":18446744073709551615,\"kind\":\"query-\",\"query\":7}\n",
    ])
}

/// Parquet files of every codec, encoding and page version that a writer offers.
pub fn parquet() -> Seeds {
    let plain = || WriterProperties::builder().set_dictionary_enabled(false);
    let encoded = |encoding| plain().set_encoding(encoding).build();
    let packed = |compression| {
        WriterProperties::builder()
            .set_compression(compression)
            .build()
    };
    let mut seeds = Vec::new();
    for compression in [
        Compression::UNCOMPRESSED,
        Compression::SNAPPY,
        Compression::LZ4_RAW,
        Compression::GZIP(Default::default()),
        Compression::ZSTD(Default::default()),
    ] {
        seeds.push(parquet_bytes_with(cell_columns(), packed(compression)));
        seeds.push(parquet_bytes_with(update_columns(), packed(compression)));
    }
    let v2 = plain()
        .set_writer_version(WriterVersion::PARQUET_2_0)
        .build();
    seeds.push(parquet_bytes_with(cell_columns(), v2.clone()));
    seeds.push(parquet_bytes_with(update_columns(), v2));
    seeds.push(parquet_bytes_with(positions(), encoded(Encoding::PLAIN)));
    seeds.push(parquet_bytes_with(
        floats(),
        encoded(Encoding::BYTE_STREAM_SPLIT),
    ));
    seeds.push(parquet_bytes_with(
        integers(),
        encoded(Encoding::DELTA_BINARY_PACKED),
    ));
    for encoding in [
        Encoding::DELTA_BYTE_ARRAY,
        Encoding::DELTA_LENGTH_BYTE_ARRAY,
    ] {
        let properties = plain().set_column_encoding("kind".into(), encoding).build();
        seeds.push(parquet_bytes_with(update_columns(), properties));
    }
    seeds
}

/// What [`crate::crafted::parquet_file`] makes files of: each table with its columns sound, then random ones.
pub fn pages() -> Seeds {
    let mut random = map_support::Random(1);
    let mut seeds: Seeds = (0..4).map(|table| vec![table, 7]).collect();
    seeds.extend((0..40u64).map(|n| (0..40 + 10 * n).map(|_| random.next() as u8).collect()));
    seeds
}

/// Plans of every partition.
pub fn plan() -> Seeds {
    let bricks: Vec<_> = some_bricks().into_iter().map(|b| (b, 9)).collect();
    let plans = Partition::ALL
        .into_iter()
        .flat_map(|partition| [1, 2, 5].map(|parts| Plan::build(partition, parts, &bricks)));
    plans
        .map(|plan| serde_json::to_vec(&plan).expect("a plan is JSON"))
        .collect()
}

/// Addresses.
pub fn hostfile() -> Seeds {
    seeds_of(&[
        "# the rack\n\nnode7:2101  # first\r\n [::1]:9 \n10.0.0.1:65535\n",
        "localhost:1\n",
    ])
}

/// Identifiers, positions and names, as texts and as bits.
pub fn texts() -> Seeds {
    let cell = Cell::new(3, 5, 65535).expect("a cell");
    let index = Index64::of_cell(cell).expect("in range");
    let route = Route64::new(2, cell).expect("in range");
    let galactic = Galactic128::new(GalacticHeader::default(), cell).expect("in range");
    let texts = [
        index.to_string(),
        Hilbert64::from(index).to_string().to_uppercase(),
        route.to_string(),
        galactic.to_string(),
        "1, 2.5,-3e1".to_owned(),
        "hilbert".to_owned(),
    ];
    let mut seeds: Seeds = texts.into_iter().map(String::into_bytes).collect();
    seeds.push(u64::from(index).to_be_bytes().to_vec());
    seeds.push(u64::from(Hilbert64::from(index)).to_be_bytes().to_vec());
    seeds.push(u64::from(route).to_be_bytes().to_vec());
    seeds.push(u128::from(galactic).to_be_bytes().to_vec());
    for prefix in 0..4 {
        seeds.push([&[prefix][..], &u128::from(galactic).to_be_bytes()].concat());
    }
    seeds
}

fn seeds_of(texts: &[&str]) -> Seeds {
    texts.iter().map(|text| text.as_bytes().to_vec()).collect()
}

type Columns = Vec<(&'static str, ArrayRef)>;

fn update_columns() -> Columns {
    let kinds = ["cost", "voxel", "source+", "source-"];
    let number =
        || -> ArrayRef { Arc::new(Float64Array::from_iter_values((0..20).map(f64::from))) };
    let kind = StringArray::from_iter_values((0..20).map(|n| kinds[n % 4]));
    let mut columns: Columns = vec![
        ("time", Arc::new(Int64Array::from_iter_values(1..21))),
        ("kind", Arc::new(kind)),
    ];
    columns.extend(["x", "y", "z", "cost"].map(|name| (name, number())));
    columns
}

fn positions() -> Columns {
    let nulls = Float64Array::from(vec![Some(1.0), None, Some(-0.5)]);
    let text = BinaryArray::from(vec![&b"1"[..], b"2", b""]);
    vec![
        ("x", Arc::new(Float32Array::from(vec![1.0, 2.0, 3.0]))),
        ("y", Arc::new(nulls)),
        ("z", Arc::new(Int16Array::from(vec![1, -2, 3]))),
        ("more", Arc::new(text)),
        (
            "flag",
            Arc::new(BooleanArray::from(vec![true, false, true])),
        ),
    ]
}

fn floats() -> Columns {
    ["x", "y", "z"].map(|name| (name, float_column())).to_vec()
}

fn float_column() -> ArrayRef {
    Arc::new(Float64Array::from(vec![0.0, 0.5, 1.0, -4.0]))
}

fn integers() -> Columns {
    vec![
        ("lx", Arc::new(UInt8Array::from(vec![0, 2, 4, 250]))),
        ("ly", Arc::new(UInt64Array::from(vec![0, 2, 4, 65534]))),
        ("lz", Arc::new(Int16Array::from(vec![0, 2, 4, 32766]))),
    ]
}
