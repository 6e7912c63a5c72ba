"""Random worlds for `octaflow route`: a map, queries and updates, all valid by the contract, from a seed.

    python route_worlds.py FOLDER SEED [--ambiguous]     writes one world and prints its flags

    make(seed, folder, ambiguous=False, kind=None) -> World as in worlds.py

Half of the maps are those of worlds.py; the others have ways to find: open space, mazes, rooms behind thin walls with doors,
serpentines, caves, rubble and lines at the end of what ticks can say, of one cost (where many routes tie) or of several, in every format. Queries run between any two
cells, near and far, from shared starts and to shared goals, back and forth, to themselves, into walls, out of the map, between
regions; their positions lie on the lattice, near it, or exactly between its points. Updates are those of worlds.py and, aimed
at routes that stand: cells on them and beside them are blocked, opened again, made dear or cheap; walls are put across and
taken down; goals are walled in; queries come, go, come back under an old id, or only appear within an epoch.

Where the contract leaves room the worlds stay out of it, unless `ambiguous`: then `query-` rows have no position.
"""

import os
import sys

import numpy as np

import oracle
import routes
import worlds
from worlds import position_near, within

MANY_IDS = [0, 1, 2, 3, 7, 100, 25, 26, -1, -5, 2**31, 2**53 + 1, 2**63 - 1, -2**63]


# --------------------------------------------------------------------------------------------------------------------
# Maps with ways to find: arrays of factors, 0 blocked


def open_space(rng):
    box = np.ones(rng.integers(6, 22, 3))
    for _ in range(int(rng.integers(0, 6))):
        lo = [int(rng.integers(0, n)) for n in box.shape]
        box[tuple(slice(a, a + int(rng.integers(1, 9))) for a in lo)] = 0
    return box


def maze(rng):
    """Passages of one width between walls of one voxel: a spanning tree and a few more doors."""
    width = int(rng.choice([1, 1, 2, 3]))
    rooms = rng.integers(2, 7 if width == 1 else 5, 3)
    if rng.random() < 0.3:
        rooms[int(rng.integers(0, 3))] = 1
    box = np.zeros(rooms * (width + 1) - 1)
    cell = lambda r: tuple(slice(int(v) * (width + 1), int(v) * (width + 1) + width) for v in r)

    def open_door(a, b):
        box[tuple(slice(min(p.start, q.start), max(p.stop, q.stop)) for p, q in zip(cell(a), cell(b)))] = 1

    seen, stack = {(0, 0, 0)}, [(0, 0, 0)]
    box[cell((0, 0, 0))] = 1
    while stack:
        here = stack[-1]
        near = [tuple(here[i] + (s if i == a else 0) for i in range(3)) for a in range(3) for s in (-1, 1)]
        near = [r for r in near if all(0 <= v < n for v, n in zip(r, rooms))]
        fresh = [r for r in near if r not in seen]
        if near and rng.random() < 0.05:
            open_door(here, near[int(rng.integers(0, len(near)))])
        if not fresh:
            stack.pop()
            continue
        there = fresh[int(rng.integers(0, len(fresh)))]
        open_door(here, there)
        seen.add(there)
        stack.append(there)
    return box


def thin_walls(rng):
    """Rooms behind walls of one voxel, each with a door or none."""
    box, closed = np.ones(rng.integers(6, 20, 3)), rng.random() < 0.2
    for axis in range(3):
        for at in range(int(rng.integers(2, 6)), box.shape[axis] - 1, int(rng.integers(3, 9))):
            wall = np.moveaxis(box, axis, 0)[at]
            wall[:] = 0
            for _ in range(int(rng.choice([0, 1, 3] if closed else [1, 2, 5]))):
                i, j = (int(rng.integers(0, n)) for n in wall.shape)
                size = int(rng.choice([1, 2, 3]))
                wall[i:i + size, j:j + size] = 1
    return box


def serpentine(rng):
    """Plates with a gap at alternating ends."""
    box = np.ones(rng.permutation([int(rng.integers(8, 30)), int(rng.integers(4, 16)), int(rng.integers(1, 8))]))
    axis = int(np.argmax(box.shape))
    for number, at in enumerate(range(2, box.shape[axis] - 1, int(rng.integers(2, 5)))):
        plate = np.moveaxis(box, axis, 0)[at]
        gap = (slice(0, 2), slice(-2, None))[number % 2]
        keep = plate[gap].copy()
        plate[:] = 0
        plate[gap] = keep
    return box


def caves(rng):
    box = rng.random(rng.integers(8, 20, 3))
    for axis in range(3):
        box = (box + np.roll(box, 1, axis) + np.roll(box, -1, axis)) / 3
    return (box > np.quantile(box, rng.uniform(0.2, 0.6))).astype(float)


def rubble(rng):
    shape = rng.integers(5, 18, 3)
    if rng.random() < 0.2:
        shape[int(rng.integers(0, 3))] = 1
    return (rng.random(shape) > rng.choice([0.05, 0.15, 0.3, 0.45])).astype(float)


def line(rng):
    """A line so long and dear that its ends are about as far apart as ticks can say, sometimes cut."""
    box = np.full((int(rng.integers(2690, 2760)), 1, 1), 255.0)
    if rng.random() < 0.4:
        box[int(rng.choice([1, 40, -2, -40]))] = 0
    return np.moveaxis(box, 0, int(rng.integers(0, 3)))


SHAPES = (open_space, open_space, maze, maze, thin_walls, serpentine, caves, rubble)


def priced(rng, box):
    """Costs on the open voxels: half of the time all 1."""
    how = rng.random()
    if how < 0.5:
        return box
    if how < 0.65:  # roads
        box = box * float(rng.choice([2.0, 4.0, 1.5]))
        for _ in range(int(rng.integers(1, 6))):
            axis = int(rng.integers(0, 3))
            np.moveaxis(box, axis, 0)[(slice(None), *(int(rng.integers(0, n)) for n in np.delete(box.shape, axis)))] *= 0.5
        return box
    if how < 0.75:  # a slope
        return box * (1 + np.indices(box.shape).sum(axis=0) / 8)
    profile = str(rng.choice(["ties", "whole", "smooth", "mixed", "halves", "wild", "tiny"]))
    return box * np.maximum(worlds.costs_of(rng, box.size, profile).reshape(box.shape), 1 / 256)


def shaped_map(rng, world, kind):
    shape = line if kind in (None, "npy", "table") and rng.random() < 0.03 else SHAPES[int(rng.integers(0, len(SHAPES)))]
    box = shape(rng)
    if shape is not line and rng.random() < 0.12:  # many bricks: twice as far along each axis
        box = np.tile(box, (2, 2, 2))
    if not box.any():
        box[0, 0, 0] = 1
    priced_box = box if shape is line else priced(rng, box)
    uniform = np.array_equal(box > 0, priced_box)
    kind = kind or str(rng.choice(["npy", "table", "3dmap", "bt"] if uniform else ["npy", "table"]))
    if kind in ("3dmap", "bt"):
        priced_box, uniform = box, True
    world.about = f"{shape.__name__} {box.shape}{'' if uniform else ', priced'}, {kind}"
    return {"npy": as_npy, "table": as_table, "3dmap": as_3dmap, "bt": as_bt}[kind](rng, world, priced_box, uniform)


def as_npy(rng, world, box, uniform):
    worlds.frame_of(rng, world.argv)
    if uniform:
        box = box.astype(str(rng.choice(["bool", "u1", "<f4", "<i8"])))
    if rng.random() < 0.3:
        world.argv += ["--axes", "zyx"]
        box = box.transpose(2, 1, 0)
    np.save(f"{world.folder}/map.npy", box)
    return f"{world.folder}/map.npy"


def as_3dmap(rng, world, box, _):
    worlds.frame_of(rng, world.argv)
    with open(f"{world.folder}/map.3dmap", "w") as f:
        f.write("voxel {} {} {}\n".format(*box.shape))
        f.writelines(f"{x} {y} {z}\n" for x, y, z in np.argwhere(box == 0).tolist())
    return f"{world.folder}/map.3dmap"


def as_bt(rng, world, box, _):
    low, high = oracle.BT_SHIFT, 3 * oracle.BT_SHIFT - 1
    lo = 32768 + rng.integers(-16, 8, 3) if rng.random() < 0.7 else rng.integers(low, high - 40, 3)
    unseen = rng.random(box.shape) < rng.choice([0, 0, 0.03])
    voxels = {tuple(at): 1 if box[tuple(p)] else 2 for p, at in zip(np.argwhere(~unseen).tolist(), (np.argwhere(~unseen) + lo).tolist())}
    if 1 not in voxels.values():
        voxels[tuple(lo.tolist())] = 1
    worlds.write_bt(f"{world.folder}/map.bt", voxels, float(rng.choice([0.5, 0.25, 1.0, 0.05, 0.1])))
    if rng.random() < 0.3:
        world.argv += ["--unknown", "open"]
    return f"{world.folder}/map.bt"


def as_table(rng, world, box, uniform):
    """Its cells at some place of the lattice. Odd cells may have costs of their own, and some may be missing."""
    worlds.frame_of(rng, world.argv)
    stored = oracle.quantise(box)
    base = 2 * rng.integers(0, (worlds.TOP - 100) // 2, 3) if rng.random() < 0.5 else np.zeros(3, np.int64)
    cells, costs = [], []
    for array, shift in ((stored, 0), (oracle.corner_costs(stored), 1)):
        cells.append(2 * np.argwhere(array) + shift + base)
        costs.append(array[array > 0] / 256)
    cells, costs = np.concatenate(cells), np.concatenate(costs)
    if not uniform and rng.random() < 0.5:
        odd = cells[:, 0] % 2 == 1
        costs[odd] = worlds.costs_of(rng, int(odd.sum()))
    keep = rng.random(len(cells)) >= rng.choice([0, 0, 0.1])
    keep[int(rng.integers(0, len(cells)))] = True
    order = rng.permutation(np.flatnonzero(keep))
    columns = dict(zip(("lx", "ly", "lz"), cells[order].T))
    if not uniform or rng.random() < 0.3:
        columns["cost"] = costs[order]
    path = f"{world.folder}/map.{rng.choice(['csv', 'parquet'])}"
    worlds.write_table(path, columns)
    return path


# --------------------------------------------------------------------------------------------------------------------
# Queries


class Ends:
    """Draws starts and goals: mostly open cells, often one drawn before."""

    def __init__(self, rng, state):
        self.rng, self.state = rng, state
        self.used = [worlds.cell_of(k) for k in (state.keys[0], state.keys[-1])] if len(state.keys) else []

    def cell(self):
        rng, state = self.rng, self.state
        how = rng.random()
        if how < 0.25 and self.used:
            cell = self.used[int(rng.integers(0, len(self.used)))]
        elif how < 0.9 and len(state.keys):
            cell = worlds.any_open(rng, state)
        elif how < 0.98 and len(state.keys):  # beside an open cell: often in a wall, or outside
            step, times = oracle.ORDER[int(rng.integers(0, 14))], int(rng.integers(1, 4))
            cell = tuple(c + times * s for c, s in zip(worlds.any_open(rng, state), step))
        else:
            cell = tuple(int(v) for v in rng.integers(0, worlds.TOP // 2, 3) * 2 + int(rng.integers(0, 2)))
        return cell if within(cell) else (0, 0, 0)

    def pair(self):
        """Two cells."""
        rng, start = self.rng, self.cell()
        how = rng.random()
        if how < 0.06:
            goal = start
        elif how < 0.2:
            goal = tuple(c + int(rng.integers(1, 5)) * s for c, s in zip(start, oracle.ORDER[int(rng.integers(0, 14))]))
            goal = goal if within(goal) and len({v % 2 for v in goal}) == 1 else self.cell()
        elif how < 0.4 and len(self.state.keys):  # the farthest of several
            many = [worlds.any_open(rng, self.state) for _ in range(12)]
            goal = max(many, key=lambda c: sum(abs(a - b) for a, b in zip(c, start)) % 10_000)
        else:
            goal = self.cell()
        self.used += [start, goal]
        if rng.random() < 0.1:
            self.used += [goal, start][:int(rng.integers(0, 3))]
        return start, goal

    def place(self, cell):
        """A position that snaps to the cell, or a tied one that snaps to one of its neighbours."""
        tied = worlds.position_tied(self.rng, self.state, cell, False) if self.rng.random() < 0.2 else None
        return tied[0] if tied else position_near(self.rng, self.state.frame, cell)


def write_queries(rng, world, path, ids, pairs):
    table = {"query": np.array(ids, np.int32 if max(map(abs, ids)) < 2**31 - 1 and rng.random() < 0.3 else np.int64)}
    for n, name in enumerate(("sx", "sy", "sz", "gx", "gy", "gz")):
        table[name] = [float((*s, *g)[n]) for s, g in pairs]
    if rng.random() < 0.2:
        table = dict(sorted(table.items(), key=lambda _: rng.random()))
    worlds.write_table(path, table)
    world.argv += ["--queries", path]


def write_scen(rng, world, path, pairs):
    with open(path, "w") as f:
        f.write("version 1\nmap.3dmap\n")
        for s, g in pairs:
            f.write(" ".join(str(v // 2) for v in (*s, *g)) + f" {rng.uniform(1, 50):.8f} {rng.uniform(1, 2):.3f}\n")
    world.argv += ["--queries", path]


def ask(rng, world, map_, most=25):
    """Adds queries to the flags of the world; returns [(id, start cell, goal cell)]."""
    ends, snap = Ends(rng, routes.Standing(map_)), map_.frame.snap
    pairs = [ends.pair() for _ in range(int(rng.integers(1, most + 1)) if rng.random() < 0.7 else int(rng.integers(1, 4)))]
    if map_.voxels and rng.random() < 0.2:  # voxels: even cells
        even = lambda c: tuple(v - v % 2 for v in c)
        pairs = [(even(s), even(g)) for s, g in pairs]
        write_scen(rng, world, f"{world.folder}/queries.3dscen", pairs)
        world.about += f", {len(pairs)} queries (3dscen)"
        return [(n, s, g) for n, (s, g) in enumerate(pairs)]
    places = [(ends.place(s), ends.place(g)) for s, g in pairs]
    on_flags = int(rng.integers(0, len(places) + 1)) if rng.random() < 0.6 else len(places)
    at = 0
    while at < on_flags:
        count = int(rng.integers(1, 4)) if rng.random() < 0.4 else 1
        texts = [",".join(repr(v) for v in (*s, *g)) for s, g in places[at:min(at + count, on_flags)]]
        world.argv += ["--query", *texts] if len(texts) > 1 or rng.random() < 0.5 else [f"--query={texts[0]}"]
        at += len(texts)
    ids = list(range(on_flags))
    if on_flags < len(places):
        rest = len(places) - on_flags
        free = [i for i in MANY_IDS if i not in ids] + rng.integers(-10**6, 10**6, rest).tolist()
        ids += rng.permutation(np.array([i for i in dict.fromkeys(free) if i not in ids], np.int64))[:rest].tolist()
        places = places[:len(ids)]
        write_queries(rng, world, f"{world.folder}/queries.{rng.choice(['csv', 'parquet'])}", ids[on_flags:], places[on_flags:])
    world.about += f", {len(ids)} queries"
    return [(i, snap(s), snap(g)) for i, (s, g) in zip(ids, places)]


# --------------------------------------------------------------------------------------------------------------------
# Updates


def write_row(rng, state, cell, cost):
    """A row that sets a cell; of a voxel map's even cells often the whole voxel."""
    even = cell[0] % 2 == 0
    kind = "voxel" if even and state.voxels and rng.random() < 0.7 and state.frame.snap_voxel(state.frame.position(cell)) == cell else "cost"
    return (kind, state.frame.position(cell), cost)


def beside(rng, cell):
    out = tuple(c + s for c, s in zip(cell, oracle.ORDER[int(rng.integers(0, 14))]))
    return out if within(out) else cell


def aimed_rows(rng, state, closed):
    """Rows that change a route which stands, or nearly so. `closed` are cells blocked before."""
    standing = list(state.queries.values())
    found = [a for a in (state.answer(*standing[int(i)]) for i in rng.integers(0, len(standing), 4)) if len(a.cells) > 1] if standing else []
    how = str(rng.choice(["block", "block", "reopen", "reopen", "beside", "open", "price", "wall", "goal"]))
    if how == "reopen" and closed:
        cells = [closed[int(i)] for i in rng.integers(0, len(closed), int(rng.integers(1, 12)))]
        return [write_row(rng, state, c, 1.0) for c in cells]
    if not found:
        return []
    way = [worlds.cell_of(k) for k in found[int(rng.integers(0, len(found)))].cells]
    some = [way[int(i)] for i in rng.integers(0, len(way), int(rng.integers(1, 5)))]
    if how == "beside":
        some = [beside(rng, c) for c in some]
        cost = float(rng.choice([0, 0, 0.5, 1.0, 3.0]))
    elif how == "open":  # what is blocked beside it: short cuts
        some = [c for c in (beside(rng, beside(rng, way[int(i)])) for i in rng.integers(0, len(way), 40)) if state.cost(c) == 0][:8]
        cost = 1.0
    elif how == "price":
        some = way if rng.random() < 0.3 else some
        cost = float(rng.choice([0.25, 0.5, 2.0, 1.5, 100.0, 1 / 256]))
    elif how == "wall":
        middle, axis, reach = way[len(way) // 2], int(rng.integers(0, 3)), int(rng.integers(2, 9))
        x = np.stack(oracle.unpack(state.keys), axis=1)
        near = (np.abs(x - middle).max(axis=1) <= reach) & (np.abs(x - middle)[:, axis] <= int(rng.integers(0, 2)))
        some, cost = [worlds.cell_of(k) for k in state.keys[near][:200]], 0.0
    elif how == "goal":
        some = [c for c in (tuple(a + b for a, b in zip(way[-1], s)) for s in oracle.ORDER) if within(c)] + way[-1:] * int(rng.integers(0, 2))
        cost = 0.0
    else:
        cost = 0.0
    if cost == 0:
        closed += some
    return [write_row(rng, state, c, cost) for c in some]


def query_rows(rng, state, gone, ends):
    """Rows that ask and withdraw, in an order that is valid."""
    rows, stand = [], set(state.queries)
    place = lambda cell: ends.place(cell)
    for _ in range(int(rng.integers(1, 5))):
        how = rng.random()
        if how < 0.55 or not stand:
            old = [q for q in gone if q not in stand]
            query = old[int(rng.integers(0, len(old)))] if old and rng.random() < 0.5 else int(rng.integers(-1000, 1000))
            if query in stand:
                continue
            start, goal = ends.pair()
            rows.append(("query+", place(start), (query, place(goal))))
            stand.add(query)
            if rng.random() < 0.15:
                rows.append(("query-", place(start), query))
                stand.discard(query)
        else:
            query = sorted(stand)[int(rng.integers(0, len(stand)))]
            start, goal = state.queries.get(query, ((0, 0, 0), (0, 0, 0)))
            rows.append(("query-", place(start), query))
            stand.discard(query)
            gone.append(query)
            if rng.random() < 0.3:  # the same, the way back, or another under its name
                start, goal = ((start, goal), (goal, start), ends.pair())[int(rng.integers(0, 3))]
                rows.append(("query+", place(start), (query, place(goal))))
                stand.add(query)
    return rows


def make_epoch(rng, state, closed, gone, ends):
    """Rows of one epoch; applies them to the state."""
    rows = []
    if rng.random() < 0.25:
        state.sources = {int(oracle.pack(*c)): 0 for pair in state.queries.values() for c in pair}
        rows += worlds.cell_rows(rng, state)
        state.sources = {}
        closed += [state.frame.snap(p) for k, p, c in rows if k == "cost" and c == 0][:20]
    for _ in range(int(rng.choice([0, 1, 1, 1, 2, 5]))):
        rows += aimed_rows(rng, state, closed)
    if rng.random() < 0.4 or not rows:
        worlds.insert_in_order(rng, rows, query_rows(rng, state, gone, ends))
    if not rows:
        rows.append(("cost", state.frame.position(ends.cell()), 1.0))
    state.apply([(k, p, int(oracle.quantise(np.array([v]))[0]) if k in ("cost", "voxel") else v) for k, p, v in rows])
    return rows


def update_table(rng, epochs, ambiguous):
    bare = ambiguous and rng.random() < 0.5
    names = ("time", "kind", "x", "y", "z", "cost", "query", "gx", "gy", "gz")
    out = []
    for time, rows in epochs:
        for kind, p, value in rows:
            row = dict.fromkeys(names)
            row.update(time=time, kind=kind, x=p[0], y=p[1], z=p[2])
            if kind == "query+":
                row.update(query=value[0], gx=value[1][0], gy=value[1][1], gz=value[1][2])
            elif kind == "query-":
                row.update(query=value, **(dict.fromkeys("xyz") if bare else {}))
            else:
                row.update(cost=value)
            out.append(row)
    return out


def update(rng, world, map_, queries, ambiguous, most=None):
    """Writes updates and adds their flags."""
    state = routes.Standing(map_, queries)
    state.voxels = map_.voxels
    time = worlds.random_start(rng, world.argv)
    closed, gone, epochs = [], [], []
    ends = Ends(rng, state)
    most = most or (2 if map_.open > 20_000 else 9)
    for _ in range(int(rng.integers(1, most + 1)) if rng.random() < 0.9 or map_.open > 2000 else int(rng.integers(20, 40))):
        time += int(rng.choice([1, 1, 2, 1000, 2**40]))
        epochs.append((time, make_epoch(rng, state, closed, gone, ends)))
    ext = str(rng.choice(["csv", "parquet", "json", "-"]))
    world.updates = f"{world.folder}/updates.{'csv' if ext == '-' else ext}"
    worlds.write_rows(rng, world.updates, update_table(rng, epochs, ambiguous), ["cost", "query", "gx", "gy", "gz"])
    if ext == "-":
        world.stdin = world.updates
    world.argv += ["--updates", "-" if ext == "-" else world.updates]
    world.about += f", {len(epochs)} epochs ({'stdin' if ext == '-' else ext}), {sum(len(r) for _, r in epochs)} rows"


def make(seed, folder, ambiguous=False, kind=None):
    rng = np.random.default_rng([seed, 23])
    os.makedirs(folder, exist_ok=True)
    world = worlds.World(folder)
    if rng.random() < 0.4:
        maker = kind or str(rng.choice(["table", "table", "npy", "3dmap", "bt"]))
        path = {"table": worlds.table_map, "npy": worlds.npy_map, "3dmap": worlds.threed_map, "bt": worlds.bt_map}[maker](rng, world)
    else:
        path = shaped_map(rng, world, kind)
    map_ = worlds.read_back(path, world.argv)
    world.argv[:0] = ["--map", path]
    mode = str(rng.choice(["exact", "corridor"], p=[0.6, 0.4]))
    if mode == "corridor" or rng.random() < 0.2:
        world.argv += ["--mode", mode]
    if rng.random() < 0.4:
        world.argv += ["--smooth"] + ["--smooth-cells"] * (rng.random() < 0.8)
    queries = ask(rng, world, map_)
    if rng.random() < 0.75:
        update(rng, world, map_, queries, ambiguous)
    if rng.random() < 0.08:
        world.argv += ["--picture", f"{folder}/picture.png"]
    world.about += f", {mode}" + (", smooth" if "--smooth" in world.argv else "") + (", picture" if "--picture" in world.argv else "")
    return world


if __name__ == "__main__":
    if len(sys.argv) < 3:
        print(__doc__)
        sys.exit(2)
    made = make(int(sys.argv[2]), sys.argv[1], "--ambiguous" in sys.argv)
    print(made.about)
    print(" ".join(made.argv) + (f" < {made.stdin}" if made.stdin else ""))
