"""Reads what octaflow writes with DuckDB, Polars and pyarrow, and rebuilds the unsigned identifiers of the cells.

    octaflow field --map examples/data/geb079.bt --source 13.16,-0.04,1.24 --out result
    python examples/read_the_lake.py result
    python examples/read_the_lake.py bricks.arrow      # a brick container

Needs duckdb, polars and pyarrow (pip install duckdb polars pyarrow).

A cell's Index64 has its top bit set, so that no signed integer holds it: the column `cell` has the same 64 bits as a
signed integer, whose order is the same. Below it is made unsigned again, once in SQL and once in Polars.
"""
import sys
from pathlib import Path

import duckdb
import polars as pl
import pyarrow as pa


def read_result(folder: Path) -> None:
    """Tells of every table of a result, and of the farthest cells of a field."""
    lake = duckdb.connect()
    tables = sorted(path for path in folder.iterdir() if path.is_dir() and any(path.rglob("*.parquet")))
    for table in tables:
        files = str(table / "**" / "*.parquet")
        (rows,) = lake.execute("SELECT count(*) FROM read_parquet(?)", [files]).fetchall()[0]
        columns = lake.execute(f"DESCRIBE SELECT * FROM read_parquet('{files}')").fetchall()
        print(f"{table.name}: {rows} rows of {', '.join(column[0] for column in columns)}")
        assert pl.scan_parquet(files).select(pl.len()).collect().item() == rows

    field = folder / "field"
    if field not in tables:
        return
    files = str(field / "**" / "*.parquet")
    farthest = lake.execute(
        "SELECT (cell::HUGEINT + 18446744073709551616)::UBIGINT AS index64, lx, ly, lz, distance "
        "FROM read_parquet(?) ORDER BY distance DESC, cell LIMIT 3",
        [files],
    ).fetchall()
    same = (
        pl.scan_parquet(files)
        .sort("distance", "cell", descending=[True, False])
        .select(pl.col("cell").reinterpret(signed=False).alias("index64"), "lx", "ly", "lz", "distance")
        .head(3)
        .collect()
        .rows()
    )
    assert farthest == same, (farthest, same)
    for index64, *lattice, distance in farthest:
        assert morton(index64) == lattice, "the identifier holds the coordinates"
        print(f"  cell {index64:#018x} at {lattice} is {distance:.2f} m from its source")


def morton(index64: int) -> list[int]:
    """The lattice coordinates in an identifier: bit 3·i + axis of its 48 low bits is bit i of that coordinate."""
    return [sum((index64 >> (3 * i + axis) & 1) << i for i in range(16)) for axis in range(3)]


def read_container(path: Path) -> None:
    """Tells of a brick container, mapped into memory."""
    with pa.memory_map(str(path)) as mapped:
        bricks = pa.ipc.open_file(mapped).read_all()
        print(f"{path.name}: {bricks.num_rows} bricks with {', '.join(bricks.schema.names)}")
        for key, value in sorted(bricks.schema.metadata.items()):
            print(f"  {key.decode()} = {value.decode()}")
        if bricks.num_rows and "cost" in bricks.schema.names:
            costs = bricks["cost"].chunk(0)[0].values.to_numpy()
            corner = morton(bricks["id"][0].as_py())
            # Place p of a brick is the cell (2i + parity, 2j + parity, 2k + parity) from its corner, where
            # p = parity · 512 + k · 64 + j · 8 + i.
            cells = [
                [c + 2 * (p >> shift & 7) + (p >> 9) for c, shift in zip(corner, (0, 3, 6))]
                for p in range(1024)
                if costs[p] > 0
            ]
            print(f"  the first brick begins at {corner} and has {len(cells)} open cells")


if __name__ == "__main__":
    if len(sys.argv) != 2:
        sys.exit(__doc__)
    target = Path(sys.argv[1])
    read_result(target) if target.is_dir() else read_container(target)
