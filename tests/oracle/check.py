"""Checks a result folder of `octaflow field` against the model in oracle.py, bit for bit.

    python check.py DIR --map M --source X,Y,Z … [--sources FILE] [--updates FILE] [--start T] [--label-sources] [--next]
                    [--unknown blocked|open] [--axes xyz|zyx] [--cell-size S] [--origin X,Y,Z]
                    [-w N] [-n N] [--partition P] [--json-output FILE] [--limit CELLS]

The flags are those of the run. `--updates -` reads the same CSV from stdin. `-w`, `-n`, `--partition` are compared with the
summary where given; `--json-output FILE` is what the run printed with `--json`, which must equal DIR/summary.json.
Exit status 0 if everything agrees, 1 with the first difference, 2 if the input itself is unusable or too big (see --limit).

`python check.py --selftest` writes correct results itself, accepts them, spoils each in turn and requires it to be refused.

Readings of the contract decided here
    * `field_changes/`: rows within a file ascend by (time, cell) or by (cell, time); rows of one time and cell in any order.
    * "files not overlapping within a worker": the closed ranges of the files can be dealt to as many workers as the run had
      without two of one worker overlapping. Ranges are of `cell`; in `field_changes/` of (time, cell).
    * `workers` of the summary is -w, or -w times -n; `epochs` counts the times of the updates, or these and the first solve.
      Which one it was is noted.
    * Beside field/, field_changes/ and summary.json only entries that begin with `.` or `_` may be in DIR.
    * "frame, lattice version and settings as key-value metadata": the metadata mention `frame` and `lattice` in a key or value.
"""

import argparse
import json
import math
import os
import shutil
import sys
import tempfile

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

import oracle

PARTITIONS = ("hash", "morton", "hilbert", "octant", "slab", "hybrid")


class Mismatch(Exception):
    """The first difference found."""


def require(condition, message):
    if not condition:
        raise Mismatch(message() if callable(message) else message)


# --------------------------------------------------------------------------------------------------------------------
# Reading what was published


def columns_of_field(sources, steps):
    out = [("cell", pa.int64()), ("lx", pa.int32()), ("ly", pa.int32()), ("lz", pa.int32()), ("distance", pa.float64())]
    if sources:
        out.append(("source", pa.int32()))
    if steps:
        out.append(("next", pa.int8()))
    return out


def parquet_files(folder):
    require(os.path.isdir(folder), f"{folder} is not there")
    out = []
    for name in sorted(os.listdir(folder)):
        path = os.path.join(folder, name)
        if name.startswith((".", "_")):
            continue
        require(os.path.isfile(path) and name.endswith(".parquet"), f"{path} is no Parquet file")
        out.append(path)
    return out


def read_file(path, columns, nullable=()):
    """One file as a dict of arrays, with its form checked. Columns that may have nulls are arrays of objects."""
    try:
        file = pq.ParquetFile(path)
        schema = file.schema_arrow
        table = file.read()
    except (pa.ArrowInvalid, OSError) as problem:
        raise Mismatch(f"{path} cannot be read: {problem}")
    require([f.name for f in schema] == [c for c, _ in columns],
            f"{path}: columns are {[f.name for f in schema]}, expected {[c for c, _ in columns]}")
    for name, kind in columns:
        require(schema.field(name).type == kind, f"{path}: column {name} is {schema.field(name).type}, expected {kind}")
    meta = file.metadata
    for g in range(meta.num_row_groups):
        for c in range(meta.num_columns):
            chunk = meta.row_group(g).column(c)
            if chunk.num_values:
                require(chunk.compression == "ZSTD", f"{path}: column {chunk.path_in_schema} is {chunk.compression}, not ZSTD")
                empty = chunk.path_in_schema in nullable and chunk.is_stats_set and chunk.statistics.null_count == chunk.num_values
                require(empty or chunk.is_stats_set and chunk.statistics.has_min_max,
                        f"{path}: column {chunk.path_in_schema} has no statistics")
    about = b" ".join(k + b" " + v for k, v in (meta.metadata or {}).items() if k != b"ARROW:schema").lower()
    require(b"frame" in about and b"lattice" in about, f"{path}: key-value metadata do not tell frame and lattice version")
    out = {}
    for name, _ in columns:
        if name in nullable:
            out[name] = np.empty(len(table), object)
            out[name][:] = table[name].to_pylist()
            continue
        require(table[name].null_count == 0, f"{path}: column {name} has nulls")
        out[name] = table[name].to_numpy()
    return out


def ascending(*columns):
    """Whether rows do not descend in the columns, most significant first. Returns the first bad row or None."""
    if len(columns[0]) < 2:
        return None
    less, equal = np.zeros(len(columns[0]) - 1, bool), np.ones(len(columns[0]) - 1, bool)
    for c in columns:
        less |= equal & (c[:-1] < c[1:])
        equal &= c[:-1] == c[1:]
    bad = np.flatnonzero(~(less | equal))
    return int(bad[0]) + 1 if len(bad) else None


def check_overlap(ranges, workers, folder):
    """Ranges (first, last, path): at no point more of them than workers."""
    open_ = []
    for first, last, path in sorted(ranges):
        open_ = [(l, p) for l, p in open_ if l >= first]
        open_.append((last, path))
        require(len(open_) <= workers, lambda: f"{folder}: {len(open_)} files overlap at {first}, which {workers} workers cannot "
                f"have written without overlap: {[os.path.basename(p) for _, p in open_]}")


def gather(parts, columns):
    if not parts:
        return {name: np.zeros(0, kind.to_pandas_dtype()) for name, kind in columns}
    return {name: np.concatenate([p[name] for p in parts]) for name, _ in columns}


def read_field(folder, sources, steps, workers):
    columns = columns_of_field(sources, steps)
    parts, ranges = [], []
    for path in parquet_files(folder):
        part = read_file(path, columns)
        bad = ascending(part["cell"])
        require(bad is None, f"{path}: row {bad} is not in the order of cell")
        if len(part["cell"]):
            ranges.append((int(part["cell"][0]), int(part["cell"][-1]), path))
        parts.append(part)
    check_overlap(ranges, workers, folder)
    return gather(parts, columns)


def read_changes(folder, sources, steps, workers):
    columns = [("time", pa.int64()), ("diff", pa.int32())] + columns_of_field(sources, steps)
    parts, ranges = [], []
    for path in parquet_files(folder):
        part = read_file(path, columns)
        bad = ascending(part["time"], part["cell"])
        if bad is not None and ascending(part["cell"], part["time"]) is not None:
            raise Mismatch(f"{path}: row {bad} is not in the order of time and cell")
        if len(part["cell"]):
            pairs = [(int(part["time"][i]), int(part["cell"][i])) for i in (0, -1)]
            ranges.append((min(pairs), max(pairs), path))
        parts.append(part)
    check_overlap(ranges, workers, folder)
    return gather(parts, columns)


# --------------------------------------------------------------------------------------------------------------------
# Comparing


def describe(row):
    return "{" + ", ".join(f"{k} {v!r}" for k, v in row.items()) + "}"


def row_of(table, i):
    return {k: v[i].item() for k, v in table.items()}


def expected_columns(field, cell_size, sources, steps):
    x, y, z = oracle.unpack(field.key)
    out = {"cell": field.cell, "lx": x.astype(np.int32), "ly": y.astype(np.int32), "lz": z.astype(np.int32),
           "distance": oracle.metres(field.ticks, cell_size)}
    if sources:
        out["source"] = field.source
    if steps:
        out["next"] = field.next
    return out


def compare(got, want, keys, what):
    """Both tables sorted by `keys`, which should be unique; the first difference by key, then by column."""
    n = min(len(got[keys[0]]), len(want[keys[0]]))
    differs = np.zeros(n, bool)
    for k in keys:
        differs |= got[k][:n] != want[k][:n]
    at = np.flatnonzero(differs)
    if len(at) or len(got[keys[0]]) != len(want[keys[0]]):
        i = int(at[0]) if len(at) else n
        key = lambda t: tuple(t[k][i].item() for k in keys) if i < len(t[keys[0]]) else None
        a, b = key(got), key(want)
        count = f"{what}: {len(got[keys[0]])} rows, expected {len(want[keys[0]])}; "
        if b is None or (a is not None and a < b):
            again = i > 0 and all(got[k][i] == got[k][i - 1] for k in keys)
            raise Mismatch(count + f"the first row {'that is there twice' if again else 'too many'} is {describe(row_of(got, i))}")
        raise Mismatch(count + f"the first missing row is {describe(row_of(want, i))}")
    for name in want:
        a, b = got[name], want[name]
        if a.dtype.kind == "f":
            a, b = a.view(np.int64), b.view(np.int64)
        at = np.flatnonzero(a != b)
        if len(at):
            i = int(at[0])
            raise Mismatch(f"{what}: column {name} differs in {len(at)} of {len(a)} rows; first at "
                           f"{describe(row_of(got, i))}, expected {describe(row_of(want, i))}")


def check_field(folder, expected, workers):
    got = read_field(folder, expected.sources_shown, expected.steps_shown, workers)
    order = np.argsort(got["cell"], kind="stable")
    got = {k: v[order] for k, v in got.items()}
    want = expected_columns(expected.field, expected.map.frame.cell_size, expected.sources_shown, expected.steps_shown)
    compare(got, want, ["cell"], "field/")
    return got


def check_changes(folder, expected, workers, field):
    got = read_changes(folder, expected.sources_shown, expected.steps_shown, workers)
    order = np.lexsort((got["diff"], got["cell"], got["time"]))
    got = {k: v[order] for k, v in got.items()}
    require(np.isin(got["diff"], (-1, 1)).all(), "field_changes/: a diff that is neither 1 nor -1")
    parts = []
    for time, gone, come in expected.changes:
        for rows, diff in ((gone, -1), (come, 1)):
            part = {"time": np.full(len(rows), time, np.int64), "diff": np.full(len(rows), diff, np.int32)}
            part.update(expected_columns(rows, expected.map.frame.cell_size, expected.sources_shown, expected.steps_shown))
            parts.append(part)
    want = {k: np.concatenate([p[k] for p in parts]) for k in parts[0]}
    order = np.lexsort((want["diff"], want["cell"], want["time"]))
    want = {k: v[order] for k, v in want.items()}
    compare(got, want, ["time", "cell", "diff"], "field_changes/")
    # and, as published: accumulated over all times it is field/
    names = list(field)
    bits = lambda t, n: t[n].view(np.int64) if t[n].dtype.kind == "f" else t[n].astype(np.int64)
    order = np.lexsort([bits(got, n) for n in reversed(names)])
    if len(order):
        rows = np.stack([bits(got, n)[order] for n in names], axis=1)
        new = np.concatenate([[True], (rows[1:] != rows[:-1]).any(axis=1)])
        total = np.add.reduceat(got["diff"][order].astype(np.int64), np.flatnonzero(new))
        rows = rows[new]
        require(np.isin(total, (0, 1)).all(), "field_changes/: a row is there more than once, or less than never, when all is summed")
        rows = rows[total == 1]
    else:
        rows = np.zeros((0, len(names)), np.int64)
    final = np.stack([bits(field, n) for n in names], axis=1)
    require(rows.shape == final.shape and (rows == final).all(), "field_changes/ does not add up to field/")


def number(value, what, whole=True):
    require(isinstance(value, (int, float)) and not isinstance(value, bool) and math.isfinite(value) and value >= 0,
            f"summary: {what} is {value!r}")
    require(not whole or isinstance(value, int), f"summary: {what} is {value!r}, not a whole number")
    return value


def check_percentiles(micros, what):
    require(isinstance(micros, dict) and {"p50", "p99", "max"} <= set(micros), f"summary: {what} is {micros!r}")
    p50, p99, most = (number(micros[k], f"{what}.{k}", whole=False) for k in ("p50", "p99", "max"))
    require(p50 <= p99 <= most, f"summary: {what} {micros} do not ascend")


def nothing_timed(micros):
    return micros is None or isinstance(micros, dict) and all(micros.get(k) is None for k in ("p50", "p99", "max"))


def check_summary(folder, command, map_, times, workers=None, processes=None, partition=None, printed=None):
    """What all commands have in common; `times` are the epochs of the updates. Returns (summary, total workers, notes)."""
    notes = []
    path = os.path.join(folder, "summary.json")
    require(os.path.isfile(path), f"{path} is not there")
    with open(path, "rb") as f:
        raw = f.read()
    try:
        summary = json.loads(raw)
    except ValueError as problem:
        raise Mismatch(f"{path}: {problem}")
    require(isinstance(summary, dict), f"{path} is not one object")
    if printed is not None:
        try:
            shown = json.loads(printed)
        except ValueError as problem:
            raise Mismatch(f"--json printed no JSON object: {problem}: {printed[:200]!r}")
        require(shown == summary, f"--json printed {shown}, but summary.json has {summary}")
    for name in ("command", "workers", "processes", "partition", "map", "epochs", "seconds", "epoch_micros", "peak_rss_bytes",
                 "bytes_written"):
        require(name in summary, f"summary: no field {name}")
    require(summary["command"] == command, f"summary: command is {summary['command']!r}")
    w, n = number(summary["workers"], "workers"), number(summary["processes"], "processes")
    require(w >= 1 and n >= 1, f"summary: workers {w}, processes {n}")
    if processes is not None:
        require(n == processes, f"summary: processes is {n}, expected {processes}")
    if workers is not None:
        require(w in (workers, workers * n), f"summary: workers is {w}, expected {workers}")
        if n > 1 and w == workers * n:
            notes.append("`workers` is of all processes")
    total = (workers if workers is not None else w) * n
    require(summary["partition"] in PARTITIONS, f"summary: partition is {summary['partition']!r}")
    if partition is not None:
        require(summary["partition"] == partition, f"summary: partition is {summary['partition']!r}, expected {partition!r}")
    for name, value in (("cells", map_.cells), ("open", map_.open)):
        require(name in summary["map"], f"summary: map has no {name}")
        got = number(summary["map"][name], f"map.{name}")
        require(got == value, f"summary: map.{name} is {got}, expected {value}")
    require("bricks" in summary["map"], "summary: map has no bricks")
    bricks = number(summary["map"]["bricks"], "map.bricks")
    require(1 <= bricks <= max(1, map_.cells), f"summary: map.bricks is {bricks}")
    epochs = number(summary["epochs"], "epochs")
    require(epochs in (times, times + 1), f"summary: epochs is {epochs}, expected {times}")
    notes.append("`epochs` counts the first solve" if epochs == times + 1 else "`epochs` does not count the first solve")
    for name in ("load", "solve", "write"):
        require(name in summary["seconds"], f"summary: seconds has no {name}")
        number(summary["seconds"][name], f"seconds.{name}", whole=False)
    if times or not nothing_timed(summary["epoch_micros"]):
        check_percentiles(summary["epoch_micros"], "epoch_micros")
    require(number(summary["peak_rss_bytes"], "peak_rss_bytes") > 1_000_000, f"summary: peak_rss_bytes is {summary['peak_rss_bytes']}")
    require(number(summary["bytes_written"], "bytes_written") > 0, "summary: bytes_written is 0")
    sizes = {}
    for where, _, names in os.walk(folder):
        for name in names:
            p = os.path.join(where, name)
            sizes[os.path.relpath(p, folder)] = os.path.getsize(p)
    parquet = sum(s for p, s in sizes.items() if p.endswith(".parquet"))
    if summary["bytes_written"] not in (parquet, sum(sizes.values())):
        notes.append(f"bytes_written is {summary['bytes_written']}, files are {parquet} (Parquet) of {sum(sizes.values())}")
    return summary, total, notes


def check_entries(folder, may):
    for name in sorted(os.listdir(folder)):
        require(name in may or name.startswith((".", "_")), f"{folder}: unexpected entry {name}")


def check_result(folder, expected, workers=None, processes=None, partition=None, printed=None, summary=True):
    """Everything. Raises Mismatch; returns notes."""
    require(os.path.isdir(folder), f"{folder} is not there")
    check_entries(folder, {"field", "summary.json"} | ({"field_changes"} if expected.epochs is not None else set()))
    total, notes = (workers or 64) * (processes or 1), []
    if summary:
        told, total, notes = check_summary(folder, "field", expected.map, len(expected.epochs or []), workers, processes,
                                           partition, printed)
        require(number(told.get("reached"), "reached") == len(expected.field),
                f"summary: reached is {told['reached']}, expected {len(expected.field)}")
    field = check_field(os.path.join(folder, "field"), expected, total)
    if expected.epochs is not None:
        check_changes(os.path.join(folder, "field_changes"), expected, total, field)
    return notes


# --------------------------------------------------------------------------------------------------------------------
# The flags of a run


def run_parser(command):
    """The flags that every command's run and its check have in common."""
    p = argparse.ArgumentParser(description=f"Checks a result of octaflow {command}.", add_help=True, allow_abbrev=False)
    p.add_argument("dir")
    p.add_argument("--map", required=True)
    p.add_argument("--unknown", choices=("blocked", "open"), default="blocked")
    p.add_argument("--axes", choices=("xyz", "zyx"), default="xyz")
    p.add_argument("--cell-size", type=float)
    p.add_argument("--origin")
    p.add_argument("--updates")
    p.add_argument("--start", type=int, default=0)
    p.add_argument("-w", type=int)
    p.add_argument("-n", type=int)
    p.add_argument("--partition")
    p.add_argument("--json-output")
    p.add_argument("--limit", type=int, default=60_000_000)
    return p


def parser():
    p = run_parser("field")
    p.add_argument("--source", action="append", default=[])
    p.add_argument("--sources")
    p.add_argument("--label-sources", action="store_true")
    p.add_argument("--next", action="store_true")
    return p


def map_of(args):
    return oracle.read_map(args.map, args.unknown, args.axes, args.cell_size,
                           oracle.parse_position(args.origin) if args.origin else None, args.limit)


def epochs_of(args, kinds=oracle.KINDS):
    """The epochs of --updates, if any; `-` is standard input."""
    if args.updates != "-":
        return oracle.read_updates(args.updates, args.start, kinds) if args.updates else None
    with tempfile.NamedTemporaryFile(suffix=".csv") as copy:
        shutil.copyfileobj(sys.stdin.buffer, copy)
        copy.flush()
        return oracle.read_updates(copy.name, args.start, kinds)


def expect(args, epochs=None):
    """What a run with these flags must publish; `epochs` if they have been read already."""
    map_ = map_of(args)
    sources = [oracle.parse_position(s) for s in args.source]
    if args.sources:
        sources += oracle.read_sources(args.sources)
    epochs = epochs_of(args) if epochs is None else epochs
    return oracle.Expected(map_, sources, epochs, args.start, args.label_sources, args.next)


def joined(argv):
    """Values which begin with a minus, as positions may, joined to their flag for argparse."""
    out = []
    for a in argv:
        if out and out[-1] in ("--source", "--origin", "--start") and a.startswith("-"):
            out[-1] += "=" + a
        else:
            out.append(a)
    return out


def main(argv):
    args = parser().parse_args(joined(argv))
    try:
        expected = expect(args)
    except (oracle.Invalid, oracle.TooBig, oracle.Overflow) as problem:
        print(f"cannot check: {problem}", file=sys.stderr)
        return 2
    printed = None
    if args.json_output:
        with open(args.json_output, encoding="utf-8") as f:
            printed = f.read()
    try:
        notes = check_result(args.dir, expected, args.w, args.n, args.partition, printed)
    except Mismatch as problem:
        print(f"DIFFERS: {problem}")
        return 1
    print(f"agrees: {expected.map.cells} cells, {expected.map.open} open, {len(expected.field)} reached"
          + (f", {len(expected.epochs)} epochs" if expected.epochs is not None else "") + "".join(f"; note: {n}" for n in notes))
    return 0


# --------------------------------------------------------------------------------------------------------------------
# A writer of correct results, for the self test and for trying the harness without the program


def write_result(folder, expected, workers=1, processes=1, partition="hash"):
    """Publishes `expected` as the program would. Returns the summary."""
    shutil.rmtree(folder, ignore_errors=True)
    size = expected.map.frame.cell_size
    shown = (expected.sources_shown, expected.steps_shown)
    meta = {"frame": "0", "lattice_version": "1", "settings": "{}"}

    def write(path, table, columns):
        os.makedirs(os.path.dirname(path), exist_ok=True)
        schema = pa.schema([pa.field(n, k) for n, k in columns], metadata=meta)
        pq.write_table(pa.table([pa.array(table[n], k) for n, k in columns], schema=schema), path, compression="zstd")

    field = expected_columns(expected.field, size, *shown)
    total = workers * processes
    for w in range(total):
        mine = {k: v[w::total] for k, v in field.items()}
        half = len(mine["cell"]) // 2
        for i, part in enumerate((slice(0, half), slice(half, None))):
            write(f"{folder}/field/part-{w}-{i}.parquet", {k: v[part] for k, v in mine.items()}, columns_of_field(*shown))
    if expected.epochs is not None:
        columns = [("time", pa.int64()), ("diff", pa.int32())] + columns_of_field(*shown)
        for number_, (time, gone, come) in enumerate(expected.changes):
            tables = []
            for rows, diff in ((gone, -1), (come, 1)):
                t = {"time": np.full(len(rows), time, np.int64), "diff": np.full(len(rows), diff, np.int32)}
                t.update(expected_columns(rows, size, *shown))
                tables.append(t)
            both = {k: np.concatenate([t[k] for t in tables]) for k in tables[0]}
            order = np.argsort(both["cell"], kind="stable")
            both = {k: v[order] for k, v in both.items()}
            write(f"{folder}/field_changes/part-0-{number_}.parquet", both, columns)
    summary = {"command": "field", "workers": workers, "processes": processes, "partition": partition,
               "map": {"cells": expected.map.cells, "open": expected.map.open, "bricks": 1}, "reached": len(expected.field),
               "epochs": len(expected.epochs or []), "seconds": {"load": 0.1, "solve": 0.2, "write": 0.3},
               "epoch_micros": {"p50": 1, "p99": 2, "max": 3}, "peak_rss_bytes": 10**8, "bytes_written": 1}
    with open(f"{folder}/summary.json", "w") as f:
        json.dump(summary, f)
    return summary


def selftest():
    base = tempfile.mkdtemp()
    rng = np.random.default_rng(5)
    np.save(f"{base}/m.npy", rng.choice([0.0, 1.0, 1.0, 2.5], (6, 6, 6)))
    map_ = oracle.read_map(f"{base}/m.npy", cell_size=0.3)
    cells = list(zip(*oracle.unpack(map_.keys)))
    sources = [map_.frame.position(cells[i]) for i in (3, 50)]
    epochs = [(4, [("cost", map_.frame.position(cells[9]), 0), ("voxel", map_.frame.position((4, 4, 4)), 300)]),
              (9, [("source-", sources[0], None)]), (10, [("cost", map_.frame.position(cells[9]), 0)])]
    out = f"{base}/out"
    expected = oracle.Expected(map_, sources, epochs, 2, True, True)
    plain = oracle.Expected(map_, sources)

    write_result(out, plain, 3)
    check_result(out, plain, 3, 1, "hash")
    write_result(out, expected, 2)
    check_result(out, expected, 2, 1, "hash")

    def edit(name, change, to=None):
        def spoil():
            path = f"{out}/{name}"
            table = pq.read_table(path)
            new = change(table)
            pq.write_table(new, f"{out}/{to or name}", compression="zstd")
        return spoil

    def put(table, column, row, value):
        at = table.column_names.index(column)
        array = table[column].to_numpy().copy()
        array[row] = value
        return table.set_column(at, table.schema.field(column), pa.array(array, table.schema.field(column).type))

    first, change = "field/part-0-0.parquet", "field_changes/part-0-1.parquet"

    def json_edit(**new):
        def spoil():
            with open(f"{out}/summary.json") as f:
                s = json.load(f)
            for k, v in new.items():
                if v is None:
                    s.pop(k)
                else:
                    s[k] = v
            with open(f"{out}/summary.json", "w") as f:
                json.dump(s, f)
        return spoil

    def rewrite(**options):
        def spoil():
            table = pq.read_table(f"{out}/{first}")
            pq.write_table(table, f"{out}/{first}", **options)
        return spoil

    spoils = {
        "one bit of a distance": edit(first, lambda t: put(t, "distance", 4, np.nextafter(t["distance"][4].as_py(), 9e9))),
        "source": edit(first, lambda t: put(t, "source", 4, 7)),
        "next": edit(first, lambda t: put(t, "next", 4, 13 if t["next"][4].as_py() != 13 else 12)),
        "coordinate": edit(first, lambda t: put(t, "ly", 4, 11)),
        "row missing": edit(first, lambda t: t.slice(1)),
        "row twice": edit(first, lambda t: t.slice(0, 1), "field/part-9.parquet"),
        "row order": edit(first, lambda t: t.take(pa.array(list(range(len(t)))[::-1]))),
        "file overlap": edit(first, lambda t: t, "field/part-7.parquet"),
        "foreign file": lambda: open(f"{out}/field/x.tmp", "w").close(),
        "foreign folder": lambda: os.mkdir(f"{out}/old"),
        "type": edit(first, lambda t: t.set_column(1, "lx", t["lx"].cast(pa.int64()))),
        "column order": edit(first, lambda t: t.select(["lx", "cell", "ly", "lz", "distance", "source", "next"])),
        "codec": rewrite(compression="snappy"),
        "statistics": rewrite(compression="zstd", write_statistics=False),
        "metadata": edit(first, lambda t: t.replace_schema_metadata({})),
        "change missing": edit(change, lambda t: t.slice(1)),
        "change twice": edit(change, lambda t: pa.concat_tables([t.slice(0, 1), t])),
        "change time": edit(change, lambda t: put(t, "time", 0, 3)),
        "change diff": edit(change, lambda t: put(t, "diff", 0, -t["diff"][0].as_py())),
        "not consolidated": edit("field_changes/part-0-2.parquet", lambda t: put(pa.concat_tables([t, t.slice(0, 1)]), "diff", len(t), 1)),
        "half a file": lambda: os.truncate(f"{out}/{first}", 300),
        "changes missing": lambda: shutil.rmtree(f"{out}/field_changes"),
        "no summary": lambda: os.remove(f"{out}/summary.json"),
        "cells": json_edit(map={"cells": map_.cells + 1, "open": map_.open, "bricks": 1}),
        "open": json_edit(map={"cells": map_.cells, "open": map_.open - 1, "bricks": 1}),
        "reached": json_edit(reached=3), "epochs": json_edit(epochs=9), "command": json_edit(command="route"),
        "workers": json_edit(workers=5), "partition": json_edit(partition="slab"), "no seconds": json_edit(seconds={}),
        "no field": json_edit(bytes_written=None), "negative": json_edit(peak_rss_bytes=-1),
        "percentiles": json_edit(epoch_micros={"p50": 5, "p99": 2, "max": 3}),
    }
    for name, spoil in spoils.items():
        write_result(out, expected, 2)
        spoil()
        try:
            check_result(out, expected, 2, 1, "hash")
        except Mismatch as problem:
            if "-v" in sys.argv:
                print(f"  {name}: {problem}")
            continue
        raise AssertionError(f"not noticed: {name}")
    shutil.rmtree(base)
    print(f"check: self test passed ({len(spoils)} spoilt results refused)")


if __name__ == "__main__":
    if sys.argv[1:2] == ["--selftest"]:
        selftest()
    else:
        sys.exit(main(sys.argv[1:]))
