"""Reads a result with every reader at hand, and checks that each finds the same, sound rows.

Usage: python readers.py DIR ROWS CELL_SIZE_M
DIR holds field/ with `source` and `next`, and field_changes/ whose accumulation is the field; ROWS is the number of rows
of the field. Prints the readers that were there.
"""

import importlib.util
import math
import sys


def index64(x, y, z):
    morton = sum((c >> bit & 1) << (3 * bit + a) for a, c in enumerate((x, y, z)) for bit in range(16))
    return 0b10 << 62 | 15 << 48 | morton


def check(reader, rows):
    """`rows`: (index64 unsigned, lx, ly, lz, distance, source, next) in the order of the file."""
    assert len(rows) == ROWS, f"{reader}: {len(rows)} rows"
    assert all(a[0] < b[0] for a, b in zip(rows, rows[1:])), f"{reader}: not sorted by cell"
    for index, x, y, z, distance, source, step in rows:
        assert index == index64(x, y, z), f"{reader}: {index} is not at {x},{y},{z}"
        assert len({x & 1, y & 1, z & 1}) == 1, f"{reader}: {x},{y},{z} is no cell"
        ticks = distance * 3120 / CELL_SIZE_M
        assert math.isclose(ticks, round(ticks), abs_tol=1e-6), f"{reader}: {distance} is no distance"
        assert source >= 0 and -1 <= step < 14, f"{reader}: source {source}, next {step}"
    return rows


def with_duckdb():
    import duckdb

    columns = "lx, ly, lz, distance, source, next"
    rows = check(
        "duckdb",
        duckdb.sql(
            f"SELECT (cell::HUGEINT + 18446744073709551616)::UBIGINT, {columns} FROM '{DIR}/field/*.parquet'"
        ).fetchall(),
    )
    difference = duckdb.sql(
        f"""SELECT cell, {columns} FROM (SELECT *, -1 AS diff FROM '{DIR}/field/*.parquet'
            UNION ALL BY NAME SELECT * EXCLUDE time FROM '{DIR}/field_changes/*.parquet')
            GROUP BY ALL HAVING sum(diff) <> 0"""
    ).fetchall()
    assert not difference, f"the changes do not add up to the field: {difference[:3]}"
    return rows


def with_polars():
    import polars as pl

    frame = pl.read_parquet(f"{DIR}/field/*.parquet")
    assert frame.schema["next"] == pl.Int8 and frame.schema["cell"] == pl.Int64
    return check("polars", frame.with_columns(pl.col("cell").reinterpret(signed=False)).rows())


def with_pyarrow():
    import pyarrow.parquet as pq

    table = pq.read_table(f"{DIR}/field", page_checksum_verification=True)
    assert all(not field.nullable for field in table.schema), table.schema
    rows = zip(*(column.to_pylist() for column in table.columns))
    return check("pyarrow", [(cell % 2**64, *rest) for cell, *rest in rows])


DIR, ROWS, CELL_SIZE_M = sys.argv[1], int(sys.argv[2]), float(sys.argv[3])
READERS = {"duckdb": with_duckdb, "polars": with_polars, "pyarrow": with_pyarrow}
found = {name: read() for name, read in READERS.items() if importlib.util.find_spec(name)}
assert all(rows == next(iter(found.values())) for rows in found.values()), "the readers disagree"
print(" ".join(found))
