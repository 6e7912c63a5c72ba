"""An independent model of `octaflow ghost`, and a checker of its result folder.

    python ghosts.py DIR --map M --parts N --rings K [--owned] [--compare] [--plan DIR] [--unknown blocked|open] [--axes xyz|zyx]
                    [--cell-size S] [--origin X,Y,Z] [-w N] [-n N] [--partition P] [--json-output FILE] [--limit CELLS]

The flags are those of the run, as for check.py. Exit status 0 if everything agrees, 1 with the first difference, 2 if the input
itself is unusable.

How a partition divides space is not known here: the plan is what owned/ says, of this result or (--plan) of another of the same
map, parts and partition. It must give every open cell to one part, and all cells of a brick (16 lattice units an axis) to
the same. From there on everything is brute force: from the cells of each part K times a step to all neighbours, through
open cells, blocked ones and points that no map knows alike. Without any plan only what can be told without one is checked:
that ghosts are open cells, none of their own part, of one owner a brick, within K rings, none twice.

`python ghosts.py --selftest` holds the model against the norm of the lattice, writes correct results itself, accepts them,
spoils each in turn and requires it to be refused.

Readings of the contract decided here, beside those of check.py
    * Rows of one cell are in any order within a file, and files of one worker may meet in a cell: only `cell` must ascend.
    * `parts` has an object for each of the N parts, in their order, those that own nothing included; so has each of `compare`,
      which names the six partitions once each, in any order. Their numbers do not depend on -w and -n.
    * `surface_to_volume` counts own open cells with an open neighbour that another part owns, whatever K is; over `owned`; 0 for
      a part that owns nothing.
    * `partition` of the summary is the one of the plan. `reached` is the number of rows of ghosts/. There are no epochs.
    * --rings 0 is valid: ghosts/ is there, without rows.
"""

import os
import shutil
import sys
import tempfile

import numpy as np
import pyarrow as pa

import check
import oracle
import stencil_tables as tables
from check import Mismatch, number, require

GHOSTS = [("part", pa.int32()), ("owner", pa.int32()), *tables.PLACE, ("ring", pa.int32())]
OWNED = [("part", pa.int32()), *tables.PLACE]
COUNTS = ("owned", "ghosts", "mirrors", "neighbours", "bytes")
BYTES_A_GHOST = 8

# --------------------------------------------------------------------------------------------------------------------
# The model


def bricks_of(keys):
    """The brick of each cell, packed."""
    return oracle.pack(*(v >> 4 for v in oracle.unpack(keys)))


def rings_about(own, keys, most):
    """The cells among the sorted `keys`, but for those of the sorted `own`, which steps from `own` reach, and their rings:
    a wave over all points of the lattice, a ring at a time."""
    seen, front, found, rings = own, own, [own[:0]], [np.zeros(0, np.int32)]
    for ring in range(1, most + 1):
        near = [front + step for step in oracle.DELTA]
        front = np.unique(np.concatenate([points[~oracle.contains(seen, points)] for points in near]))
        seen = np.sort(np.concatenate([seen, front]))
        hit = front[oracle.contains(keys, front)]
        found.append(hit)
        rings.append(np.full(len(hit), ring, np.int32))
    return np.concatenate(found), np.concatenate(rings)


def ghost_table(keys, plan, most):
    """The columns of ghosts/, by cell and part. `plan` is the part of each of the sorted `keys`."""
    columns = {n: [] for n in ("part", "owner", "key", "ring")}
    for part in np.unique(plan):
        own = keys[plan == part]
        key, ring = rings_about(own, keys, most)
        columns["key"].append(key)
        columns["ring"].append(ring)
        columns["owner"].append(plan[np.searchsorted(keys, key)].astype(np.int32))
        columns["part"].append(np.full(len(key), part, np.int32))
    flat = {n: np.concatenate(v) for n, v in columns.items()}
    place = tables.place_columns(flat["key"])
    return tables.sorted_by({"part": flat["part"], "owner": flat["owner"], **place, "ring": flat["ring"]}, "cell", "part")


def part_list(keys, plan, parts, ghosts):
    """What the summary says of each part."""
    near = oracle.Graph(keys, np.full(len(keys), 256, np.uint16)).near
    extended = np.append(plan, -1)
    beside = np.zeros(len(keys), bool)
    for nodes in near:
        beside |= (nodes < len(keys)) & (extended[nodes] != plan)
    owned, surface = (np.bincount(plan[which], minlength=parts) for which in (slice(None), beside))
    received, sent = (np.bincount(ghosts[n], minlength=parts) for n in ("part", "owner"))
    pairs = np.unique(ghosts["part"].astype(np.int64) * parts + ghosts["owner"])
    neighbours = np.bincount(pairs // parts, minlength=parts)
    return [{"part": p, "owned": int(owned[p]), "ghosts": int(received[p]), "mirrors": int(sent[p]), "neighbours": int(neighbours[p]),
             "bytes": BYTES_A_GHOST * int(received[p]), "surface_to_volume": float(surface[p] / owned[p]) if owned[p] else 0.0}
            for p in range(parts)]


class Expected:
    """What a run is asked: the map, the number of parts, the rings, and which flags are set."""

    def __init__(self, map_, parts, rings, owned=False, compare=False):
        self.map, self.parts, self.rings, self.owned, self.compare = map_, parts, rings, owned, compare


# --------------------------------------------------------------------------------------------------------------------
# Comparing


class Result:
    """What a run has published: the sorted table `ghosts`; `plan`, the part of each open cell in the order of the map's keys, or
    None; `parts` of the summary, and `compare` as {partition: parts} or None."""

    def __init__(self, ghosts, plan):
        self.ghosts, self.plan, self.parts, self.compare = ghosts, plan, None, None


def by_brick(bricks, parts, what):
    """Every brick has one part."""
    order = np.argsort(bricks, kind="stable")
    bricks, parts = bricks[order], parts[order]
    at = np.flatnonzero((bricks[1:] == bricks[:-1]) & (parts[1:] != parts[:-1]))
    require(len(at) == 0, lambda: f"{what}: brick {tuple(int(v) for v in oracle.unpack(bricks[at[0]]))} belongs to parts {parts[at[0]]} and {parts[at[0] + 1]}")


def in_parts(values, parts, what):
    at = np.flatnonzero((values < 0) | (values >= parts))
    require(len(at) == 0, lambda: f"{what} {values[at[0]]} is outside 0…{parts - 1}")


def read_plan(folder, map_, parts, workers):
    """The part of each open cell, in the order of the map's keys."""
    got = tables.sorted_by(tables.read_columns(folder, OWNED, workers, ("cell",)), "cell")
    place = tables.place_columns(map_.keys)
    order = np.argsort(place["cell"], kind="stable")
    check.compare(got, tables.take(place, order), ["cell"], "owned/")
    in_parts(got["part"], parts, "owned/: part")
    plan = np.empty(map_.open, np.int64)
    plan[order] = got["part"]
    by_brick(bricks_of(map_.keys), plan, "owned/")
    return plan


def check_without_plan(ghosts, expected):
    """What can be told of ghosts/ alone."""
    keys = oracle.pack(*(ghosts[n] for n in ("lx", "ly", "lz")))
    what = "ghosts/"
    at = np.flatnonzero(~oracle.contains(expected.map.keys, keys))
    require(len(at) == 0, lambda: f"{what}: no open cell: {check.describe(check.row_of(ghosts, at[0]))}")
    check.compare(ghosts, {**tables.place_columns(keys)}, ["cell"], what)
    for name in ("part", "owner"):
        in_parts(ghosts[name], expected.parts, f"{what}: {name}")
    bad = (ghosts["part"] == ghosts["owner"]) | (ghosts["ring"] < 1) | (ghosts["ring"] > expected.rings)
    bad[1:] |= (ghosts["cell"][1:] == ghosts["cell"][:-1]) & (ghosts["part"][1:] == ghosts["part"][:-1])
    at = np.flatnonzero(bad)
    require(len(at) == 0, lambda: f"{what}: its own, beyond the rings, or twice: {check.describe(check.row_of(ghosts, at[0]))}")
    by_brick(bricks_of(keys), ghosts["owner"], what)


def check_parts(listed, expected, what):
    """A list of parts by itself: its form, and that what is sent is what is received."""
    require(isinstance(listed, list) and len(listed) == expected.parts, f"{what} is {str(listed)[:100]}, not a list of {expected.parts}")
    open_ = expected.map.open
    for part, told in enumerate(listed):
        require(isinstance(told, dict) and {"part", "surface_to_volume", *COUNTS} <= set(told), f"{what}: part {part} is {told}")
        require(told["part"] == part, f"{what}: part {told['part']} in place of {part}")
        owned, ghosts, mirrors, neighbours, bytes_ = (number(told[n], f"{what}: part {part}: {n}") for n in COUNTS)
        ratio = number(told["surface_to_volume"], f"{what}: part {part}: surface_to_volume", whole=False)
        sound = (bytes_ == BYTES_A_GHOST * ghosts and ghosts <= open_ - owned and mirrors <= owned * (expected.parts - 1)
                 and neighbours <= min(ghosts, expected.parts - 1) and (neighbours > 0) == (ghosts > 0) and ratio <= 1)
        require(sound and (owned > 0 or not (ghosts or mirrors or ratio)), f"{what}: impossible: {told}")
        require(expected.rings > 0 or not (ghosts or mirrors), f"{what}: ghosts though there are no rings: {told}")
        require(expected.rings == 0 or (ratio > 0) <= (ghosts > 0), f"{what}: a surface but no ghosts: {told}")
    require(sum(t["owned"] for t in listed) == open_, f"{what}: owned adds up to {sum(t['owned'] for t in listed)}, expected {open_}")
    require(sum(t["ghosts"] for t in listed) == sum(t["mirrors"] for t in listed), f"{what}: ghosts and mirrors are not as many")


def equal_parts(listed, other, what):
    for a, b in zip(listed, other):
        for name in ("part", *COUNTS):
            require(a[name] == b[name], f"{what}: part {b['part']}: {name} is {a[name]}, expected {b[name]}")
        near = abs(a["surface_to_volume"] - b["surface_to_volume"]) <= 1e-12
        require(near, f"{what}: part {b['part']}: surface_to_volume is {a['surface_to_volume']}, expected {b['surface_to_volume']}")


def check_summary(folder, expected, result, *about):
    """As check.check_summary, of which it returns the last two; fills in `parts` and `compare`."""
    told, total, notes = check.check_summary(folder, "ghost", expected.map, 0, *about)
    rows = len(result.ghosts["cell"])
    require(number(told.get("reached"), "reached") == rows, f"summary: reached is {told['reached']}, expected {rows}")
    check_parts(told.get("parts"), expected, "summary: parts")
    result.parts = told["parts"]
    require(sum(t["ghosts"] for t in result.parts) == rows, f"summary: parts have {sum(t['ghosts'] for t in result.parts)} ghosts, expected {rows}")
    if result.plan is not None:
        equal_parts(result.parts, part_list(expected.map.keys, result.plan, expected.parts, result.ghosts), "summary: parts")
    require(("compare" in told and told["compare"] is not None) == expected.compare, f"summary: compare is {str(told.get('compare'))[:100]}")
    if expected.compare:
        named = [t.get("partition") if isinstance(t, dict) else None for t in told["compare"]]
        require(sorted(map(str, named)) == sorted(check.PARTITIONS), f"summary: compare names {named}")
        result.compare = {t["partition"]: t.get("parts") for t in told["compare"]}
        for name, listed in result.compare.items():
            check_parts(listed, expected, f"summary: compare: {name}")
        equal_parts(result.compare[told["partition"]], result.parts, f"summary: compare: {told['partition']}")
    return total, notes


def check_result(folder, expected, workers=None, processes=None, partition=None, printed=None, plan=None):
    """Everything. Raises Mismatch; returns the result and notes. `plan` is the plan of a run without --owned, if known."""
    require(os.path.isdir(folder), f"{folder} is not there")
    check.check_entries(folder, {"ghosts", "summary.json"} | ({"owned"} if expected.owned else set()))
    total = (workers or 64) * (processes or 1)
    if expected.owned:
        said = read_plan(os.path.join(folder, "owned"), expected.map, expected.parts, total)
        require(plan is None or (said == plan).all(), "owned/ differs from the same plan in another run")
        plan = said
    ghosts = tables.read_columns(os.path.join(folder, "ghosts"), GHOSTS, total, ("cell",))
    result = Result(tables.sorted_by(ghosts, "cell", "part"), plan)
    if plan is None:
        check_without_plan(result.ghosts, expected)
    else:
        want = ghost_table(expected.map.keys, plan, expected.rings)
        check.compare(result.ghosts, want, ["cell", "part"], "ghosts/")
    _, notes = check_summary(folder, expected, result, workers, processes, partition, printed)
    return result, notes


def equal_results(a, b, what):
    """Two results of one question: the same bits."""
    tables.equal_tables(a.ghosts, b.ghosts, f"{what}: ghosts/")
    require(a.plan is None or b.plan is None or (a.plan == b.plan).all(), f"{what}: owned/ differs")
    equal_parts(a.parts, b.parts, f"{what}: summary: parts")


# --------------------------------------------------------------------------------------------------------------------
# The flags of a run


def parser():
    p = check.run_parser("ghost")
    p.add_argument("--parts", type=int, required=True)
    p.add_argument("--rings", type=int, required=True)
    p.add_argument("--owned", action="store_true")
    p.add_argument("--compare", action="store_true")
    p.add_argument("--plan")
    return p


def expect(args):
    """What a run with these flags is asked."""
    if not (1 <= args.parts <= 2**20 and args.rings >= 0):
        raise oracle.Invalid("--parts must be 1…2^20, --rings 0 or more")
    return Expected(check.map_of(args), args.parts, args.rings, args.owned, args.compare)


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
        plan = read_plan(os.path.join(args.plan, "owned"), expected.map, expected.parts, 64) if args.plan else None
        result, notes = check_result(args.dir, expected, args.w, args.n, args.partition, printed, plan)
    except Mismatch as problem:
        print(f"DIFFERS: {problem}")
        return 1
    print(f"agrees: {expected.map.open} open cells, {len(result.ghosts['cell'])} ghosts" + ("" if result.plan is not None else ", plan unknown")
          + "".join(f"; note: {n}" for n in notes))
    return 0


# --------------------------------------------------------------------------------------------------------------------
# A writer of correct results, for the self test and for trying the harness without the program


def some_plan(keys, parts, partition="hash"):
    """A plan that is none of the program's: bricks by a number of their own."""
    x, y, z = oracle.unpack(bricks_of(keys))
    return ((x * 73856093) ^ (y * 19349663) ^ (z * 83492791) ^ (check.PARTITIONS.index(partition) * 7919)) % parts


def write_result(folder, expected, workers=1, processes=1, partition="hash"):
    """Publishes a correct result of some_plan. Returns the summary."""
    shutil.rmtree(folder, ignore_errors=True)
    keys, parts = expected.map.keys, expected.parts

    def plan_and_ghosts(name):
        plan = some_plan(keys, parts, name)
        return plan, ghost_table(keys, plan, expected.rings)

    plan, ghosts = plan_and_ghosts(partition)
    tables.write_parts(f"{folder}/ghosts", ghosts, GHOSTS, workers * processes)
    if expected.owned:
        owned = tables.sorted_by({"part": plan.astype(np.int32), **tables.place_columns(keys)}, "cell")
        tables.write_parts(f"{folder}/owned", owned, OWNED, workers * processes)
    more = {"reached": len(ghosts["cell"]), "parts": part_list(keys, plan, parts, ghosts)}
    if expected.compare:
        more["compare"] = [{"partition": n, "parts": part_list(keys, p, parts, g)} for n, (p, g) in
                           ((n, plan_and_ghosts(n)) for n in check.PARTITIONS)]
    return tables.write_summary(folder, "ghost", expected.map, (workers, processes, partition), more)


# --------------------------------------------------------------------------------------------------------------------
# Self test


def steps_between(a, b):
    """The least number of steps between two points of the lattice: half of the sum of the two greatest differences."""
    return sum(sorted(abs(p - q) for p, q in zip(a, b))[1:]) // 2


def naive_ghosts(cells, parts, most):
    """{(part, cell): (owner, ring)} of {cell: part}, pair by pair."""
    out = {}
    for part in range(parts):
        own = [c for c, p in cells.items() if p == part]
        for cell, owner in cells.items():
            ring = min((steps_between(cell, c) for c in own), default=most + 1) if owner != part else most + 1
            if ring <= most:
                out[part, cell] = (owner, ring)
    return out


def against_naive():
    rng = np.random.default_rng(6)
    top = oracle.MAX_COORDINATE
    for trial in range(40):
        base = rng.choice([0, 2 * int(rng.integers(0, 30000)), top - 20 + 1], 3) // 2 * 2
        count = int(rng.integers(1, 120))
        points = base + rng.integers(0, 20, (count, 3)) // 2 * 2 + rng.integers(0, 2, (count, 1))
        keys = np.unique(oracle.pack(*points.T))
        parts, most = int(rng.integers(1, 7)), int(rng.integers(0, 6))
        plan = rng.integers(0, parts, len(keys)) if trial % 2 else some_plan(keys, parts)
        cells = {tuple(int(v) for v in c): int(p) for c, p in zip(zip(*oracle.unpack(keys)), plan)}
        got = ghost_table(keys, plan, most)
        rows = zip(*(got[n].tolist() for n in ("part", "lx", "ly", "lz", "owner", "ring")))
        naive = naive_ghosts(cells, parts, most)
        assert {(p, (x, y, z)): (owner, ring) for p, x, y, z, owner, ring in rows} == naive and len(naive) == len(got["cell"]), trial
        for told in part_list(keys, plan, parts, got):
            mine = {c for c, p in cells.items() if p == told["part"]}
            ghosts = [v for (p, _), v in naive.items() if p == told["part"]]
            edge = [c for c in mine if any(cells.get(tuple(a + b for a, b in zip(c, s)), told["part"]) != told["part"] for s in oracle.ORDER)]
            assert told["owned"] == len(mine) and told["ghosts"] == len(ghosts) and told["neighbours"] == len({o for o, _ in ghosts})
            assert told["mirrors"] == sum(owner == told["part"] for owner, _ in naive.values())
            assert told["surface_to_volume"] == (len(edge) / len(mine) if mine else 0)


def spoils_of(out):
    s = tables.Spoiler(out)
    g, o = "ghosts/part-0-0.parquet", "owned/part-0-1.parquet"
    part = lambda **new: s.told(lambda t: t["parts"][1].update({k: v(t["parts"][1][k]) for k, v in new.items()}))
    up = lambda v: v + 1
    return {
        **s.of_table(g), **s.of_table(o), "ring": s.put(g, "ring", 2, up), "owner": s.put(g, "owner", 2, lambda v: (v + 1) % 5),
        "ghost of another": s.put(g, "part", 2, lambda v: (v + 1) % 5), "owned by another": s.put(o, "part", 2, lambda v: (v + 1) % 5),
        "a part beyond": s.put(o, "part", 2, 5), "foreign folder": lambda: os.mkdir(f"{out}/field"), "no summary": lambda: os.remove(f"{out}/summary.json"),
        "told owned": part(owned=up), "told ghosts": part(ghosts=up), "told mirrors": part(mirrors=up), "told neighbours": part(neighbours=up),
        "told bytes": part(bytes=up), "told surface": part(surface_to_volume=lambda v: v * 0.999), "told part": part(part=up),
        "one part less": s.told(lambda t: t["parts"].pop()), "no parts": s.told(lambda t: t.pop("parts")), "no compare": s.told(lambda t: t.pop("compare")),
        "compare, one less": s.told(lambda t: t["compare"].pop()), "compare, one twice": s.told(lambda t: t["compare"].append(t["compare"][0])),
        "compare, other than parts": s.told(lambda t: t["compare"][0]["parts"][0].update(surface_to_volume=0.123)),
        "compare, cells lost": s.told(lambda t: t["compare"][3]["parts"][0].update(owned=t["compare"][3]["parts"][0]["owned"] - 1)),
        "reached": s.told(lambda t: t.update(reached=1)), "command": s.told(lambda t: t.update(command="diffuse")),
        "partition": s.told(lambda t: t.update(partition="slab")),
    }


def selftest():
    against_naive()
    base = tempfile.mkdtemp()
    rng = np.random.default_rng(7)
    np.save(f"{base}/m.npy", rng.random((20, 18, 11)) > 0.2)
    map_, out = oracle.read_map(f"{base}/m.npy"), f"{base}/out"
    for parts, rings, workers in ((1, 2, 1), (3, 0, 2), (4, 1, 3), (99, 3, 2)):
        expected = Expected(map_, parts, rings, True, parts == 4)
        write_result(out, expected, workers, 2, "slab")
        first, _ = check_result(out, expected, workers, 2, "slab")
        bare = Expected(map_, parts, rings)
        write_result(out, bare, 1, 1, "slab")
        equal_results(check_result(out, bare, 1, 1, "slab")[0], first, "with --owned and without")
        check_result(out, bare, 1, 1, "slab", None, first.plan)
    expected = Expected(map_, 5, 2, True, True)
    spoils = spoils_of(out)
    tables.refuses(spoils, lambda: write_result(out, expected), lambda: check_result(out, expected, 1, 1, "hash"), "-v" in sys.argv)
    blind = {n: spoil for n, spoil in spoils.items() if n.startswith(("ghosts: ", "told ghosts", "compare, "))}
    write_bare = lambda: write_result(out, Expected(map_, 5, 2, False, True))
    tables.refuses(blind, write_bare, lambda: check_result(out, Expected(map_, 5, 2, False, True), 1, 1, "hash"), "-v" in sys.argv)
    shutil.rmtree(base)
    print(f"ghosts: self test passed ({len(spoils) + len(blind)} spoilt results refused)")


if __name__ == "__main__":
    if sys.argv[1:2] == ["--selftest"]:
        selftest()
    else:
        sys.exit(main(sys.argv[1:]))
