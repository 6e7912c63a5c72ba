//! SQL over a result of octaflow, with DataFusion.
//!
//! ```sh
//! octaflow field --map examples/data/geb079.bt --source 13.16,-0.04,1.24 --out result
//! cargo run --release --manifest-path examples/sql/Cargo.toml -- result
//! cargo run --release --manifest-path examples/sql/Cargo.toml -- result "SELECT max(distance) FROM field"
//! ```
//!
//! Every folder of the result becomes a table of its name. A program of one's own can take the record batches of
//! `octaflow::lake::batches` instead, once a DataFusion stands on the same version of arrow as octaflow (60): this
//! one, 55, stands on 59, and so reads the Parquet files.

use datafusion::arrow::array::{Array, ArrayRef, AsArray, UInt64Array};
use datafusion::arrow::datatypes::{DataType, Int64Type};
use datafusion::error::{DataFusionError, Result};
use datafusion::logical_expr::{ColumnarValue, ScalarUDF, Volatility, create_udf};
use datafusion::prelude::{ParquetReadOptions, SessionContext};
use std::path::Path;
use std::sync::Arc;

fn main() -> Result<()> {
    let mut args = std::env::args().skip(1);
    let Some(dir) = args.next() else {
        return Err(DataFusionError::Configuration(
            "name the folder of a result, and a query if you like".to_owned(),
        ));
    };
    let runtime = tokio::runtime::Runtime::new()?;
    runtime.block_on(query(Path::new(&dir), args.next()))
}

async fn query(dir: &Path, sql: Option<String>) -> Result<()> {
    let context = SessionContext::new();
    context.register_udf(index64());
    for entry in std::fs::read_dir(dir)? {
        let path = entry?.path();
        if path.is_dir() {
            let name = path
                .file_name()
                .unwrap_or_default()
                .to_string_lossy()
                .into_owned();
            let folder = format!("{}/", path.display());
            context
                .register_parquet(name.as_str(), folder, ParquetReadOptions::default())
                .await?;
        }
    }
    let queries = match sql {
        Some(sql) => vec![sql],
        None => vec![
            "SELECT lz, count(*) AS cells, avg(distance) AS mean_m, max(distance) AS farthest_m
             FROM field GROUP BY lz ORDER BY lz LIMIT 10"
                .to_owned(),
            "SELECT index64(cell) AS index64, lx, ly, lz, distance FROM field
             ORDER BY distance DESC, cell LIMIT 5"
                .to_owned(),
        ],
    };
    for sql in queries {
        context.sql(&sql).await?.show().await?;
    }
    Ok(())
}

/// `index64(cell)`: the unsigned identifier, which has the same bits.
fn index64() -> ScalarUDF {
    let unsigned = |args: &[ColumnarValue]| -> Result<ColumnarValue> {
        let cells = ColumnarValue::values_to_arrays(args)?;
        let signed = cells[0].as_primitive::<Int64Type>();
        let bits = signed
            .values()
            .iter()
            .map(|&bits| bits as u64)
            .collect::<Vec<_>>();
        let unsigned: ArrayRef = Arc::new(UInt64Array::new(bits.into(), signed.nulls().cloned()));
        Ok(ColumnarValue::Array(unsigned))
    };
    create_udf(
        "index64",
        vec![DataType::Int64],
        DataType::UInt64,
        Volatility::Immutable,
        Arc::new(unsigned),
    )
}
