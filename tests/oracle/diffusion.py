"""An independent model of what `octaflow diffuse` must compute, on top of the maps of oracle.py.

It is written from the contract's words alone: all open cells in one array of doubles, a step at a time, every neighbour gathered
by itself. Nothing of bricks, rings or workers.

    u'(v) = u(v) + r · Σ over open neighbours n of face(v, n) · (u(n) − u(v))

with face 3/16 across a hexagonal face (diagonal neighbours) and 1/16 across a square one (axial); blocked and absent neighbours
are insulating walls. r = D · dt · (2 / cell_size)², or dt itself where that is given in lattice units. With --cost-diffusivity
a face counts times the harmonic mean 2ab / (a + b) of the two cells' costs, as factors.

    read_initial(path, map_, extent)    -> the first values, in the order of the map's cells; of a table or of a .npy
    Stencil(map_, by_cost)              -> .bound, the greatest r that is stable; .step(u, r)
    step_of(args)                       -> r of the flags of a run
    Expected(map_, first, steps, r, …)  -> .final, and .snapshots {step: values}

Readings of the contract decided here
    * A .npy of initial values has the shape of the voxels' extent, and a[0,0,0] is the least voxel of that (of an OctoMap: of the
      box of its known voxels). `--axes zyx` is about this array as about a map's. Its numbers may be of any kind that a map's may
      be, and negative. All must be finite, those of blocked voxels too, which say nothing else. A table of cells has no extent,
      so no .npy can be its initial values.
    * A row of a table names a cell as `--source` does (`x,y,z`) or as a map's `lx,ly,lz` does. Its value is any finite double.
      No rows at all name no cell.
    * Without --dt, r is 0.9 of the greatest stable, whatever --dt-unit, the diffusivity and the cell size are. Where
      no open cell has an open neighbour, --cost-diffusivity bounds nothing, and then r may be anything.
    * The bound without --cost-diffusivity is 1/1.875 even where walls would allow more.

`python diffusion.py --selftest` holds the model against exact fractions worked out cell by cell, and against physics: mass, the maximum
principle, quadratics, and the order at which a Gaussian converges.
"""

import math
import os
import sys

import numpy as np

import oracle

Invalid = oracle.Invalid
FACE = [3 / 16] * 8 + [1 / 16] * 6  # in the order of oracle.ORDER
PLAIN_BOUND = 1 / 1.875
DEFAULT_SHARE = 0.9

# --------------------------------------------------------------------------------------------------------------------
# Initial values


def extent_of(path, axes="xyz"):
    """The least voxel and the shape of a map's box of voxels; None for a table of cells."""
    ext = os.path.splitext(path)[1].lower()
    if ext == ".npy":
        shape = np.load(path, mmap_mode="r", allow_pickle=False).shape
        return (0, 0, 0), shape[::-1] if axes == "zyx" else shape
    if ext == ".3dmap":
        with open(path, "rb") as f:
            return (0, 0, 0), tuple(int(v) for v in f.readline().split()[1:])
    if ext == ".bt":
        _, leaves = oracle.bt_leaves(path)
        low = leaves[:, :3].min(axis=0) - oracle.BT_SHIFT
        high = (leaves[:, :3] + leaves[:, 3:4]).max(axis=0) - oracle.BT_SHIFT
        return tuple(low.tolist()), tuple((high - low).tolist())
    return None


def finite(values, what):
    if values.dtype.kind not in "biuf" or values.dtype.itemsize > 8:
        raise Invalid(f"{what}: not a number type: {values.dtype}")
    values = values.astype(np.float64)
    if not np.isfinite(values).all():
        raise Invalid(f"{what}: a value that is not finite")
    return values


def read_initial(path, map_, extent=None, axes="xyz"):
    """Values of all open cells, in the order of the map's keys."""
    if path.lower().endswith(".npy"):
        return dense_values(path, map_, extent, axes)
    t = oracle.read_table(path)
    by_lattice, by_metres = {"lx", "ly", "lz"} & set(t), {"x", "y", "z"} & set(t)
    if "value" not in t:
        raise Invalid(f"{path}: no column value")
    if by_lattice and by_metres:
        raise Invalid(f"{path}: lattice columns and metre columns at once")
    if len(t["value"]) == 0 and 3 in (len(by_lattice), len(by_metres)):
        return np.zeros(map_.open)
    if len(by_lattice) == 3:
        if any(t[c].dtype.kind not in "iu" or (t[c] < 0).any() or (t[c] > oracle.MAX_COORDINATE).any() for c in by_lattice):
            raise Invalid(f"{path}: lattice coordinates must be whole numbers in 0…{oracle.MAX_COORDINATE}")
        xyz = np.stack([t[c].astype(np.int64) for c in ("lx", "ly", "lz")], axis=1)
    elif len(by_metres) == 3:
        xyz = np.array([map_.frame.snap(p) for p in zip(*(t[c].tolist() for c in ("x", "y", "z")))], np.int64).reshape(-1, 3)
    else:
        raise Invalid(f"{path}: needs x,y,z or lx,ly,lz")
    return sparse_values(map_, oracle.pack(*xyz.T), finite(t["value"], path), path)


def sparse_values(map_, keys, values, what):
    """Named cells; all others are 0."""
    if not oracle.contains(map_.keys, keys).all():
        raise Invalid(f"{what}: a value in a cell that is not open")
    order = np.argsort(keys, kind="stable")
    keys, values = keys[order], values[order]
    if ((keys[1:] == keys[:-1]) & (values[1:] != values[:-1])).any():
        raise Invalid(f"{what}: a cell twice with different values")
    first = np.zeros(map_.open)
    first[np.searchsorted(map_.keys, keys)] = values
    return first


def dense_values(path, map_, extent, axes):
    """An array over voxels: even cells take theirs, odd ones the mean of their eight."""
    array = np.load(path, allow_pickle=False)
    if extent is None:
        raise Invalid(f"{path}: a table of cells has no voxels")
    if array.ndim == 3 and axes == "zyx":
        array = array.transpose(2, 1, 0)
    base, shape = extent
    if array.shape != tuple(shape):
        raise Invalid(f"{path}: shape {array.shape}, expected {tuple(shape)}")
    array = finite(array, path)
    first = np.zeros(map_.open)
    x, y, z = (v - 2 * b for v, b in zip(oracle.unpack(map_.keys), base))
    odd = (x & 1) == 1
    first[~odd] = array[x[~odd] >> 1, y[~odd] >> 1, z[~odd] >> 1]
    for i, j, k in np.ndindex(2, 2, 2):  # all eight are open where the corner is
        first[odd] += array[(x[odd] >> 1) + i, (y[odd] >> 1) + j, (z[odd] >> 1) + k] / 8
    return first


# --------------------------------------------------------------------------------------------------------------------
# Steps


class Stencil:
    """The faces of all open cells."""

    def __init__(self, map_, by_cost=False):
        self.n = map_.open
        self.near = oracle.Graph(map_.keys, map_.costs).near
        self.costs = map_.costs / 256.0 if by_cost else None
        self.bound = PLAIN_BOUND
        if by_cost:
            most = float(self.sums().max())
            self.bound = 1 / most if most > 0 else math.inf

    def faces(self):
        """For each direction the cells with an open neighbour there, those neighbours, and the faces between them."""
        for d, near in enumerate(self.near):
            v = np.flatnonzero(near < self.n)
            u = near[v]
            if self.costs is None:
                yield v, u, FACE[d]
            else:
                a, b = self.costs[v], self.costs[u]
                yield v, u, FACE[d] * (2 * a * b / (a + b))

    def sums(self):
        """The sum of each cell's faces."""
        out = np.zeros(self.n)
        for v, _, face in self.faces():
            out[v] += face
        return out

    def step(self, u, r):
        change = np.zeros(self.n)
        for v, n, face in self.faces():
            change[v] += face * (u[n] - u[v])
        return u + r * change


def step_of(map_, bound, dt=None, unit="s", diffusivity=1.0):
    """r, the step in lattice units over the diffusivity. None: it may be anything."""
    if not (math.isfinite(diffusivity) and diffusivity >= 0):
        raise Invalid("--diffusivity must be finite and not negative")
    if dt is None:
        return DEFAULT_SHARE * bound if math.isfinite(bound) else None
    if not (math.isfinite(dt) and dt >= 0):
        raise Invalid("--dt must be finite and not negative")
    r = dt if unit == "lattice" else diffusivity * dt * (2 / map_.frame.cell_size) ** 2
    if r > bound * (1 + 1e-12):
        raise Invalid(f"--dt: the step of {r} is beyond the bound of {bound}")
    return r


class Expected:
    """All that a run must publish: `first` and `final` values, `snapshots` {step: values} or None."""

    def __init__(self, map_, stencil, first, steps, r, every=None, precision="f64"):
        self.map, self.first, self.steps, self.r, self.precision = map_, first, steps, r, precision
        self.scale = float(np.abs(first).max(initial=0))
        self.snapshots, self.maps = {} if every else None, {}
        self.changes, self.last_map = None, map_
        u = first
        for step in range(1, steps + 1):
            u = stencil.step(u, r or 0.0)
            if every and step % every == 0:
                self.snapshots[step] = u
        self.final = u

    @classmethod
    def changing(cls, map_, stencil, first, steps, step_of_stencil, by_cost, epochs, start, every=None, precision="f64"):
        """With epochs of updates: those of time t come after the step t - start. `step_of_stencil` gives r of a Stencil."""
        r = step_of_stencil(stencil)
        self = cls(map_, stencil, first, 0, r, every, precision)
        self.steps, self.changes = steps, {"epochs": len(epochs), "opened": 0, "blocked": 0, "lost": 0.0, "time_lattice": 0.0}
        rows_after = {time - start: rows for time, rows in epochs}
        if not all(0 < step <= steps for step in rows_after):
            raise Invalid("a time beyond the last step")
        state, u = oracle.World(map_), first
        for step in range(1, steps + 1):
            u = stencil.step(u, r or 0.0)
            self.changes["time_lattice"] += math.nan if r is None else r
            if every and step % every == 0:
                self.snapshots[step], self.maps[step] = u, self.last_map
            if step in rows_after:
                before = state.keys
                state.apply_cells(rows_after[step])
                held, there = np.zeros(len(state.keys)), oracle.contains(before, state.keys)
                held[there] = u[np.searchsorted(before, state.keys[there])]
                gone = ~oracle.contains(state.keys, before)
                self.changes["opened"] += int((~there).sum())
                self.changes["blocked"] += int(gone.sum())
                self.changes["lost"] += math.fsum(u[gone])
                u, self.last_map = held, oracle.Map(state.keys, state.costs, map_.cells, map_.frame, False)
                stencil = Stencil(self.last_map, by_cost)
                r = step_of_stencil(stencil)
        self.final, self.r = u, r
        return self


# --------------------------------------------------------------------------------------------------------------------
# Self test


def box_map(shape, cell_size=1.0, costs=None):
    """A map of a box of voxels of these stored costs (all 256)."""
    box = np.full(shape, 256, np.uint16) if costs is None else costs
    return oracle.dense_map(box, None, oracle.Frame(cell_size), 10**8)


def exact_steps(cells, values, r, steps, by_cost):
    """Fractions over {(x, y, z): stored cost}."""
    from fractions import Fraction
    r, values = Fraction(r), {c: Fraction(v) for c, v in values.items()}
    for _ in range(steps):
        after = {}
        for cell, cost in cells.items():
            change = Fraction(0)
            for d, step in enumerate(oracle.ORDER):
                to = tuple(a + b for a, b in zip(cell, step))
                if to in cells:
                    a, b = Fraction(cost, 256), Fraction(cells[to], 256)
                    face = Fraction(3 if d < 8 else 1, 16) * (2 * a * b / (a + b) if by_cost else 1)
                    change += face * (values[to] - values[cell])
            after[cell] = values[cell] + r * change
        values = after
    return values


def against_fractions():
    rng = np.random.default_rng(8)
    for trial in range(30):
        by_cost = bool(trial % 2)
        points = rng.integers(0, 9, (60, 3)) // 2 * 2 + rng.integers(0, 2, (60, 1))
        keys = np.unique(oracle.pack(*points.T))
        stored = rng.choice([256, 1, 300, 65535, int(rng.integers(1, 65536))], len(keys)).astype(np.uint16)
        map_ = oracle.Map(keys, stored, len(keys), oracle.Frame(), False)
        stencil, first = Stencil(map_, by_cost), rng.normal(size=len(keys))
        r = 0.9 * stencil.bound if math.isfinite(stencil.bound) else 1.0
        got = Expected(map_, stencil, first, 3, r)
        places = [tuple(int(v) for v in c) for c in zip(*oracle.unpack(keys))]
        want = exact_steps(dict(zip(places, stored.tolist())), dict(zip(places, first)), r, 3, by_cost)
        assert max(abs(float(want[c]) - v) for c, v in zip(places, got.final)) < 1e-14 * got.scale, trial


def conserved_and_bounded():
    """Mass to rounding, and no value beyond the first ones, at the greatest step, with walls and costs of all kinds."""
    rng = np.random.default_rng(9)
    for by_cost in (False, True):
        costs = np.where(rng.random((9, 8, 7)) < 0.3, 0, rng.choice([256, 1, 65535, 700], (9, 8, 7))).astype(np.uint16)
        map_ = box_map(costs.shape, costs=costs)
        stencil = Stencil(map_, by_cost)
        assert by_cost or stencil.bound == 8 / 15 and stencil.sums().max() <= 1.875
        first = rng.choice([0.0, 1.0, -3.0, 1e6], map_.open)
        u, mass, low, high = first, math.fsum(first), first.min(), first.max()
        for _ in range(40):
            u = stencil.step(u, stencil.bound)
            assert abs(math.fsum(u) - mass) <= 1e-12 * np.abs(first).sum()
            assert low - 1e-9 <= u.min() and u.max() <= high + 1e-9, "maximum principle"
    checkers = np.where(np.arange(map_.open) % 2, 1.0, -1.0)
    for _ in range(20):
        checkers = stencil.step(checkers, 3 * stencil.bound)
    assert np.abs(checkers).max() > 100, "three times the bound is not stable"


def exact_for_quadratics():
    """The Laplacian of a·x² + … is exact inside of a box."""
    map_ = box_map((6, 6, 6))
    x, y, z = (v.astype(float) for v in oracle.unpack(map_.keys))
    inside = np.all([(2 <= v) & (v <= 8) for v in (x, y, z)], axis=0)
    stencil = Stencil(map_)
    assert stencil.sums()[inside].tolist() == [1.875] * int(inside.sum())
    for values, laplacian in ((x * x, 2), (3 * y * y - z * z, 4), (x * y - 2 * y * z + 5 * x, 0), (x * x + y * y + z * z, 6)):
        change = stencil.step(values, 1.0) - values
        assert np.abs(change[inside] - laplacian).max() < 1e-11, laplacian


def gaussian_error(voxels, r=0.4, width=0.07, time=0.002):
    """A Gaussian in a unit box of so many voxels an axis: the greatest difference from the analytic solution, in units of its peak."""
    size = 1 / voxels
    map_ = box_map((voxels,) * 3, size)
    squared = sum((v * size / 2 - (1 - size) / 2) ** 2 for v in oracle.unpack(map_.keys))
    steps = round(time / (r * (size / 2) ** 2))
    variance = width**2 + 2 * steps * r * (size / 2) ** 2
    stencil = Stencil(map_)
    got = Expected(map_, stencil, np.exp(-squared / (2 * width**2)), steps, r).final
    peak = (width**2 / variance) ** 1.5
    return np.abs(got - peak * np.exp(-squared / (2 * variance))).max() / peak


def converges():
    errors = [gaussian_error(n) for n in (12, 24, 48)]
    orders = [math.log2(a / b) for a, b in zip(errors, errors[1:])]
    assert all(1.8 < o < 2.4 for o in orders) and errors[-1] < 0.01, (errors, orders)
    return orders[-1]


def reads_initial_values():
    import tempfile
    folder = tempfile.TemporaryDirectory()
    at = lambda name: os.path.join(folder.name, name)

    def text(name, content):
        with open(at(name), "w") as f:
            f.write(content)
        return at(name)

    box = np.ones((3, 2, 2), np.uint8)
    box[2, 1, 1] = 0
    np.save(at("m.npy"), box)
    map_ = oracle.read_map(at("m.npy"), cell_size=0.5)
    extent = extent_of(at("m.npy"))
    cells = [tuple(int(v) for v in c) for c in zip(*oracle.unpack(map_.keys))]
    named = lambda path: {c: v for c, v in zip(cells, read_initial(path, map_, extent)) if v}
    assert named(text("i.csv", "lx,ly,lz,value\n4,0,0,7\n1,1,1,-0.5\n4,0,0,7.0\n")) == {(4, 0, 0): 7, (1, 1, 1): -0.5}
    assert named(text("i.csv", "value,x,y,z\n7,1.05,0,0\n-0.5,0.25,0.25,0.3\n1,0.125,0.125,0.125\n")) == {(4, 0, 0): 7, (1, 1, 1): -0.5, (0, 0, 0): 1}
    values = np.arange(12.0).reshape(3, 2, 2)
    np.save(at("v.npy"), np.asfortranarray(values))
    assert named(at("v.npy")) == {**{c: values[tuple(v // 2 for v in c)] for c in cells if c[0] % 2 == 0 and c != (0, 0, 0)}, (1, 1, 1): 3.5}
    np.save(at("t.npy"), values.transpose(2, 1, 0))
    assert (read_initial(at("t.npy"), map_, extent, "zyx") == read_initial(at("v.npy"), map_, extent)).all()
    np.save(at("n.npy"), np.where(values == 3, np.inf, values))
    np.save(at("c.npy"), values.astype(complex))
    np.save(at("o.npy"), np.full((3, 2, 2), None), allow_pickle=True)
    bad = [text(f"bad{i}.csv", t) for i, t in enumerate((
        "lx,ly,lz,value\n4,2,2,1\n", "lx,ly,lz,value\n3,1,1,1\n", "lx,ly,lz,value\n40,2,2,1\n", "lx,ly,lz,value\n0,0,0,1\n0,0,0,2\n", "lx,ly,lz\n0,0,0\n",
        "lx,ly,lz,value\n0,0,0,nan\n", "lx,ly,lz,value\n0,0,0,inf\n", "lx,ly,lz,x,y,z,value\n0,0,0,0,0,0,1\n", "x,y,value\n0,0,1\n",
        "x,y,z,value\n0.3,0,0,1\n0.31,0.26,0.26,1\n-1,0,0,1\n", "x,y,z,value\n1,0.5,0.5,1\n", "x,y,z,value\n0,0,0,hot\n", "lx,ly,lz,value\n0,0,0,\n"))]
    for path in (*bad, at("t.npy"), at("n.npy"), at("c.npy"), at("o.npy")):
        try:
            read_initial(path, map_, extent)
        except (Invalid, ValueError):
            continue
        raise AssertionError(path)
    # the step of the flags
    assert math.isclose(step_of(map_, PLAIN_BOUND, 0.01, "s", 2.0), 0.32) and step_of(map_, PLAIN_BOUND, 0.01, "lattice", 2.0) == 0.01
    assert math.isclose(step_of(map_, PLAIN_BOUND), 0.48) and step_of(map_, PLAIN_BOUND, 0.5333333333333333, "lattice") == 8 / 15
    for dt, unit in ((0.034, "s"), (0.534, "lattice"), (math.nan, "s"), (-1, "lattice")):
        try:
            step_of(map_, PLAIN_BOUND, dt, unit, 1.0)
        except Invalid:
            continue
        raise AssertionError(dt)
    folder.cleanup()


def selftest():
    against_fractions()
    conserved_and_bounded()
    exact_for_quadratics()
    reads_initial_values()
    print(f"diffusion: self test passed (a Gaussian converges at order {converges():.2f})")


if __name__ == "__main__":
    if sys.argv[1:] == ["--selftest"]:
        selftest()
    else:
        print(__doc__)
