"""A second, sequential oracle, for voxel maps too big for oracle.py: dense arrays and Dijkstra with a bucket a tick.

It is written from the contract alone, shares nothing with the program nor with the other files of this folder, and needs
numpy, numba and pyarrow. Two hundred million cells take about 2 GB and a minute or two.

    python large.py field DIR … --map M --source X,Y,Z …      compares every cell of results that have been written
    python large.py run BINARY --map M (--source X,Y,Z … | --pick N [--seed S]) [--label-sources] [--next] [--into M2]
                        --setting "-w 1" --setting "-n 2 --partition slab" …
                                                              runs the program once a setting, then compares every cell
    python large.py routes DIR --map M (--queries FILE | --query SX,SY,SZ,GX,GY,GZ …) [--mode exact|corridor]
                        [--sample N [--seed S]]               compares the routes of a result, all or N drawn by chance
    python large.py pick N --map M [--seed S]                 prints N sources: one in each of the smaller regions, at most
                                                              a third of them, and the others in the largest
    python large.py --selftest

Every command takes --unknown, --axes, --cell-size and --origin as the program does, and reads .3dmap, .bt and .npy.
With --into the run begins on M and is given, as updates in one epoch, every voxel that differs in M2, a map of the same box:
field/ must then be that of M2, and field_changes/ exactly the way from nothing to M and from M to M2.
Exit status 0 if all is equal, 1 if anything differs (counts by kind and the first row of each), 2 if the input is unusable.

Compared of a field: columns and their types, the bits of every value of every row, that no cell is twice, that all reached
cells are there and no other, that cells ascend within a file and that files of one worker cannot overlap; map.cells, map.open
and reached of the summary. Each result also has a digest of its rows, whatever their order, so that equal results print equal
digests. Each solution of the oracle is certified before use: a cell's distance is what its best neighbour offers.

Compared of routes: see check_query. Of a .3dscen also the published optimum L of every query: L <= cost <= sqrt(2) L.

Readings of the contract decided here
    * A source named twice takes two indices; the cell keeps the lesser.
    * `next` is the first neighbour in the fixed order whose distance plus the edge is exact, whatever its label.
    * A query is `invalid` when its start or goal is no open cell; `seq` counts from 0 at the start, and `cells` counts both
      ends. What is not `found` has no rows in route_cells/; its other columns are not compared.
    * `lower_bound` is at most the optimum in both modes. `smooth_length`, `brick_visits` and `micros` are not compared.
    * In a .3dscen coordinates are voxel indices.
"""

import argparse
import heapq
import json
import math
import os
import shlex
import shutil
import subprocess
import sys
import tempfile
import time
from fractions import Fraction

import numpy as np
import pyarrow as pa
import pyarrow.csv
import pyarrow.parquet as pq
from numba import njit

ORDER = [(1, 1, 1), (1, 1, -1), (1, -1, 1), (1, -1, -1), (-1, 1, 1), (-1, 1, -1), (-1, -1, 1), (-1, -1, -1),
         (2, 0, 0), (-2, 0, 0), (0, 2, 0), (0, -2, 0), (0, 0, 2), (0, 0, -2)]
INFINITE = 2**31 - 1
MAX_TICKS = 2**31 - 2
MAX_NODES = 1_000_000_000


class Unusable(Exception):
    """An input that the contract calls an error, or that is too big for this oracle."""


# ---------------------------------------------------------------------------------------------------------------------
# The world: a box of voxels with one layer of blocked ones around it. The node of the even cell of the voxel at place p of
# the padded box is 2 p, that of the corner between it and its seven upper neighbours 2 p + 1.


class World:
    """Stored costs by node, the steps from node to node, and the frame."""

    def __init__(self, box, base, cell_size, origin, known=None):
        shape = tuple(int(n) for n in box.shape)
        if min(shape) < 1:
            raise Unusable("a map without voxels")
        if any(b < 0 or b + n > 32768 for b, n in zip(base, shape)):
            raise Unusable(f"a box of {shape} voxels from {tuple(base)} leaves the lattice")
        nodes = 2 * math.prod(n + 2 for n in shape)
        if nodes > MAX_NODES:
            raise Unusable(f"a box of {shape} voxels is too big for this oracle")
        self.shape, self.base = np.array(shape, np.int64), np.array(base, np.int64)
        self.cell_size, self.origin = float(cell_size), tuple(float(o) for o in origin)
        self.cost = np.zeros(nodes, np.uint16)
        corners = embed(box, box[:1, :1, :1] != 0 if known is None else known, known is None, self.cost)
        self.cells = (math.prod(shape) if known is None else int(np.count_nonzero(known))) + corners
        self.open = int(np.count_nonzero(self.cost))
        stride = ((shape[1] + 2) * (shape[2] + 2), shape[2] + 2, 1)
        self.delta = np.array([[2 * sum(s * ((p + v) // 2) for s, v in zip(stride, d)) + (p + d[0]) % 2 - p for d in ORDER]
                               for p in (0, 1)], np.int64)

    def node(self, cell):
        """The node of an open cell, or −1."""
        node = node_of(*(int(c) for c in cell), self.shape, self.base)
        return node if node >= 0 and self.cost[node] > 0 else -1

    def cell(self, node):
        """Lattice coordinates of a node."""
        place, parity = divmod(int(node), 2)
        padded = np.unravel_index(place, tuple(self.shape + 2))
        return tuple(2 * (int(p) - 1 + int(b)) + parity for p, b in zip(padded, self.base))

    def position(self, cell):
        return tuple(o + c * self.cell_size / 2 for o, c in zip(self.origin, cell))

    def snap(self, position):
        """The nearest lattice point; at equal distance the even one, then least x, y, z."""
        if len(position) != 3 or not all(math.isfinite(v) for v in position):
            raise Unusable(f"position {position} is not three finite numbers")
        u = [(Fraction(v) - Fraction(o)) * 2 / Fraction(self.cell_size) for v, o in zip(position, self.origin)]
        ranked = []
        for parity in (0, 1):
            low = [2 * math.floor((v - parity) / 2) + parity for v in u]
            for corner in range(8):
                c = tuple(n + 2 * (corner >> axis & 1) for axis, n in enumerate(low))
                ranked.append((sum((v - n) ** 2 for v, n in zip(u, c)), parity, c))
        cell = min(ranked)[2]
        if any(c < 0 or c > 65535 for c in cell):
            raise Unusable(f"position {position} is outside the lattice")
        return cell


@njit
def embed(box, known, all_known, cost):
    """Fills in both parities; returns how many corners the map defines."""
    w, h, d = box.shape
    sy, sx, corners = d + 2, (h + 2) * (d + 2), 0
    for i in range(w):
        for j in range(h):
            for k in range(d):
                place = (i + 1) * sx + (j + 1) * sy + k + 1
                cost[2 * place] = box[i, j, k]
                if i + 1 == w or j + 1 == h or k + 1 == d:
                    continue
                total, is_open, defined = 4, True, all_known
                for a in range(2):
                    for b in range(2):
                        for c in range(2):
                            total += np.int64(box[i + a, j + b, k + c])
                            is_open = is_open and box[i + a, j + b, k + c] > 0
                            defined = defined or known[i + a, j + b, k + c]
                corners += defined
                if is_open:
                    cost[2 * place + 1] = total >> 3
    return corners


@njit
def node_of(x, y, z, shape, base):
    """The node of a cell; −1 if it is no lattice point or its voxel is not in the box."""
    parity = x & 1
    if (y & 1) != parity or (z & 1) != parity:
        return -1
    i, j, k = (x >> 1) - base[0], (y >> 1) - base[1], (z >> 1) - base[2]
    if i < 0 or j < 0 or k < 0 or i >= shape[0] or j >= shape[1] or k >= shape[2]:
        return -1
    return 2 * (((i + 1) * (shape[1] + 2) + j + 1) * (shape[2] + 2) + k + 1) + parity


# ---------------------------------------------------------------------------------------------------------------------
# Readers


def read_map(path, unknown="blocked", axes="xyz", cell_size=None, origin=None):
    ext = os.path.splitext(path)[1].lower()
    if ext == ".bt":
        return read_bt(path, unknown)
    if ext == ".3dmap":
        box = read_3dmap(path)
    elif ext == ".npy":
        box = np.load(path, mmap_mode="r", allow_pickle=False)
        if box.ndim != 3:
            raise Unusable(f"{path}: not three dimensions")
        box = stored(box.transpose(2, 1, 0) if axes == "zyx" else box, path)
    else:
        raise Unusable(f"{path}: neither .3dmap nor .bt nor .npy")
    return World(box, (0, 0, 0), 1.0 if cell_size is None else cell_size, origin or (0.0, 0.0, 0.0))


def stored(array, path):
    """Factors as stored costs: round-half-up(256 c)."""
    if array.dtype == np.bool_:
        return np.where(array, np.uint16(256), np.uint16(0))
    if array.dtype.kind not in "iuf":
        raise Unusable(f"{path}: numbers or booleans are needed")
    c = np.asarray(array, np.float64)
    if not ((c >= 0) & (c <= 65535 / 256)).all():
        raise Unusable(f"{path}: a cost that is no number, negative or above 65535/256")
    low = np.floor(c * 256)
    low += c * 256 - low >= 0.5
    if ((low == 0) & (c > 0)).any():
        raise Unusable(f"{path}: a positive cost that rounds to 0")
    return low.astype(np.uint16)


def read_3dmap(path):
    with open(path, "rb") as f:
        head, body = f.readline().split(), np.array(f.read().split(), dtype=np.int64)
    if len(head) != 4 or head[0] != b"voxel" or len(body) % 3:
        raise Unusable(f"{path}: not a voxel map")
    shape = tuple(int(v) for v in head[1:])
    if min(shape) < 1 or 2 * math.prod(shape) > MAX_NODES:
        raise Unusable(f"{path}: impossible or too big: {shape}")
    voxels = body.reshape(-1, 3)
    if ((voxels < 0) | (voxels >= shape)).any():
        raise Unusable(f"{path}: a voxel outside the box")
    box = np.full(shape, 256, np.uint16)
    box[tuple(voxels.T)] = 0
    return box


def read_bt(path, unknown):
    """OctoMap: the box of the known voxels. Voxel i is key − 16384, its centre (i + 16384 − 32768 + 0.5) res."""
    with open(path, "rb") as f:
        data = f.read()
    end = data.find(b"\ndata\n")
    fields = dict(line.split(None, 1) for line in data[:max(end, 0)].splitlines()[1:] if len(line.split(None, 1)) == 2)
    if not data.startswith(b"# Octomap OcTree binary file") or end < 0 or fields.get(b"id", b"").strip() != b"OcTree":
        raise Unusable(f"{path}: not an OctoMap binary file")
    resolution, body = float(fields[b"res"]), data[end + 6:]
    if len(body) % 2 or not (math.isfinite(resolution) and resolution > 0):
        raise Unusable(f"{path}: half a node, or no resolution")
    leaves, whole = bt_leaves(np.frombuffer(body, "<u2").astype(np.int64))
    if not whole or len(leaves) == 0:
        raise Unusable(f"{path}: the tree does not end with the file, is too deep, or knows nothing")
    low = leaves[:, :3].min(axis=0)
    shape = tuple(int(n) for n in (leaves[:, :3] + leaves[:, 3:4]).max(axis=0) - low)
    if 2 * math.prod(shape) > MAX_NODES:
        raise Unusable(f"{path}: a box of {shape} voxels is too big for this oracle")
    state = np.zeros(shape, np.uint8)  # 0 unknown, 1 free, 2 occupied
    fill(state, leaves, low)
    is_open = state == 1 if unknown == "blocked" else state != 2
    centre = resolution * (16384 - 32768 + 0.5)
    return World(np.where(is_open, np.uint16(256), np.uint16(0)), low - 16384, resolution, (centre,) * 3,
                 state != 0 if unknown == "blocked" else None)


@njit
def bt_leaves(words):
    """Rows x, y, z (least key), side, state of the leaves of a tree stored depth first, and whether it is all there."""
    out, found, at = np.empty((1024, 5), np.int64), 0, 0
    stack, waiting = np.zeros((16 * 8, 4), np.int64), 1
    stack[0, 3] = 65536
    while waiting > 0:
        waiting -= 1
        x, y, z, side = stack[waiting]
        if at == len(words) or side == 1:
            return out[:found], False
        word, half = words[at], side // 2
        at += 1
        for turn in range(8):
            child = 7 - turn  # the stack gives child 0 back first
            state = word >> (2 * child) & 3
            cx, cy, cz = x + (child & 1) * half, y + (child >> 1 & 1) * half, z + (child >> 2) * half
            if state == 3:
                stack[waiting] = np.array([cx, cy, cz, half])
                waiting += 1
            elif state != 0:
                if found == len(out):
                    wider = np.empty((2 * found, 5), np.int64)
                    wider[:found] = out
                    out = wider
                out[found] = np.array([cx, cy, cz, half, state])
                found += 1
    return out[:found], at == len(words)


@njit
def fill(state, leaves, low):
    for n in range(len(leaves)):
        x, y, z = leaves[n, 0] - low[0], leaves[n, 1] - low[1], leaves[n, 2] - low[2]
        s = leaves[n, 3]
        state[x:x + s, y:y + s, z:z + s] = leaves[n, 4]


# ---------------------------------------------------------------------------------------------------------------------
# Distances


@njit(inline="always")
def half(base, cost):
    return (base * np.int64(cost)) >> 8


@njit(inline="always")
def base_of(way):
    """1351 in the first eight directions of the order, across hexagonal faces; 1560 in the last six."""
    return 1351 if way < 8 else 1560


@njit
def dijkstra(cost, delta, highest, seeds, goals, dist, label):
    """Least distances in ticks from the seeds, by Dial's queue: one bucket a tick, as many as the greatest weight and one more.

    `label`, where it has any length, becomes the least number of a seed among those at that distance: weights are positive,
    so all that could give it have been settled before. With goals it ends when each is settled: what is nearer than the
    farthest goal is then settled too, and the rest of `dist` is not below that. Returns whether a distance left the range.
    """
    width = 2 * half(1560, highest) + 1
    heads = np.full(width, -1, np.int32)
    entry, after = np.empty(1 << 16, np.int32), np.empty(1 << 16, np.int32)  # lists in a pool; `free` heads the unused
    used, free, waiting, key, overflow = 0, -1, 0, 0, False
    dist[:] = INFINITE
    for name in range(len(seeds)):
        if dist[seeds[name]] == 0:
            continue
        dist[seeds[name]] = 0
        if len(label) > 0:
            label[seeds[name]] = name
        if used == len(entry):
            entry, after = np.concatenate((entry, entry)), np.concatenate((after, after))
        entry[used], after[used], heads[0] = seeds[name], heads[0], used
        used += 1
        waiting += 1
    while waiting > 0:
        slot = key % width
        while heads[slot] >= 0:
            n = heads[slot]
            heads[slot] = after[n]
            after[n], free = free, n
            waiting -= 1
            v = np.int64(entry[n])
            if dist[v] != key:
                continue
            parity = v & 1
            diagonal, axial = half(1351, cost[v]), half(1560, cost[v])
            for way in range(14):
                u = v + delta[parity, way]
                if cost[u] == 0:
                    continue
                reach = key + (diagonal if way < 8 else axial) + half(base_of(way), cost[u])
                if reach > MAX_TICKS:
                    overflow = True
                elif reach < dist[u]:
                    dist[u] = reach
                    if len(label) > 0:
                        label[u] = label[v]
                    if free >= 0:
                        n = free
                        free = after[n]
                    else:
                        if used == len(entry):
                            entry, after = np.concatenate((entry, entry)), np.concatenate((after, after))
                        n = used
                        used += 1
                    entry[n], after[n], heads[reach % width] = u, heads[reach % width], n
                    waiting += 1
                elif reach == dist[u] and len(label) > 0 and label[v] < label[u]:
                    label[u] = label[v]
        if len(goals) > 0:
            done = True
            for g in goals:
                done = done and dist[g] <= key
            if done:
                break
        key += 1
    return overflow


@njit
def step(cost, delta, dist, v):
    """The first direction, in the fixed order, whose neighbour's distance plus the edge is exact; −1 where there is none."""
    for way in range(14):
        u = v + delta[v & 1, way]
        if cost[u] > 0 and dist[u] < INFINITE:
            if np.int64(dist[u]) + half(base_of(way), cost[u]) + half(base_of(way), cost[v]) == dist[v]:
                return way
    return -1


@njit
def certify(cost, delta, dist, label, seeds):
    """How many open cells do not have exactly the best of what their neighbours offer. Blocked cells must be infinite, and
    none but the seeds, each with the least of its numbers, be at 0."""
    wrong, zeros = 0, 0
    for s in range(len(seeds)):
        again = False
        for t in range(s):
            again = again or seeds[t] == seeds[s]
        zeros -= not again
        wrong += dist[seeds[s]] != 0 or (not again and label[seeds[s]] != s)
    for v in range(len(cost)):
        if cost[v] == 0:
            wrong += dist[v] != INFINITE
            continue
        if dist[v] == 0:
            zeros += 1
            continue
        best, name = np.int64(INFINITE), INFINITE
        for way in range(14):
            u = v + delta[v & 1, way]
            if cost[u] == 0 or dist[u] == INFINITE:
                continue
            offer = dist[u] + half(base_of(way), cost[u]) + half(base_of(way), cost[v])
            if offer < best:
                best, name = offer, label[u]
            elif offer == best and label[u] < name:
                name = label[u]
        wrong += dist[v] != best or (best < INFINITE and label[v] != name)
    return wrong + abs(zeros)


class Solution:
    """The field of a world: distances in ticks and labels by node. A source that is blocked there is dormant."""

    def __init__(self, world, sources):
        self.world = world
        nodes = np.array([world.node(c) for c in sources], np.int64)
        self.dist, self.label = np.empty(len(world.cost), np.int32), np.zeros(len(world.cost), np.int32)
        awake = np.flatnonzero(nodes >= 0)
        none = np.zeros(0, np.int64)
        if dijkstra(world.cost, world.delta, int(world.cost.max()), nodes[awake], none, self.dist, self.label):
            raise Unusable("a distance beyond the range of ticks")
        wrong = certify(world.cost, world.delta, self.dist, self.label, nodes[awake])
        assert wrong == 0, f"the oracle's own solution is wrong in {wrong} cells"
        if len(awake) < len(nodes):
            self.label = awake.astype(np.int32)[self.label]

    def reached(self):
        return self.dist < INFINITE


@njit
def flood(cost, delta):
    """The region of each node (−1: blocked) and the sizes of the regions."""
    region, sizes = np.full(len(cost), -1, np.int32), np.zeros(1024, np.int64)
    wave, next_wave, found = np.empty(1024, np.int64), np.empty(1024, np.int64), 0
    for first in range(len(cost)):
        if cost[first] == 0 or region[first] >= 0:
            continue
        if found == len(sizes):
            sizes = np.concatenate((sizes, np.zeros(found, np.int64)))
        region[first], wave[0], count = found, first, 1
        while count > 0:
            sizes[found] += count
            grown = 0
            for n in range(count):
                for way in range(14):
                    u = wave[n] + delta[wave[n] & 1, way]
                    if cost[u] > 0 and region[u] < 0:
                        region[u] = found
                        if grown == len(next_wave):
                            next_wave = np.concatenate((next_wave, next_wave))
                        next_wave[grown] = u
                        grown += 1
            wave, next_wave, count = next_wave, wave, grown
        found += 1
    return region, sizes[:found]


def pick(world, count, seed):
    """Cells for sources: one in each of the greatest of the smaller regions, at most a third, and the others in the largest."""
    rng = np.random.default_rng(seed)
    region, sizes = flood(world.cost, world.delta)
    by_size = np.argsort(-sizes, kind="stable")
    if len(by_size) == 0:
        raise Unusable("a map without open cells")
    places = [int(r) for r in by_size[1:1 + count // 3]]
    places = [int(by_size[0])] * (count - len(places)) + places
    cells = []
    for place in places:
        chosen, left = None, int(rng.integers(sizes[place]))
        for begin in range(0, len(region), 1 << 24):  # the `left`-th node of the region
            at = np.flatnonzero(region[begin:begin + (1 << 24)] == place)
            if left < len(at):
                chosen = begin + int(at[left])
                break
            left -= len(at)
        cells.append(world.cell(chosen))
    print(f"{len(sizes):,} regions, the largest of {', '.join(f'{s:,}' for s in sizes[by_size[:4]])} cells; sources at "
          + ", ".join(f"{c} in one of {sizes[p]:,}" for c, p in zip(cells, places)), file=sys.stderr)
    return cells


# ---------------------------------------------------------------------------------------------------------------------
# Comparing fields

KINDS = ("is no open cell of the map", "`cell` is not that of lx,ly,lz", "is there twice", "is not reachable", "distance",
         "source", "next", "does not ascend within its file")
FIELD = [("cell", pa.int64()), ("lx", pa.int32()), ("ly", pa.int32()), ("lz", pa.int32()), ("distance", pa.float64())]
OPTIONAL = [("source", pa.int32()), ("next", pa.int8())]


@njit(inline="always")
def index64(x, y, z):
    """Bits `10`, tier 2 = 0, frame 8 = 0, LOD 4 = 15, Morton 48 with x lowest; signed."""
    word = np.uint64(0b10) << np.uint64(62) | np.uint64(15) << np.uint64(48)
    for bit in range(16):
        three = (x >> bit & 1) | (y >> bit & 1) << 1 | (z >> bit & 1) << 2
        word |= np.uint64(three) << np.uint64(3 * bit)
    return np.int64(word)


@njit(inline="always")
def mixed(state, value):
    """A word that depends on both (the finaliser of a 64-bit hash)."""
    v = np.uint64(state) * np.uint64(0x9E3779B97F4A7C15) + np.uint64(value)
    v = (v ^ (v >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    v = (v ^ (v >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return v ^ (v >> np.uint64(31))


@njit
def compare(cell, x, y, z, distance, bits, source, way, shape, base, cell_size, cost, delta, dist, label, seen, wrong, first, last):
    """Checks rows against a solution. Counts in `wrong` by kind, keeps the first row of each in `first`, marks `seen`;
    returns the last cell and the sum of the rows' digests. `bits` are those of `distance`."""
    digest = np.uint64(0)
    for r in range(len(cell)):
        bad = 0
        node = node_of(np.int64(x[r]), np.int64(y[r]), np.int64(z[r]), shape, base)
        if node < 0 or cost[node] == 0:
            bad |= 1
        else:
            bad |= 2 * (cell[r] != index64(np.int64(x[r]), np.int64(y[r]), np.int64(z[r])))
            bad |= 4 * seen[node]
            seen[node] = True
            bad |= 8 * (dist[node] == INFINITE)
            ticks = np.float64(dist[node])
            bad |= 16 * (distance[r] != ticks * cell_size / 3120.0 or bits[r] < 0)
            if len(source) > 0:
                bad |= 32 * (source[r] != label[node])
            if len(way) > 0:
                bad |= 64 * (way[r] != step(cost, delta, dist, node))
        bad |= 128 * (cell[r] <= last)
        last = cell[r]
        if bad:
            for kind in range(8):
                if bad >> kind & 1:
                    if wrong[kind] == 0:
                        first[kind] = r
                    wrong[kind] += 1
        word = mixed(np.uint64(1), np.uint64(cell[r]))
        word = mixed(word, np.uint64(bits[r]))
        word = mixed(word, np.uint64(source[r] + 2) if len(source) > 0 else np.uint64(1))
        word = mixed(word, np.uint64(way[r] + 2) if len(way) > 0 else np.uint64(1))
        digest += word
    return last, digest


class Rows:
    """A set of rows that must be those of a solution: its whole field, or the part of it given at the end."""

    def __init__(self, solution, what):
        self.solution, self.what = solution, what
        self.seen = np.zeros(len(solution.dist), np.bool_)
        self.count, self.digest, self.problems = 0, 0, {}
        self.begin()

    def begin(self):
        """A new file: cells may start again."""
        self.last = -2**63

    def add(self, columns):
        """A batch: a dict of numpy columns."""
        world, s = self.solution.world, self.solution
        wrong, first, none = np.zeros(8, np.int64), np.zeros(8, np.int64), np.zeros(0, np.int8)
        optional = [columns.get(name, none) for name in ("source", "next")]
        bits = columns["distance"].view(np.int64)
        self.last, digest = compare(*(columns[n] for n, _ in FIELD), bits, *optional, world.shape, world.base, world.cell_size,
                                    world.cost, world.delta, s.dist, s.label, self.seen, wrong, first, self.last)
        self.count += len(columns["cell"])
        self.digest = (self.digest + int(digest)) % 2**64
        for kind in np.flatnonzero(wrong):
            text = KINDS[kind]
            if text not in self.problems:
                self.problems[text] = [0, self.describe(columns, int(first[kind]))]
            self.problems[text][0] += int(wrong[kind])

    def describe(self, columns, row):
        cell, s = tuple(int(columns[n][row]) for n in ("lx", "ly", "lz")), self.solution
        node, got = s.world.node(cell), {n: v[row].item() for n, v in columns.items()}
        if node < 0:
            return f"{got}"
        return (f"{got}, expected {s.dist[node]} ticks = {float(s.dist[node]) * s.world.cell_size / 3120!r}, source "
                f"{s.label[node]}, next {step(s.world.cost, s.world.delta, s.dist, node)}")

    def finish(self, expected):
        """Sentences, one a kind of difference; `expected` marks the nodes that must have been seen."""
        out = [f"{self.what}: {n:,} rows: {text}; the first: {row}" for text, (n, row) in self.problems.items()]
        for text, at in (("missing", expected & ~self.seen), ("not to be there", self.seen & ~expected)):
            n = int(np.count_nonzero(at))
            if n:
                node = int(np.argmax(at))
                out.append(f"{self.what}: {n:,} cells {text}; the first: {self.solution.world.cell(node)}, expected distance "
                           f"{self.solution.dist[node]} ticks")
        return out


def batches(folder, problems, before=()):
    """Batches of all files as (file, dict of numpy columns), with the schema checked."""
    names = sorted(n for n in os.listdir(folder) if not n.startswith((".", "_")))
    for name in names:
        f = pq.ParquetFile(os.path.join(folder, name))
        have = [(c.name, c.type) for c in f.schema_arrow]
        asked = list(before) + FIELD + [c for c in OPTIONAL if c[0] in f.schema_arrow.names]
        if have != asked:
            problems.append(f"{name}: columns {have}, expected {asked}")
            continue
        for batch in f.iter_batches(1 << 20):
            if any(c.null_count for c in batch.columns):
                problems.append(f"{name}: empty values")
            yield name, {n: c.to_numpy(zero_copy_only=False) for n, c in zip(batch.schema.names, batch.columns)}


def overlapping(ranges, workers):
    """Whether more closed ranges of cells meet in a point than there are workers."""
    ends = sorted([(low, 0) for low, _ in ranges] + [(high, 1) for _, high in ranges])
    depth = most = 0
    for _, closing in ends:
        depth += -1 if closing else 1
        most = max(most, depth)
    return most > workers


def check_field(folder, solution, labels=None, steps=None):
    """Compares field/ and the summary. Returns (problems, rows, digest)."""
    problems, rows, ranges = [], Rows(solution, "field"), {}
    with open(os.path.join(folder, "summary.json"), encoding="utf-8") as f:
        summary = json.load(f)
    for name, columns in batches(os.path.join(folder, "field"), problems):
        if name not in ranges:
            rows.begin()
        for column, wanted in (("source", labels), ("next", steps)):
            if wanted is not None and (column in columns) != wanted:
                problems.append(f"{name}: column {column} is {'missing' if wanted else 'not asked for'}")
        rows.add(columns)
        low, high = ranges.get(name, (2**63, -2**63))
        ranges[name] = (min(low, int(columns["cell"].min())), max(high, int(columns["cell"].max())))
    problems += rows.finish(solution.reached())
    if overlapping(list(ranges.values()), summary["workers"] * summary["processes"]):
        problems.append(f"files overlap: {ranges}")
    if summary["reached"] != int(np.count_nonzero(solution.reached())):
        problems.append(f"summary: reached is {summary['reached']}, expected {int(np.count_nonzero(solution.reached()))}")
    return problems, rows.count, rows.digest


def check_counts(folder, world):
    """map.cells and map.open of the summary, which are of the map as it was read."""
    with open(os.path.join(folder, "summary.json"), encoding="utf-8") as f:
        got = json.load(f)["map"]
    return [f"summary: map.{name} is {got[name]}, expected {wanted}"
            for name, wanted in (("cells", world.cells), ("open", world.open)) if got[name] != wanted]


@njit
def differing(cost, delta, dist, label, cost2, dist2, label2, labels, steps, where, where2):
    """Marks the rows of the first solution that are not in the second, and those of the second that are not in the first."""
    for v in range(len(dist)):
        same = dist[v] == dist2[v]
        if same and dist[v] < INFINITE:
            same = (not labels or label[v] == label2[v]) and \
                (not steps or step(cost, delta, dist, v) == step(cost2, delta, dist2, v))
        where[v] = not same and dist[v] < INFINITE
        where2[v] = not same and dist2[v] < INFINITE


def check_changes(folder, before, after, start, end):
    """Compares field_changes/ of a run from the solution `before` at time `start` to `after` at `end`."""
    problems, optional = [], set()
    groups = {(start, 1): Rows(before, "first solve"), (end, -1): Rows(before, "retractions"), (end, 1): Rows(after, "additions")}
    last = None
    for name, columns in batches(os.path.join(folder, "field_changes"), problems, [("time", pa.int64()), ("diff", pa.int32())]):
        optional |= {c for c, _ in OPTIONAL} & set(columns)
        when, diff = columns.pop("time"), columns.pop("diff")
        left = np.ones(len(when), bool)
        for (t, d), rows in groups.items():
            if name != last:
                rows.begin()
            mine = (when == t) & (diff == d)
            left &= ~mine
            if mine.any():
                rows.add({n: c[mine] for n, c in columns.items()})
        last = name
        if left.any():
            row = int(np.argmax(left))
            problems.append(f"{name}: {int(left.sum())} rows of another time or diff, such as {when[row]}, {diff[row]}")
    gone, come = (np.empty(len(s.dist), np.bool_) for s in (before, after))
    differing(before.world.cost, before.world.delta, before.dist, before.label, after.world.cost, after.dist, after.label,
              "source" in optional, "next" in optional, gone, come)
    for rows, expected in zip(groups.values(), (before.reached(), gone, come)):
        problems += rows.finish(expected)
    return problems, [rows.count for rows in groups.values()]


# ---------------------------------------------------------------------------------------------------------------------
# Comparing routes


def read_queries(path, world):
    """Rows (query, start position, goal position, published optimum or None)."""
    ext = os.path.splitext(path)[1].lower()
    if ext == ".3dscen":
        with open(path, encoding="ascii") as f:
            lines = [line.split() for line in f.read().splitlines()[2:] if line.strip()]
        return [(n, world.position([2 * int(v) for v in p[:3]]), world.position([2 * int(v) for v in p[3:6]]),
                 float(p[6]) * world.cell_size) for n, p in enumerate(lines)]
    table = pq.read_table(path) if ext == ".parquet" else pa.csv.read_csv(path)
    rows = table.select(["query", "sx", "sy", "sz", "gx", "gy", "gz"]).to_pylist()
    return [(int(r["query"]), tuple(float(r["s" + a]) for a in "xyz"), tuple(float(r["g" + a]) for a in "xyz"), None)
            for r in rows]


def read_folder(folder, columns):
    """All files of a folder as numpy columns; `columns` are those that must be there with their types."""
    tables = []
    for name in sorted(n for n in os.listdir(folder) if not n.startswith((".", "_"))):
        table = pq.read_table(os.path.join(folder, name))
        for column, kind in columns:
            if column not in table.column_names or table.schema.field(column).type != kind:
                raise Unusable(f"{folder}/{name}: no column {column} of type {kind}")
        tables.append(table.select([c for c, _ in columns]))
    if not tables:
        return {c: np.zeros(0, t.to_pandas_dtype() if t != pa.string() else object) for c, t in columns}
    return {c: v.to_numpy(zero_copy_only=False) for c, v in zip(tables[0].column_names, pa.concat_tables(tables).columns)}


ROUTES = [("query", pa.int64()), ("status", pa.string()), ("cost", pa.float64()), ("lower_bound", pa.float64()),
          ("cells", pa.int32()), ("brick_visits", pa.int64()), ("micros", pa.int64())]
ROUTE_CELLS = [("query", pa.int64()), ("seq", pa.int32())] + FIELD[:4] + [("cost_so_far", pa.float64())]


class Routes:
    """A result: rows by query, and the cells of each in the order of seq."""

    def __init__(self, folder):
        r = read_folder(os.path.join(folder, "routes"), ROUTES)
        c = read_folder(os.path.join(folder, "route_cells"), ROUTE_CELLS)
        self.queries = r["query"].tolist()
        self.rows = {q: {n: r[n][i] for n in r} for i, q in enumerate(self.queries)}
        order = np.lexsort((c["seq"], c["query"]))
        self.columns = {n: v[order] for n, v in c.items()}
        with open(os.path.join(folder, "summary.json"), encoding="utf-8") as f:
            self.summary = json.load(f)

    def cells(self, query):
        a, b = np.searchsorted(self.columns["query"], [query, query + 1])
        return {n: v[a:b] for n, v in self.columns.items()}


def metres(world, ticks):
    return float(ticks) * world.cell_size / 3120


def same_bits(a, b):
    return np.float64(a).tobytes() == np.float64(b).tobytes()


def edge(world, u, v):
    """Ticks of the edge between two cells, and None if it is none."""
    d = tuple(b - a for a, b in zip(u, v))
    if d not in ORDER or world.node(u) < 0 or world.node(v) < 0:
        return None
    base = 1351 if ORDER.index(d) < 8 else 1560
    return sum((base * int(world.cost[world.node(c)])) >> 8 for c in (u, v))


def walk(world, dist, start, goal):
    """The cells from start to goal: back from the goal, each time to the first exact neighbour."""
    nodes = [goal]
    while nodes[-1] != start:
        v = nodes[-1]
        nodes.append(v + int(world.delta[v & 1, step(world.cost, world.delta, dist, v)]))
    return [world.cell(n) for n in reversed(nodes)]


def check_cells(world, row, columns, start, goal):
    """A found route by itself: it leads from start to goal by open neighbours, and its numbers add up."""
    cells = list(zip(*(columns[n].tolist() for n in ("lx", "ly", "lz"))))
    if row["cells"] != len(cells) or columns["seq"].tolist() != list(range(len(cells))):
        return f"cells is {row['cells']}, with {len(cells)} rows of seq {columns['seq'][:5].tolist()}…"
    if not cells or cells[0] != start or cells[-1] != goal:
        return f"leads from {cells[:1]} to {cells[-1:]}, expected {start} to {goal}"
    ticks = 0
    for n, c in enumerate(cells):
        if n > 0:
            weight = edge(world, cells[n - 1], c)
            if weight is None:
                return f"seq {n}: {cells[n - 1]} to {c} is no step between open neighbours"
            ticks += weight
        if columns["cell"][n] != index64(*c):
            return f"seq {n}: cell is {columns['cell'][n]}, expected {index64(*c)}"
        if not same_bits(columns["cost_so_far"][n], metres(world, ticks)):
            return f"seq {n}: cost_so_far is {columns['cost_so_far'][n]!r}, expected {metres(world, ticks)!r}"
    if not same_bits(row["cost"], metres(world, ticks)):
        return f"cost is {row['cost']!r}, its cells add up to {metres(world, ticks)!r}"
    return None


def check_query(world, row, columns, start, goal, dist, mode):
    """One query against `dist`, the true distances from its start (settled up to the goal's), or, where that is None, against
    itself only. Exact: cost is the true distance and the cells are those of the walk back. Corridor: lower_bound <= optimum
    <= cost. Both: the status, and what check_cells says. Returns the first difference or None."""
    if world.node(start) < 0 or world.node(goal) < 0:
        status = "invalid"
    elif dist is None:
        status = row["status"] if row["status"] in ("found", "unreachable") else "found or unreachable"
    else:
        status = "found" if dist[world.node(goal)] < INFINITE else "unreachable"
    if row["status"] != status:
        return f"status is {row['status']}, expected {status}"
    if status != "found":
        return f"{len(columns['seq'])} rows in route_cells/, though {status}" if len(columns["seq"]) else None
    if not row["lower_bound"] <= row["cost"]:
        return f"lower_bound {row['lower_bound']!r} is not at most the cost {row['cost']!r}"
    if dist is not None:
        best = metres(world, dist[world.node(goal)])
        if not row["lower_bound"] <= best <= row["cost"]:
            return f"lower_bound {row['lower_bound']!r} <= optimum {best!r} <= cost {row['cost']!r} does not hold"
        if mode == "exact":
            if not same_bits(row["cost"], best):
                return f"cost is {row['cost']!r}, expected {best!r}"
            expected = walk(world, dist, world.node(start), world.node(goal))
            got = list(zip(*(columns[n].tolist() for n in ("lx", "ly", "lz"))))
            if got != expected:
                n = next((i for i, (a, b) in enumerate(zip(got, expected)) if a != b), min(len(got), len(expected)))
                return (f"the route of {len(got)} cells leaves the walk back, of {len(expected)}, at seq {n}: "
                        f"{got[n:n + 1]}, expected {expected[n:n + 1]}")
    return check_cells(world, row, columns, start, goal)


def check_routes(world, queries, folder, mode="exact", sample=None, seed=0):
    """Returns (problems, how many queries were compared with true distances, how many of all were found)."""
    result, problems = Routes(folder), []
    if sorted(result.queries) != sorted(q[0] for q in queries):
        return [f"routes/ has {len(result.queries)} rows of other queries than the {len(queries)} asked"], 0, 0
    if not set(result.columns["query"].tolist()) <= set(result.queries):
        problems.append("route_cells/ has rows of no query")
    chosen = range(len(queries)) if sample is None or sample >= len(queries) else \
        np.random.default_rng(seed).choice(len(queries), sample, replace=False)
    chosen, by_start = {int(n) for n in chosen}, {}
    for n, (query, s, g, published) in enumerate(queries):
        start, goal = world.snap(s), world.snap(g)
        by_start.setdefault((n in chosen, start), []).append((query, goal, published))
    dist, no_label = np.empty(len(world.cost), np.int32), np.zeros(0, np.int32)
    highest, found = int(world.cost.max()), 0
    for (exactly, start), asked in by_start.items():
        goals = np.array([n for n in (world.node(goal) for _, goal, _ in asked) if n >= 0], np.int64)
        exactly = exactly and world.node(start) >= 0 and len(goals) > 0
        if exactly and dijkstra(world.cost, world.delta, highest, np.array([world.node(start)]), goals, dist, no_label):
            raise Unusable("a distance beyond the range of ticks")
        for query, goal, published in asked:
            row = result.rows[query]
            problem = check_query(world, row, result.cells(query), start, goal, dist if exactly else None, mode)
            found += row["status"] == "found"
            if problem is None and published is not None and mode == "exact":
                if row["status"] != "found" or not published * (1 - 1e-6) <= row["cost"] <= published * math.sqrt(2) * (1 + 1e-6):
                    problem = f"{row['status']} at cost {row['cost']!r}, published optimum {published!r}"
            if problem:
                problems.append(f"query {query} from {start} to {goal}: {problem}")
    counts = {s: sum(r["status"] == s for r in result.rows.values()) for s in ("found", "unreachable", "invalid")}
    if result.summary["queries"] != counts:
        problems.append(f"summary: queries is {result.summary['queries']}, expected {counts}")
    return problems, len(chosen), found


# ---------------------------------------------------------------------------------------------------------------------
# Commands


def numbers(text, count):
    parts = text.split(",")
    if len(parts) != count:
        raise Unusable(f"'{text}' is not {count} numbers with commas")
    return tuple(float(v) for v in parts)


def report(name, problems, good, began):
    """One line that says equal, or one a difference."""
    took = f"{time.monotonic() - began:.1f} s"
    if problems:
        print(f"{name}: DIFFERS ({took})", flush=True)
        for problem in problems[:20]:
            print(f"    {problem}", flush=True)
        if len(problems) > 20:
            print(f"    and {len(problems) - 20} more", flush=True)
    else:
        print(f"{name}: equal: {good} ({took})", flush=True)
    return bool(problems)


def open_sources(world, cells):
    for c in cells:
        if world.node(c) < 0:
            raise Unusable(f"source {c} is no open cell of the map")
    return cells


def solved(world, sources):
    began = time.monotonic()
    solution = Solution(world, sources)
    print(f"oracle: {world.open:,} of {world.cells:,} cells open, {int(np.count_nonzero(solution.reached())):,} reached, "
          f"greatest distance {int(solution.dist[solution.reached()].max(initial=0)):,} ticks, certified "
          f"({time.monotonic() - began:.1f} s)", flush=True)
    return solution


def field_command(a, world):
    solution = solved(world, open_sources(world, [world.snap(numbers(s, 3)) for s in a.source]))
    failed = False
    for folder in a.dirs:
        began = time.monotonic()
        problems, rows, digest = check_field(folder, solution)
        failed |= report(folder, problems + check_counts(folder, world), f"{rows:,} rows, digest {digest:016x}", began)
    return failed


def update_rows(world, other, path):
    """Writes, as one epoch at time 1, the voxels in which another map of the same box differs."""
    if (world.shape != other.shape).any() or (world.base != other.base).any():
        raise Unusable("--into needs a map of the same box")
    at = np.flatnonzero(world.cost[::2] != other.cost[::2])
    with open(path, "w", encoding="ascii") as f:
        f.write("time,kind,x,y,z,cost\n")
        for place in at.tolist():
            x, y, z = world.position(world.cell(2 * place))
            f.write(f"1,voxel,{x!r},{y!r},{z!r},{int(other.cost[2 * place]) / 256!r}\n")
    print(f"updates: {len(at):,} voxels", flush=True)


def run_command(a, world):
    """The program first and the oracle after it, so that their memory is not needed at once."""
    base, failed, results = tempfile.mkdtemp(prefix="large-"), False, []
    cells = [world.snap(numbers(s, 3)) for s in a.source] or pick(world, a.pick, a.seed)
    open_sources(world, cells)
    argv = [os.path.abspath(a.binary), "field", "--map", a.map, *a.passed, "--quiet"]
    argv += ["--source=" + ",".join(repr(v) for v in world.position(c)) for c in cells]
    argv += ["--label-sources"] * a.label_sources + ["--next"] * a.next
    other = None
    if a.into:
        other = read_map(a.into, a.unknown, a.axes, a.cell_size, numbers(a.origin, 3) if a.origin else None)
        update_rows(world, other, os.path.join(base, "updates.csv"))
        argv += ["--updates", os.path.join(base, "updates.csv")]
    try:
        for number, setting in enumerate(a.setting or [""]):
            began, out = time.monotonic(), os.path.join(base, str(number))
            done = subprocess.run(argv + shlex.split(setting) + ["--out", out], stdin=subprocess.DEVNULL, check=False)
            name = f"{os.path.basename(a.map)} {setting or 'by default'}"
            if done.returncode != 0:
                print(f"{name}: FAILED: exit status {done.returncode}: {shlex.join(done.args)}", flush=True)
                failed = True
                continue
            with open(os.path.join(out, "summary.json"), encoding="utf-8") as f:
                s = json.load(f)
            print(f"{name}: ran {time.monotonic() - began:.1f} s, solve {s['seconds']['solve']:.1f} s, at most "
                  f"{s['peak_rss_bytes'] / 1e9:.2f} GB a process", flush=True)
            results.append((name, out))
        first = solved(world, cells)
        last = solved(other, cells) if other else first
        digests = set()
        for name, out in results:
            began = time.monotonic()
            problems, rows, digest = check_field(out, last, a.label_sources, a.next)
            good = f"{rows:,} rows, digest {digest:016x}"
            if other:
                more, counts = check_changes(out, first, last, 0, 1)
                problems += more
                good += ", changes +{:,} then -{:,} +{:,}".format(*counts)
            digests.add(digest)
            failed |= report(name, problems + check_counts(out, world), good, began)
        if len(results) > 1:
            failed |= report("settings", [f"{len(digests)} different sets of rows"] if len(digests) > 1 else [],
                             f"{len(results)} results hold the same rows", time.monotonic())
    finally:
        if failed and a.keep:
            print(f"kept: {base}")
        else:
            shutil.rmtree(base)
    return failed


def routes_command(a, world):
    began = time.monotonic()
    queries = read_queries(a.queries, world) if a.queries else \
        [(n, numbers(q, 6)[:3], numbers(q, 6)[3:], None) for n, q in enumerate(a.query)]
    problems, exactly, found = check_routes(world, queries, a.dirs[0], a.mode, a.sample, a.seed)
    return report(a.dirs[0], problems, f"{len(queries):,} queries, {found:,} found, {exactly:,} compared with true distances", began)


def parser():
    p = argparse.ArgumentParser(description="A second oracle for big voxel maps.", allow_abbrev=False)
    commands = p.add_subparsers(dest="command", required=True)
    made = {name: commands.add_parser(name, allow_abbrev=False) for name in ("field", "run", "routes", "pick")}
    for name, c in made.items():
        c.add_argument("--map", required=True)
        c.add_argument("--unknown", choices=("blocked", "open"), default="blocked")
        c.add_argument("--axes", choices=("xyz", "zyx"), default="xyz")
        c.add_argument("--cell-size", type=float)
        c.add_argument("--origin")
        c.add_argument("--seed", type=int, default=0)
        if name in ("field", "run"):
            c.add_argument("--source", action="append", default=[])
    made["field"].add_argument("dirs", nargs="+")
    run = made["run"]
    run.add_argument("binary")
    run.add_argument("--pick", type=int, default=6)
    run.add_argument("--label-sources", action="store_true")
    run.add_argument("--next", action="store_true")
    run.add_argument("--into")
    run.add_argument("--setting", action="append", default=[])
    run.add_argument("--keep", action="store_true", help="keep the results if anything differs")
    routes = made["routes"]
    routes.add_argument("dirs", nargs=1)
    routes.add_argument("--queries")
    routes.add_argument("--query", action="append", default=[])
    routes.add_argument("--mode", choices=("exact", "corridor"), default="exact")
    routes.add_argument("--sample", type=int)
    made["pick"].add_argument("count", type=int)
    return p


def main(argv):
    joined = []  # a value that begins with a minus, as positions and settings do, belongs to its flag
    for word in argv:
        if joined and joined[-1] in ("--source", "--query", "--origin", "--setting"):
            joined[-1] += "=" + word
        else:
            joined.append(word)
    a = parser().parse_args(joined)
    a.passed = [w for f, v in (("--unknown", a.unknown), ("--axes", a.axes), ("--cell-size", a.cell_size), ("--origin", a.origin))
                if v not in (None, "blocked", "xyz") for w in [f"{f}={v}"]]
    try:
        world = read_map(a.map, a.unknown, a.axes, a.cell_size, numbers(a.origin, 3) if a.origin else None)
        if a.command == "pick":
            print(" ".join("--source=" + ",".join(repr(v) for v in world.position(c)) for c in pick(world, a.count, a.seed)))
            return 0
        return int({"field": field_command, "run": run_command, "routes": routes_command}[a.command](a, world))
    except (Unusable, OSError, ValueError, KeyError) as problem:
        print(f"cannot check: {problem}", file=sys.stderr)
        return 2


# ---------------------------------------------------------------------------------------------------------------------
# Self test: a naive solver on a dict of cells, correct results written here, and each of many ways to spoil them noticed


def naive(costs, sources):
    """Distances and labels of a dict of open cells, by the book."""
    best, queue = {}, [(0, n, c) for n, c in enumerate(sources) if c in costs]
    heapq.heapify(queue)
    while queue:
        ticks, name, cell = heapq.heappop(queue)
        if cell in best:
            continue
        best[cell] = (ticks, name)
        for way, d in enumerate(ORDER):
            other, base = tuple(a + b for a, b in zip(cell, d)), 1351 if way < 8 else 1560
            if other in costs:
                heapq.heappush(queue, (ticks + (base * costs[cell] >> 8) + (base * costs[other] >> 8), name, other))
    return best


def naive_cells(box):
    """Open cells of a box of stored costs, in Python's own numbers."""
    out = {}
    for i, j, k in np.ndindex(*box.shape):
        eight = [int(v) for v in box[i:i + 2, j:j + 2, k:k + 2].ravel()]
        if box[i, j, k]:
            out[2 * i, 2 * j, 2 * k] = int(box[i, j, k])
        if len(eight) == 8 and min(eight) > 0:
            out[2 * i + 1, 2 * j + 1, 2 * k + 1] = (sum(eight) + 4) >> 3
    return out


def write_table(path, columns, kinds):
    os.makedirs(os.path.dirname(path), exist_ok=True)
    pq.write_table(pa.table([pa.array(columns[n], k) for n, k in kinds], schema=pa.schema(kinds)), path, compression="zstd")


def rows_of(solution, nodes):
    """Columns of field/ for nodes, in the order of `cell`."""
    world = solution.world
    cells = [world.cell(n) for n in nodes]
    keys = [index64(*c) for c in cells]
    order = np.argsort(np.array(keys, np.int64), kind="stable")
    pick_ = lambda values: [values[n] for n in order]
    return {"cell": pick_(keys), **{n: pick_([c[a] for c in cells]) for a, n in enumerate(("lx", "ly", "lz"))},
            "distance": pick_([metres(world, solution.dist[n]) for n in nodes]),
            "source": pick_([int(solution.label[n]) for n in nodes]),
            "next": pick_([step(world.cost, world.delta, solution.dist, n) for n in nodes])}


def write_field(out, solution, before=None):
    """A correct result of field/ in two files and, from the solution `before`, of field_changes/."""
    shutil.rmtree(out, ignore_errors=True)
    reached = np.flatnonzero(solution.reached())
    for n in range(2):
        write_table(f"{out}/field/part-{n}.parquet", rows_of(solution, reached[n::2]), FIELD + OPTIONAL)
    world = (before or solution).world
    with open(f"{out}/summary.json", "w", encoding="ascii") as f:
        json.dump({"workers": 2, "processes": 1, "reached": len(reached), "map": {"cells": world.cells, "open": world.open}}, f)
    if before is None:
        return
    gone, come = (np.empty(len(solution.dist), np.bool_) for _ in range(2))
    differing(before.world.cost, before.world.delta, before.dist, before.label, solution.world.cost, solution.dist,
              solution.label, True, True, gone, come)
    for n, (s, at, when, diff) in enumerate(((before, before.reached(), 0, 1), (before, gone, 1, -1), (solution, come, 1, 1))):
        rows = rows_of(s, np.flatnonzero(at))
        rows["time"], rows["diff"] = [when] * len(rows["cell"]), [diff] * len(rows["cell"])
        write_table(f"{out}/field_changes/part-{n}.parquet", rows, [("time", pa.int64()), ("diff", pa.int32())] + FIELD + OPTIONAL)


def write_routes(out, world, queries):
    """A correct result of routes."""
    shutil.rmtree(out, ignore_errors=True)
    rows, cells = {n: [] for n, _ in ROUTES}, {n: [] for n, _ in ROUTE_CELLS}
    for query, s, g, _ in queries:
        start, goal = world.node(world.snap(s)), world.node(world.snap(g))
        row = {"query": query, "status": "invalid", "cost": None, "lower_bound": None, "cells": 0, "brick_visits": 1, "micros": 1}
        if start >= 0 and goal >= 0:
            dist = Solution(world, [world.cell(start)]).dist
            row["status"] = "unreachable" if dist[goal] == INFINITE else "found"
        if row["status"] == "found":
            way = walk(world, dist, start, goal)
            row["cost"] = row["lower_bound"] = metres(world, dist[goal])
            row["cells"] = len(way)
            for seq, c in enumerate(way):
                values = (query, seq, index64(*c), *c, metres(world, dist[world.node(c)]))
                for (n, _), v in zip(ROUTE_CELLS, values):
                    cells[n].append(v)
        for n, v in row.items():
            rows[n].append(v)
    write_table(f"{out}/routes/part-0.parquet", rows, ROUTES)
    write_table(f"{out}/route_cells/part-0.parquet", cells, ROUTE_CELLS)
    with open(f"{out}/summary.json", "w", encoding="ascii") as f:
        json.dump({"queries": {s: rows["status"].count(s) for s in ("found", "unreachable", "invalid")}}, f)


def change(path, edit):
    """Rewrites a Parquet file through a dict of lists."""
    table = pq.read_table(path)
    columns = table.to_pydict()
    columns = edit(columns) or columns
    pq.write_table(pa.table(columns, schema=table.schema), path, compression="zstd")


def put(column, row, value):
    def edit(columns):
        old = columns[column][row]
        columns[column][row] = value(old) if callable(value) else value
    return edit


def without(row):
    return lambda columns: {n: v[:row] + v[row + 1:] for n, v in columns.items()}


def twice(row):
    return lambda columns: {n: v[:row + 1] + v[row:] for n, v in columns.items()}


def swapped(row):
    return lambda columns: {n: v[:row] + [v[row + 1], v[row]] + v[row + 2:] for n, v in columns.items()}


def test_solver(rng, folder):
    for trial in range(40):
        box = rng.choice([0, 1, 2, 256, 256, 300, 65535], tuple(int(n) for n in rng.integers(1, 7, 3))).astype(np.uint16)
        if not box.any():
            continue
        np.save(f"{folder}/m.npy", box / 256)
        world, costs = read_map(f"{folder}/m.npy", cell_size=0.3, origin=(1.0, -2.0, 0.0)), naive_cells(box)
        assert (world.open, world.cells) == (len(costs), box.size + math.prod(n - 1 for n in box.shape)), trial
        assert all(world.cost[world.node(c)] == v and world.cell(world.node(c)) == c for c, v in costs.items()), trial
        assert all(world.snap(world.position(c)) == c for c in costs), trial
        sources = [list(costs)[n] for n in rng.integers(0, len(costs), 3)]
        solution, expected = Solution(world, sources), naive(costs, sources)
        got = {c: (int(solution.dist[world.node(c)]), int(solution.label[world.node(c)])) for c in costs
               if solution.dist[world.node(c)] < INFINITE}
        assert got == expected, trial
        assert np.count_nonzero(solution.reached()) == len(expected), trial
        region, sizes = flood(world.cost, world.delta)
        reached = region[solution.reached()]
        assert set(reached.tolist()) == {int(region[world.node(c)]) for c in sources}, trial
        assert sum(int(sizes[r]) for r in set(reached.tolist())) == len(reached), trial
        goal = list(expected)[-1]
        dist = np.empty(len(world.cost), np.int32)
        at = np.array([world.node(sources[0])])
        dijkstra(world.cost, world.delta, 65535, at, np.array([world.node(goal)]), dist, np.zeros(0, np.int32))
        alone = naive(costs, sources[:1])
        if goal in alone:
            near = {c for c, (t, _) in alone.items() if t <= alone[goal][0]}
            assert all(dist[world.node(c)] == alone[c][0] for c in near), trial
            assert all(dist[world.node(c)] > alone[goal][0] for c in costs if c not in near), trial


def test_readers(folder):
    with open(f"{folder}/m.3dmap", "w", encoding="ascii") as f:
        f.write("voxel 3 3 4\n1 1 1\n")
    world = read_map(f"{folder}/m.3dmap")
    assert (world.cells, world.open) == (36 + 12, 35 + 4) and world.node((2, 2, 2)) < 0 < world.node((1, 1, 5))
    assert world.snap((0.5, 0.0, 0.0)) == (0, 0, 0) and world.snap((1.5, 1.5, 1.0)) == (3, 3, 1)
    np.save(f"{folder}/m.npy", np.arange(1, 9, dtype=np.int16).reshape(2, 2, 2))
    world = read_map(f"{folder}/m.npy", axes="zyx")
    assert world.cost[world.node((0, 0, 2))] == 5 * 256 and world.cost[world.node((1, 1, 1))] == 1152
    chain = [3 << 14] + [3] * 14  # to the node of the keys from 32768 on
    for name, leaves, unknown, counts in (("three", [0b01 | 0b01 << 2 | 0b10 << 4], "blocked", (3, 2)),
                                          ("three", [0b01 | 0b01 << 2 | 0b10 << 4], "open", (4, 3)),
                                          ("apart", [0b01 | 0b01 << 14], "blocked", (3, 2)),
                                          ("apart", [0b01 | 0b10 << 14], "open", (9, 7)), ("cube", None, "blocked", (9, 9))):
        with open(f"{folder}/{name}.bt", "wb") as f:
            words = chain + leaves if leaves else chain[:-1] + [1]
            f.write(b"# Octomap OcTree binary file\nid OcTree\nsize 1\nres 0.5\ndata\n" + np.array(words, "<u2").tobytes())
        world = read_map(f"{folder}/{name}.bt", unknown)
        assert (world.cells, world.open) == counts, (name, unknown)
        assert world.snap((0.25, 0.25, 0.25)) == (32768,) * 3 and world.node((32768,) * 3) >= 0
    assert index64(1, 1, 1) == (0b10 << 62 | 15 << 48 | 7) - 2**64 and index64(2, 0, 0) & 0xFF == 8


def test_fields(rng, folder):
    box = rng.choice([0, 256, 256, 256, 300], (7, 6, 8)).astype(np.uint16)
    other = np.where(rng.random(box.shape) < 0.1, np.uint16(256), box)
    box[0, 0, 0] = box[3, 3, 3] = other[0, 0, 0] = 256
    other[3, 3, 3] = 0
    worlds = [World(b, (0, 0, 0), 0.3, (0, 0, 0)) for b in (box, other)]
    before, after = (Solution(w, [(0, 0, 0), (6, 6, 6), (0, 0, 0)]) for w in worlds)
    out, file = f"{folder}/out", f"{folder}/out/field/part-0.parquet"

    def differences():
        problems = check_field(out, after, True, True)[0] + check_counts(out, worlds[0])
        return problems + check_changes(out, before, after, 0, 1)[0]
    write_field(out, after, before)
    assert differences() == [], differences()
    nudge = lambda v: float(np.nextafter(v, 9e9))
    spoils = [(file, put("distance", 5, nudge)), (file, put("source", 5, 7)), (file, put("next", 5, lambda v: (v + 1) % 14)),
              (file, put("ly", 5, lambda v: v + 2)), (file, put("lx", 5, lambda v: v + 1)), (file, put("cell", 5, lambda v: v + 1)),
              (file, without(5)), (file, twice(5)), (file, swapped(5)), (file, put("distance", 5, math.nan))]
    for part in range(3):
        name = f"{out}/field_changes/part-{part}.parquet"
        spoils += [(name, without(2)), (name, put("time", 2, 7)), (name, put("diff", 2, lambda v: -v)), (name, put("distance", 2, nudge)),
                   (name, put("next", 2, lambda v: (v + 1) % 14)), (name, twice(2))]
    for number, (path, edit) in enumerate(spoils):
        write_field(out, after, before)
        change(path, edit)
        assert differences(), f"not noticed: field {number}"
    for name in (file, f"{out}/field_changes/part-1.parquet"):
        write_field(out, after, before)
        os.remove(name)
        assert differences(), name
    write_field(out, after, before)
    shutil.copy(file, f"{out}/field/part-3.parquet")
    assert differences(), "a file twice"
    return len(spoils) + 3


def test_routes(rng, folder):
    box = np.where(rng.random((8, 7, 6)) < 0.25, np.uint16(0), np.uint16(256))
    box[5:, :, :] = 256
    box[4, :, :] = 0  # a wall: two regions at least
    box[0, 0, 0] = box[3, 6, 5] = 256
    world = World(box, (0, 0, 0), 0.5, (1, 0, 0))
    at = world.position
    queries = [(7, at((10, 0, 0)), at((14, 12, 9 + 1)), None), (3, at((10, 0, 0)), at((11, 1, 1)), None),
               (5, at((10, 2, 2)), at((10, 2, 2)), None), (9, at((10, 2, 2)), at((0, 0, 0)), None), (4, at((8, 0, 0)), at((10, 0, 0)), None)]
    out = f"{folder}/out"

    def differences(mode="exact", sample=None):
        return check_routes(world, queries, out, mode, sample)[0]
    for mode, sample in (("exact", None), ("exact", 2), ("corridor", None)):
        write_routes(out, world, queries)
        assert differences(mode, sample) == [], differences(mode, sample)
    assert set(Routes(out).rows[q]["status"] for q in (7, 3, 5)) == {"found"}
    assert (Routes(out).rows[9]["status"], Routes(out).rows[4]["status"]) == ("unreachable", "invalid")
    routes, cells = f"{out}/routes/part-0.parquet", f"{out}/route_cells/part-0.parquet"
    nudge = lambda v: float(np.nextafter(v, 9e9))
    spoils = [(routes, put("status", 0, "unreachable")), (routes, put("status", 3, "found")), (routes, put("status", 4, "unreachable")),
              (routes, put("cost", 0, nudge)), (routes, put("lower_bound", 0, nudge)), (routes, put("cells", 0, 3)),
              (routes, put("query", 0, 8)), (routes, without(1)), (routes, twice(1)), (cells, without(2)), (cells, twice(2)),
              (cells, put("cost_so_far", 2, nudge)), (cells, put("lx", 2, lambda v: v + 2)), (cells, put("cell", 2, lambda v: v + 1)),
              (cells, put("seq", 2, 99)), (cells, put("query", 0, 6))]
    for number, (path, edit) in enumerate(spoils):
        for mode in ("exact", "corridor"):
            write_routes(out, world, queries)
            change(path, edit)
            assert differences(mode), f"not noticed: routes {number} {mode}"
    # a longer way round is a corridor's answer but not an exact one; so is another way of the same cost
    for detour in ([(10, 0, 0), (12, 0, 0), (11, 1, 1)], None):
        write_routes(out, world, queries)
        whole = Routes(out).cells(7)
        way = detour or list(zip(*(whole[n].tolist() for n in ("lx", "ly", "lz"))))
        query = 3 if detour else 7
        if detour is None:  # exchange two different steps next to each other
            turn = next(n for n in range(1, len(way) - 1)
                        if tuple(a + c - b for a, b, c in zip(way[n - 1], way[n], way[n + 1])) != way[n])
            way[turn] = tuple(a + c - b for a, b, c in zip(way[turn - 1], way[turn], way[turn + 1]))
        sums = [0]
        for u, v in zip(way, way[1:]):
            sums.append(sums[-1] + edge(world, u, v))

        def longer(columns):
            kept = {n: [v for v, q in zip(columns[n], columns["query"]) if q != query] for n in columns}
            for seq, c in enumerate(way):
                for (n, _), v in zip(ROUTE_CELLS, (query, seq, index64(*c), *c, metres(world, sums[seq]))):
                    kept[n].append(v)
            return kept

        def dearer(columns):
            row = columns["query"].index(query)
            columns["cells"][row], columns["cost"][row] = len(way), metres(world, sums[-1])
        change(cells, longer)
        change(routes, dearer)
        assert differences("corridor") == [] and differences("exact"), detour
    optimum = 2 * math.sqrt(3) + 3 * math.sqrt(2) + 1  # 2, 6 and 5 voxels in the open
    for published, equal in ((optimum, True), (optimum * 1.5, False), (optimum / 1.5, False)):
        with open(f"{folder}/m.3dscen", "w", encoding="ascii") as f:
            f.write(f"version 1\nm.3dmap\n5 0 0 7 6 5 {published} 1.0\n")
        queries = read_queries(f"{folder}/m.3dscen", world)
        write_routes(out, world, queries)
        assert (differences() == []) == equal, published
    return 2 * len(spoils) + 2


def selftest():
    folder, rng = tempfile.mkdtemp(prefix="large-"), np.random.default_rng(3)
    test_readers(folder)
    test_solver(rng, folder)
    spoilt = test_fields(rng, folder) + test_routes(rng, folder)
    shutil.rmtree(folder)
    print(f"large: self test passed ({spoilt} spoilt results refused)")


if __name__ == "__main__":
    if sys.argv[1:] == ["--selftest"]:
        selftest()
    else:
        sys.exit(main(sys.argv[1:]))
