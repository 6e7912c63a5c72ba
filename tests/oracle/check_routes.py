"""Checks a result folder of `octaflow route` against the model in routes.py.

    python check_routes.py DIR --map M [--query SX,SY,SZ,GX,GY,GZ …] [--queries FILE] [--updates FILE] [--start T]
                    [--mode exact|corridor] [--smooth] [--unknown blocked|open] [--axes xyz|zyx] [--cell-size S] [--origin X,Y,Z]
                    [-w N] [-n N] [--partition P] [--json-output FILE] [--limit CELLS]

The flags are those of the run, as for check.py. Exit status 0 if everything agrees, 1 with the first difference, 2 if the input
itself is unusable.

Exact mode: cost, lower_bound, cells and every column of route_cells/ are compared bit for bit, after the last epoch and, by
adding routes_changes/ up, at every time. Corridor mode: status bit for bit; lower_bound <= optimum <= cost <= 1.05 optimum at
every time; the cells of route_cells/ are neighbours, open, lead from start to goal and add up to cost and cost_so_far.
Both: smooth_length is at least the distance of the ends as the crow flies and at most the length of the route's cells.

`python check_routes.py --selftest` writes correct results itself, accepts them, spoils each in turn and requires it to be refused.

Readings of the contract decided here, beside those of check.py and routes.py
    * Rows of routes/ ascend by query, of route_cells/ by (query, seq), of routes_changes/ by (time, query) or (query, time);
      those are also the keys of which files of one worker do not overlap.
    * With --smooth routes_changes/ has smooth_length too. Cost, lower_bound and smooth_length are null where there is no route.
    * route_cells/ `query` is INT64 as in routes/.
    * `reached` of the summary may be anything. `queries` counts the queries that stand at the end; where none does
      `query_micros` may be null.
"""

import json
import math
import os
import shutil
import struct
import sys
import tempfile
from collections import Counter

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

import check
import oracle
import routes
from check import Mismatch, require

NULLABLE = ("cost", "lower_bound", "smooth_length")
STATUSES = ("found", "unreachable", "invalid")
CELLS = [("query", pa.int64()), ("seq", pa.int32()), ("cell", pa.int64()), ("lx", pa.int32()), ("ly", pa.int32()),
         ("lz", pa.int32()), ("cost_so_far", pa.float64())]
BENDS = CELLS[:-1] + [("length_so_far", pa.float64())]
UNTOLD = ("brick_visits", "micros")  # the columns that may differ from run to run


def columns_of_routes(smooth):
    return ([("query", pa.int64()), ("status", pa.string()), ("cost", pa.float64()), ("lower_bound", pa.float64())]
            + ([("smooth_length", pa.float64())] if smooth else [])
            + [("cells", pa.int32()), ("brick_visits", pa.int64()), ("micros", pa.int64())])


def columns_of_changes(smooth):
    return [("time", pa.int64()), ("diff", pa.int32())] + columns_of_routes(smooth)[:-2]


# --------------------------------------------------------------------------------------------------------------------
# Reading what was published


def read_rows(folder, columns, workers, *orders):
    """Rows of all files as dicts; those of a file ascend by one of the `orders`."""
    rows, ranges = [], []
    for path in check.parquet_files(folder):
        part = check.read_file(path, columns, NULLABLE)
        lists = {n: [v.item() if isinstance(v, np.generic) else v for v in part[n]] for n, _ in columns}
        bad = [check.ascending(*(part[n] for n in order)) for order in orders]
        require(None in bad, lambda: f"{path}: row {bad[0]} is not in the order of {' and '.join(orders[0])}")
        mine = [dict(zip(lists, row)) for row in zip(*lists.values())]
        if mine:
            keys = [tuple(r[n] for n in orders[0]) for r in mine]
            ranges.append((min(keys), max(keys), path))
        rows += mine
    check.check_overlap(ranges, workers, folder)
    return rows


def fixed(row):
    """A row without what may differ from run to run, doubles by their bits."""
    return tuple((n, struct.pack("<d", v) if isinstance(v, float) else v) for n, v in row.items() if n not in UNTOLD)


class Result:
    """What a run has published: `routes` {query: row}, `cells` {query: rows}, `moments` {time: {query: row}} or None."""

    def __init__(self, folder, smooth, changes, workers):
        self.routes = by_query(read_rows(os.path.join(folder, "routes"), columns_of_routes(smooth), workers, ("query",)), "routes/")
        self.cells = {}
        for row in sorted(read_rows(os.path.join(folder, "route_cells"), CELLS, workers, ("query", "seq")),
                          key=lambda r: (r["query"], r["seq"])):
            self.cells.setdefault(row["query"], []).append(row)
        self.bends = {}
        path = os.path.join(folder, "smooth_cells")
        if os.path.isdir(path):
            for row in sorted(read_rows(path, BENDS, workers, ("query", "seq")), key=lambda r: (r["query"], r["seq"])):
                self.bends.setdefault(row["query"], []).append(row)
        self.moments = None
        if changes:
            self.moments = accumulated(read_rows(os.path.join(folder, "routes_changes"), columns_of_changes(smooth), workers,
                                                 ("time", "query"), ("query", "time")))


def by_query(rows, what):
    out = {r["query"]: r for r in rows}
    for query, count in Counter(r["query"] for r in rows).items():
        require(count == 1, f"{what}: {count} rows of query {query}")
    return out


def accumulated(rows):
    """The changes added up to each of their times, each time consolidated."""
    state, moments, by_time = {}, {}, {}
    for row in rows:
        by_time.setdefault(row["time"], []).append(row)
    for time in sorted(by_time):
        seen = set()
        for row in by_time[time]:
            require(row["diff"] in (1, -1), f"routes_changes/: diff {row['diff']} at {check.describe(row)}")
            said = {n: v for n, v in row.items() if n not in ("time", "diff")}
            require(fixed(said) not in seen, f"routes_changes/: not consolidated: twice at time {time}: {check.describe(said)}")
            seen.add(fixed(said))
        for row in sorted(by_time[time], key=lambda r: r["diff"]):
            said = {n: v for n, v in row.items() if n not in ("time", "diff")}
            if row["diff"] > 0:
                require(fixed(said) not in state, f"routes_changes/: added at {time} though it stands: {check.describe(said)}")
                state[fixed(said)] = said
            else:
                require(state.pop(fixed(said), None) is not None,
                        f"routes_changes/: taken away at {time} though it does not stand: {check.describe(said)}")
        moments[time] = by_query(state.values(), f"routes_changes/ up to time {time}")
    return moments


# --------------------------------------------------------------------------------------------------------------------
# Comparing


def metres(ticks, cell_size):
    return float(oracle.metres(np.array([ticks]), cell_size)[0])


def same(a, b):
    return isinstance(a, float) and struct.pack("<d", a) == struct.pack("<d", b)


def sound(value, what):
    require(isinstance(value, float) and math.isfinite(value) and value >= 0, f"{what} is {value!r}")
    return value


def check_row(row, ends, answer, frame, mode, smooth, what):
    """One query's row against the model's answer."""
    what = f"{what}: query {row['query']} from {ends[0]} to {ends[1]}"
    require(row["status"] == answer.status, f"{what}: status is {row['status']!r}, expected {answer.status!r}")
    if answer.status != "found":
        for name in NULLABLE:
            require(row.get(name) is None, f"{what}: {name} is {row.get(name)!r} though it is {answer.status}")
        require(row["cells"] == 0, f"{what}: cells is {row['cells']} though it is {answer.status}")
        return
    best = metres(answer.ticks, frame.cell_size)
    cost, bound = (sound(row[n], f"{what}: {n}") for n in ("cost", "lower_bound"))
    if mode == "exact":
        require(same(cost, best), f"{what}: cost is {cost!r}, expected {best!r}")
        require(same(bound, best), f"{what}: lower_bound is {bound!r}, expected {best!r}")
        require(row["cells"] == len(answer.cells), f"{what}: cells is {row['cells']}, expected {len(answer.cells)}")
    require(bound <= best, f"{what}: lower_bound {bound!r} is above the optimum {best!r}")
    require(best <= cost, f"{what}: cost {cost!r} is below the optimum {best!r}")
    require(cost <= 1.05 * best * (1 + 1e-12), lambda: f"{what}: cost {cost!r} is {cost / best if best else math.inf} of the optimum {best!r}")
    require(row["cells"] >= 1, f"{what}: cells is {row['cells']}")
    if smooth:
        length = sound(row["smooth_length"], f"{what}: smooth_length")
        straight = math.dist(*ends) * frame.cell_size / 2
        require(length >= straight * (1 - 1e-9), f"{what}: smooth_length {length!r} is less than the distance {straight!r}")
        if mode == "exact":
            along = answer.length(frame.cell_size)
            require(length <= along * (1 + 1e-9), f"{what}: smooth_length {length!r} is more than its cells' length {along!r}")


def check_cells(row, cells, ends, answer, moment, frame, mode, smooth):
    """The cells of one query: a way by itself, and in exact mode the model's."""
    what = f"route_cells/: query {row['query']} from {ends[0]} to {ends[1]}"
    require(len(cells) == row["cells"], f"{what}: {len(cells)} rows, but cells is {row['cells']}")
    require([c["seq"] for c in cells] == list(range(len(cells))), f"{what}: seq is not 0, 1, 2, …")
    if not cells:
        return
    places = [(c["lx"], c["ly"], c["lz"]) for c in cells]
    for end, at in ((0, 0), (1, -1)):
        require(places[at] == ends[end], f"{what}: its {'last' if end else 'first'} cell is {places[at]}")
    ticks = 0
    for n, (place, c) in enumerate(zip(places, cells)):
        require(all(0 <= v <= oracle.MAX_COORDINATE for v in place) and len({v % 2 for v in place}) == 1,
                f"{what}: seq {n} is {place}, no cell")
        key = int(oracle.pack(*place))
        bits = int(oracle.index64(np.array([key]))[0])
        require(c["cell"] == bits, f"{what}: seq {n}: cell is {c['cell']}, expected {bits} of {place}")
        require(moment.cost(key) > 0, f"{what}: seq {n} is {place}, which is blocked")
        if n:
            before = int(oracle.pack(*places[n - 1]))
            step = routes.weight(before, key, moment.cost(before), moment.cost(key))
            require(step is not None, f"{what}: seq {n}: {places[n - 1]} to {place} is no step")
            ticks += step
        if mode == "exact":
            want = tuple(int(v) for v in oracle.unpack(answer.cells[n]))
            require(place == want, f"{what}: seq {n} is {place}, the walk back has {want}")
        require(same(c["cost_so_far"], metres(ticks, frame.cell_size)),
                f"{what}: seq {n}: cost_so_far is {c['cost_so_far']!r}, expected {metres(ticks, frame.cell_size)!r}")
    require(same(row["cost"], metres(ticks, frame.cell_size)),
            f"{what}: cost is {row['cost']!r}, its cells add up to {metres(ticks, frame.cell_size)!r}")
    if smooth:
        along = routes.Answer("found", ticks, [int(oracle.pack(*p)) for p in places]).length(frame.cell_size)
        require(row["smooth_length"] <= along * (1 + 1e-9),
                f"{what}: smooth_length {row['smooth_length']!r} is more than its cells' length {along!r}")


def nearest(point):
    """The cell whose Voronoi cell holds a point in lattice units well inside, or None near a border."""
    even = [2 * round(c / 2) for c in point]
    odd = [2 * round((c - 1) / 2) + 1 for c in point]
    far = [math.dist(point, cell) for cell in (even, odd)]
    # Within a lattice of one parity the borders are those of cubes.
    middle = [abs(abs(c - v) - 1) < 1e-6 for c, v in zip(point, even if far[0] < far[1] else odd)]
    return None if abs(far[0] - far[1]) < 1e-6 or any(middle) else tuple(even if far[0] < far[1] else odd)


def check_bends(row, bends, ends, moment, frame):
    """The line of one query: from its start to its goal, through open cells alone, as long as it is said to be."""
    what = f"smooth_cells/: query {row['query']} from {ends[0]} to {ends[1]}"
    require([b["seq"] for b in bends] == list(range(len(bends))), f"{what}: seq is not 0, 1, 2, …")
    require((row["status"] == "found") == bool(bends), f"{what}: {row['status']}, with {len(bends)} rows")
    if not bends:
        return
    places = [(b["lx"], b["ly"], b["lz"]) for b in bends]
    require((places[0], places[-1]) == tuple(map(tuple, ends)), f"{what}: it leads from {places[0]} to {places[-1]}")
    length = 0.0
    for n, (place, b) in enumerate(zip(places, bends)):
        key = int(oracle.pack(*place))
        require(b["cell"] == int(oracle.index64(np.array([key]))[0]), f"{what}: seq {n}: cell is not that of {place}")
        require(moment.cost(key) > 0, f"{what}: seq {n} is {place}, which is blocked")
        if n:
            leg = math.dist(places[n - 1], place)
            length += leg * frame.cell_size / 2
            require(leg > 0, f"{what}: seq {n} is seq {n - 1} again")
            for t in np.linspace(0, 1, int(24 * leg) + 2):
                at = nearest([p + t * (q - p) for p, q in zip(places[n - 1], place)])
                require(at is None or moment.cost(int(oracle.pack(*at))) > 0, lambda: f"{what}: the leg to seq {n} passes {at}, which is blocked")
        if n > 1:
            one, two = (np.subtract(places[n - k], places[n - k - 1]) for k in (1, 0))
            require(np.cross(one, two).any() or np.dot(one, two) < 0, f"{what}: the line does not bend at seq {n - 1}")
        require(abs(b["length_so_far"] - length) <= 1e-9 * max(length, 1e-300), f"{what}: seq {n}: length_so_far is {b['length_so_far']!r}, expected {length!r}")
    require(bends[-1]["length_so_far"] == row["smooth_length"], f"{what}: it is {bends[-1]['length_so_far']!r} long, smooth_length is {row['smooth_length']!r}")


def check_moment(rows, moment, frame, mode, smooth, what):
    odd = sorted(set(rows) ^ set(moment.queries))
    if odd:
        raise Mismatch(f"{what}: query {odd[0]} " + ("is there, though it does not stand" if odd[0] in rows else "is missing"))
    for query in sorted(rows):
        check_row(rows[query], moment.queries[query], moment.answers[query], frame, mode, smooth, what)


def check_changes(result, expected, mode, smooth):
    due = [m.time for m in expected.moments]
    for time in result.moments:
        require(time in due, f"routes_changes/: time {time} is no epoch's")
    rows = {}
    for moment in expected.moments:
        rows = result.moments.get(moment.time, rows)
        check_moment(rows, moment, expected.map.frame, mode, smooth, f"routes_changes/ up to time {moment.time}")
    for query, row in result.routes.items():
        require(dict(fixed(rows[query])) == dict(fixed(row)), f"routes_changes/ adds up to {check.describe(rows[query])}, "
                f"routes/ has {check.describe(row)}")


def check_summary(folder, expected, *about):
    """As check.check_summary, of which it returns the last two."""
    told, total, notes = check.check_summary(folder, "route", expected.map, len(expected.epochs or []), *about)
    counts = Counter(a.status for a in expected.final.answers.values())
    want = {s: counts[s] for s in STATUSES}
    require(told.get("queries") == want, f"summary: queries is {told.get('queries')}, expected {want}")
    require("query_micros" in told, "summary: no field query_micros")
    if counts or not check.nothing_timed(told["query_micros"]):
        check.check_percentiles(told["query_micros"], "query_micros")
    return total, notes


def check_result(folder, expected, mode="exact", smooth=False, workers=None, processes=None, partition=None, printed=None,
                 summary=True):
    """Everything. Raises Mismatch; returns the result and notes."""
    require(os.path.isdir(folder), f"{folder} is not there")
    changes = expected.epochs is not None
    check.check_entries(folder, {"routes", "route_cells", "summary.json"} | ({"routes_changes"} if changes else set())
                        | ({"smooth_cells"} if smooth else set()))
    total, notes = (workers or 64) * (processes or 1), []
    if summary:
        total, notes = check_summary(folder, expected, workers, processes, partition, printed)
    result, frame, final = Result(folder, smooth, changes, total), expected.map.frame, expected.final
    check_moment(result.routes, final, frame, mode, smooth, "routes/")
    for query, row in result.routes.items():
        for name in UNTOLD:
            require(row[name] >= 0, f"routes/: query {query}: {name} is {row[name]}")
        check_cells(row, result.cells.get(query, []), final.queries[query], final.answers[query], final, frame, mode, smooth)
        if result.bends:
            check_bends(row, result.bends.get(query, []), final.queries[query], final, frame)
    require(not set(result.bends) - set(result.routes), "smooth_cells/: rows of a query that does not stand")
    stray = sorted(set(result.cells) - set(result.routes))
    require(not stray, lambda: f"route_cells/: rows of query {stray[0]}, which does not stand")
    if changes:
        check_changes(result, expected, mode, smooth)
    return result, notes


def equal_rows(a, b, what):
    """Rows {query: row}, all columns that do not differ from run to run."""
    for query in sorted(set(a) | set(b)):
        x, y = (fixed(t[query]) if query in t else None for t in (a, b))
        require(x == y, lambda: f"{what}: " + "; ".join(check.describe(t[query]) if query in t else f"no query {query}" for t in (a, b)))


def equal_results(a, b, what, changes=True):
    """Two results of the same questions: the same bits."""
    equal_rows(a.routes, b.routes, f"{what}: routes/ differs")
    for query in sorted(set(a.cells) | set(b.cells)):
        for x, y in zip(a.cells.get(query, []), b.cells.get(query, [])):
            require(fixed(x) == fixed(y), lambda: f"{what}: route_cells/ differs: {check.describe(x)}; {check.describe(y)}")
        require(len(a.cells.get(query, [])) == len(b.cells.get(query, [])), f"{what}: route_cells/ of query {query} differs in length")
    if a.bends and b.bends:
        for query in sorted(set(a.bends) | set(b.bends)):
            x, y = ([fixed(row) for row in t.bends.get(query, [])] for t in (a, b))
            require(x == y, f"{what}: smooth_cells/ of query {query} differs")
    if changes and a.moments is not None:
        require(list(a.moments) == list(b.moments), f"{what}: routes_changes/ has times {list(a.moments)}; {list(b.moments)}")
        for time in a.moments:
            equal_rows(a.moments[time], b.moments[time], f"{what}: routes_changes/ up to time {time} differs")


# --------------------------------------------------------------------------------------------------------------------
# The flags of a run


def parser():
    p = check.run_parser("route")
    p.add_argument("--query", nargs="+", action="extend", default=[])
    p.add_argument("--queries")
    p.add_argument("--mode", choices=("exact", "corridor"), default="exact")
    p.add_argument("--smooth", action="store_true")
    p.add_argument("--smooth-cells", action="store_true")
    p.add_argument("--picture")
    return p


def joined(argv):
    """Values which begin with a minus, as positions may, joined to their flag for argparse."""
    out, flag = [], None
    for a in check.joined(argv):
        if flag and "," in a and not a.startswith("--"):
            out.append(f"{flag}={a}")
        elif a == "--query":
            flag = a
        else:
            flag = "--query" if a.startswith("--query=") else None
            out.append(a)
    return out


def expect(args, epochs=None):
    """What a run with these flags must answer; `epochs` if they have been read already."""
    map_ = check.map_of(args)
    snap = map_.frame.snap
    queries = [(n, *(snap(p) for p in routes.parse_query(text))) for n, text in enumerate(args.query)]
    if args.queries:
        queries += routes.read_queries(args.queries, map_.frame)
    epochs = check.epochs_of(args, routes.KINDS) if epochs is None else epochs
    return routes.Expected(map_, queries, epochs, args.start)


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
        result, notes = check_result(args.dir, expected, args.mode, args.smooth, args.w, args.n, args.partition, printed)
    except Mismatch as problem:
        print(f"DIFFERS: {problem}")
        return 1
    print(f"agrees: {expected.map.open} open cells, {len(result.routes)} queries, {sum(map(len, result.cells.values()))} cells"
          + (f", {len(expected.epochs)} epochs" if expected.epochs is not None else "") + "".join(f"; note: {n}" for n in notes))
    return 0


# --------------------------------------------------------------------------------------------------------------------
# A writer of correct results, for the self test and for trying the harness without the program


def row_of(query, answer, size, mode, smooth):
    found = answer.status == "found"
    cost = metres(answer.ticks, size) if found else None
    row = {"query": query, "status": answer.status, "cost": cost, "lower_bound": 0.9 * cost if found and mode == "corridor" else cost}
    if smooth:
        row["smooth_length"] = answer.length(size) if found else None
    return {**row, "cells": len(answer.cells), "brick_visits": 3, "micros": 70}


def write_result(folder, expected, mode="exact", smooth=False, workers=1, processes=1, partition="hash"):
    """Publishes `expected` as the program would. Returns the summary."""
    shutil.rmtree(folder, ignore_errors=True)
    size, meta = expected.map.frame.cell_size, {"frame": "0", "lattice_version": "1", "settings": "{}"}

    def write(path, rows, columns):
        os.makedirs(os.path.dirname(path), exist_ok=True)
        schema = pa.schema([pa.field(n, k) for n, k in columns], metadata=meta)
        pq.write_table(pa.table([pa.array([r[n] for r in rows], k) for n, k in columns], schema=schema), path, compression="zstd")

    rows_at = lambda m: {q: row_of(q, a, size, mode, smooth) for q, a in sorted(m.answers.items())}
    final = list(rows_at(expected.final).values())
    cells = []
    for query, answer in sorted(expected.final.answers.items()):
        for seq, (key, ticks) in enumerate(zip(answer.cells, answer.so_far)):
            x, y, z = (int(v) for v in oracle.unpack(key))
            cells.append({"query": query, "seq": seq, "cell": int(oracle.index64(np.array([key]))[0]), "lx": x, "ly": y, "lz": z,
                          "cost_so_far": metres(ticks, size)})
    total = workers * processes
    for w in range(total):
        write(f"{folder}/routes/part-{w}.parquet", final[w::total], columns_of_routes(smooth))
        write(f"{folder}/route_cells/part-{w}.parquet", [c for c in cells if c["query"] % total == w], CELLS)
    if expected.epochs is not None:
        before, changes = {}, []
        for moment in expected.moments:
            after = rows_at(moment)
            for query in sorted(set(before) | set(after)):
                old, new = before.get(query), after.get(query)
                if old != new:
                    changes += [{"time": moment.time, "diff": d, **r} for d, r in ((-1, old), (1, new)) if r]
            before = after
        half = sum(c["time"] == expected.start for c in changes)
        for n, part in enumerate((changes[:half], changes[half:])):
            write(f"{folder}/routes_changes/part-{n}.parquet", part, columns_of_changes(smooth))
    counts = Counter(a.status for a in expected.final.answers.values())
    summary = {"command": "route", "workers": workers, "processes": processes, "partition": partition,
               "map": {"cells": expected.map.cells, "open": expected.map.open, "bricks": 1}, "reached": None,
               "epochs": len(expected.epochs or []), "seconds": {"load": 0.1, "solve": 0.2, "write": 0.3},
               "epoch_micros": {"p50": 1, "p99": 2, "max": 3}, "peak_rss_bytes": 10**8, "bytes_written": 1,
               "queries": {s: counts[s] for s in STATUSES}, "query_micros": {"p50": 1, "p99": 2, "max": 3} if counts else None}
    with open(f"{folder}/summary.json", "w") as f:
        json.dump(summary, f)
    return summary


def spoils_of(out):
    """Ways to spoil the result of the self test: name -> function."""
    def edit(name, change, to=None):
        def spoil():
            table = pq.read_table(f"{out}/{name}")
            pq.write_table(change(table), f"{out}/{to or name}", compression="zstd")
        return spoil

    def put(name, column, row, value):
        def change(table):
            values = table[column].to_pylist()
            values[row] = value(values[row]) if callable(value) else value
            field = table.schema.field(column)
            return table.set_column(table.column_names.index(column), field, pa.array(values, field.type))
        return edit(name, change)

    def told(**new):
        def spoil():
            with open(f"{out}/summary.json") as f:
                summary = json.load(f)
            summary.update(new)
            with open(f"{out}/summary.json", "w") as f:
                json.dump(summary, f)
        return spoil

    r, c, d0, d1 = "routes/part-0.parquet", "route_cells/part-0.parquet", "routes_changes/part-0.parquet", "routes_changes/part-1.parquet"
    up = lambda v: float(np.nextafter(v, 9e9))
    return {
        "status": put(r, "status", 0, "unreachable"), "one bit of a cost": put(r, "cost", 0, up),
        "one bit of a bound": put(r, "lower_bound", 0, up), "count of cells": put(r, "cells", 0, lambda v: v + 1),
        "null cost": put(r, "cost", 0, None), "visits below nothing": put(r, "brick_visits", 0, -1),
        "smooth too short": put(r, "smooth_length", 0, 0.1), "smooth too long": put(r, "smooth_length", 0, 99.0),
        "smooth not told": put(r, "smooth_length", 0, None), "another query": put(r, "query", 0, 17),
        "query missing": edit(r, lambda t: t.slice(1)), "query twice": edit(r, lambda t: t.slice(0, 1), "routes/part-9.parquet"),
        "row order": edit(r, lambda t: t.take(pa.array(list(range(len(t)))[::-1]))),
        "column missing": edit(r, lambda t: t.drop_columns(["micros"])), "metadata": edit(r, lambda t: t.replace_schema_metadata({})),
        "cell bits": put(c, "cell", 2, lambda v: v + 1), "cell place": put(c, "lx", 2, lambda v: v + 2),
        "so far": put(c, "cost_so_far", 2, up), "seq": put(c, "seq", 2, 3), "cell missing": edit(c, lambda t: t.slice(1)),
        "cells of no query": put(c, "query", len(pq.read_table(f"{out}/{c}")) - 1, 99),
        "cells order": edit(c, lambda t: t.take(pa.array(list(range(len(t)))[::-1]))),
        "change missing": edit(d1, lambda t: t.slice(1)), "change twice": edit(d1, lambda t: pa.concat_tables([t.slice(0, 1), t])),
        "not consolidated": edit(d1, lambda t: pa.concat_tables([t.slice(0, 1).set_column(1, "diff", pa.array([1], pa.int32())), t])),
        "change at no epoch": put(d1, "time", len(pq.read_table(f"{out}/{d1}")) - 1, 99), "change diff": put(d1, "diff", 0, 1),
        "change cost": put(d1, "cost", 1, up), "first answers": edit(d0, lambda t: t.slice(1)), "no changes": lambda: shutil.rmtree(f"{out}/routes_changes"),
        "no cells": lambda: shutil.rmtree(f"{out}/route_cells"), "foreign folder": lambda: os.mkdir(f"{out}/field"),
        "half a file": lambda: os.truncate(f"{out}/{r}", 300), "no summary": lambda: os.remove(f"{out}/summary.json"),
        "counts": told(queries={"found": 9, "unreachable": 0, "invalid": 0}), "no counts": told(queries=None),
        "percentiles": told(query_micros={"p50": 3, "p99": 2, "max": 3}), "no percentiles": told(query_micros=None),
        "command": told(command="field"), "epochs": told(epochs=9), "open": told(map={"cells": 1, "open": 1, "bricks": 1}),
    }


def selftest():
    base = tempfile.mkdtemp()
    np.save(f"{base}/m.npy", np.ones((7, 5, 5)))
    map_ = oracle.read_map(f"{base}/m.npy", cell_size=0.3)
    at = map_.frame.position
    queries = [(0, (0, 0, 0), (12, 4, 8)), (1, (0, 0, 0), (12, 0, 0)), (2, (2, 2, 2), (2, 2, 2)), (3, (0, 0, 0), (60, 0, 0)),
               (4, (3, 3, 3), (10, 8, 0))]
    epochs = [(4, [("cost", at((6, 0, 0)), 0), ("query+", at((0, 0, 0)), (8, at((11, 7, 1))))]), (5, [("query-", None, 1)]),
              (9, [("cost", at((6, 0, 0)), 256), ("cost", at((60, 0, 0)), 256)])]
    expected, plain, out = routes.Expected(map_, queries, epochs, 2), routes.Expected(map_, queries), f"{base}/out"
    for mode in ("exact", "corridor"):
        write_result(out, plain, mode, workers=3)
        check_result(out, plain, mode, False, 3, 1, "hash")
        write_result(out, expected, mode, True, 2)
        first, _ = check_result(out, expected, mode, True, 2, 1, "hash")
    write_result(out, expected, "corridor", True, 1)
    equal_results(first, check_result(out, expected, "corridor", True, 1, 1, "hash")[0], "one and two workers")
    write_result(out, expected, "exact", True)
    second, _ = check_result(out, expected, "exact", True)
    require(routes.raises(Mismatch, lambda: equal_results(first, second, "the bounds differ")), "not noticed: bounds")
    spoils = spoils_of(out)
    for name, spoil in spoils.items():
        write_result(out, expected, "exact", True)
        spoil()
        try:
            check_result(out, expected, "exact", True, 1, 1, "hash")
        except Mismatch as problem:
            if "-v" in sys.argv:
                print(f"  {name}: {problem}")
            continue
        raise AssertionError(f"not noticed: {name}")
    loose = {"bound above": ("lower_bound", 1.01), "cost above": ("cost", 1.06), "cost below": ("cost", 0.99)}
    for name, (column, factor) in loose.items():
        write_result(out, expected, "corridor", True)
        table = pq.read_table(f"{out}/routes/part-0.parquet")
        values = [v if v is None else v * (factor if i == 0 else 1) for i, v in enumerate(table["cost"].to_pylist())]
        table = table.set_column(table.column_names.index(column), table.schema.field(column), pa.array(values))
        pq.write_table(table, f"{out}/routes/part-0.parquet", compression="zstd")
        assert routes.raises(Mismatch, lambda: check_result(out, expected, "corridor", True)), name
    shutil.rmtree(base)
    print(f"check_routes: self test passed ({len(spoils) + len(loose)} spoilt results refused)")


if __name__ == "__main__":
    if sys.argv[1:2] == ["--selftest"]:
        selftest()
    else:
        sys.exit(main(sys.argv[1:]))
