"""An independent model of what `octaflow field` must compute.

It is written from the user-visible contract alone and shares no code and no algorithm with the program: maps are plain
sorted arrays of open cells, every epoch is solved from scratch, and every solution is certified against the equations
that define it before anything is compared with it.

Only numpy, scipy and pyarrow are needed.

The lattice
    A cell is a point (x, y, z) with all coordinates even or all odd, each in 0…65535. Here it is packed in one int64,
    `x << 40 | y << 20 | z`: twenty bits an axis, so that stepping off the range can never meet another cell by a borrow.
    `position = origin + lattice * cell_size / 2`.

What the module offers
    read_map(path, …)          -> Map (open cells, stored costs, the counts `cells` and `open`, the frame)
    Map.frame.snap(p)          -> the nearest lattice point of a position, ties broken as the contract says
    read_sources / read_updates-> rows, validated
    World(map, sources, …)     -> state of the map and the sources; .apply(rows) is one epoch; .solve() the field
    solve(keys, costs, seeds)  -> distances in ticks and labels, certified
    difference(before, after)  -> the consolidated changes between two fields

`python oracle.py --selftest` checks the module against small cases worked out by hand and against a naive solver.

Readings of the contract which this module decides are marked READING below.
"""

import csv
import heapq
import json
import math
import os
import sys

import numpy as np
import pyarrow as pa
import pyarrow.csv
import pyarrow.parquet as pq

# --------------------------------------------------------------------------------------------------------------------
# Constants of the contract

ORDER = [(1, 1, 1), (1, 1, -1), (1, -1, 1), (1, -1, -1), (-1, 1, 1), (-1, 1, -1), (-1, -1, 1), (-1, -1, -1),
         (2, 0, 0), (-2, 0, 0), (0, 2, 0), (0, -2, 0), (0, 0, 2), (0, 0, -2)]
OPPOSITE = [ORDER.index((-x, -y, -z)) for x, y, z in ORDER]
BASE_DIAGONAL, BASE_AXIAL, TICKS_PER_CELL = 1351, 1560, 3120
MAX_COORDINATE = 65535
MAX_TICKS = 2**31 - 2
MAX_COST = 65535 / 256
BT_SHIFT = 16384  # voxel index = key - BT_SHIFT

# READING: every naming of a source (flag, row of --sources, source+ row) takes an index, also one that names a cell
# which already is a source; the cell keeps the least index it has been given since it last became a source.
DUPLICATE_TAKES_INDEX = True
# READING: sources are a set, so `source-` of a cell that is no source changes nothing.
REMOVING_NOTHING_IS_ERROR = False

DELTA = np.array([(x << 40) + (y << 20) + z for x, y, z in ORDER], dtype=np.int64)


class Invalid(Exception):
    """An input which the contract calls an error."""


class TooBig(Exception):
    """An input which is valid but more than this model wants to hold in memory."""


class Overflow(Exception):
    """A distance beyond the range of the program's ticks."""


# --------------------------------------------------------------------------------------------------------------------
# Cells


def pack(x, y, z):
    """One int64 a cell."""
    return (np.asarray(x, np.int64) << 40) + (np.asarray(y, np.int64) << 20) + np.asarray(z, np.int64)


def unpack(keys):
    keys = np.asarray(keys, np.int64)
    return keys >> 40, (keys >> 20) & 0xFFFFF, keys & 0xFFFFF


def spread(v):
    """Bits of a 16-bit number to every third place."""
    v = np.asarray(v).astype(np.uint64)
    out = np.zeros_like(v)
    for bit in range(16):
        out |= ((v >> np.uint64(bit)) & np.uint64(1)) << np.uint64(3 * bit)
    return out


def index64(keys):
    """The `cell` column: bits `10`, tier 0 (2 bits), frame 0 (8), LOD 15 (4), Morton (48, x in the lowest bit), signed."""
    x, y, z = unpack(keys)
    morton = spread(x) | (spread(y) << np.uint64(1)) | (spread(z) << np.uint64(2))
    word = np.uint64((0b10 << 62) | (15 << 48)) | morton
    return word.view(np.int64)


def quantise(costs, what="cost"):
    """Factors to stored costs: round-half-up(256 c), exact also where 256 c + 1/2 is not a double."""
    c = np.asarray(costs)
    if c.dtype == np.bool_:
        return c.astype(np.uint16) * np.uint16(256)
    if c.dtype.kind not in "iuf":
        raise Invalid(f"{what}: not a number type: {c.dtype}")
    if c.size == 0:
        return np.zeros(c.shape, np.uint16)
    if c.dtype.kind in "iu":
        if (c < 0).any() or (c > 255).any():
            raise Invalid(f"{what}: outside 0…65535/256")
        return (c.astype(np.int64) * 256).astype(np.uint16)
    if np.isnan(c).any():
        raise Invalid(f"{what}: NaN")
    if (c < 0).any() or (c > MAX_COST).any():
        raise Invalid(f"{what}: outside 0…65535/256")
    scaled = c.astype(np.float64) * 256.0  # exact: a power of two
    low = np.floor(scaled)
    stored = (low + (scaled - low >= 0.5)).astype(np.int64)
    if ((stored == 0) & (c > 0)).any():
        raise Invalid(f"{what}: positive but rounds to 0")
    return stored.astype(np.uint16)


class Frame:
    """Metres and lattice units."""

    def __init__(self, cell_size=1.0, origin=(0.0, 0.0, 0.0)):
        self.cell_size = float(cell_size)
        self.origin = tuple(float(o) for o in origin)

    def position(self, cell):
        """Metres of a lattice point."""
        return tuple(o + c * self.cell_size / 2 for o, c in zip(self.origin, cell))

    def lattice(self, p):
        """Real lattice coordinates of a position."""
        if len(p) != 3 or not all(math.isfinite(float(v)) for v in p):
            raise Invalid(f"position {p} is not three finite numbers")
        return tuple((float(v) - o) * 2.0 / self.cell_size for v, o in zip(p, self.origin))

    def ranked(self, p):
        """Lattice points about a position, best first: (squared distance, parity, x, y, z)."""
        u = self.lattice(p)
        if any(abs(v) > 1e7 for v in u):
            raise Invalid(f"position {p} is out of range")
        out = []
        for parity in (0, 1):
            low = [2 * math.floor((v - parity) / 2) + parity for v in u]
            for corner in range(8):
                c = tuple(low[a] + 2 * (corner >> a & 1) for a in range(3))
                out.append((sum((v - w) ** 2 for v, w in zip(u, c)), parity) + c)
        return sorted(out)

    def snap(self, p):
        """The nearest lattice point; at equal distance the even one, then least x, y, z."""
        cell = self.ranked(p)[0][2:]
        in_range(cell, p)
        return cell

    def margin(self, p):
        """How much nearer the snapped point is than the next one, in squared lattice units (0: a tie)."""
        ranked = self.ranked(p)
        return ranked[1][0] - ranked[0][0]

    def snap_voxel(self, p):
        """The even cell of the nearest voxel centre. READING: at equal distance the least x, y, z."""
        cell = tuple(2 * math.ceil(v / 2 - 0.5) for v in self.lattice(p))
        in_range(cell, p)
        return cell


def in_range(cell, p):
    if any(c < 0 or c > MAX_COORDINATE for c in cell):
        raise Invalid(f"position {p} is lattice point {cell}, outside 0…{MAX_COORDINATE}: see --origin")


# --------------------------------------------------------------------------------------------------------------------
# Maps


class Map:
    """Open cells (packed, ascending) with their stored costs, the two counts, and the frame."""

    def __init__(self, keys, costs, cells, frame, voxels):
        self.keys, self.costs, self.cells, self.frame, self.voxels = keys, costs, int(cells), frame, voxels
        self.open = len(keys)


def read_map(path, unknown="blocked", axes="xyz", cell_size=None, origin=None, limit=60_000_000):
    """A map by its extension. `limit` bounds the open cells this model is ready to hold (TooBig beyond)."""
    ext = os.path.splitext(path)[1].lower()
    if cell_size is not None and not (math.isfinite(cell_size) and cell_size > 0):
        raise Invalid("--cell-size must be a positive finite number")
    if origin is not None and not all(math.isfinite(o) for o in origin):
        raise Invalid("--origin must be finite")
    frame = Frame(1.0 if cell_size is None else cell_size, (0.0, 0.0, 0.0) if origin is None else origin)
    if ext == ".bt":
        return read_bt(path, unknown, limit)
    if ext == ".3dmap":
        return dense_map(read_3dmap(path, limit), None, frame, limit)
    if ext == ".npy":
        array = np.load(path, allow_pickle=False)
        if array.ndim != 3:
            raise Invalid(f"{path}: an array of {array.ndim} dimensions")
        if axes == "zyx":
            array = array.transpose(2, 1, 0)
        return dense_map(quantise(array, path), None, frame, limit)
    if ext in (".csv", ".parquet"):
        return read_cells(path, frame)
    raise Invalid(f"{path}: unknown kind of map")


def read_3dmap(path, limit):
    """Stored costs of the box: 256 everywhere but in the listed voxels."""
    with open(path, "rb") as f:
        head = f.readline().split()
        if len(head) != 4 or head[0] != b"voxel":
            raise Invalid(f"{path}: first line is not 'voxel W H D'")
        shape = tuple(int(v) for v in head[1:])
        if min(shape) < 1 or max(shape) > (MAX_COORDINATE + 1) // 2:
            raise Invalid(f"{path}: impossible size {shape}")
        if 2 * math.prod(shape) > limit:
            raise TooBig(f"{path}: a box of {math.prod(shape):,} voxels")
        body = f.read().split()
    if len(body) % 3:
        raise Invalid(f"{path}: incomplete line")
    voxels = np.array(body, dtype=np.int64).reshape(-1, 3)
    if len(voxels) and ((voxels < 0).any() or (voxels >= np.array(shape)).any()):
        raise Invalid(f"{path}: voxel outside the box")
    box = np.full(shape, 256, np.uint16)
    box[voxels[:, 0], voxels[:, 1], voxels[:, 2]] = 0
    return box


def corner_costs(box):
    """Stored costs of the odd cells of a box of voxels: array one smaller an axis, [i, j, k] between i and i+1 …"""
    w, h, d = (max(0, n - 1) for n in box.shape)
    total, lowest = np.zeros((w, h, d), np.uint32), np.full((w, h, d), 65535, np.uint16)
    for a in (0, 1):
        for b in (0, 1):
            for c in (0, 1):
                part = box[a:a + w, b:b + h, c:c + d]
                total += part
                np.minimum(lowest, part, out=lowest)
    total += 4
    total >>= 3
    total[lowest == 0] = 0
    return total.astype(np.uint16)


def dense_map(box, known, frame, limit, base=(0, 0, 0)):
    """A map from a box of stored voxel costs; `known` marks the voxels that count (None: all of the box)."""
    if box.size == 0:
        raise Invalid("a map without voxels")
    if any(b + n > (MAX_COORDINATE + 1) // 2 for b, n in zip(base, box.shape)):
        raise Invalid(f"a box of {box.shape} voxels leaves the lattice")
    odd = corner_costs(box)
    if known is None:
        cells = box.size + odd.size
    else:
        w, h, d = odd.shape
        touched = np.zeros(odd.shape, bool)
        for a in (0, 1):
            for b in (0, 1):
                for c in (0, 1):
                    touched |= known[a:a + w, b:b + h, c:c + d]
        cells = int(known.sum()) + int(touched.sum())
    if np.count_nonzero(box) + np.count_nonzero(odd) > limit:
        raise TooBig(f"a map of more than {limit:,} open cells")
    keys, costs = [], []
    for array, shift in ((box, 0), (odd, 1)):
        at = np.nonzero(array)
        keys.append(pack(*(2 * (p + b) + shift for p, b in zip(at, base))))
        costs.append(array[at])
    return sorted_map(np.concatenate(keys), np.concatenate(costs), cells, frame, True)


def sorted_map(keys, costs, cells, frame, voxels):
    order = np.argsort(keys, kind="stable")
    return Map(keys[order], costs[order], cells, frame, voxels)


def bt_leaves(path):
    """Leaves of an OctoMap file: resolution, and arrays x, y, z (least key), side (in keys), occupied."""
    with open(path, "rb") as f:
        data = f.read()
    end = data.find(b"\ndata\n")
    if not data.startswith(b"# Octomap OcTree binary file") or end < 0:
        raise Invalid(f"{path}: not an OctoMap binary file")
    fields = {}
    for line in data[:end].split(b"\n"):
        if line and not line.startswith(b"#"):
            name, _, value = line.partition(b" ")
            fields[name] = value.strip()
    if fields.get(b"id") != b"OcTree":
        raise Invalid(f"{path}: id is not OcTree")
    resolution = float(fields[b"res"])
    if not (math.isfinite(resolution) and resolution > 0):
        raise Invalid(f"{path}: res must be positive")
    body = data[end + 6:]
    words = np.frombuffer(body[:len(body) // 2 * 2], "<u2").tolist()
    # Depth first: the place of each inner node follows from a stack of the places still to come.
    place = np.empty((len(words), 4), np.int64)
    stack, n = [(0, 0, 0, 0)], 0
    while stack:
        if n == len(words):
            raise Invalid(f"{path}: ends within the tree")
        x, y, z, depth = stack.pop()
        place[n] = (x, y, z, depth)
        word = words[n]
        n += 1
        if word & (word >> 1) & 0x5555:
            if depth == 15:
                raise Invalid(f"{path}: deeper than 16 levels")
            half = 1 << (15 - depth)
            for i in range(7, -1, -1):
                if word >> (2 * i) & 3 == 3:
                    stack.append((x + (i & 1) * half, y + (i >> 1 & 1) * half, z + (i >> 2) * half, depth + 1))
    if n != len(words) or len(body) % 2:
        raise Invalid(f"{path}: more bytes than the tree")
    word = np.array(words, np.int64)
    half = np.int64(1) << (15 - place[:, 3])
    out = []
    for i in range(8):
        code = word >> (2 * i) & 3
        leaf = (code == 1) | (code == 2)
        out.append(np.stack([place[leaf, 0] + (i & 1) * half[leaf], place[leaf, 1] + (i >> 1 & 1) * half[leaf],
                             place[leaf, 2] + (i >> 2 & 1) * half[leaf], half[leaf], code[leaf]], axis=1))
    return resolution, np.concatenate(out)


def read_bt(path, unknown, limit):
    """OctoMap. READING: with `--unknown open` every voxel of the box of the known ones is known and, unless it is
    occupied, free; so all of them count in `cells`."""
    resolution, leaves = bt_leaves(path)
    if len(leaves) == 0:
        raise Invalid(f"{path}: no known voxel")
    lo, side = leaves[:, :3] - BT_SHIFT, leaves[:, 3]
    hi = lo + side[:, None]
    if lo.min() < 0 or hi.max() > 2 * BT_SHIFT:
        raise Invalid(f"{path}: a key outside 16384…49151")
    if int((side.astype(object) ** 3).sum()) > limit:
        raise TooBig(f"{path}: more than {limit:,} known voxels")
    # origin + 2 i * res / 2 is the centre of voxel i, (i + 16384 - 32768 + 0.5) res
    frame = Frame(resolution, (resolution * (BT_SHIFT - 32768 + 0.5),) * 3)
    base = lo.min(axis=0)
    shape = tuple(int(n) for n in hi.max(axis=0) - base)
    if math.prod(shape) <= 400_000_000:
        state = np.zeros(shape, np.uint8)  # 0 unknown, 1 free, 2 occupied
        rel = lo - base
        for s in np.unique(side):
            part, code = rel[side == s], leaves[side == s, 4].astype(np.uint8)
            if s <= 4:
                for a in range(s):
                    for b in range(s):
                        for c in range(s):
                            state[part[:, 0] + a, part[:, 1] + b, part[:, 2] + c] = code
            else:
                for (x, y, z), v in zip(part.tolist(), code.tolist()):
                    state[x:x + s, y:y + s, z:z + s] = v
        if unknown == "open":
            return dense_map(np.where(state == 2, np.uint16(0), np.uint16(256)), None, frame, limit, base.tolist())
        return dense_map(np.where(state == 1, np.uint16(256), np.uint16(0)), state != 0, frame, limit, base.tolist())
    if unknown == "open":
        raise TooBig(f"{path}: a box of {math.prod(shape):,} voxels")
    # Far apart: sets of voxels
    parts, codes = [], []
    for s in np.unique(side):
        step = np.stack(np.meshgrid(*[np.arange(s)] * 3, indexing="ij"), axis=-1).reshape(-1, 3)
        parts.append((lo[side == s][:, None, :] + step[None]).reshape(-1, 3))
        codes.append(np.repeat(leaves[side == s, 4], len(step)))
    voxels, code = np.concatenate(parts), np.concatenate(codes)
    known = np.sort(pack(*(2 * voxels.T)))
    free = np.sort(pack(*(2 * voxels[code == 1].T)))
    inside = (voxels[:, None, :] - np.array([(a, b, c) for a in (0, 1) for b in (0, 1) for c in (0, 1)])[None]).reshape(-1, 3)
    inside = inside[((inside >= base) & (inside < base + np.array(shape) - 1)).all(axis=1)]
    corners = np.unique(pack(*(2 * inside.T + 1)))
    whole = np.ones(len(corners), bool)
    for d in DELTA[:8]:
        whole &= contains(free, corners + d)
    keys = np.concatenate([free, corners[whole]])
    return sorted_map(keys, np.full(len(keys), 256, np.uint16), len(known) + len(corners), frame, True)


def contains(sorted_keys, queries):
    if len(sorted_keys) == 0:
        return np.zeros(len(queries), bool)
    at = np.searchsorted(sorted_keys, queries)
    at[at == len(sorted_keys)] = 0
    return sorted_keys[at] == queries


def read_table(path):
    """A table as a dict of numpy columns (text columns as lists)."""
    if path.lower().endswith(".parquet"):
        table = pq.read_table(path)
    else:
        table = pa.csv.read_csv(path)
    out = {}
    for name, column in zip(table.column_names, table.columns):
        if name in out:
            raise Invalid(f"{path}: column {name} twice")
        if column.null_count:
            raise Invalid(f"{path}: column {name} has empty values")
        out[name] = column.to_numpy()
    return out


def read_cells(path, frame):
    """A table of cells, by lattice coordinates or metres."""
    t = read_table(path)
    by_lattice, by_metres = {"lx", "ly", "lz"} & set(t), {"x", "y", "z"} & set(t)
    if by_lattice and by_metres:
        raise Invalid(f"{path}: lattice columns and metre columns at once")
    if by_lattice == {"lx", "ly", "lz"}:
        columns = [t[c] for c in ("lx", "ly", "lz")]
        if any(c.dtype.kind not in "iu" for c in columns):
            raise Invalid(f"{path}: lattice coordinates must be whole numbers")
        xyz = np.stack([c.astype(np.int64) for c in columns], axis=1)
        if ((xyz - xyz[:, :1]) % 2).any():
            raise Invalid(f"{path}: a cell of mixed parity")
    elif by_metres == {"x", "y", "z"}:
        p = np.stack([t[c].astype(np.float64) for c in ("x", "y", "z")], axis=1)
        if not np.isfinite(p).all():
            raise Invalid(f"{path}: a position that is not finite")
        u = (p - np.array(frame.origin)) * 2.0 / frame.cell_size
        if (np.abs(u) > 1e7).any():
            raise Invalid(f"{path}: a position out of range: see --origin")
        # a lattice point within 1e-6 cell is the rounded one of each axis, if its parity is whole
        xyz = np.rint(u).astype(np.int64)
        if (np.abs(u - xyz) > 2e-6).any() or ((xyz - xyz[:, :1]) % 2).any():
            raise Invalid(f"{path}: a position that is no lattice point")
    else:
        raise Invalid(f"{path}: needs lx,ly,lz or x,y,z")
    if len(xyz) == 0:
        raise Invalid(f"{path}: no rows")
    if (xyz < 0).any() or (xyz > MAX_COORDINATE).any():
        raise Invalid(f"{path}: a cell outside 0…{MAX_COORDINATE}: see --origin")
    costs = quantise(t["cost"], path) if "cost" in t else np.full(len(xyz), 256, np.uint16)
    keys = pack(*xyz.T)
    order = np.argsort(keys, kind="stable")
    keys, costs = keys[order], costs[order]
    again = np.flatnonzero(keys[1:] == keys[:-1])
    if (costs[again] != costs[again + 1]).any():
        raise Invalid(f"{path}: a cell twice with different costs")
    first = np.concatenate([[True], keys[1:] != keys[:-1]])
    keys, costs = keys[first], costs[first]
    return Map(keys[costs > 0], costs[costs > 0], len(keys), frame, False)


# --------------------------------------------------------------------------------------------------------------------
# Sources and updates


def parse_position(text):
    parts = text.split(",")
    if len(parts) != 3:
        raise Invalid(f"'{text}' is not X,Y,Z")
    return tuple(float(v) for v in parts)


def read_sources(path):
    """Positions of a --sources table, in row order."""
    t = read_table(path)
    if not {"x", "y", "z"} <= set(t):
        raise Invalid(f"{path}: needs x,y,z")
    return [tuple(float(t[c][i]) for c in ("x", "y", "z")) for i in range(len(t["x"]))]


def placed(row):
    """The position of a row: three finite numbers."""
    p = tuple(float(row[a]) for a in "xyz")
    if not all(math.isfinite(v) for v in p):
        raise Invalid("position not finite")
    return p


def costed(row):
    """Position and stored cost."""
    if row.get("cost") is None:
        raise Invalid("no cost")
    return placed(row), int(quantise(np.array([float(row["cost"])]), "cost")[0])


# kind -> what else its rows say: a position and a value
KINDS = {"cost": costed, "voxel": costed, "source+": lambda row: (placed(row), None), "source-": lambda row: (placed(row), None)}


def update_rows(path):
    """Raw rows of an update table as dicts with None for what is absent."""
    low = path.lower()
    if low.endswith(".parquet"):
        for batch in pq.ParquetFile(path).iter_batches():
            yield from batch.to_pylist()
    elif low.endswith(".json"):
        with open(path, encoding="utf-8") as f:
            for line in f:
                if line.strip():
                    yield json.loads(line)
    else:
        with open(path, encoding="utf-8", newline="") as f:
            for row in csv.DictReader(f):
                yield {k: (v if v != "" else None) for k, v in row.items()}


def read_updates(path, start, kinds=KINDS):
    """Epochs: a list of (time, [(kind, position, value)]) in time order, the value of a cell's row being its stored cost.
    Raises Invalid for the whole file; use `epochs_until_bad` for a stream of which a beginning counts."""
    epochs, problem = epochs_until_bad(path, start, kinds)
    if problem:
        raise Invalid(problem)
    return epochs


def epochs_until_bad(path, start, kinds=KINDS):
    epochs, last, at = [], start, "row 1"
    try:
        for number, row in enumerate(update_rows(path), 1):
            at = f"row {number}"
            time = int(row["time"])
            if time < last or time <= start:
                raise Invalid(f"time {time} goes backwards or is not after --start")
            last = time
            kind = row["kind"]
            if kind not in kinds:
                raise Invalid(f"kind '{kind}'")
            said = kinds[kind](row)
            if not epochs or epochs[-1][0] != time:
                epochs.append((time, []))
            epochs[-1][1].append((kind, *said))
    except (Invalid, KeyError, TypeError, ValueError) as problem:
        # the epoch of the bad row, if it has begun, is not whole
        return [e for e in epochs if e[0] < last], f"{at}: {str(problem) or repr(problem)}"
    return epochs, None


DERIVED = -1


class World:
    """A map and its sources as they change."""

    def __init__(self, map_, sources=()):
        self.frame, self.keys, self.costs = map_.frame, map_.keys, map_.costs
        self.sources = {}  # packed cell -> index
        self.named = 0
        for p in sources:
            cell = self.frame.snap(p)
            if self.cost(cell) == 0:
                raise Invalid(f"source {p} is in blocked cell {cell}")
            self.name(cell)

    def name(self, cell):
        key = int(pack(*cell))
        if key in self.sources:
            self.named += DUPLICATE_TAKES_INDEX
        else:
            self.sources[key] = self.named
            self.named += 1

    def cost(self, cell):
        if any(c < 0 or c > MAX_COORDINATE for c in cell):
            return 0
        key = int(pack(*cell))
        at = int(np.searchsorted(self.keys, key))
        return int(self.costs[at]) if at < len(self.keys) and self.keys[at] == key else 0

    def apply(self, rows):
        """One epoch.

        Cells: the last write in row order wins. A `voxel` row writes its even cell and, to each of its corners, "as the
        even cells say at the end of the epoch"; a `cost` row writes one cell and nothing else.
        READING: a `cost` row of an even cell does not recompute corners ("sets one cell"), but a corner which a `voxel` row
        of the same epoch recomputes sees it, whichever row came first.
        READING: the map's extent does not bound updates: the eight voxels of a corner are open or blocked as the cells stand.
        READING: a `source+` cell must be open once the epoch's rows are applied, wherever in the epoch the row is.
        Sources: row by row; a removed one that is named again takes a new index.
        """
        writes = self.apply_cells(rows)
        self.apply_sources(rows)
        return writes

    def apply_cells(self, rows):
        """The `cost` and `voxel` rows. Returns the cells they write."""
        writes = {}
        for kind, p, cost in rows:
            if kind == "voxel":
                x, y, z = self.frame.snap_voxel(p)
                writes[(x, y, z)] = cost
                for dx, dy, dz in ORDER[:8]:
                    c = (x + dx, y + dy, z + dz)
                    if min(c) >= 0 and max(c) <= MAX_COORDINATE:
                        writes[c] = DERIVED
            elif kind == "cost":
                writes[self.frame.snap(p)] = cost
        self.write({c: v for c, v in writes.items() if v != DERIVED})
        derived = {}
        for cell in (c for c, v in writes.items() if v == DERIVED):
            eight = [self.cost(tuple(a + b for a, b in zip(cell, d))) for d in ORDER[:8]]
            derived[cell] = (sum(eight) + 4) >> 3 if min(eight) > 0 else 0
        self.write(derived)
        return writes

    def apply_sources(self, rows):
        named = []
        for kind, p, _ in rows:
            if kind == "source+":
                cell = self.frame.snap(p)
                self.name(cell)
                named.append(cell)
            elif kind == "source-":
                cell = self.frame.snap(p)
                if self.sources.pop(int(pack(*cell)), None) is None and REMOVING_NOTHING_IS_ERROR:
                    raise Invalid(f"source- of {cell}, which is no source")
        for cell in named:
            if self.cost(cell) == 0:
                raise Invalid(f"source+ in blocked cell {cell}")

    def write(self, values):
        """Sets cells (0 blocks)."""
        if not values:
            return
        keys = np.array([int(pack(*c)) for c in values], np.int64)
        costs = np.array(list(values.values()), np.uint16)
        order = np.argsort(keys)
        keys, costs = keys[order], costs[order]
        stay = ~contains(keys, self.keys)
        put = costs > 0
        all_keys = np.concatenate([self.keys[stay], keys[put]])
        all_costs = np.concatenate([self.costs[stay], costs[put]])
        order = np.argsort(all_keys, kind="stable")
        self.keys, self.costs = all_keys[order], all_costs[order]

    def solve(self):
        """The field as it stands."""
        return Field.of(self.keys, self.costs, self.sources)


# --------------------------------------------------------------------------------------------------------------------
# Solving


class Graph:
    """Neighbours of sorted open cells: `near[d][v]` is the node in direction d, or n (a sentinel of cost 0)."""

    def __init__(self, keys, costs):
        n = len(keys)
        self.n = n
        self.near = np.full((14, n), n, np.int32)
        nodes = np.arange(n, dtype=np.int32)
        for d in (0, 1, 2, 3, 8, 10, 12):
            if n == 0:
                break
            query = keys + DELTA[d]
            at = np.searchsorted(keys, query)
            at[at == n] = 0
            hit = keys[at] == query
            self.near[d][hit] = at[hit]
            self.near[OPPOSITE[d]][at[hit]] = nodes[hit]
        c = np.append(costs.astype(np.int64), 0)
        self.half = [(BASE_DIAGONAL * c) >> 8, (BASE_AXIAL * c) >> 8]
        self._matrix = None

    def weight(self, d, nodes):
        """Weights of the edges in direction d (meaningless where there is none)."""
        half = self.half[d >= 8]
        return half[nodes] + half[self.near[d][nodes]]

    def matrix(self):
        """All edges, once each, as a sparse matrix. Whole numbers far below 2^53: sums of doubles are exact."""
        if self._matrix is None:
            from scipy.sparse import csr_matrix
            rows, cols, data = [], [], []
            for d in (0, 1, 2, 3, 8, 10, 12):
                u = np.flatnonzero(self.near[d] < self.n)
                rows.append(u)
                cols.append(self.near[d][u])
                data.append(self.weight(d, u).astype(np.float64))
            self._matrix = csr_matrix((np.concatenate(data), (np.concatenate(rows), np.concatenate(cols))), shape=(self.n, self.n))
        return self._matrix


UNREACHED = np.int64(2**40)


def solve_scipy(graph, seeds):
    """Distances by scipy's Dijkstra. Labels then flow down tight edges from the sources until nothing changes."""
    from scipy.sparse.csgraph import dijkstra
    n = graph.n
    dist = np.full(n + 1, UNREACHED)
    label = np.full(n + 1, 2**31, np.int64)
    if n == 0 or not seeds:
        return dist[:n], label[:n]
    found = dijkstra(graph.matrix(), directed=False, indices=sorted(seeds), min_only=True)
    finite = np.isfinite(found)
    dist[:n][finite] = found[finite].astype(np.int64)
    for node, own in seeds.items():
        label[node] = own
    front = np.array(sorted(seeds), np.int64)
    while len(front):
        changed = []
        for d in range(14):
            v = graph.near[d][front]
            better = (v < n) & (dist[front] + graph.weight(d, front) == dist[v]) & (label[front] < label[v])
            label[v[better]] = label[front[better]]  # targets of one direction are distinct
            changed.append(v[better])
        front = np.unique(np.concatenate(changed)).astype(np.int64)
    return dist[:n], label[:n]


def solve_wave(graph, seeds):
    """Distance and label together, as one number compared lexicographically, by bands of distance: every active cell
    nearer than the band's end is relaxed until none is left. For large maps."""
    n = graph.n
    infinite = np.int64(2**62 + 2**61)
    best = np.full(n + 1, infinite)
    if n == 0 or not seeds:
        return np.full(n, UNREACHED), np.full(n, 2**31, np.int64)
    for node, own in seeds.items():
        best[node] = own
    band = np.int64(max(1, 2 * int(np.median(graph.half[0][:n])))) << 31
    active = np.array(sorted(seeds), np.int64)
    waiting = np.zeros(n + 1, bool)
    while len(active):
        value = best[active]
        now = value < ((value.min() >> 31 << 31) + band)
        front, active = active[now], active[~now]
        waiting[front] = False
        value = best[front]
        if int(value.max() >> 31) > MAX_TICKS:
            raise Overflow("a distance beyond 2^31 - 2 ticks")
        more = [active]
        for d in range(14):
            v = graph.near[d][front]
            candidate = value + (graph.weight(d, front) << 31)
            better = (v < n) & (candidate < best[v])
            v = v[better]
            best[v] = candidate[better]
            fresh = v[~waiting[v]]
            waiting[fresh] = True
            more.append(fresh.astype(np.int64))
        active = np.concatenate(more)
    reached = best[:n] < infinite
    dist = np.where(reached, best[:n] >> 31, UNREACHED)
    return dist, np.where(reached, best[:n] & (2**31 - 1), 2**31)


def certify(graph, seeds, dist, label):
    """Asserts the equations which have one solution because weights are positive: a source is at 0 with its own index;
    any other cell at the least over its neighbours of theirs plus the edge, with the least label among the neighbours
    that attain it. Returns the index of the first tight neighbour (-1 at a source, -2 unreached)."""
    n = graph.n
    ext_dist, ext_label = np.append(dist, UNREACHED), np.append(label, 2**31)
    least = np.full(n, UNREACHED)
    nodes = np.arange(n)
    for d in range(14):
        u = graph.near[d]
        np.minimum(least, np.where(u < n, ext_dist[u] + graph.weight(d, nodes), UNREACHED), out=least)
    step = np.full(n, -2, np.int8)
    own = np.full(n, 2**31, np.int64)
    for d in range(13, -1, -1):
        u = graph.near[d]
        tight = (u < n) & (dist < UNREACHED) & (ext_dist[u] + graph.weight(d, nodes) == dist)
        step[tight] = d
        own[tight] = np.minimum(own[tight], ext_label[u[tight]])
    expected = np.minimum(least, UNREACHED)
    for node, index in seeds.items():
        expected[node], own[node], step[node] = 0, index, -1
    assert (expected == dist).all(), "oracle: distances do not satisfy their equations"
    assert (own == label).all(), "oracle: labels do not satisfy their equations"
    return step


def solve(keys, costs, sources, method=None):
    """Ticks (UNREACHED where none), labels and steps of all open cells. Sources in blocked cells are dormant."""
    graph = Graph(keys, costs)
    seeds = {}
    for key, own in sources.items():
        at = int(np.searchsorted(keys, key))
        if at < len(keys) and keys[at] == key:
            seeds[at] = own
    method = method or (solve_scipy if graph.n < 1_000_000 else solve_wave)
    dist, label = method(graph, seeds)
    step = certify(graph, seeds, dist, label)
    finite = dist[dist < UNREACHED]
    if len(finite) and int(finite.max()) > MAX_TICKS:
        raise Overflow("a distance beyond 2^31 - 2 ticks")
    return dist, label, step


class Field:
    """Reached cells in the order of `cell`: arrays cell, key, ticks, source, next."""

    def __init__(self, cell, key, ticks, source, step):
        self.cell, self.key, self.ticks, self.source, self.next = cell, key, ticks, source, step

    @staticmethod
    def empty():
        return Field(*(np.zeros(0, t) for t in (np.int64, np.int64, np.int64, np.int32, np.int8)))

    @staticmethod
    def of(keys, costs, sources):
        dist, label, step = solve(keys, costs, sources)
        at = np.flatnonzero(dist < UNREACHED)
        cell = index64(keys[at])
        order = np.argsort(cell, kind="stable")
        at = at[order]
        return Field(cell[order], keys[at], dist[at], label[at].astype(np.int32), step[at])

    def __len__(self):
        return len(self.cell)

    def take(self, which):
        return Field(*(a[which] for a in (self.cell, self.key, self.ticks, self.source, self.next)))


def difference(before, after, sources=False, steps=False):
    """Rows to remove and rows to add that turn one field into the other, consolidated: rows equal in all columns that
    are asked for appear in neither."""
    if len(before) == 0 or len(after) == 0:
        return before, after
    at = np.searchsorted(after.cell, before.cell)
    at[at == len(after)] = 0
    same = (after.cell[at] == before.cell) & (after.ticks[at] == before.ticks)
    if sources:
        same &= after.source[at] == before.source
    if steps:
        same &= after.next[at] == before.next
    keep = np.ones(len(after), bool)
    keep[at[same]] = False
    return before.take(~same), after.take(keep)


def metres(ticks, cell_size):
    """ticks · cell_size / 3120 in doubles, left to right."""
    return ticks.astype(np.float64) * np.float64(cell_size) / np.float64(TICKS_PER_CELL)


class Expected:
    """All that a run must publish."""

    def __init__(self, map_, sources, epochs=None, start=0, sources_shown=False, steps_shown=False):
        self.map, self.start, self.epochs = map_, start, epochs
        self.sources_shown, self.steps_shown = sources_shown, steps_shown
        self.changes = None
        world = World(map_, sources)
        field = world.solve()
        if epochs is not None:
            self.changes = [(start, Field.empty(), field)]
            for time, rows in epochs:
                world.apply(rows)
                after = world.solve()
                self.changes.append((time, *difference(field, after, sources_shown, steps_shown)))
                field = after
        self.field, self.world = field, world


# --------------------------------------------------------------------------------------------------------------------
# Self test


def solve_naive(cells, sources):
    """A heap, a dict, tuples: nothing in common with the solvers above. cells: {(x,y,z): stored cost}."""
    def half(c, axial):
        return (c * (1560 if axial else 1351)) // 256
    best, heap = {}, [(0, own, cell) for cell, own in sources.items() if cells.get(cell)]
    heapq.heapify(heap)
    while heap:
        dist, own, cell = heapq.heappop(heap)
        if cell in best:
            continue
        best[cell] = (dist, own)
        for d, step in enumerate(ORDER):
            to = tuple(a + b for a, b in zip(cell, step))
            if cells.get(to) and to not in best:
                heapq.heappush(heap, (dist + half(cells[cell], d >= 8) + half(cells[to], d >= 8), own, to))
    return best


def as_dict(world):
    return {tuple(int(v) for v in c): int(k) for c, k in zip(zip(*unpack(world.keys)), world.costs)}


def selftest():
    import tempfile
    folder = tempfile.TemporaryDirectory()
    at = lambda name: os.path.join(folder.name, name)

    # identifiers
    key = pack(*(np.array([v]) for v in (1, 1, 1)))
    assert int(index64(key)[0]) == (0b10 << 62 | 15 << 48 | 7) - 2**64
    assert int(index64(pack([2], [0], [0]))[0]) & 0xFFFF == 8 and int(index64(pack([0], [2], [0]))[0]) & 0xFFFF == 16
    assert int(index64(pack([65535] * 1, [65535], [65535]))[0]) & (2**48 - 1) == 2**48 - 1

    # stored costs
    assert quantise(np.array([1.0, 0.5 / 256, 0.0, MAX_COST, 1.5 / 256, 255])).tolist() == [256, 1, 0, 65535, 2, 65280]
    assert quantise(np.array([True, False])).tolist() == [256, 0]
    for bad in (np.nan, -1.0, 256.0, MAX_COST * (1 + 1e-15), np.nextafter(0.5 / 256, 0), 1e-300, np.inf, -np.inf):
        try:
            quantise(np.array([bad]))
        except Invalid:
            continue
        raise AssertionError(bad)

    # free space: a box of 41 voxels an axis; from its middle a step along an axis is 3120 ticks, a diagonal one 2702
    box = np.ones((41, 41, 41), np.uint8)
    np.save(at("free.npy"), box)
    free = read_map(at("free.npy"), cell_size=0.1)
    assert free.cells == 41**3 + 40**3 == free.open
    expected = Expected(free, [(2.0, 2.0, 2.0)])
    x, y, z = (v - 40 for v in unpack(expected.field.key))
    a, b, c = np.sort(np.abs(np.stack([x, y, z])), axis=0)
    # With a <= b <= c (all of one parity): b diagonals reach a, b and b of c, their signs cancelling where a is short; the
    # rest of c is axial. One more pair of diagonals (5404) would save one axial step (3120); one pair fewer costs two.
    norm = 2702 * b + 3120 * (c - b) // 2
    assert (expected.field.ticks == norm).all(), "norm of free space"
    assert len(expected.field) == free.open and expected.field.next[expected.field.ticks == 0].tolist() == [-1]
    far = np.flatnonzero((x == -40) & (y == -40) & (z == -40))[0]
    assert expected.field.ticks[far] == 40 * 2702 and expected.field.next[far] == 0
    assert metres(expected.field.ticks[far:far + 1], 0.1)[0] == 108080 * 0.1 / 3120

    # corner costs by hand: eight voxels of stored cost 256·(1…8), sum 9216, (9216 + 4) >> 3 = 1152
    np.save(at("corner.npy"), np.arange(1, 9, dtype=np.int16).reshape(2, 2, 2))
    world = World(read_map(at("corner.npy")))
    assert world.cost((1, 1, 1)) == 1152 and world.cost((2, 0, 0)) == 5 * 256 and world.cost((0, 0, 2)) == 2 * 256
    flipped = World(read_map(at("corner.npy"), axes="zyx"))
    assert flipped.cost((0, 0, 2)) == 5 * 256
    eight = np.array([1, 1, 1, 1, 1, 1, 1, 5], np.float64).reshape(2, 2, 2) / 256
    np.save(at("odd.npy"), np.asfortranarray(eight))
    assert World(read_map(at("odd.npy"))).cost((1, 1, 1)) == (12 + 4) >> 3 == 2
    # the edge from that corner (cost 2) to a voxel (cost 1): half 1351·2>>8 = 10, 1351>>8 = 5
    field = World(read_map(at("odd.npy")), [(0, 0, 0)]).solve()
    assert field.ticks[field.key == pack(1, 1, 1)].tolist() == [15]
    assert field.ticks[field.key == pack(2, 0, 0)].tolist() == [12], "1560>>8 = 6 twice"

    # a blocked voxel blocks its eight corners; .3dmap says the same as .npy
    box = np.ones((3, 3, 3), bool)
    box[1, 1, 1] = False
    np.save(at("hole.npy"), box)
    with open(at("hole.3dmap"), "w") as f:
        f.write("voxel 3 3 3\n1 1 1\n")
    for name in ("hole.npy", "hole.3dmap"):
        hole = read_map(at(name))
        assert (hole.cells, hole.open) == (27 + 8, 26)

    # OctoMap by hand: root -> … one child a level down to a node with leaves. Keys about 32768 = index 16384.
    def bt(name, words, res="0.5"):
        with open(at(name), "wb") as f:
            f.write(b"# Octomap OcTree binary file\nid OcTree\nsize 1\nres " + res.encode() + b"\ndata\n")
            f.write(np.array(words, "<u2").tobytes())
    chain = [3 << 14] + [3] * 14  # child 7 of the root, then child 0 fourteen times: depth 15 at key 32768
    bt("one.bt", chain + [0b01 | 0b01 << 2 | 0b10 << 4])  # voxels 0 and +x free, +y occupied
    one = read_map(at("one.bt"))
    assert (one.cells, one.open) == (3, 2) and one.frame.position((32768,) * 3) == (0.25,) * 3
    assert one.frame.snap((0.74, 0.25, 0.25)) == (32770, 32768, 32768)
    opened = read_map(at("one.bt"), unknown="open")
    assert (opened.cells, opened.open) == (4, 3), "the box is 2×2×1: no corner has eight voxels"
    bt("cube.bt", chain[:-1] + [1])  # a pruned leaf of side 2: eight free voxels and their corner
    assert (read_map(at("cube.bt")).cells, read_map(at("cube.bt")).open) == (9, 9)
    bt("two.bt", chain + [0b01 | 0b01 << 14])  # opposite corners of a 2×2×2 box
    assert (read_map(at("two.bt")).cells, read_map(at("two.bt")).open) == (3, 2)
    for words in (chain, chain + [3], chain + [1, 1], [1]):
        try:
            bt("bad.bt", words)
            read_map(at("bad.bt"))
        except Invalid:
            continue
        raise AssertionError(words)

    # snapping: even wins ties, then least x, y, z
    unit = Frame()
    assert unit.snap((0.25, 0.25, 0.25)) == (0, 0, 0) and unit.snap((0.26, 0.25, 0.25)) == (1, 1, 1)
    assert unit.snap((0.5, 0.0, 0.0)) == (0, 0, 0) and unit.snap((0.75, 0.75, 0.75)) == (2, 2, 2)
    assert unit.snap((1.0, 0.5, 0.0)) == (2, 0, 0), "(2,0,0) and (2,2,0) at 1, the odd ones at √2"
    assert unit.snap((1.5, 1.5, 1.0)) == (3, 3, 1), "distance 1 to (3,3,1) and (3,3,3), √2 to the even ones"
    assert Frame(2.0, (-10.0, 0, 0)).snap((-8.9, 1.0, 1.0)) == (1, 1, 1)
    assert unit.snap_voxel((1.4, 0.6, 0.0)) == (2, 2, 0)
    for p in ((-0.8, 0, 0), (40000, 0, 0), (np.nan, 0, 0)):
        try:
            unit.snap(p)
        except Invalid:
            continue
        raise AssertionError(p)

    # tables
    with open(at("m.csv"), "w") as f:
        f.write("x,y,z,cost\n10,5,0,1\n10.05,5.05,0.05,2\n10.1,5,0,0\n10,5,0,1\n")
    table = read_map(at("m.csv"), cell_size=0.1, origin=(10, 5, 0))
    assert (table.cells, table.open) == (3, 2) and table.costs.tolist() == [256, 512]
    for text in ("lx,ly,lz\n1,0,0\n", "lx,ly,lz,cost\n0,0,0,1\n0,0,0,2\n", "x,y,z,lx\n0,0,0,0\n", "lx,ly,lz\n0,0,65536\n",
                 "x,y,z\n0.1,0,0\n", "x,y\n0,0\n", "lx,ly,lz,cost\n0,0,0,-1\n", "lx,ly,lz\n", "x,y,z\n-1,0,0\n"):
        with open(at("bad.csv"), "w") as f:
            f.write(text)
        try:
            read_map(at("bad.csv"))
        except Invalid:
            continue
        raise AssertionError(text)

    # labels: a line of five voxels between two sources; the middle is a tie, the least index wins, next is the first
    np.save(at("line.npy"), np.ones((5, 1, 1), np.float32))
    line = read_map(at("line.npy"))
    field = World(line, [(4, 0, 0), (0, 0, 0), (4, 0, 0)]).solve()
    by_x = np.argsort(unpack(field.key)[0])
    assert field.ticks[by_x].tolist() == [0, 3120, 6240, 3120, 0]
    assert field.source[by_x].tolist() == [1, 1, 0, 0, 0] and field.next[by_x].tolist() == [-1, 9, 8, 8, -1]

    # epochs
    world = World(line, [(4, 0, 0), (0, 0, 0)])
    first = world.solve()
    world.apply([("cost", (4, 0, 0), 0), ("source-", (0, 0, 0), None), ("source+", (0, 0, 0), None)])
    second = world.solve()  # source 0 is dormant, cell 0 is now source 2
    assert sorted(second.source.tolist()) == [2, 2, 2, 2] and len(second) == 4
    gone, come = difference(first, second, sources=True)
    assert len(gone) == 5 and len(come) == 4, "every label changed"
    gone, come = difference(first, second)
    assert len(gone) == 2 and len(come) == 1, "without labels only cells 3 and 4"
    world.apply([("cost", (4, 0, 0), 256)])
    assert sorted(world.solve().source.tolist()) == [0, 0, 0, 2, 2], "it wakes; the middle is 0's"
    block = World(read_map(at("hole.npy")))
    block.apply([("voxel", (1, 1, 1), 256), ("cost", (0.5, 0.5, 0.5), 7), ("cost", (0, 0, 0), 512)])
    assert block.cost((1, 1, 1)) == 7 and block.cost((3, 3, 3)) == 256 and block.cost((2, 2, 2)) == 256
    block.apply([("cost", (2, 2, 2), 264)])
    assert block.cost((1, 1, 1)) == 7 and block.cost((3, 3, 3)) == 256, "a cost row sets one cell"
    block.apply([("voxel", (0, 0, 0), 257), ("cost", (1, 1, 1), 255)])
    assert block.cost((1, 1, 1)) == (257 + 255 + 6 * 256 + 4) >> 3 and block.cost((3, 3, 3)) == 256
    block.apply([("cost", (0.5, 0.5, 0.5), 9), ("voxel", (0, 1, 0), 0)])
    assert block.cost((1, 1, 1)) == 0 and block.cost((0, 2, 0)) == 0
    block.apply([("voxel", (32767, 32767, 32767), 256)])
    assert block.cost((65534,) * 3) == 256 and block.cost((65535,) * 3) == 0

    # updates as text
    with open(at("u.csv"), "w") as f:
        f.write("time,kind,x,y,z,cost\n1,cost,0,0,0,2\n1,source+,1,0,0,\n5,voxel,0,0,0,0\n5,cost,0,0,0,-1\n")
    epochs, problem = epochs_until_bad(at("u.csv"), 0)
    assert [e[0] for e in epochs] == [1] and len(epochs[0][1]) == 2 and "row 4" in problem
    assert epochs_until_bad(at("u.csv"), 1)[0] == []

    # three solvers that share nothing agree, on random cells with random costs
    rng = np.random.default_rng(1)
    for trial in range(60):
        cells = {}
        for _ in range(int(rng.integers(1, 400))):
            p = rng.integers(0, 10, 3)
            p = p // 2 * 2 + rng.integers(0, 2)
            cells[tuple(int(v) for v in p)] = int(rng.choice([1, 2, 256, 256, 300, 65535, rng.integers(1, 65536)]))
        order = sorted(cells)
        keys = np.array([int(pack(*c)) for c in order], np.int64)
        costs = np.array([cells[c] for c in order], np.uint16)
        chosen = rng.permutation(len(order))[:int(rng.integers(1, 6))]
        sources = {int(keys[i]): int(own) for own, i in enumerate(chosen)}
        naive = solve_naive(cells, {order[i]: own for own, i in enumerate(chosen)})
        for method in (solve_scipy, solve_wave):
            dist, label, step = solve(keys, costs, sources, method)
            got = {c: (int(t), int(s)) for c, t, s in zip(order, dist, label) if t < UNREACHED}
            assert got == naive, (trial, method)
    folder.cleanup()
    print("oracle: self test passed")


if __name__ == "__main__":
    if sys.argv[1:] == ["--selftest"]:
        selftest()
    else:
        print(__doc__)
