"""Reads the results of routes with every reader at hand, and checks that each finds the same, sound rows.

Usage: python route_files.py DIR TICK_M
DIR holds routes/ of queries 0, 1, 2, … with `smooth_length`, where the third of every three has no route; route_cells/ of
routes by diagonal steps, then axial ones; and routes_changes/, which cancel. TICK_M is the length of a tick.
Prints the readers that were there.
"""

import importlib.util
import math
import sys

TABLES = {
    "routes": ["query", "status", "cost", "lower_bound", "smooth_length", "cells", "brick_visits", "micros"],
    "route_cells": ["query", "seq", "cell", "lx", "ly", "lz", "cost_so_far"],
    "routes_changes": ["time", "diff", "query", "status", "cost", "lower_bound", "cells"],
}
NULLABLE = {"cost", "lower_bound", "smooth_length"}


def with_duckdb():
    import duckdb

    tables = {}
    for name in TABLES:
        files = f"'{DIR}/{name}/*.parquet'"
        tables[name] = (duckdb.sql(f"FROM {files}").columns, duckdb.sql(f"FROM {files}").fetchall())
    # Filters that statistics answer must find what is there, and no more.
    routes = f"'{DIR}/routes/*.parquet'"
    count = len(tables["routes"][1])
    for condition, expected in [
        ("status = 'found'", count - count // 3),
        ("cost IS NULL", count // 3),
        ("status = 'lost'", 0),
        ("cost < 0", 0),
        ("query = 7 AND cost >= lower_bound", 1),
    ]:
        found = duckdb.sql(f"SELECT count(*) FROM {routes} WHERE {condition}").fetchall()[0][0]
        assert found == expected, f"duckdb: {found} rows where {condition}, not {expected}"
    return tables


def with_polars():
    import polars as pl

    tables = {}
    for name in TABLES:
        frame = pl.read_parquet(f"{DIR}/{name}/*.parquet")
        tables[name] = (frame.columns, frame.rows())
    found = pl.scan_parquet(f"{DIR}/routes/*.parquet").filter(pl.col("cost").is_null()).collect()
    assert set(found["status"]) == {"unreachable", "invalid"}, found
    return tables


def with_pyarrow():
    import pyarrow.parquet as pq

    tables = {}
    for name in TABLES:
        table = pq.read_table(f"{DIR}/{name}", page_checksum_verification=True)
        assert {field.name for field in table.schema if field.nullable} <= NULLABLE, table.schema
        tables[name] = (table.column_names, list(zip(*(column.to_pylist() for column in table.columns))))
        metadata = pq.ParquetFile(f"{DIR}/{name}/part-00000.parquet").metadata
        group = metadata.row_group(0)
        for c in range(metadata.num_columns):
            column = group.column(c)
            assert column.is_stats_set and column.statistics.has_min_max, f"{name}: {column}"
            # A page that holds nulls tells their number.
            assert column.statistics.null_count is not None, f"{name}: {column}"
    return tables


def check_routes(rows):
    assert [row[0] for row in rows] == list(range(len(rows)))
    for query, status, cost, bound, smooth, cells, visits, micros in rows:
        assert status == {2: "unreachable", 5: "invalid"}.get(query % 6, "found"), (query, status)
        if status != "found":
            assert (cost, bound, smooth, cells) == (None, None, None, 0), query
        else:
            ticks = cost / TICK_M
            assert math.isclose(ticks, round(ticks), abs_tol=1e-6) and bound <= cost and cells > 0, query
            assert math.isclose(smooth, 0.9 * cost), query
        assert visits >= 0 and micros >= 0


def check_cells(rows):
    assert [row[:2] for row in rows] == sorted(row[:2] for row in rows)
    before = None
    for query, seq, cell, x, y, z, cost in rows:
        morton = sum((c >> bit & 1) << (3 * bit + a) for a, c in enumerate((x, y, z)) for bit in range(16))
        assert cell % 2**64 == 0b10 << 62 | 15 << 48 | morton, (query, seq)
        if seq == 0:
            assert (x, y, z, cost) == (0, 0, 0, 0.0)
        else:
            step = sorted(abs(a - b) for a, b in zip((x, y, z), before[3:6]))
            weight = {(1, 1, 1): 2702, (0, 0, 2): 3120}[tuple(step)]
            assert before[:2] == (query, seq - 1)
            assert math.isclose(cost - before[6], weight * TICK_M, rel_tol=1e-6), (query, seq)
        before = (query, seq, cell, x, y, z, cost)


def check_changes(rows):
    keys = [(time, query, diff) for time, diff, query, *_ in rows]
    assert keys == sorted(keys) and len({(time, *row) for time, _, *row in rows}) == len(rows)
    sums = {}
    for _, diff, *row in rows:
        sums[tuple(row)] = sums.get(tuple(row), 0) + diff
    assert sums and not any(sums.values()), sums


DIR, TICK_M = sys.argv[1], float(sys.argv[2])
READERS = {"duckdb": with_duckdb, "polars": with_polars, "pyarrow": with_pyarrow}
found = {name: read() for name, read in READERS.items() if importlib.util.find_spec(name)}
assert found, "no reader is at hand"
first = next(iter(found.values()))
assert all(tables == first for tables in found.values()), "the readers disagree"
for name, columns in TABLES.items():
    assert first[name][0] == columns, first[name][0]
check_routes(first["routes"][1])
check_cells(first["route_cells"][1])
check_changes(first["routes_changes"][1])
print(" ".join(found))
