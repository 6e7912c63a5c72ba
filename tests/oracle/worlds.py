"""Random worlds for `octaflow field`: a map, sources and updates, all valid by the contract, from a seed.

    python worlds.py FOLDER SEED [--ambiguous]     writes one world and prints its flags

    make(seed, folder, ambiguous=False) -> World   .argv   flags of the run but --out (with `--updates -` for stdin)
                                                   .stdin  file to feed to stdin, or None
                                                   .updates file of the updates, or None

Maps are tables of cells (csv and parquet, by lattice or by metres, several boxes far apart, up to the ends of the range), voxel
arrays (.npy of every dtype, both memory orders, --axes zyx), .3dmap, and .bt (an octree written here, with pruned leaves).
Updates raise, lower, block and open cells, singly and in walls; name one cell several times in an epoch; mix `cost` rows of odd
cells with `voxel` rows of their neighbours; create cells far outside; add, remove, re-add sources and make them dormant.

Where the contract leaves room the worlds stay out of it, unless `ambiguous`: then sources are named twice with labels shown,
`source-` names cells that are no sources, and `source+` names cells which the same epoch opens.
"""

import csv
import json
import math
import os
import sys

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

import oracle

TOP = oracle.MAX_COORDINATE


class World:
    def __init__(self, folder):
        self.folder, self.argv, self.stdin, self.updates, self.about = folder, [], None, None, ""


# --------------------------------------------------------------------------------------------------------------------
# Costs


def costs_of(rng, n, profile=None):
    """n factors of one of several characters; none blocked, all storable."""
    profile = profile or rng.choice(["ones", "ties", "whole", "smooth", "tiny", "huge", "wild", "halves", "mixed"])
    if profile == "ones":
        return np.ones(n)
    if profile == "ties":
        return rng.choice([1.0, 2.0], n)
    if profile == "whole":
        return rng.integers(1, 6, n).astype(float)
    if profile == "smooth":
        return rng.uniform(0.5, 3, n)
    if profile == "tiny":
        return rng.choice([1 / 512, 1 / 256, 0.003, 0.01, 0.02], n)
    if profile == "huge":
        return rng.choice([100.0, 200.0, 255.0, 65535 / 256, 255.5], n)
    if profile == "halves":  # exactly between two stored costs
        return (rng.integers(0, 1024, n) + 0.5) / 256
    if profile == "mixed":
        return np.where(rng.random(n) < 0.8, 1.0, np.exp(rng.uniform(math.log(1 / 500), math.log(255.9), n)))
    return np.exp(rng.uniform(math.log(1 / 500), math.log(255.9), n))


def walls(rng, shape):
    """Which voxels of a box are blocked: scattered ones, and walls with a gap."""
    blocked = rng.random(shape) < rng.choice([0, 0.05, 0.2, 0.4])
    for _ in range(int(rng.integers(0, 3))):
        axis = int(rng.integers(0, 3))
        at = [slice(None)] * 3
        at[axis] = int(rng.integers(0, shape[axis]))
        blocked[tuple(at)] = True
        gap = [int(rng.integers(0, n)) for n in shape]
        at = [slice(max(0, g - 1), g + 2) for g in gap]
        blocked[tuple(at)] = False
    return blocked


# --------------------------------------------------------------------------------------------------------------------
# Maps


def frame_of(rng, argv):
    """Random --cell-size and --origin; returns the frame."""
    size, origin = 1.0, (0.0, 0.0, 0.0)
    if rng.random() < 0.6:
        size = float(rng.choice([0.5, 2.0, 0.25, 0.1, 0.08, 0.3, 7.3, 0.001, 100.0, 1 / 3]))
        argv += ["--cell-size", repr(size)]
    if rng.random() < 0.5:
        origin = tuple(float(v) for v in (rng.integers(-4000, 4000, 3) / 8 if rng.random() < 0.5 else rng.uniform(-500, 500, 3).round(3)))
        text = ",".join(repr(v) for v in origin)
        argv += [f"--origin={text}"] if rng.random() < 0.5 else ["--origin", text]
    return oracle.Frame(size, origin)


def box_cells(lo, hi):
    """All cells with lo <= coordinate <= hi."""
    out = []
    for parity in (0, 1):
        axes = [np.arange(l + ((l ^ parity) & 1), h + 1, 2) for l, h in zip(lo, hi)]
        out.append(np.stack(np.meshgrid(*axes, indexing="ij"), axis=-1).reshape(-1, 3))
    return np.concatenate(out)


def table_map(rng, world):
    frame = frame_of(rng, world.argv)
    cells = []
    big = rng.random() < 0.06
    for number in range(1 if big else int(rng.integers(1, 5))):
        size = rng.integers(20, 44, 3) if big else rng.integers(0, 16, 3)
        if rng.random() < 0.15:  # a corridor
            size = np.zeros(3, np.int64)
            size[rng.integers(0, 3)] = rng.integers(20, 400)
        place = rng.choice(["zero", "end", "anywhere", "near"])
        if place == "zero":
            lo = np.zeros(3, np.int64)
        elif place == "end":
            lo = TOP - size
        elif place == "near" and cells:
            lo = cells[-1][0] + rng.integers(-20, 20, 3)
        else:
            lo = rng.integers(0, TOP - 500, 3)
        lo = np.clip(lo, 0, TOP - size)
        part = box_cells(lo.tolist(), (lo + size).tolist())
        part = part[rng.random(len(part)) < rng.choice([1.0, 0.95, 0.8, 0.6])]
        if len(part):
            cells.append(part)
    if not cells:
        cells.append(np.array([[10, 10, 10]]))
    cells = np.unique(np.concatenate(cells), axis=0)
    cost = costs_of(rng, len(cells))
    cost[rng.random(len(cells)) < rng.choice([0, 0.1, 0.3])] = 0
    if not cost.any():
        cost[0] = 1.0
    order = rng.permutation(len(cells))
    if rng.random() < 0.3:  # equal duplicates
        order = rng.permutation(np.concatenate([order, order[:int(rng.integers(1, 5))]]))
    cells, cost = cells[order], cost[order]
    columns = {}
    if rng.random() < 0.5:
        kind = rng.choice([np.int32, np.int64])
        for a, name in enumerate(("lx", "ly", "lz")):
            columns[name] = cells[:, a].astype(kind)
    else:
        metres = np.array(frame.origin) + cells * frame.cell_size / 2
        if rng.random() < 0.5:
            metres = metres + rng.uniform(-5e-7, 5e-7, metres.shape) * frame.cell_size
        for a, name in enumerate("xyz"):
            columns[name] = metres[:, a]
    if (cost != 1.0).any() or rng.random() < 0.5:
        columns["cost"] = cost
    if rng.random() < 0.2:
        columns = dict(sorted(columns.items(), key=lambda _: rng.random()))
    ext = rng.choice(["csv", "parquet"])
    path = f"{world.folder}/map.{ext}"
    write_table(path, columns)
    world.about = f"{ext} of {len(cells)} rows"
    return path


def write_table(path, columns):
    """columns: name -> array or list (None for empty)."""
    if path.endswith(".parquet"):
        pq.write_table(pa.table({k: pa.array(v) for k, v in columns.items()}), path)
        return
    with open(path, "w", newline="") as f:
        out = csv.writer(f, lineterminator="\n")
        out.writerow(columns)
        lists = [c.tolist() if isinstance(c, np.ndarray) else c for c in columns.values()]
        for row in zip(*lists):
            out.writerow(["" if v is None else repr(v) if isinstance(v, float) else v for v in row])


DTYPES = ["|b1", "|u1", "|i1", "<u2", ">u2", "<i2", ">i2", "<u4", ">u4", "<i4", ">i4", "<u8", ">u8", "<i8", ">i8", "<f4", ">f4",
          "<f8", ">f8"]


def small_shape(rng):
    if rng.random() < 0.1:
        return tuple(int(v) for v in rng.permutation([1, int(rng.integers(1, 3)), int(rng.integers(10, 300))]))
    if rng.random() < 0.06:
        return tuple(int(v) for v in rng.integers(15, 30, 3))
    return tuple(int(v) for v in rng.integers(1, 13, 3))


def npy_map(rng, world):
    frame_of(rng, world.argv)
    shape, dtype = small_shape(rng), np.dtype(str(rng.choice(DTYPES)))
    if dtype.kind == "b":
        values = np.ones(shape)
    elif dtype.kind in "iu":
        values = rng.choice([1, 1, 2, 3, 100, 127 if dtype == np.int8 else 255], shape)
    else:
        values = costs_of(rng, math.prod(shape)).reshape(shape)
        if dtype.itemsize == 4:
            values = np.where(values < 1 / 512 * 1.001, 1 / 256, values)
    array = np.where(walls(rng, shape), 0, values).astype(dtype)
    if not array.any():
        array[0, 0, 0] = 1
    if rng.random() < 0.4:
        array = np.asfortranarray(array)
    if rng.random() < 0.4:
        world.argv += ["--axes", "zyx"]
    path = f"{world.folder}/map.npy"
    np.save(path, array)
    world.about = f"npy {dtype.str} {shape}"
    return path


def threed_map(rng, world):
    frame_of(rng, world.argv)
    shape = small_shape(rng)
    blocked = walls(rng, shape)
    blocked[tuple(int(rng.integers(0, n)) for n in shape)] = False
    voxels = np.argwhere(blocked)
    path = f"{world.folder}/map.3dmap"
    with open(path, "w") as f:
        f.write(f"voxel {shape[0]} {shape[1]} {shape[2]}\n")
        for x, y, z in rng.permutation(voxels).tolist():
            f.write(f"{x} {y} {z}\n")
    world.about = f"3dmap {shape}"
    return path


def write_bt(path, voxels, resolution, prune=lambda: True):
    """An OctoMap binary file. voxels: {(key, key, key): 1 free or 2 occupied}. Cubes of one state become leaves where
    `prune` says so."""
    keys = np.array(list(voxels), np.int64).reshape(-1, 3)
    states = np.array(list(voxels.values()), np.int64)
    words, nodes = [], 1

    def node(base, side, at):
        nonlocal nodes
        place = len(words)
        words.append(0)
        half, word = side // 2, 0
        octant = (keys[at] - base >= half) @ np.array([1, 2, 4])
        for i in range(8):
            inside = at[octant == i]
            if len(inside) == 0:
                continue
            nodes += 1
            first = states[inside[0]]
            if half == 1 or (len(inside) == half**3 and (states[inside] == first).all() and prune()):
                word |= int(first) << (2 * i)
            else:
                word |= 3 << (2 * i)
                node(base + half * np.array([i & 1, i >> 1 & 1, i >> 2]), half, inside)
        words[place] = word

    node(np.zeros(3, np.int64), 65536, np.arange(len(keys)))
    with open(path, "wb") as f:
        f.write(b"# Octomap OcTree binary file\n# (feel free to add / change comments, but leave the first line as it is!)\n"
                b"id OcTree\n" + f"size {nodes}\nres {resolution!r}\ndata\n".encode())
        f.write(np.array(words, "<u2").tobytes())


def bt_map(rng, world):
    voxels = {}
    low, high = oracle.BT_SHIFT, 3 * oracle.BT_SHIFT - 1
    clusters = int(rng.choice([1, 1, 2, 3]))
    for c in range(clusters):
        shape = rng.integers(1, 13, 3)
        lo = 32768 + rng.integers(-12, 6, 3) if c == 0 or rng.random() < 0.3 else rng.integers(low, high - 14, 3)
        if rng.random() < 0.1:
            lo = np.full(3, low) if rng.random() < 0.5 else high + 1 - shape
        if rng.random() < 0.6:  # even corners, so that cubes can be pruned
            lo = lo // 4 * 4
        lo = np.clip(lo, low, high + 1 - shape)
        state = np.where(walls(rng, tuple(shape)), 2, 1)
        state[rng.random(tuple(shape)) < rng.choice([0, 0, 0.1, 0.3])] = 0
        state[tuple(int(rng.integers(0, n)) for n in shape)] = 1
        for at in np.argwhere(state).tolist():
            voxels[tuple(int(a + b) for a, b in zip(at, lo))] = int(state[tuple(at)])
    resolution = float(rng.choice([0.5, 0.25, 1.0, 0.05, 0.1, 0.08]))
    path = f"{world.folder}/map.bt"
    always = rng.random() < 0.7
    write_bt(path, voxels, resolution, (lambda: True) if always else (lambda: rng.random() < 0.5))
    keys = np.array(list(voxels))
    if np.prod((np.ptp(keys, axis=0) + 1).astype(float)) < 30_000 and rng.random() < 0.5:
        world.argv += ["--unknown", "open"]
    elif rng.random() < 0.2:
        world.argv += ["--unknown", "blocked"]
    world.about = f"bt of {len(voxels)} voxels"
    return path


# --------------------------------------------------------------------------------------------------------------------
# Sources and updates


def dyadic(frame):
    return all(float(v * 1024).is_integer() for v in (frame.cell_size, *frame.origin))


def position_near(rng, frame, cell):
    """A position that snaps to the cell beyond doubt."""
    for _ in range(20):
        u = np.array(cell) + rng.uniform(-0.3, 0.3, 3) * rng.choice([0, 1])
        p = tuple(float(o + v * frame.cell_size / 2) for o, v in zip(frame.origin, u))
        if frame.ranked(p)[0][2:] == tuple(cell) and frame.margin(p) > 1e-3:
            return p
    return frame.position(cell)


def position_tied(rng, state, cell, open_only=True):
    """A position exactly between lattice points whose winner is an open cell (or any), and that cell; or None."""
    frame = state.frame
    if not dyadic(frame):
        return None
    shift = [(0.5, 0.5, 0.5), (1, 0, 0), (0, 1, 0), (0, 0, 1), (-0.5, 0.5, 0.5), (0.5, 0, 1), (1, 0.5, 0), (0.75, 0.75, 0),
             (-0.5, -0.5, -0.5), (-1, 0, 0), (1, 0, 0.5)][int(rng.integers(0, 11))]
    p = tuple(float(o + (v + s) * frame.cell_size / 2) for o, v, s in zip(frame.origin, cell, shift))
    ranked = frame.ranked(p)
    tied = [r for r in ranked if r[0] == ranked[0][0]]
    clear = all(r[0] == ranked[0][0] or r[0] > ranked[0][0] + 1e-3 for r in ranked)
    if len(tied) < 2 or not clear or any(min(r[2:]) < 0 or max(r[2:]) > TOP for r in tied):
        return None
    if open_only and state.cost(ranked[0][2:]) == 0:
        return None
    return p, ranked[0][2:]


def cell_of(key):
    return tuple(int(v) for v in oracle.unpack(key))


def any_open(rng, state):
    return cell_of(state.keys[int(rng.integers(0, len(state.keys)))])


def within(cell):
    return min(cell) >= 0 and max(cell) <= TOP


def pick(rng, state, recent):
    """A cell to write: open, near an open one, a source's, one of this epoch's, or anywhere."""
    for _ in range(100):
        how = rng.random()
        if how < 0.1 and recent:
            return recent[int(rng.integers(0, len(recent)))]
        if how < 0.2 and state.sources:
            return cell_of(list(state.sources)[int(rng.integers(0, len(state.sources)))])
        if how < 0.25 or len(state.keys) == 0:
            base = rng.choice([0, TOP - 1, int(rng.integers(0, TOP))], 3) // 2 * 2 + int(rng.integers(0, 2))
            return tuple(int(v) for v in np.clip(base, 0, TOP) // 1) if within(tuple(base)) else (0, 0, 0)
        cell = any_open(rng, state)
        if how < 0.6:
            return cell
        step = oracle.ORDER[int(rng.integers(0, 14))]
        times = int(rng.integers(1, 4))
        cell = tuple(c + times * s for c, s in zip(cell, step))
        if within(cell):
            return cell
    return (0, 0, 0)


def random_cost(rng):
    r = rng.random()
    return 0.0 if r < 0.3 else 1.0 if r < 0.6 else float(costs_of(rng, 1)[0])


def cell_rows(rng, state):
    """Rows of one epoch that write cells."""
    rows, recent = [], []
    count = int(rng.integers(1, 9)) if rng.random() < 0.85 else int(rng.integers(20, 150))
    if rng.random() < 0.12 and len(state.keys):  # a wall, raised or torn down
        axis, cell = int(rng.integers(0, 3)), any_open(rng, state)
        where = np.flatnonzero(np.abs(oracle.unpack(state.keys)[axis] - cell[axis]) <= int(rng.integers(0, 2)))[:300]
        cost = random_cost(rng)
        for key in state.keys[where]:
            rows.append(("cost", state.frame.position(cell_of(key)), cost))
            recent.append(cell_of(key))
    voxel_share = rng.choice([0, 0.3, 0.3, 0.9])
    for _ in range(count):
        cell = pick(rng, state, recent)
        if rng.random() < voxel_share:
            if cell[0] % 2:  # one of the corner's voxels
                cell = tuple(min(TOP - 1, c + int(rng.choice([-1, 1]))) for c in cell)
            jitter = rng.uniform(-0.3, 0.3, 3) * rng.choice([0, 1])
            p = tuple(float(o + (c / 2 + j) * state.frame.cell_size) for o, c, j in zip(state.frame.origin, cell, jitter))
            if state.frame.snap_voxel(p) != cell:
                p = state.frame.position(cell)
            rows.append(("voxel", p, random_cost(rng)))
            if rng.random() < 0.3:  # and then, or before, one of its corners by name
                corner = tuple(c + int(rng.choice([-1, 1])) for c in cell)
                if within(corner):
                    extra = ("cost", state.frame.position(corner), random_cost(rng))
                    rows.insert(len(rows) - int(rng.integers(0, 2)), extra)
        else:
            rows.append(("cost", state.frame.position(cell), random_cost(rng)))
        recent.append(cell)
    return rows


def insert_in_order(rng, rows, new):
    """Puts `new` at random places, keeping its own order."""
    at = sorted(int(rng.integers(0, len(rows) + 1)) for _ in new)
    for place, row in reversed(list(zip(at, new))):
        rows.insert(place, row)


def make_epoch(rng, state, removed, labels, ambiguous):
    """Rows of one epoch; applies them to the state."""
    rows = cell_rows(rng, state) if rng.random() < 0.9 else []
    before = set(state.keys.tolist()) if len(state.keys) < 100_000 else set()
    trial = oracle.World.__new__(oracle.World)
    trial.frame, trial.keys, trial.costs, trial.sources, trial.named = state.frame, state.keys, state.costs, {}, 0
    touched = {int(oracle.pack(*c)) for c in trial.apply(rows)}
    used = set()

    def steady():
        """A cell open before and after the epoch and in no row of it."""
        for _ in range(30):
            if removed and rng.random() < 0.4:
                key = removed[int(rng.integers(0, len(removed)))]
            elif len(state.keys):
                key = int(state.keys[int(rng.integers(0, len(state.keys)))])
            else:
                return None
            fresh = key not in state.sources or (not labels or ambiguous)
            if key in before and key not in touched and key not in used and fresh:
                used.add(key)
                return cell_of(key)
        return None

    for _ in range(int(rng.integers(1, 5)) if rng.random() < 0.45 or not rows else 0):
        how = rng.random()
        if how < 0.4:
            cell = steady()
            if cell:
                insert_in_order(rng, rows, [("source+", position_near(rng, state.frame, cell), None)])
        elif how < 0.8 and state.sources:
            key = list(state.sources)[int(rng.integers(0, len(state.sources)))]
            if key not in used:
                used.add(key)
                removed.append(key)
                p = position_near(rng, state.frame, cell_of(key))
                new = [("source-", p, None)]
                if key in before and key not in touched and rng.random() < 0.4:
                    new.append(("source+", p, None))
                insert_in_order(rng, rows, new)
        elif how < 0.9:
            cell = steady()
            if cell and int(oracle.pack(*cell)) not in state.sources:
                p = position_near(rng, state.frame, cell)
                insert_in_order(rng, rows, [("source+", p, None), ("source-", p, None)])
        elif ambiguous:
            if rng.random() < 0.5:
                cell = steady()
                if cell:
                    insert_in_order(rng, rows, [("source-", state.frame.position(cell), None)])
            else:
                opened = [k for k in touched if k not in before and trial.cost(cell_of(k)) > 0 and k not in used]
                if opened:
                    used.add(opened[0])
                    insert_in_order(rng, rows, [("source+", state.frame.position(cell_of(opened[0])), None)])
    if not rows:
        cell = any_open(rng, state) if len(state.keys) else (0, 0, 0)
        rows.append(("cost", state.frame.position(cell), 1.0))
    state.apply([(k, p, None if c is None else int(oracle.quantise(np.array([c]))[0])) for k, p, c in rows])
    return rows


def write_updates(rng, path, epochs):
    write_rows(rng, path, [{"time": t, "kind": k, **dict(zip("xyz", p)), "cost": c} for t, part in epochs for k, p, c in part], ["cost"])


def write_rows(rng, path, rows, optional):
    """A table of updates; columns of `optional` may be None in a row and are left out at times where all are."""
    if path.endswith(".json"):
        with open(path, "w") as f:
            for row in rows:
                f.write(json.dumps({k: v for k, v in row.items() if v is not None or k in optional and rng.random() < 0.3}) + "\n")
        return
    columns = {n: [r[n] for r in rows] for n in rows[0]}
    if all(v is None for n in optional for v in columns[n]) and (path.endswith(".parquet") or rng.random() < 0.5):
        columns = {n: v for n, v in columns.items() if n not in optional}
    for name in [n for n in optional if path.endswith(".parquet") and n in columns and all(v is None for v in columns[n])]:
        del columns[name]
    write_table(path, columns)


def read_back(path, argv):
    """The map as the flags so far say to read it."""
    option = {a: b for a, b in zip(argv, argv[1:])}
    joined = next((a.split("=", 1)[1] for a in argv if a.startswith("--origin=")), option.get("--origin"))
    return oracle.read_map(path, option.get("--unknown", "blocked"), option.get("--axes", "xyz"),
                           float(option["--cell-size"]) if "--cell-size" in option else None,
                           oracle.parse_position(joined) if joined else None)


def random_start(rng, argv):
    """A time of the first solve, by a flag unless it is 0."""
    if rng.random() >= 0.4:
        return 0
    start = int(rng.choice([5, -7, 10**12, -2**62, 2**53 + 1]))
    argv += [f"--start={start}"] if rng.random() < 0.5 else ["--start", str(start)]
    return start


def make(seed, folder, ambiguous=False, kind=None):
    rng = np.random.default_rng([seed, 20])
    os.makedirs(folder, exist_ok=True)
    world = World(folder)
    maker = kind or rng.choice(["table", "table", "npy", "3dmap", "bt"])
    path = {"table": table_map, "npy": npy_map, "3dmap": threed_map, "bt": bt_map}[str(maker)](rng, world)
    argv = world.argv
    map_ = read_back(path, argv)
    argv[:0] = ["--map", path]
    labels, steps = rng.random() < 0.6, rng.random() < 0.5
    if labels:
        argv.append("--label-sources")
    if steps:
        argv.append("--next")

    # sources
    state = oracle.World(map_)
    chosen, places = [], []
    for _ in range(int(rng.integers(1, 7))):
        cell = any_open(rng, state)
        tied = position_tied(rng, state, cell) if rng.random() < 0.3 else None
        if tied:
            p, cell = tied
        else:
            p = position_near(rng, state.frame, cell)
        if cell in chosen and labels and not ambiguous:
            continue
        chosen.append(cell)
        places.append(p)
        if rng.random() < 0.15 and (ambiguous or not labels):
            chosen.append(cell)
            places.append(state.frame.position(cell))
    on_flags = int(rng.integers(0, len(places) + 1)) if rng.random() < 0.5 else len(places)
    for p in places[:on_flags]:
        text = ",".join(repr(v) for v in p)
        argv += ["--source", text] if rng.random() < 0.5 else [f"--source={text}"]
    if on_flags < len(places):
        path = f"{folder}/sources.{rng.choice(['csv', 'parquet'])}"
        write_table(path, {a: [p[i] for p in places[on_flags:]] for i, a in enumerate("xyz")})
        argv += ["--sources", path]
    state = oracle.World(map_, places)

    # updates
    if rng.random() < 0.75:
        start = random_start(rng, argv)
        time, removed, epochs = start, [], []
        for _ in range(int(rng.integers(1, 9)) if rng.random() < 0.9 else int(rng.integers(20, 40))):
            time += int(rng.choice([1, 1, 2, 1000, 2**40]))
            epochs.append((time, make_epoch(rng, state, removed, labels, ambiguous)))
        ext = str(rng.choice(["csv", "parquet", "json", "-"]))
        world.updates = f"{folder}/updates.{'csv' if ext == '-' else ext}"
        write_updates(rng, world.updates, epochs)
        if ext == "-":
            world.stdin = world.updates
        argv += ["--updates", "-" if ext == "-" else world.updates]
        world.about += f", {len(epochs)} epochs ({'stdin' if ext == '-' else ext}), {sum(len(r) for _, r in epochs)} rows"
    world.about += f", {len(places)} sources" + (", labels" if labels else "") + (", next" if steps else "")
    return world


if __name__ == "__main__":
    if len(sys.argv) < 3:
        print(__doc__)
        sys.exit(2)
    made = make(int(sys.argv[2]), sys.argv[1], "--ambiguous" in sys.argv)
    print(made.about)
    print(" ".join(made.argv) + (f" < {made.stdin}" if made.stdin else ""))
