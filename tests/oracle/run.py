"""Runs octaflow on random worlds, or on real maps, and checks every result with the checker of its command.

    python run.py BINARY [--seeds N] [--first S] [--commands field|route|ghost|diffuse …] [--ambiguous] [--only table|npy|3dmap|bt]
                  [--alone] [--timeout SECONDS]
    python run.py BINARY --data FOLDER [--limit CELLS] [--epochs N] [--seeds N]

Each seed is a world for each command. A run has a random -w of 1…3, a random --partition, and -n 1 or, one time in five, 2 or 3
processes, which are started here with -p and a --hostfile of free loopback ports (--alone: always -n 1). One time in three --out
is the folder of an earlier result, which has to be replaced whole.

A world of routes is often run once more with another -w, -n and --partition, which must publish the same bits. If it had
updates, the map as they leave it is written as a table of cells and the queries that stand are asked of it afresh: the answers
must be the same bits again; and so, often, for the map and queries as they were at one of the epochs. How the runs of a world
of ghosts or diffusion are held against each other is told in stencil_runs.py.

With --data: every map below FOLDER that this model can hold (those beyond --limit open cells are named and
skipped), once a seed, with random sources or queries and updates. A line a run, and a closing line 'N passed, M failed'; exit status 1 if
any failed. What a failed run read is kept and its command printed.
"""

import argparse
import os
import shutil
import sys
import tempfile
import time
import zlib

import numpy as np

import check
import check_routes
import oracle
import route_worlds
import routes
import stencil_runs
import worlds
from launching import Failed, Run, Setting, Tally, launch, random_run


def run_and_check(run, argv, updates, timeout, limit):
    """Of `field`. Returns (passed, text)."""
    args = check.parser().parse_args(check.joined([run.out] + argv + ["--limit", str(limit)]))
    epochs = oracle.read_updates(updates, args.start) if updates else None
    try:
        expected = check.expect(args, epochs)
    except oracle.Overflow:
        return True, "skipped: a distance beyond the ticks"
    began = time.monotonic()
    try:
        printed, noted = run.go(timeout)
        took = time.monotonic() - began
        notes = check.check_result(run.out, expected, *run.setting, printed)
    except (Failed, check.Mismatch) as problem:
        return False, str(problem)
    return True, f"{len(expected.field)} reached, {took:.1f} s" + "".join(f"; {n}" for n in notes + noted)


def flags_for(world, setting):
    """Its flags and what to feed to stdin, which belongs to one process."""
    argv, stdin = list(world.argv), world.stdin
    if setting.processes > 1 and stdin:
        argv[argv.index("--updates") + 1], stdin = world.updates, None
    return argv, stdin


def field_world(seed, folder, reused, options):
    """Returns (name, passed, text, command)."""
    rng = np.random.default_rng([seed, 21])
    world = worlds.make(seed, folder, options.ambiguous, options.only)
    setting = random_run(rng, options.alone)
    argv, stdin = flags_for(world, setting)
    out = reused if rng.random() < 1 / 3 else os.path.join(folder, "out")
    run = Run(options.binary, "field", argv, stdin, out, setting, folder)
    return f"{world.about}; {setting}", *run_and_check(run, argv, world.updates, options.timeout or 60, options.limit), run.shown


class RouteWorld:
    """One world's runs: as it is, once more divided otherwise, and afresh on the map as updates left it."""

    def __init__(self, rng, world, options, timeout):
        self.rng, self.world, self.folder, self.options, self.timeout = rng, world, world.folder, options, timeout
        self.shown, self.notes = [], []
        args = check_routes.parser().parse_args(check_routes.joined(["out", "--limit", str(options.limit)] + world.argv))
        self.mode, self.smooth, self.picture = args.mode, args.smooth, args.picture
        try:
            self.expected = check_routes.expect(args, routes.read_updates(world.updates, args.start) if world.updates else None)
        except oracle.Overflow:
            self.expected = None

    def go(self, argv, stdin, out, setting, expected):
        """One run, checked by itself; returns its result."""
        run = Run(self.options.binary, "route", argv, stdin, out, setting, self.folder)
        self.shown.append(run.shown)
        printed, noted = run.go(self.timeout)
        result, notes = check_routes.check_result(out, expected, self.mode, self.smooth, *setting, printed)
        self.notes += [n for n in notes + noted if n not in self.notes]
        return result

    def first(self, setting, out):
        return self.go(*flags_for(self.world, setting), out, setting, self.expected)

    def refused(self, setting):
        """A route beyond the ticks: an error that says so."""
        run = Run(self.options.binary, "route", *flags_for(self.world, setting), os.path.join(self.folder, "out"), setting, self.folder)
        self.shown.append(run.shown)
        (status, _, err), = launch(run.commands, run.stdin, self.timeout)
        check.require(status == 2 and len(err.strip().split("\n")) == 1, f"a distance beyond the ticks: exit status {status}, stderr {err[-300:]!r}")

    def pictured(self):
        if self.picture:
            check.require(os.path.isfile(self.picture), f"{self.picture} is not there")
            with open(self.picture, "rb") as f:
                check.require(f.read(8) == b"\x89PNG\r\n\x1a\n", f"{self.picture} is no PNG")

    def again(self, first):
        setting = random_run(self.rng, self.options.alone)
        other = self.go(*flags_for(self.world, setting), os.path.join(self.folder, "again"), setting, self.expected)
        check_routes.equal_results(first, other, f"the same with {setting}")

    def fresh(self, first, number):
        """The map and the queries of one moment, asked from scratch."""
        moment = self.expected.moments[number]
        if len(moment.keys) == 0 or not moment.queries:
            return
        folder, frame = os.path.join(self.folder, f"fresh-{number}"), self.expected.map.frame
        os.makedirs(folder)
        x, y, z = oracle.unpack(moment.keys)
        worlds.write_table(f"{folder}/map.parquet", {"lx": x, "ly": y, "lz": z, "cost": moment.costs / 256})
        table = {"query": list(moment.queries)}
        for n, end in enumerate("sg"):
            for a, axis in enumerate("xyz"):
                table[end + axis] = [frame.position(ends[n])[a] for ends in moment.queries.values()]
        worlds.write_table(f"{folder}/queries.parquet", table)
        argv = ["--map", f"{folder}/map.parquet", "--cell-size", repr(frame.cell_size), "--origin=" + ",".join(map(repr, frame.origin)),
                "--queries", f"{folder}/queries.parquet", "--mode", self.mode] + ["--smooth"] * self.smooth
        expected = routes.Expected(oracle.Map(moment.keys, moment.costs, len(moment.keys), frame, False), [])
        expected.moments, expected.final = [moment], moment
        other = self.go(argv, None, f"{folder}/out", random_run(self.rng, self.options.alone), expected)
        what = f"updated up to time {moment.time}; afresh on that map"
        times = [t for t in first.moments if t <= moment.time]
        check_routes.equal_rows(first.moments[times[-1]] if times else {}, other.routes, what)
        if moment is self.expected.final:
            check_routes.equal_results(first, other, what, changes=False)


def run_routes(world, reused, ratios):
    """Returns (passed, text)."""
    rng, setting, began = world.rng, random_run(world.rng, world.options.alone), time.monotonic()
    try:
        if world.expected is None:
            world.refused(Setting(setting.workers, 1, setting.partition))
            return True, "a distance beyond the ticks, refused"
        first = world.first(setting, reused if rng.random() < 1 / 3 else os.path.join(world.folder, "out"))
        if rng.random() < 0.6:
            world.again(first)
        last = len(world.expected.moments) - 1
        if last:
            for number in {last, int(rng.integers(0, last + 1))} if rng.random() < 0.6 else {last}:
                world.fresh(first, number)
        world.pictured()
    except (Failed, check.Mismatch) as problem:
        return False, str(problem)
    found = [(r, world.expected.final.answers[q]) for q, r in first.routes.items() if r["status"] == "found" and r["cost"] > 0]
    if world.mode == "corridor":
        size = world.expected.map.frame.cell_size
        ratios += [(r["cost"] / r["lower_bound"] if r["lower_bound"] else np.inf, r["cost"] / check_routes.metres(a.ticks, size)) for r, a in found]
    return True, f"{len(found)} found, {len(world.shown)} runs, {time.monotonic() - began:.1f} s" + "".join(f"; {n}" for n in world.notes)


def route_world(seed, folder, reused, options, ratios):
    """Returns (name, passed, text, command)."""
    rng = np.random.default_rng([seed, 24])
    world = RouteWorld(rng, route_worlds.make(seed, folder, options.ambiguous, options.only), options, options.timeout or 60)
    passed, text = run_routes(world, reused, ratios)
    return world.world.about, passed, text, "\n    ".join(world.shown)


def tell(ratios):
    if ratios:
        bound, optimum = np.array(ratios).T
        print(f"corridor: {len(ratios)} routes, cost / lower_bound {np.median(bound):.4f} in the median and {bound.max():.4f} at most, "
              f"cost / optimum {np.median(optimum):.4f} and {optimum.max():.4f}")


def random_worlds(options):
    base = tempfile.mkdtemp(prefix="oracle-")
    tally, reused, ratios = Tally(), os.path.join(base, "reused"), []
    for seed in range(options.first, options.first + (options.seeds or 100)):
        for command in options.commands:
            folder = os.path.join(base, f"{command}-{seed}")
            of = (seed, folder, reused, options)
            if command in stencil_runs.KINDS:
                about, passed, text, shown = stencil_runs.random_world(command, *of)
            else:
                about, passed, text, shown = field_world(*of) if command == "field" else route_world(*of, ratios)
            tally.line(f"{command} seed {seed} ({about})", passed, text, shown)
            if passed:
                shutil.rmtree(folder, ignore_errors=True)
            elif reused in shown:
                shutil.rmtree(reused, ignore_errors=True)
    tell(ratios)
    if tally.failed:
        print(f"kept: {base}")
    else:
        shutil.rmtree(base, ignore_errors=True)
    return tally.close()


def real_updates(rng, map_, sources, count):
    """Epochs that block voxels near a source and elsewhere, open some again, and move a source. Positions are exact."""
    state, epochs, blocked = oracle.World(map_, sources), [], []
    even = map_.keys[(map_.keys & 1) == 0] if map_.voxels else map_.keys
    kind = "voxel" if map_.voxels else "cost"
    taken = {int(oracle.pack(*map_.frame.snap(p))) for p in sources}
    for number in range(count):
        rows = []
        for key in even[rng.integers(0, len(even), 60)].tolist():
            rows.append((kind, map_.frame.position(worlds.cell_of(key)), float(rng.choice([0, 0, 0.5, 3.0, 200.0]))))
            blocked.append(key)
        for key in rng.choice(blocked, 20).tolist():
            rows.append((kind, map_.frame.position(worlds.cell_of(key)), 1.0))
        if number % 2 == 1:
            rows.append(("source-", sources[int(rng.integers(0, len(sources)))], None))
        trial = oracle.World.__new__(oracle.World)
        trial.frame, trial.keys, trial.costs, trial.sources, trial.named = state.frame, state.keys, state.costs, {}, 0
        touched = {int(oracle.pack(*c)) for c in trial.apply([r if r[2] is None else (*r[:2], int(r[2] * 256)) for r in rows
                                                              if r[0] != "source-"])}
        for key in map_.keys[rng.integers(0, len(map_.keys), 20)].tolist():
            if key not in touched and key not in taken and state.cost(worlds.cell_of(key)) > 0:
                taken.add(key)
                rows.append(("source+", map_.frame.position(worlds.cell_of(key)), None))
                break
        removed = {r[1] for r in rows if r[0] == "source-"}
        sources = [s for s in sources if s not in removed] or sources[:1]
        if removed and sources[0] in removed:
            rows = [r for r in rows if r[0] != "source-"]
        state.apply([r if r[2] is None else (*r[:2], int(r[2] * 256)) for r in rows])
        epochs.append((10 * (number + 1), rows))
    return epochs


def real_field(map_, path, rng, folder, options):
    """Returns (about, passed, text, command)."""
    os.makedirs(folder)
    argv = ["--map", path] + (["--axes", "zyx"] if path.lower().endswith(".npy") else [])
    keys = map_.keys[rng.integers(0, map_.open, 4)]
    sources = list(dict.fromkeys(map_.frame.position(worlds.cell_of(k)) for k in keys.tolist()))
    argv += ["--source=" + ",".join(repr(v) for v in p) for p in sources] + ["--label-sources", "--next"]
    count = options.epochs if options.epochs is not None else 3 if map_.open < 3_000_000 else 1
    updates = None
    if count:
        updates = os.path.join(folder, "updates.csv")
        worlds.write_updates(rng, updates, real_updates(rng, map_, sources, count))
        argv += ["--updates", updates]
    run = Run(options.binary, "field", argv, None, os.path.join(folder, "out"), random_run(rng, options.alone), folder)
    return f"{run.setting}, {count} epochs", *run_and_check(run, argv, updates, options.timeout or 600, options.limit), run.shown


def real_routes(map_, path, rng, folder, options, ratios):
    """Returns (about, passed, text, command)."""
    world = RouteWorld(rng, real_queries(map_, path, rng, folder, options), options, options.timeout or 600)
    passed, text = run_routes(world, os.path.join(folder, "out"), ratios)
    return world.world.about, passed, text, "\n    ".join(world.shown)


def real_maps(options):
    base = tempfile.mkdtemp(prefix="oracle-")
    tally, ratios = Tally(), []
    found = sorted(os.path.join(where, name) for where, _, names in os.walk(options.data) for name in names
                   if name.lower().endswith((".bt", ".3dmap", ".npy", ".csv", ".parquet")))
    for path in found:
        for seed in range(options.first, options.first + (options.seeds or 1)):
            rng = np.random.default_rng([seed, 22, zlib.crc32(os.path.basename(path).encode())])
            try:
                map_ = oracle.read_map(path, axes="zyx" if path.lower().endswith(".npy") else "xyz", limit=options.limit)
            except oracle.TooBig as problem:
                print(f"skipped: {problem}", flush=True)
                break
            except (oracle.Invalid, KeyError, ValueError) as problem:
                print(f"skipped: {path} is no map: {problem}", flush=True)
                break
            for command in options.commands:
                folder = os.path.join(base, f"{os.path.basename(path)}-{command}-{seed}")
                of = (map_, path, rng, folder, options)
                if command in stencil_runs.KINDS:
                    about, passed, text, shown = stencil_runs.real_world(command, *of)
                else:
                    about, passed, text, shown = real_field(*of) if command == "field" else real_routes(*of, ratios)
                tally.line(f"{command} {os.path.basename(path)} seed {seed} ({about})", passed, text, shown)
                if passed:
                    shutil.rmtree(folder, ignore_errors=True)
    tell(ratios)
    if tally.failed:
        print(f"kept: {base}")
    else:
        shutil.rmtree(base, ignore_errors=True)
    return tally.close()


def real_queries(map_, path, rng, folder, options):
    """Queries on a real map, and updates about their routes."""
    world = worlds.World(folder)
    os.makedirs(folder)
    world.argv += ["--map", path] + (["--axes", "zyx"] if path.lower().endswith(".npy") else [])
    world.about = str(rng.choice(["exact", "corridor"]))
    world.argv += ["--mode", world.about] + ["--smooth"] * int(rng.integers(0, 2))
    queries = route_worlds.ask(rng, world, map_, 8)
    if options.epochs != 0:
        route_worlds.update(rng, world, map_, queries, options.ambiguous, options.epochs or 3)
    return world


def main():
    p = argparse.ArgumentParser(description="Random and real runs of octaflow against the oracle.")
    p.add_argument("binary")
    p.add_argument("--seeds", type=int)
    p.add_argument("--first", type=int, default=0)
    p.add_argument("--commands", nargs="+", choices=("field", "route", *stencil_runs.KINDS), default=["field", "route"])
    p.add_argument("--ambiguous", action="store_true")
    p.add_argument("--only", choices=("table", "npy", "3dmap", "bt"))
    p.add_argument("--alone", action="store_true")
    p.add_argument("--timeout", type=float)
    p.add_argument("--data")
    p.add_argument("--epochs", type=int)
    p.add_argument("--limit", type=int, default=40_000_000)
    options = p.parse_args()
    options.binary = os.path.abspath(options.binary)
    return real_maps(options) if options.data else random_worlds(options)


if __name__ == "__main__":
    sys.exit(main())
