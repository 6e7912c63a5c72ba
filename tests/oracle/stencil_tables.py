"""What ghosts.py and check_diffusion.py share: published tables by column, a writer of correct ones, and ways to spoil them."""

import json
import os
import shutil

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

import check
import oracle
from check import Mismatch, require

PLACE = [("cell", pa.int64()), ("lx", pa.int32()), ("ly", pa.int32()), ("lz", pa.int32())]


def place_columns(keys):
    """The columns cell, lx, ly, lz of packed cells."""
    x, y, z = (v.astype(np.int32) for v in oracle.unpack(keys))
    return {"cell": oracle.index64(keys), "lx": x, "ly": y, "lz": z}


def take(table, which):
    return {n: v[which] for n, v in table.items()}


def sorted_by(table, *names):
    """Its rows in ascending order of the columns, most significant first."""
    return take(table, np.lexsort([table[n] for n in reversed(names)]))


def read_columns(folder, columns, workers, *orders):
    """Rows of all files; those of a file ascend by one of the `orders`. Files of a worker may touch, as rows of one cell may
    be many, but not overlap in the first order."""
    parts, ranges = [], []
    for path in check.parquet_files(folder):
        part = check.read_file(path, columns)
        bad = [check.ascending(*(part[n] for n in order)) for order in orders]
        require(None in bad, lambda: f"{path}: row {bad[0]} is not in the order of {' and '.join(orders[0])}")
        if len(part["cell"]):
            ordered = sorted_by(part, *orders[0])
            first, last = (tuple(ordered[n][i].item() for n in orders[0]) for i in (0, -1))
            ranges.append(((*first, 1), (*last, 0), path))
        parts.append(part)
    check.check_overlap(ranges, workers, folder)
    return check.gather(parts, columns)


def equal_tables(a, b, what):
    """Two tables in one order: the same bits."""
    require(set(a) == set(b), f"{what}: columns {list(a)}; {list(b)}")
    bits = lambda v: v.view(np.int64) if v.dtype.kind == "f" else v
    for name in a:
        require(len(a[name]) == len(b[name]), f"{what}: {len(a[name])} rows; {len(b[name])}")
        at = np.flatnonzero(bits(a[name]) != bits(b[name]))
        require(len(at) == 0, lambda: f"{what}: column {name} differs in {len(at)} of {len(a[name])} rows: "
                f"{check.describe(check.row_of(a, at[0]))}; {check.describe(check.row_of(b, at[0]))}")


# --------------------------------------------------------------------------------------------------------------------
# A writer of correct results, and what spoils them


def write_parts(folder, table, columns, total):
    """Deals rows to `total` workers in turn; each writes two files, in the order they have."""
    os.makedirs(folder)
    schema = pa.schema([pa.field(n, k) for n, k in columns], metadata={"frame": "0", "lattice_version": "1", "settings": "{}"})
    for w in range(total):
        mine = take(table, slice(w, None, total))
        half = len(mine["cell"]) // 2
        for i, rows in enumerate((slice(0, half), slice(half, None))):
            part = pa.table([pa.array(mine[n][rows], k) for n, k in columns], schema=schema)
            pq.write_table(part, f"{folder}/part-{w}-{i}.parquet", compression="zstd")


def write_summary(folder, command, map_, setting, more):
    """`setting` is (workers, processes, partition)."""
    workers, processes, partition = setting
    summary = {"command": command, "workers": workers, "processes": processes, "partition": partition,
               "map": {"cells": map_.cells, "open": map_.open, "bricks": 1}, "epochs": 0, "seconds": {"load": 0.1, "solve": 0.2, "write": 0.3},
               "epoch_micros": {"p50": 0, "p99": 0, "max": 0}, "peak_rss_bytes": 10**8, "bytes_written": 1, **more}
    with open(f"{folder}/summary.json", "w") as f:
        json.dump(summary, f)
    return summary


class Spoiler:
    """Ways to spoil a result: functions without arguments."""

    def __init__(self, out):
        self.out = out

    def edit(self, name, change, to=None):
        def spoil():
            pq.write_table(change(pq.read_table(f"{self.out}/{name}")), f"{self.out}/{to or name}", compression="zstd")
        return spoil

    def put(self, name, column, row, value):
        """Another value, or a function of the value, in one row."""
        def change(table):
            values = table[column].to_pylist()
            values[row] = value(values[row]) if callable(value) else value
            field = table.schema.field(column)
            return table.set_column(table.column_names.index(column), field, pa.array(values, field.type))
        return self.edit(name, change)

    def told(self, change):
        """A change of the summary in place."""
        def spoil():
            with open(f"{self.out}/summary.json") as f:
                summary = json.load(f)
            change(summary)
            with open(f"{self.out}/summary.json", "w") as f:
                json.dump(summary, f)
        return spoil

    def of_table(self, name):
        """What spoils any table: `name` is one of its files."""
        folder, out = name.split("/")[0], self.out
        kinds = {
            "row missing": self.edit(name, lambda t: t.slice(1)), "row twice": self.edit(name, lambda t: t.slice(0, 1), f"{folder}/part-9.parquet"),
            "row order": self.edit(name, lambda t: t.take(pa.array(list(range(len(t)))[::-1]))),
            "cell": self.put(name, "cell", 1, lambda v: v + 8), "place": self.put(name, "ly", 1, lambda v: v + 2),
            "type": self.edit(name, lambda t: t.set_column(t.column_names.index("lx"), "lx", t["lx"].cast(pa.int64()))),
            "column order": self.edit(name, lambda t: t.select(["lx", *(n for n in t.column_names if n != "lx")])),
            "codec": lambda: pq.write_table(pq.read_table(f"{out}/{name}"), f"{out}/{name}", compression="snappy"),
            "metadata": self.edit(name, lambda t: t.replace_schema_metadata({})), "half a file": lambda: os.truncate(f"{out}/{name}", 300),
            "file overlap": self.edit(name, lambda t: t, f"{folder}/part-8.parquet"), "no folder": lambda: shutil.rmtree(f"{out}/{folder}"),
        }
        return {f"{folder}: {kind}": spoil for kind, spoil in kinds.items()}


def refuses(spoils, write, accept, verbose):
    """Each spoilt result must be refused; `write` restores the correct one."""
    for name, spoil in spoils.items():
        write()
        spoil()
        try:
            accept()
        except Mismatch as problem:
            if verbose:
                print(f"  {name}: {problem}")
            continue
        raise AssertionError(f"not noticed: {name}")
    write()
    accept()
