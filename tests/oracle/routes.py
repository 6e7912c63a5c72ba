"""An independent model of what `octaflow route` must compute, on top of the maps and epochs of oracle.py.

It is written from the contract's words alone. Every epoch is answered from scratch: Dijkstra from each start over all open
cells, certified against the equations that define distances, then the walk back from each goal to the first neighbour, in
the fixed order, whose distance from the start plus the edge is exact.

    read_queries(path, frame)           -> [(id, start cell, goal cell)] of a table or of a .3dscen
    read_updates(path, start)           -> epochs; a `query+` row is (kind, start, (id, goal)), a `query-` row (kind, None, id)
    Standing(map, queries)              -> the map and the queries as they change; .apply(rows) is one epoch; .answers()
    Expected(map, queries, epochs)      -> .answers: what must hold at each time, [(time, {id: Answer})]

Readings of the contract decided here
    * A start or goal in the range of the lattice that is no open cell makes its query `invalid`, wherever it came from; it
      is asked anew in every epoch. `invalid` and `unreachable` have no cost, no bound, no cells.
    * The rows of an epoch that ask and withdraw queries count in row order; `query-` of an id and then `query+` of the same
      is a new query under an old name. Positions of `query-` rows say nothing.
    * Ids are any 64-bit signed numbers. In a .3dscen coordinates are voxel indices.
    * A start that is its goal is found: one cell, cost 0.

`python routes.py --selftest` holds the model against cases worked out by hand and a naive search that shares nothing with it.
"""

import heapq
import math
import os
import sys

import numpy as np

import oracle

Invalid = oracle.Invalid
IDS = range(-2**63, 2**63)


class Answer:
    """What a query's answer is: `status`; if it is found `ticks`, the packed `cells` from start to goal and the ticks
    `so_far` at each."""

    def __init__(self, status, ticks=None, cells=(), so_far=()):
        self.status, self.ticks, self.cells, self.so_far = status, ticks, cells, so_far

    def length(self, cell_size):
        """Metres along the cells."""
        xyz = np.stack(oracle.unpack(np.array(self.cells, np.int64)), axis=1)
        return math.fsum(math.sqrt(int((d * d).sum())) for d in np.diff(xyz, axis=0)) * cell_size / 2


# --------------------------------------------------------------------------------------------------------------------
# Queries and updates


def parse_query(text):
    """The two positions of SX,SY,SZ,GX,GY,GZ."""
    parts = text.split(",")
    if len(parts) != 6:
        raise Invalid(f"'{text}' is not SX,SY,SZ,GX,GY,GZ")
    numbers = tuple(float(v) for v in parts)
    return numbers[:3], numbers[3:]


def read_queries(path, frame):
    """Rows (id, start cell, goal cell), in row order."""
    if path.lower().endswith(".3dscen"):
        with open(path, encoding="utf-8") as f:
            lines = f.read().splitlines()
        out = []
        for number, line in enumerate(line for line in lines[2:] if line.strip()):
            voxels = [int(v) for v in line.split()[:6]]
            cells = tuple(2 * v for v in voxels[:3]), tuple(2 * v for v in voxels[3:])
            if len(voxels) != 6 or any(c < 0 or c > oracle.MAX_COORDINATE for c in cells[0] + cells[1]):
                raise Invalid(f"{path}: row {number} is not six voxel indices in range")
            out.append((number, *cells))
        return out
    t = oracle.read_table(path)
    if not {"query", "sx", "sy", "sz", "gx", "gy", "gz"} <= set(t):
        raise Invalid(f"{path}: needs query,sx,sy,sz,gx,gy,gz")
    place = lambda i, end: frame.snap(tuple(float(t[end + a][i]) for a in "xyz"))
    return [(int(t["query"][i]), place(i, "s"), place(i, "g")) for i in range(len(t["query"]))]


def identified(row):
    if row.get("query") is None or int(row["query"]) not in IDS:
        raise Invalid("no query id")
    return int(row["query"])


def asked(row):
    goal = tuple(float(row["g" + a]) for a in "xyz")
    if not all(math.isfinite(v) for v in goal):
        raise Invalid("goal not finite")
    return oracle.placed(row), (identified(row), goal)


KINDS = {"cost": oracle.costed, "voxel": oracle.costed, "query+": asked, "query-": lambda row: (None, identified(row))}


def read_updates(path, start):
    return oracle.read_updates(path, start, KINDS)


# --------------------------------------------------------------------------------------------------------------------
# Standing queries


def distances(graph, node):
    """Ticks of every cell from one, and the direction of the first exact neighbour; certified."""
    from scipy.sparse.csgraph import dijkstra
    found = dijkstra(graph.matrix(), directed=False, indices=node)
    dist = np.full(graph.n, oracle.UNREACHED)
    finite = np.isfinite(found)
    dist[finite] = found[finite].astype(np.int64)
    step = oracle.certify(graph, {node: 0}, dist, np.where(finite, 0, 2**31))
    return dist, step


class Standing(oracle.World):
    """A map and its queries as they change: `queries` is {id: (start cell, goal cell)}."""

    def __init__(self, map_, queries=()):
        super().__init__(map_)
        self.queries, self._known = {}, {}
        for query, start, goal in queries:
            self.ask(query, start, goal)

    def ask(self, query, start, goal):
        if query in self.queries:
            raise Invalid(f"query {query} stands already")
        self.queries[query] = (start, goal)

    def apply(self, rows):
        keys, costs = self.keys, self.costs
        writes = self.apply_cells(rows)
        if not (np.array_equal(keys, self.keys) and np.array_equal(costs, self.costs)):
            self._known = {}
        for kind, start, value in rows:
            if kind == "query+":
                query, goal = value
                self.ask(query, self.frame.snap(start), self.frame.snap(goal))
            elif kind == "query-" and self.queries.pop(value, None) is None:
                raise Invalid(f"query- of {value}, which does not stand")
        return writes

    def node(self, cell):
        """Its place among the open cells, or None."""
        if self.cost(cell) == 0:
            return None
        return int(np.searchsorted(self.keys, int(oracle.pack(*cell))))

    def answer(self, start, goal):
        """The answer as the map stands. What a start has reached is kept until the map changes."""
        s, g = self.node(start), self.node(goal)
        if s is None or g is None:
            return Answer("invalid")
        if not self._known:
            self._known[None] = oracle.Graph(self.keys, self.costs)
        graph = self._known[None]
        if s not in self._known:
            if len(self._known) * graph.n > 8_000_000:
                self._known = {None: graph}
            self._known[s] = distances(graph, s)
        dist, step = self._known[s]
        if dist[g] >= oracle.UNREACHED:
            return Answer("unreachable")
        nodes = [g]
        while nodes[-1] != s:
            nodes.append(int(graph.near[step[nodes[-1]]][nodes[-1]]))
        nodes.reverse()
        return Answer("found", int(dist[g]), self.keys[nodes].tolist(), dist[nodes].tolist())

    def answers(self):
        """All standing queries' answers. Raises Overflow for one that no tick can say."""
        out = {}
        for query in sorted(self.queries, key=lambda q: self.queries[q]):
            out[query] = self.answer(*self.queries[query])
            if out[query].status == "found" and out[query].ticks > oracle.MAX_TICKS:
                raise oracle.Overflow("a distance beyond 2^31 - 2 ticks")
        return out


class Moment:
    """What must hold at one time: queries {id: (start, goal)}, answers {id: Answer}, and the map's open cells."""

    def __init__(self, time, world):
        self.time, self.queries, self.answers = time, dict(world.queries), world.answers()
        self.keys, self.costs = world.keys, world.costs

    def cost(self, key):
        at = int(np.searchsorted(self.keys, key))
        return int(self.costs[at]) if at < len(self.keys) and self.keys[at] == key else 0


class Expected:
    """All that the answers of a run must be. `moments` begins with the one at --start."""

    def __init__(self, map_, queries, epochs=None, start=0):
        self.map, self.start, self.epochs = map_, start, epochs
        world = Standing(map_, queries)
        self.moments = [Moment(start, world)]
        for time, rows in epochs or []:
            world.apply(rows)
            self.moments.append(Moment(time, world))
        self.final = self.moments[-1]


def weight(u, v, cost_u, cost_v):
    """Ticks of the step between two packed cells, or None if they are no neighbours or one is blocked."""
    step = tuple(int(b) - int(a) for a, b in zip(oracle.unpack(u), oracle.unpack(v)))
    if step not in oracle.ORDER or cost_u == 0 or cost_v == 0:
        return None
    base = oracle.BASE_DIAGONAL if abs(step[0]) == 1 else oracle.BASE_AXIAL
    return (base * cost_u >> 8) + (base * cost_v >> 8)


# --------------------------------------------------------------------------------------------------------------------
# Self test


def route_naive(cells, start, goal):
    """A heap and dicts over {(x, y, z): stored cost}: ticks and cells, or None."""
    half = lambda c, d: c * (1560 if d >= 8 else 1351) // 256
    best, heap = {}, [(0, start)]
    while heap:
        dist, cell = heapq.heappop(heap)
        if cell in best:
            continue
        best[cell] = dist
        for d, step in enumerate(oracle.ORDER):
            to = tuple(a + b for a, b in zip(cell, step))
            if cells.get(to):
                heapq.heappush(heap, (dist + half(cells[cell], d) + half(cells[to], d), to))
    if goal not in best:
        return None
    way = [goal]
    while way[-1] != start:
        here = way[-1]
        for d, step in enumerate(oracle.ORDER):
            to = tuple(a + b for a, b in zip(here, step))
            if to in best and best[to] + half(cells[to], d) + half(cells[here], d) == best[here]:
                way.append(to)
                break
    return best[goal], way[::-1]


def raises(kind, do):
    try:
        do()
    except kind:
        return True
    return False


def selftest():
    import tempfile
    folder = tempfile.TemporaryDirectory()
    at = lambda name: os.path.join(folder.name, name)

    # free space, from (0,0,0) to (4,2,2): two diagonal steps and an axial one, in several orders. The goal's neighbours
    # before (-1,-1,-1) in the fixed order are no nearer than three diagonals; (3,1,1) at 5822 is exact. From there all but
    # (2,0,0), again (-1,-1,-1), are too far as well. So the axial step comes first.
    np.save(at("free.npy"), np.ones((5, 5, 5), np.uint8))
    free = oracle.read_map(at("free.npy"))
    answer = Standing(free).answer((0, 0, 0), (4, 2, 2))
    ways = [tuple(int(v) for v in c) for c in zip(*oracle.unpack(np.array(answer.cells)))]
    assert (answer.status, answer.ticks) == ("found", 2 * 2702 + 3120), answer.ticks
    assert ways == [(0, 0, 0), (2, 0, 0), (3, 1, 1), (4, 2, 2)] and answer.so_far == [0, 3120, 5822, 8524], ways
    assert math.isclose(answer.length(1.0), 1 + 3**0.5)
    assert Standing(free).answer((2, 2, 2), (2, 2, 2)).cells == [int(oracle.pack(2, 2, 2))]
    assert Standing(free).answer((2, 2, 2), (40, 2, 2)).status == "invalid"

    # queries and updates as text
    with open(at("q.3dscen"), "w") as f:
        f.write("version 1\nfree.3dmap\n0 0 0 2 1 1 2.4 1.0\n\n4 4 4 0 0 0 6.9 1.0\n")
    assert read_queries(at("q.3dscen"), free.frame) == [(0, (0, 0, 0), (4, 2, 2)), (1, (8, 8, 8), (0, 0, 0))]
    with open(at("q.csv"), "w") as f:
        f.write("query,sx,sy,sz,gx,gy,gz\n-7,0,0,0,2,1,1\n9,0.5,0.5,0.5,0,0,0\n")
    assert read_queries(at("q.csv"), free.frame) == [(-7, (0, 0, 0), (4, 2, 2)), (9, (1, 1, 1), (0, 0, 0))]
    with open(at("u.csv"), "w") as f:
        f.write("time,kind,x,y,z,cost,query,gx,gy,gz\n1,cost,1,0,0,0,,,,\n2,query-,,,,,9,,,\n2,query+,0,0,0,,9,1,0,0\n"
                "3,query+,0,0,0,,4,1,1,1\n3,query-,0,0,0,,4,,,\n4,cost,1,0,0,1,,,,\n")
    epochs = read_updates(at("u.csv"), 0)
    assert epochs[1] == (2, [("query-", None, 9), ("query+", (0.0, 0.0, 0.0), (9, (1.0, 0.0, 0.0)))])
    told = Expected(free, read_queries(at("q.csv"), free.frame), epochs)
    assert [{q: (a.status, a.ticks) for q, a in m.answers.items()} for m in told.moments] == [
        {-7: ("found", 8524), 9: ("found", 2702)}, {-7: ("found", 8524), 9: ("found", 2702)},
        {-7: ("found", 8524), 9: ("invalid", None)}, {-7: ("found", 8524), 9: ("invalid", None)},
        {-7: ("found", 8524), 9: ("found", 3120)}]
    assert told.moments[0].answers[-7].cells == told.final.answers[-7].cells != told.moments[1].answers[-7].cells
    for rows in ([("query+", (0, 0, 0), (9, (1, 1, 1)))], [("query-", None, 3)], [("query-", None, 9), ("query-", None, 9)],
                 [("query+", (0, 0, -1), (3, (1, 1, 1)))]):
        assert raises(Invalid, lambda: Expected(free, [(9, (0, 0, 0), (4, 2, 2))], [(1, rows)])), rows
    for text in ("2,query+,0,0,0,,4,1,1,\n", "2,query+,0,0,0,,,1,1,1\n", "2,query-,0,0,0,,,,,\n", "2,source+,0,0,0,,,,,\n",
                 "2,query+,0,0,0,,4,1,1,inf\n", "2,query+,0,,0,,4,1,1,1\n", "2,query-,0,0,0,,9223372036854775808,,,\n"):
        with open(at("bad.csv"), "w") as f:
            f.write("time,kind,x,y,z,cost,query,gx,gy,gz\n1,cost,1,0,0,0,,,,\n" + text)
        got, problem = oracle.epochs_until_bad(at("bad.csv"), 0, KINDS)
        assert [e[0] for e in got] == [1] and problem.startswith("row 2"), (text, problem)

    # random cells with random costs, and edits, against the naive search
    rng = np.random.default_rng(2)
    for trial in range(60):
        cells = {}
        for _ in range(int(rng.integers(1, 300))):
            p = rng.integers(0, 9, 3) // 2 * 2 + rng.integers(0, 2)
            cells[tuple(int(v) for v in p)] = int(rng.choice([1, 256, 256, 256, 512, rng.integers(1, 65536)]))
        keys = np.array(sorted(int(oracle.pack(*c)) for c in cells), np.int64)
        stored = np.array([cells[tuple(int(v) for v in oracle.unpack(k))] for k in keys], np.uint16)
        world = Standing(oracle.Map(keys, stored, len(keys), oracle.Frame(), False))
        for _ in range(6):
            places = sorted(cells)
            start, goal = (places[int(rng.integers(0, len(places)))] for _ in range(2))
            got = world.answer(start, goal)
            want = route_naive(cells, start, goal) if cells[start] and cells[goal] else ()
            if want:
                way = [int(oracle.pack(*c)) for c in want[1]]
                assert (got.status, got.ticks, got.cells) == ("found", want[0], way), trial
                steps = zip(way, way[1:])
                assert sum(weight(u, v, world.cost(oracle.unpack(u)), world.cost(oracle.unpack(v))) for u, v in steps) == want[0]
            else:
                assert got.status == ("unreachable" if want is None else "invalid"), trial
            cell = places[int(rng.integers(0, len(places)))]
            cells[cell] = int(rng.choice([0, 256, 1000]))
            world.apply([("cost", world.frame.position(cell), cells[cell])])
    folder.cleanup()
    print("routes: self test passed")


if __name__ == "__main__":
    if sys.argv[1:] == ["--selftest"]:
        selftest()
    else:
        print(__doc__)
