"""Checks a result folder of `octaflow diffuse` against the model in diffusion.py.

    python check_diffusion.py DIR --map M --initial FILE --steps N [--dt T] [--dt-unit s|lattice] [--diffusivity D]
                    [--cost-diffusivity] [--rings K] [--every M] [--precision f64|f32] [--unknown blocked|open] [--axes xyz|zyx]
                    [--cell-size S] [--origin X,Y,Z] [--updates FILE] [--start T] [-w N] [-n N] [--partition P] [--json-output FILE] [--limit CELLS]

The flags are those of the run, as for check.py. Exit status 0 if everything agrees, 1 with the first difference, 2 if the input
itself is unusable.

Cells are compared bit for bit. Values may differ from the model's, which adds in an order of its own, by at most 1e-12 · (1 + steps)
times the greatest of the first values' magnitudes, with --precision f32 by 3e-7 · (1 + steps) times that. Two runs of the
program, however divided and whatever --rings, must agree to the bit: see equal_results.

`python check_diffusion.py --selftest` writes correct results itself, accepts them, spoils each in turn and requires it to be refused.

Readings of the contract decided here, beside those of check.py and diffusion.py
    * `value` is DOUBLE with --precision f32 too. A first value that overflows f32 is then an error.
    * snapshots/: `step` is the first column or the last. Rows within a file ascend by (step, cell) or by (cell, step); files of a
      worker do not overlap by (step, cell). Steps are M, 2M, … up to N; with M above N the folder is there, without rows.
    * `dt_lattice` agrees with the model's r to 1e-12 of it. `least` and `greatest` are those of the published values, and `total.last`
      is their sum; with f32 as near as a float says. Where values have one sign or another the sum's error counts against the sum
      of their magnitudes. `total` differs between first and last by no more than rounding, as walls insulate.
    * `reached` is the number of open cells at the end. Updates of time t come after the step t - START; a snapshot of that step shows
      what they find, state/ what they leave. `changes` tells what they did; `total.last` is `total.first` without what was lost. Without
      --dt each map has 0.9 of its own greatest step, and `dt_lattice` is the last. `rings` and `precision` need not be told.
"""

import math
import os
import shutil
import sys
import tempfile

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

import check
import diffusion
import oracle
import stencil_tables as tables
from check import Mismatch, require

KINDS = {kind: oracle.KINDS[kind] for kind in ("cost", "voxel")}
STATE = [*tables.PLACE, ("value", pa.float64())]
SNAPSHOTS = ([("step", pa.int64()), *STATE], [*STATE, ("step", pa.int64())])
TOLERANCE = {"f64": 1e-12, "f32": 3e-7}  # of values, a step
SUM_TOLERANCE = {"f64": 1e-12, "f32": 1e-5}  # of a total, of the sum of magnitudes
DRIFT = {"f64": 1e-14, "f32": 5e-6}  # of a total, a step, of the sum of magnitudes
EXTREMUM = {"f64": 0.0, "f32": 1e-7}

# --------------------------------------------------------------------------------------------------------------------
# Reading and comparing


class Result:
    """What a run has published: the sorted tables `state` and `snapshots` (or None), and the `told` numbers of the summary."""

    def __init__(self, folder, every, workers):
        self.state = tables.sorted_by(tables.read_columns(os.path.join(folder, "state"), STATE, workers, ("cell",)), "cell")
        self.snapshots, self.told = None, None
        if every:
            place = os.path.join(folder, "snapshots")
            got = tables.read_columns(place, snapshot_columns(place), workers, ("step", "cell"), ("cell", "step"))
            self.snapshots = tables.sorted_by(got, "step", "cell")


def snapshot_columns(folder):
    """Of the two that may be, those of the first file that can be read."""
    for path in check.parquet_files(folder):
        try:
            return SNAPSHOTS[pq.read_schema(path).names[-1:] == ["step"]]
        except (pa.ArrowInvalid, OSError):
            break
    return SNAPSHOTS[0]


class Cells:
    """The open cells in the order of `cell`."""

    def __init__(self, map_):
        place = tables.place_columns(map_.keys)
        self.order = np.argsort(place["cell"], kind="stable")
        self.place = tables.take(place, self.order)

    def table(self, values, step=None):
        """The rows of a state, or of the snapshot of a step."""
        out = {**self.place, "value": values[self.order]}
        return out if step is None else {"step": np.full(len(values), step, np.int64), **out}


def check_values(got, want, expected, step, what):
    """One state: its cells exactly, its values nearly."""
    check.compare(got, {n: v for n, v in want.items() if n != "value"}, ["cell"], what)
    allowed = TOLERANCE[expected.precision] * (1 + step) * expected.scale
    away = np.abs(got["value"] - want["value"])
    at = np.flatnonzero(~(away <= allowed))
    if len(at):
        worst = int(at[np.argmax(np.where(np.isnan(away[at]), np.inf, away[at]))])
        raise Mismatch(f"{what}: {len(at)} of {len(away)} values are off by more than {allowed:.3g}; most at {check.describe(check.row_of(got, worst))}, "
                       f"expected {want['value'][worst].item()!r}")


def check_snapshots(got, expected):
    steps = np.unique(got["step"]).tolist()
    require(steps == sorted(expected.snapshots), f"snapshots/ is of steps {steps[:9]}…, expected {sorted(expected.snapshots)[:9]}…")
    for step, values in expected.snapshots.items():
        rows = tables.take(got, slice(*np.searchsorted(got["step"], [step, step + 1])))
        cells = Cells(expected.maps.get(step, expected.map))
        check_values(rows, cells.table(values, step), expected, step, f"snapshots/ of step {step}")
    if expected.steps in expected.snapshots:
        return tables.take(got, got["step"] == expected.steps)


def real(told, *names):
    value = told
    for name in names:
        require(isinstance(value, dict) and name in value, f"summary: no {'.'.join(names)}")
        value = value[name]
    require(isinstance(value, (int, float)) and not isinstance(value, bool) and math.isfinite(value), f"summary: {'.'.join(names)} is {value!r}")
    return value


def near(value, want, allowed, what):
    require(abs(value - want) <= allowed, f"summary: {what} is {value!r}, expected {want!r} to {allowed:.3g}")


def check_summary(folder, expected, result, *about):
    """As check.check_summary, of which it returns the last two."""
    changes = expected.changes
    told, total, notes = check.check_summary(folder, "diffuse", expected.map, changes["epochs"] if changes else 0, *about)
    for name, want in (("reached", expected.last_map.open), ("steps", expected.steps)):
        require(check.number(told.get(name), name) == want, f"summary: {name} is {told[name]}, expected {want}")
    r = real(told, "dt_lattice")
    if expected.r is not None:
        near(r, expected.r, 1e-12 * expected.r, "dt_lattice")
    precision, published = expected.precision, result.state["value"]
    weight = math.fsum(np.abs(expected.first))
    first, last = real(told, "total", "first"), real(told, "total", "last")
    near(first, math.fsum(expected.first), SUM_TOLERANCE[precision] * weight, "total.first")
    near(last, math.fsum(published), SUM_TOLERANCE[precision] * math.fsum(np.abs(published)), "total.last")
    if changes:
        for name in ("opened", "blocked"):
            require(check.number(told["changes"].get(name), name) == changes[name], f"summary: changes {told['changes']}, expected {changes}")
        lost = real(told, "changes", "lost")
        near(lost, changes["lost"], (SUM_TOLERANCE[precision] + TOLERANCE[precision] * expected.steps) * (weight + changes["blocked"] * expected.scale), "changes.lost")
        first -= lost
        if not math.isnan(changes["time_lattice"]):
            near(real(told, "changes", "time_lattice"), changes["time_lattice"], 1e-10 * changes["time_lattice"], "changes.time_lattice")
    else:
        require("changes" not in told, "summary: changes without --updates")
    near(last, first, (SUM_TOLERANCE[precision] + DRIFT[precision] * expected.steps) * weight, "total.last, as total.first,")
    for name, want in (("least", published.min()), ("greatest", published.max())) if len(published) else ():
        near(real(told, name), float(want), EXTREMUM[precision] * abs(float(want)), name)
    result.told = (r, first, last, real(told, "least"), real(told, "greatest"))
    return total, notes


def check_result(folder, expected, workers=None, processes=None, partition=None, printed=None):
    """Everything. Raises Mismatch; returns the result and notes."""
    require(os.path.isdir(folder), f"{folder} is not there")
    every = expected.snapshots is not None
    check.check_entries(folder, {"state", "summary.json"} | ({"snapshots"} if every else set()))
    result = Result(folder, every, (workers or 64) * (processes or 1))
    check_values(result.state, Cells(expected.last_map).table(expected.final), expected, expected.steps, "state/")
    if every:
        last = check_snapshots(result.snapshots, expected)
        if last is not None and expected.maps.get(expected.steps, expected.last_map) is expected.last_map:
            tables.equal_tables({n: last[n] for n in result.state}, result.state, "the last snapshot and state/")
    _, notes = check_summary(folder, expected, result, workers, processes, partition, printed)
    return result, notes


def equal_results(a, b, what):
    """Two results of one question: the same bits, in the totals too."""
    tables.equal_tables(a.state, b.state, f"{what}: state/")
    require(a.told == b.told, f"{what}: the summary tells {a.told}; {b.told}")
    if a.snapshots is not None and b.snapshots is not None:
        steps = np.intersect1d(a.snapshots["step"], b.snapshots["step"])
        common = [tables.take(t.snapshots, np.isin(t.snapshots["step"], steps)) for t in (a, b)]
        tables.equal_tables(*common, f"{what}: snapshots/")


# --------------------------------------------------------------------------------------------------------------------
# The flags of a run


def parser():
    p = check.run_parser("diffuse")
    p.add_argument("--initial", required=True)
    p.add_argument("--steps", type=int, required=True)
    p.add_argument("--dt", type=float)
    p.add_argument("--dt-unit", choices=("s", "lattice"), default="s")
    p.add_argument("--diffusivity", type=float, default=1.0)
    p.add_argument("--cost-diffusivity", action="store_true")
    p.add_argument("--rings", type=int, default=1)
    p.add_argument("--every", type=int)
    p.add_argument("--precision", choices=("f64", "f32"), default="f64")
    p.add_argument("--picture")
    return p


def expect(args):
    """What a run with these flags must publish."""
    if args.steps < 0 or not 1 <= args.rings <= 8 or args.every is not None and args.every < 1:
        raise oracle.Invalid("--steps must be 0 or more, --rings 1…8, --every 1 or more")
    map_ = check.map_of(args)
    first = diffusion.read_initial(args.initial, map_, diffusion.extent_of(args.map, args.axes), args.axes)
    if args.precision == "f32" and np.abs(first).max(initial=0) > np.finfo(np.float32).max:
        raise oracle.Invalid(f"{args.initial}: a value beyond what f32 can hold")
    stencil = diffusion.Stencil(map_, args.cost_diffusivity)
    step = lambda now: diffusion.step_of(map_, now.bound, args.dt, args.dt_unit, args.diffusivity)
    epochs, r = check.epochs_of(args, KINDS), step(stencil)
    if epochs is not None:
        return diffusion.Expected.changing(map_, stencil, first, args.steps, step, args.cost_diffusivity, epochs, args.start, args.every, args.precision)
    return diffusion.Expected(map_, stencil, first, args.steps, r, args.every, args.precision)


def main(argv):
    args = parser().parse_args(check.joined(argv))
    try:
        expected = expect(args)
    except (oracle.Invalid, oracle.TooBig) as problem:
        print(f"cannot check: {problem}", file=sys.stderr)
        return 2
    printed = None
    if args.json_output:
        with open(args.json_output, encoding="utf-8") as f:
            printed = f.read()
    try:
        _, notes = check_result(args.dir, expected, args.w, args.n, args.partition, printed)
    except Mismatch as problem:
        print(f"DIFFERS: {problem}")
        return 1
    print(f"agrees: {expected.map.open} open cells, {expected.steps} steps of {expected.r}"
          + (f", {len(expected.snapshots)} snapshots" if expected.snapshots is not None else "") + "".join(f"; note: {n}" for n in notes))
    return 0


# --------------------------------------------------------------------------------------------------------------------
# A writer of correct results, for the self test and for trying the harness without the program


def write_result(folder, expected, workers=1, processes=1, partition="hash"):
    """Publishes `expected` as the program would. Returns the summary."""
    shutil.rmtree(folder, ignore_errors=True)
    kind = np.float64 if expected.precision == "f64" else np.float32
    cells, stored = Cells(expected.map), lambda values: values.astype(kind).astype(np.float64)
    total, final = workers * processes, stored(expected.final)
    tables.write_parts(f"{folder}/state", cells.table(final), STATE, total)
    if expected.snapshots is not None:
        empty = tables.take(cells.table(final, 0), slice(0, 0))
        shots = [cells.table(stored(v), s) for s, v in expected.snapshots.items()] or [empty]
        tables.write_parts(f"{folder}/snapshots", {n: np.concatenate([s[n] for s in shots]) for n in empty}, SNAPSHOTS[workers % 2], total)
    more = {"reached": expected.map.open, "steps": expected.steps, "dt_lattice": 1.0 if expected.r is None else expected.r,
            "total": {"first": math.fsum(expected.first), "last": math.fsum(final)}, "least": float(final.min()), "greatest": float(final.max())}
    return tables.write_summary(folder, "diffuse", expected.map, (workers, processes, partition), more)


def spoils_of(out):
    s = tables.Spoiler(out)
    state, shot, up = "state/part-0-0.parquet", "snapshots/part-0-1.parquet", lambda v: v * (1 + 1e-9)
    tell = lambda **new: s.told(lambda t: t.update({k: v(t[k]) if callable(v) else v for k, v in new.items()}))
    both = lambda change: [f() for f in (s.put(state, "value", 3, change), s.put("state/part-0-1.parquet", "value", 3, change))]
    return {
        **s.of_table(state), **s.of_table(shot), "a value a little off": s.put(state, "value", 3, up),
        "two values off": lambda: both(lambda v: v + 1), "a value not finite": s.put(state, "value", 3, math.nan), "a snapshot's value": s.put(shot, "value", 3, up),
        "a snapshot's step": s.put(shot, "step", 0, 3), "last snapshot and state": s.put(shot, "value", -1, lambda v: float(np.nextafter(v, 9e9))),
        "foreign folder": lambda: os.mkdir(f"{out}/field"), "no summary": lambda: os.remove(f"{out}/summary.json"),
        "steps": tell(steps=5), "dt_lattice": tell(dt_lattice=up), "no dt_lattice": tell(dt_lattice=None), "no total": tell(total=None),
        "first": s.told(lambda t: t["total"].update(first=t["total"]["first"] + 1e-6)), "last": s.told(lambda t: t["total"].update(last=t["total"]["last"] + 1e-6)),
        "least": tell(least=lambda v: v - 1e-9), "greatest": tell(greatest=lambda v: float(np.nextafter(v, 9e9))), "reached": tell(reached=3),
        "epochs": tell(epochs=7), "command": tell(command="ghost"), "partition": tell(partition="slab"), "open": tell(map={"cells": 1, "open": 1, "bricks": 1}),
    }


def runs_of(base):
    """Arguments of several runs on one small map, all valid."""
    head = [f"{base}/out", "--map", f"{base}/m.npy", "--initial", f"{base}/i.csv", "--cell-size", "0.5"]
    return [head + more.split() for more in (
        "--steps 6 --every 2", "--steps 0 --every 1", "--steps 3 --every 7 --precision f32", "--steps 40 --dt 0.0332 --precision f32",
        "--steps 5 --dt 0.01 --diffusivity 3.3", "--steps 5 --dt 0.5333333333333333 --dt-unit lattice --diffusivity 99", "--steps 9 --cost-diffusivity --every 3")]


def selftest():
    base = tempfile.mkdtemp()
    rng = np.random.default_rng(10)
    np.save(f"{base}/m.npy", rng.choice([0.0, 1.0, 1.0, 2.5, 0.1], (7, 6, 5)))
    map_, out = oracle.read_map(f"{base}/m.npy"), f"{base}/out"
    with open(f"{base}/i.csv", "w") as f:
        f.write("lx,ly,lz,value\n")
        f.writelines(f"{x},{y},{z},{float(rng.normal())!r}\n" for x, y, z in zip(*oracle.unpack(map_.keys[::3])))
    asked = [expect(parser().parse_args(argv)) for argv in runs_of(base)]
    for expected in asked:
        write_result(out, expected, 2, 1, "slab")
        first, _ = check_result(out, expected, 2, 1, "slab")
        write_result(out, expected, 1, 2, "hash")
        equal_results(first, check_result(out, expected, 1, 2, "hash")[0], "one process and two")
    spoils = spoils_of(out)
    tables.refuses(spoils, lambda: write_result(out, asked[0]), lambda: check_result(out, asked[0], 1, 1, "hash"), "-v" in sys.argv)
    write_result(out, asked[2])
    told = check_result(out, asked[2])[0]
    other = check_result(out, asked[2])[0]
    other.state["value"][5] = np.nextafter(other.state["value"][5], 9)
    for change in (lambda: None, lambda: setattr(other, "told", (0,)) or setattr(other, "state", told.state)):
        change()
        try:
            equal_results(told, other, "one bit")
        except Mismatch:
            continue
        raise AssertionError("not noticed: one bit between two runs")
    shutil.rmtree(base)
    print(f"check_diffusion: self test passed ({len(spoils)} spoilt results refused)")


if __name__ == "__main__":
    if sys.argv[1:2] == ["--selftest"]:
        selftest()
    else:
        sys.exit(main(sys.argv[1:]))
