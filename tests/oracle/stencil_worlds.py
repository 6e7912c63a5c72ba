"""Random worlds for `octaflow ghost` and `octaflow diffuse`, all valid by the contract, from a seed.

    python stencil_worlds.py FOLDER SEED ghost|diffuse [--ambiguous]     writes one world and prints its flags

    make_ghost(seed, folder, ambiguous=False, kind=None)   -> Ghost     .flags(owned, compare): of a run, but for --partition and --out
    make_diffuse(seed, folder, ambiguous=False, kind=None) -> Diffuse   .flags(rings, every): of a run; .too_long: a --dt that must be refused

Maps are those of worlds.py and route_worlds.py, in every format, and tables made for bricks: boxes that cross their edges or end
at them, shells of bricks, every other brick, cells scattered one a brick, pairs across a face, an edge or a corner, single
cells, lone ones without neighbours; at 0, at 65535, or anywhere, by lattice or by metres with --origin.

Where the contract leaves room the worlds stay out of it, unless `ambiguous`: then --axes zyx is given with a .npy of initial values, and
a table of them may have no rows.
"""

import math
import os
import sys

import numpy as np

import diffusion
import ghosts
import oracle
import route_worlds
import worlds

TOP = worlds.TOP
BRICK = 16

# --------------------------------------------------------------------------------------------------------------------
# Maps


def across_edges(rng):
    """A box that begins and ends a little before, at or behind an edge of bricks."""
    lo = BRICK * rng.integers(1, 3, 3) + rng.integers(-4, 5, 3)
    return worlds.box_cells(lo.tolist(), (lo + rng.integers(0, 22, 3)).tolist())


def shells(rng):
    """The outermost cells of several bricks."""
    cells = worlds.box_cells([0, 0, 0], (BRICK * rng.integers(1, 4, 3) - 1).tolist())
    return cells[((cells % BRICK < 2) | (cells % BRICK > BRICK - 3)).any(axis=1)]


def every_other(rng):
    """Whole bricks and gaps, as on a chessboard or at random."""
    cells = worlds.box_cells([0, 0, 0], (BRICK * rng.integers(1, 5, 3) - 1).tolist())
    of = cells // BRICK
    return cells[of.sum(axis=1) % 2 == 0] if rng.random() < 0.5 else cells[np.isin(of @ [1, 8, 64], rng.integers(0, 8**3, 300))]


def scattered(rng):
    """Few cells, about one a brick: some without neighbours."""
    count, reach = int(rng.integers(1, 60)), BRICK * int(rng.integers(1, 9))
    return rng.integers(0, reach, (count, 3)) // 2 * 2 + rng.integers(0, 2, (count, 1))


def pair(rng):
    """Two cells on both sides of a face, an edge or a corner of bricks, some steps apart."""
    end = BRICK + np.where(rng.random(3) < 0.6, 0, rng.integers(1, BRICK, 3)) // 2 * 2
    return np.stack([end, end - rng.choice([1, 1, 3]) if rng.random() < 0.6 else end - 2 * rng.integers(0, 4, 3)])


def single(rng):
    return np.full((1, 3), int(rng.integers(0, 2)))


SHAPES = (across_edges, across_edges, shells, every_other, scattered, scattered, pair, single)


def brick_map(rng, world, prices=None):
    """A table of such cells, put somewhere by whole bricks."""
    shape = SHAPES[int(rng.integers(0, len(SHAPES)))]
    cells = shape(rng)
    if len(cells) == 0:
        cells = single(rng)
    room = (TOP - cells.max(axis=0)) // BRICK * BRICK
    where = str(rng.choice(["zero", "end", "anywhere", "a corner"]))
    least = {"zero": np.zeros(3, np.int64), "end": room, "anywhere": rng.integers(0, room + 1) // BRICK * BRICK,
             "a corner": np.where(rng.random(3) < 0.5, room, 0)}[where]
    cells = np.unique(cells[rng.random(len(cells)) < rng.choice([1, 1, 0.8, 0.4])] + least, axis=0) if len(cells) > 2 else cells + least
    if len(cells) == 0:
        cells = least[None] + int(rng.integers(0, 2))
    cost = worlds.costs_of(rng, len(cells), prices)
    cost[rng.random(len(cells)) < rng.choice([0, 0, 0.2])] = 0
    cost[int(rng.integers(0, len(cells)))] = 1.0
    frame, order = worlds.frame_of(rng, world.argv), rng.permutation(len(cells))
    names, values = ("lx", "ly", "lz"), cells[order]
    if rng.random() < 0.4:
        names, values = "xyz", np.array(frame.origin) + values * frame.cell_size / 2
    columns = dict(zip(names, values.T))
    if (cost != 1).any():
        columns["cost"] = cost[order]
    path = f"{world.folder}/map.{rng.choice(['csv', 'parquet'])}"
    worlds.write_table(path, columns)
    world.about = f"{shape.__name__} of {len(cells)} cells, {where}"
    return path


def any_map(rng, world, kind):
    """Puts a map into the world's flags; returns it."""
    how = rng.random()
    if how < 0.45 and kind in (None, "table"):
        path = brick_map(rng, world)
    elif how < 0.75:
        maker = kind or str(rng.choice(["table", "npy", "3dmap", "bt"]))
        path = {"table": worlds.table_map, "npy": worlds.npy_map, "3dmap": worlds.threed_map, "bt": worlds.bt_map}[maker](rng, world)
    else:
        path = route_worlds.shaped_map(rng, world, kind)
    map_ = worlds.read_back(path, world.argv)
    world.argv[:0] = ["--map", path]
    return path, map_


# --------------------------------------------------------------------------------------------------------------------
# Ghosts


class Ghost(worlds.World):
    def ask(self, rng, map_):
        """Parts, rings, and which flags are set. `map_` is kept."""
        self.map = map_
        self.parts = int(rng.choice([1, 2, 2, 3, 3, 4, 5, 6, 7, 8, 9])) if rng.random() < 0.92 else int(rng.choice([16, 50, 64, 1000, 1024, 1025, 70_000]))
        self.rings = int(rng.choice([0, 1, 1, 2, 2, 3, 3, 4])) if map_.open < 200_000 else int(rng.integers(1, 3))
        if map_.open < 2000 and rng.random() < 0.15:
            self.rings = int(rng.integers(5, 9))
        self.owned, self.compare = bool(rng.random() < 0.6), bool(rng.random() < 0.4) and self.parts <= 2000
        self.about += f", {map_.open} open, {self.parts} parts, {self.rings} rings"
        return self

    def flags(self, owned=None, compare=None):
        """As the world has it but for what is said otherwise."""
        owned, compare = self.owned if owned is None else owned, self.compare if compare is None else compare
        return self.argv + ["--parts", str(self.parts), "--rings", str(self.rings)] + ["--owned"] * owned + ["--compare"] * compare


def make_ghost(seed, folder, _ambiguous=False, kind=None):
    rng = np.random.default_rng([seed, 25])
    os.makedirs(folder, exist_ok=True)
    world = Ghost(folder)
    for _ in range(4):
        world.argv = []
        _, map_ = any_map(rng, world, kind)
        if len(np.unique(ghosts.bricks_of(map_.keys))) > 2 or rng.random() < 0.1:
            break
    return world.ask(rng, map_)


# --------------------------------------------------------------------------------------------------------------------
# Diffusion


def values_of(rng, n, most=1e100):
    """n finite values of one of several characters, in magnitude below `most`."""
    how = str(rng.choice(["noise", "noise", "ones", "whole", "spikes", "wide", "huge", "tiny", "positive"]))
    if how == "ones":
        return np.ones(n)
    if how == "whole":
        return rng.integers(-5, 6, n).astype(float)
    if how == "spikes":
        return np.where(rng.random(n) < 0.05, 1e6, 0.0)
    if how == "wide":
        return rng.choice([-1.0, 1.0], n) * np.exp(rng.uniform(-20, 20, n))
    if how == "positive":
        return rng.uniform(270, 310, n)
    return rng.normal(size=n) * {"noise": 1.0, "huge": most / 100, "tiny": 1 / math.sqrt(most)}[how]


def initial_table(rng, world, map_, most, ambiguous):
    """A table of initial values of some cells, by lattice or by metres."""
    by_metres = rng.random() < 0.5
    share = min(float(rng.choice([0, 0.05, 0.5, 1])) * map_.open, 1500 if by_metres else 50_000)
    count = 0 if ambiguous and rng.random() < 0.1 else max(1, int(share))
    at = rng.permutation(map_.open)[:count]
    values = values_of(rng, count, most)
    if count and rng.random() < 0.3:  # equal duplicates
        again = rng.integers(0, count, int(rng.integers(1, 4)))
        at, values = np.concatenate([at, at[again]]), np.concatenate([values, values[again]])
    x, y, z = oracle.unpack(map_.keys[at])
    columns = {"lx": x, "ly": y, "lz": z} if not by_metres else dict.fromkeys("xyz")
    if by_metres:
        places = [worlds.position_near(rng, map_.frame, worlds.cell_of(k)) for k in map_.keys[at]]
        state = oracle.World(map_)
        for i, key in enumerate(map_.keys[at].tolist()):
            tied = worlds.position_tied(rng, state, worlds.cell_of(key)) if rng.random() < 0.2 else None
            if tied and int(oracle.pack(*tied[1])) == key:
                places[i] = tied[0]
        columns = {a: [float(p[n]) for p in places] for n, a in enumerate("xyz")}
    whole = (np.abs(values) < 2**53).all() and (values == np.rint(values)).all()
    columns["value"] = values.astype(np.int64) if whole and rng.random() < 0.3 else values
    if rng.random() < 0.3:
        columns = dict(sorted(columns.items(), key=lambda _: rng.random()))
    world.about += f", {len(at)} rows by {'metres' if by_metres else 'lattice'}"
    path = f"{world.folder}/initial.{rng.choice(['csv', 'parquet'])}"
    worlds.write_table(path, columns)
    return path


def initial_array(rng, world, extent, axes, most):
    """A .npy of a value for every voxel."""
    shape = extent[1]
    dtype = np.dtype(str(rng.choice([d for d in worlds.DTYPES if d[1] == "f"] * 3 + worlds.DTYPES)))
    if dtype.kind == "f":
        array = values_of(rng, math.prod(shape), most if dtype.itemsize == 8 else min(most, 1e30))
    else:
        array = rng.integers(0, 2 if dtype.kind == "b" else 100, math.prod(shape)) - (50 if dtype.kind == "i" else 0)
    array = array.reshape(shape).astype(dtype)
    array = array.transpose(2, 1, 0) if axes == "zyx" else array
    np.save(f"{world.folder}/initial.npy", np.asfortranarray(array) if rng.random() < 0.4 else array)
    world.about += f", values {dtype.str}"
    return f"{world.folder}/initial.npy"


def time_flags(rng, r, cell_size):
    """Flags that say a step of r, one way or another; they may say more than matters."""
    diffusivity = float(rng.choice([1.0, 2.5, 1e-5, 111.0])) if rng.random() < 0.5 else None
    flags = [] if diffusivity is None else ["--diffusivity", repr(diffusivity)]
    if rng.random() < 0.4:
        return flags + ["--dt", repr(float(r)), "--dt-unit", "lattice"]
    dt = r / ((diffusivity or 1.0) * (2 / cell_size) ** 2)
    return flags + ["--dt", repr(float(dt))] + ["--dt-unit", "s"] * int(rng.integers(0, 2))


class Diffuse(worlds.World):
    def ask(self, rng, path, map_, ambiguous=False):
        """Initial values, steps and their length. `map_` and `path` are the world's."""
        axes, extent, argv = "zyx" if "zyx" in self.argv else "xyz", None, self.argv
        f32 = rng.random() < 0.3
        most = 1e30 if f32 else 1e100
        if map_.voxels and (axes == "xyz" or ambiguous) and rng.random() < 0.5:
            extent = diffusion.extent_of(path, axes)
            extent = extent if math.prod(extent[1]) <= 300_000 or map_.open > 100_000 else None
        initial = initial_array(rng, self, extent, axes, most) if extent else initial_table(rng, self, map_, most, ambiguous)
        self.steps = int(rng.choice([0, 1, 2, 3, 5, 8, 13, 30] if map_.open < 20_000 else [1, 2, 4]))
        argv += ["--initial", initial, "--steps", str(self.steps)] + (["--precision", "f32"] if f32 else ["--precision", "f64"] * int(rng.integers(0, 2)))
        by_cost = rng.random() < 0.4
        argv += ["--cost-diffusivity"] * by_cost
        self.step_flags(rng, map_, diffusion.Stencil(map_, by_cost).bound)
        # A given step may be beyond the bound of a map that costs have changed.
        if self.steps and map_.open < 20_000 and rng.random() < 0.5 and not (by_cost and "--dt" in self.time):
            self.changes(rng, map_)
        self.rings = int(rng.integers(1, 9)) if rng.random() < 0.7 else None
        self.every = int(rng.choice([1, 2, 3, 5, 7, max(1, self.steps), self.steps + 1])) if rng.random() < 0.5 else None
        if rng.random() < 0.08:
            argv += ["--picture", f"{self.folder}/picture.png"]
        self.about += (f", {map_.open} open, {self.steps} steps" + (", by cost" if by_cost else "") + (", f32" if f32 else "")
                       + (f", {self.rings} rings" if self.rings else "") + (f", every {self.every}" if self.every else ""))
        return self

    def changes(self, rng, map_):
        """Epochs of updates of the map between some of the steps."""
        start, state, epochs = worlds.random_start(rng, self.argv), oracle.World(map_), []
        for step in sorted(set(rng.integers(1, self.steps + 1, int(rng.integers(1, 6))).tolist())):
            rows = [row for row in worlds.make_epoch(rng, state, [], False, False) if row[0] in ("cost", "voxel")]
            if not len(state.keys):
                break
            epochs += [(start + step, rows)] * bool(rows)
        if epochs:
            path = f"{self.folder}/updates.{rng.choice(['csv', 'parquet', 'json'])}"
            worlds.write_updates(rng, path, epochs)
            self.argv += ["--updates", path]
            self.about += f", {len(epochs)} epochs, {sum(len(r) for _, r in epochs)} rows"

    def step_flags(self, rng, map_, bound):
        """--dt or none, and in .too_long one that is beyond the bound."""
        self.time, self.too_long, size = [], None, map_.frame.cell_size
        most = bound if math.isfinite(bound) else 10.0
        if math.isfinite(bound):
            self.too_long = time_flags(rng, most * float(rng.choice([1 + 1e-6, 1.01, 1.9, 1e9])), size)
        if rng.random() < 0.6:
            self.time = time_flags(rng, most * float(rng.choice([rng.uniform(0.05, 0.98), rng.uniform(0.05, 0.98), 1 - 1e-6, 1e-9])), size)
        elif rng.random() < 0.3:
            self.time = [["--dt-unit", "s"], ["--dt-unit", "lattice"], ["--diffusivity", "0.3"]][int(rng.integers(0, 3))]
        if "--cost-diffusivity" not in self.argv and rng.random() < 0.1:  # the bound itself
            self.time = ["--dt", repr(bound), "--dt-unit", "lattice"]

    def flags(self, rings, every, time=None):
        """Those of a run with these rings and snapshots, or none."""
        return (self.argv + (self.time if time is None else time) + (["--rings", str(rings)] if rings else []) + (["--every", str(every)] if every else []))


def make_diffuse(seed, folder, ambiguous=False, kind=None):
    rng = np.random.default_rng([seed, 26])
    os.makedirs(folder, exist_ok=True)
    world = Diffuse(folder)
    return world.ask(rng, *any_map(rng, world, kind), ambiguous)


if __name__ == "__main__":
    if len(sys.argv) < 4:
        print(__doc__)
        sys.exit(2)
    if sys.argv[3] == "ghost":
        made = make_ghost(int(sys.argv[2]), sys.argv[1])
        print(made.about, " ".join(made.flags()), sep="\n")
    else:
        made = make_diffuse(int(sys.argv[2]), sys.argv[1], "--ambiguous" in sys.argv)
        print(made.about, " ".join(made.flags(made.rings, made.every)), sep="\n")
