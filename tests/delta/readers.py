"""Holds the Delta tables of octaflow against other programs that read and write such tables.

Usage:
  python readers.py check TABLE CELL_SIZE_M OLDEST   every reader finds the same rows and statistics in each version
  python readers.py make DIR                         writes tables with the package deltalake, prints as JSON what each holds
Prints the readers that were there.
"""

import importlib.util
import json
import math
import os
import pathlib
import sys


def index64(x, y, z):
    morton = sum((c >> bit & 1) << (3 * bit + a) for a, c in enumerate((x, y, z)) for bit in range(16))
    return 0b10 << 62 | 15 << 48 | morton


COLUMNS = ["cell", "lx", "ly", "lz", "distance"]


def sound(reader, rows):
    """`rows`: (unsigned Index64, lx, ly, lz, distance)."""
    rows = sorted(rows)
    for index, x, y, z, distance in rows:
        assert index == index64(x, y, z), f"{reader}: {index} is not at {x},{y},{z}"
        ticks = distance * 3120 / CELL_SIZE_M
        assert math.isclose(ticks, round(ticks), abs_tol=1e-6), f"{reader}: {distance} is no distance"
    return rows


def with_deltalake(table, version):
    from deltalake import DeltaTable

    delta = DeltaTable(table, version=version)
    assert delta.version() == version
    assert delta.protocol().min_reader_version == 1 and delta.protocol().min_writer_version == 2
    kinds = {field.name: field.type.type for field in delta.schema().fields}
    assert [kinds[c] for c in COLUMNS] == ["long", "integer", "integer", "integer", "double"], kinds
    assert delta.metadata().configuration["octaflow.frame.cell_size_m"] == str(CELL_SIZE_M)
    rows = delta.to_pyarrow_table().select(COLUMNS).to_pydict()
    rows = list(zip(*rows.values()))
    statistics(delta, table)
    return [(cell % 2**64, *rest) for cell, *rest in rows]


def statistics(delta, table):
    """What the log says of each file is what its rows are."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    actions = pa.table(delta.get_add_actions(flatten=True)).to_pylist()
    for action in actions:
        path = pathlib.Path(table) / action["path"]
        assert path.stat().st_size == action["size_bytes"], path
        rows = pq.ParquetFile(path).read()
        assert rows.num_rows == action["num_records"], path
        for name in COLUMNS if rows.num_rows else []:
            values = rows[name].to_pylist()
            found = (action[f"min.{name}"], action[f"max.{name}"], action[f"null_count.{name}"])
            assert found == (min(values), max(values), 0), (path, name, found)


def with_polars(table, version):
    import polars as pl

    frame = pl.scan_delta(str(table), version=version)
    frame = frame.select(pl.col("cell").reinterpret(signed=False), *COLUMNS[1:])
    # A filter that the statistics answer finds what is there.
    cut = frame.filter(pl.col("lx") >= 16).collect().height
    rows = frame.collect().rows()
    assert cut == sum(row[1] >= 16 for row in rows)
    return rows


def with_duckdb(table, version):
    import duckdb

    columns = f"(cell::HUGEINT + 18446744073709551616)::UBIGINT, {', '.join(COLUMNS[1:])}"
    if DUCKDB_DELTA:
        return duckdb.sql(f"SELECT {columns} FROM delta_scan('{table}', version => {version})").fetchall()
    # Without the extension: the files that another reader names as alive, as plain Parquet.
    from deltalake import DeltaTable

    uris = DeltaTable(table, version=version).file_uris()
    return duckdb.sql(f"SELECT {columns} FROM read_parquet({uris!r})").fetchall()


def load_duckdb_delta():
    """Loads DuckDB's Delta extension if the package index's wheel of it is installed and suits DuckDB's version."""
    if not importlib.util.find_spec("duckdb_extensions"):
        return False
    import duckdb
    from duckdb_extensions import import_extension

    try:
        import_extension("delta")
        duckdb.sql("SET autoinstall_known_extensions = false")
        duckdb.sql("LOAD delta")
    except Exception as error:
        print("without DuckDB's Delta extension:", str(error).splitlines()[0], file=sys.stderr)
        return False
    return True


def with_pyarrow(table, version):
    """The folder as plain Parquet: what is in it now, whatever the log says."""
    import pyarrow.dataset as ds
    from deltalake import DeltaTable

    if version != DeltaTable(table).version():
        return None
    rows = ds.dataset(table, format="parquet", partitioning="hive").to_table(columns=COLUMNS).to_pydict()
    return [(cell % 2**64, *rest) for cell, *rest in zip(*rows.values())]


def check(table):
    if not importlib.util.find_spec("deltalake"):
        print("no package deltalake")
        return
    from deltalake import DeltaTable

    readers = {"deltalake": with_deltalake, "polars": with_polars, "duckdb": with_duckdb, "pyarrow": with_pyarrow}
    readers = {name: read for name, read in readers.items() if importlib.util.find_spec(name)}
    newest = DeltaTable(table).version()
    for version in range(OLDEST, newest + 1):
        found = {name: read(table, version) for name, read in readers.items()}
        found = {name: sound(name, rows) for name, rows in found.items() if rows is not None}
        first = found["deltalake"]
        assert all(rows == first for rows in found.values()), f"version {version}: the readers disagree"
        assert len({row[0] for row in first}) == len(first), f"version {version}: a cell comes twice"
    print(*readers, "with DuckDB's Delta extension" if DUCKDB_DELTA else "")


def make(folder):
    """Tables as another writer makes them, and what each version of them holds."""
    import pyarrow as pa
    from deltalake import DeltaTable, write_deltalake

    def rows(start, places):
        n = len(places)
        columns = {"lx": range(start, start + n), "cost": [0.5 * i for i in range(n)], "place": places}
        kinds = [("lx", pa.int32()), ("cost", pa.float64()), ("place", pa.string())]
        return pa.table({k: pa.array(list(columns[k]), t) for k, t in kinds})

    odd = ["plain", "a b", "ä/ö", "50%", "x=y&z", "né+e#?", "../up"]
    made = {}
    for name, partitions in [("flat", None), ("parted", ["place"])]:
        table = f"{folder}/{name}"
        for start in (0, 100, 200):
            write_deltalake(table, rows(start, odd), mode="append", partition_by=partitions)
        write_deltalake(table, rows(300, odd[:2]), mode="overwrite")
        write_deltalake(table, rows(400, odd), mode="append")
        DeltaTable(table).optimize.compact()
        made[name] = versions(table)

    # Only a checkpoint knows what was before version 3.
    table = f"{folder}/checkpointed"
    for start in range(0, 500, 100):
        write_deltalake(table, rows(start, odd), mode="append", partition_by=["place"])
        if start == 300:
            DeltaTable(table).create_checkpoint()
    expected = versions(table)
    for version in (0, 1, 2):
        (pathlib.Path(table) / "_delta_log" / f"{version:020}.json").unlink()
        del expected[str(version)]
    del expected["3"]["time_ms"]
    made["checkpointed"] = expected
    print(json.dumps(made))


def versions(table):
    from deltalake import DeltaTable

    times = {entry["version"]: entry["timestamp"] for entry in DeltaTable(table).history()}
    held = {}
    for version in range(DeltaTable(table).version() + 1):
        delta = DeltaTable(table, version=version)
        uris = delta.file_uris()
        held[str(version)] = {
            "files": len(uris),
            "rows": delta.to_pyarrow_table().num_rows,
            "bytes": sum(delta.get_add_actions(flatten=True).column("size_bytes").to_pylist()),
            "partitions": delta.metadata().partition_columns,
            "time_ms": times[version],
        }
    return held


if sys.argv[1] == "check":
    CELL_SIZE_M, OLDEST = float(sys.argv[3]), int(sys.argv[4])
    DUCKDB_DELTA = load_duckdb_delta()
    check(sys.argv[2])
else:
    make(sys.argv[2])
# pyarrow's threads may still be closing files through deltalake's Python file system: an interpreter that takes itself
# apart meanwhile is aborted.
sys.stdout.flush()
os._exit(0)
