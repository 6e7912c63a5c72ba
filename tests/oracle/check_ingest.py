"""Runs `octaflow ingest` on real point clouds and terrain and checks every cell.

    python check_ingest.py BINARY --data FOLDER

FOLDER holds lidar/autzen_trim.las, lidar/4_6_crop.las, dem/jacksboro_fault_dem.npz and dem/N40W074.hgt. Files are read here
byte by byte, cells are found by the plain geometry of the lattice, and levels by the hierarchy as the contract of the lattice
says it. A line a check; exit status 1 if any failed.
"""

import argparse
import glob
import os
import shutil
import struct
import subprocess
import sys
import tempfile

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

FIELDS = {  # of LAS point format 3: name, offset, type
    "intensity": (12, "<u2"),
    "classification": (15, "u1"),
    "gps_time": (20, "<f8"),
    "red": (28, "<u2"),
    "green": (30, "<u2"),
    "blue": (32, "<u2"),
}


def las(path):
    """Positions and fields of a LAS 1.2 file of point format 3."""
    data = open(path, "rb").read()
    start, = struct.unpack_from("<I", data, 96)
    kind, length = data[104], struct.unpack_from("<H", data, 105)[0]
    count, = struct.unpack_from("<I", data, 107)
    assert kind == 3, f"{path} has point format {kind}"
    scale, offset = np.frombuffer(data, "<f8", 3, 131), np.frombuffer(data, "<f8", 3, 155)
    rows = np.frombuffer(data, np.uint8, count * length, start).reshape(count, length)

    def column(at, kind):
        width = np.dtype(kind).itemsize
        return np.ascontiguousarray(rows[:, at:at + width]).view(kind)[:, 0]

    xyz = np.stack([column(4 * a, "<i4") * scale[a] + offset[a] for a in range(3)], axis=1)
    fields = {name: column(*where).astype(float) for name, where in FIELDS.items()}
    fields["classification"] = np.floor(fields["classification"]) % 32
    return xyz, fields


def snap(units):
    """The nearest lattice points: the even one unless the offsets from it add up to more than 3/2."""
    even = 2 * np.ceil((units - 1) / 2)
    off = units - even
    odd = even + np.where(off > 0, 1, -1)
    return np.where((np.abs(off).sum(axis=1) > 1.5)[:, None], odd, even).astype(np.int64)


def codes(cells):
    return (cells[:, 0] << 32) | (cells[:, 1] << 16) | cells[:, 2]


def parents(cells):
    """Each cell's parent: of 2p, 2p less an axial unit, and 2p + (1, ±1, ±1) one gives the cell."""
    steps = [(0, 0, 0), (-2, 0, 0), (0, -2, 0), (0, 0, -2), (1, 1, 1), (1, 1, -1), (1, -1, 1), (1, -1, -1)]
    found = np.full(cells.shape, -1, dtype=np.int64)
    for step in steps:
        twice = cells - np.array(step)
        half = twice >> 1
        fits = (twice % 2 == 0).all(axis=1) & (half % 2 == half[:, :1] % 2).all(axis=1)
        assert (found[fits] == -1).all(), "a cell has two parents"
        found[fits] = half[fits]
    assert (found >= 0).all(), "a cell has no parent"
    return found


def table(out, lod):
    files = sorted(glob.glob(f"{out}/cells/lod={lod}/*.parquet"))
    rows = pa.concat_tables([pq.ParquetFile(f).read() for f in files])
    rows = rows.sort_by("cell")
    return {name: rows[name].to_numpy(zero_copy_only=False) for name in rows.column_names}


def cells_of(rows):
    return np.stack([rows[a].astype(np.int64) for a in ("lx", "ly", "lz")], axis=1)


def frame(out):
    meta = pq.ParquetFile(sorted(glob.glob(f"{out}/cells/lod=15/*.parquet"))[0]).metadata.metadata
    origin = np.array([float(c) for c in meta[b"octaflow.frame.origin_m"].split(b",")])
    return origin, float(meta[b"octaflow.frame.cell_size_m"])


def spread(values):
    bits = np.zeros(len(values), dtype=np.uint64)
    for n in range(16):
        bits |= ((values.astype(np.uint64) >> np.uint64(n)) & np.uint64(1)) << np.uint64(3 * n)
    return bits


def check_keys(rows, lod):
    x, y, z = (spread(rows[a]) for a in ("lx", "ly", "lz"))
    key = np.uint64(0x8000 + lod << 48) | x | y << np.uint64(1) | z << np.uint64(2)
    assert (rows["cell"].view(np.uint64) == key).all(), "cell is the key of lx, ly, lz and the level"


def check_level(below, above):
    """The rule: open if at least four of eight children are, at the mean of those, halves up; points add up."""
    up = parents(cells_of(below))
    order, place = np.unique(codes(up), return_inverse=True)
    stored = np.rint(below["cost"] * 256).astype(np.int64)
    opened = np.bincount(place, stored > 0).astype(np.int64)
    total = np.bincount(place, stored).astype(np.int64)
    cost = np.where(opened >= 4, (2 * total + opened) // np.maximum(2 * opened, 1), 0) / 256
    points = np.bincount(place, below["points"])
    mine = np.argsort(codes(cells_of(above)))
    assert (codes(cells_of(above))[mine] == order).all(), "the parents of all cells"
    assert (above["cost"][mine] == cost).all(), "costs of a level"
    assert (above["points"][mine] == points).all(), "points of a level"


def run(binary, args, out):
    done = subprocess.run([binary, "ingest", *args, "--quiet", "--out", out], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr


def check_points(binary, path, args, scale, size):
    out = tempfile.mkdtemp() + "/out"
    try:
        run(binary, [path, "--unit-scale", str(scale), "--cell-size", str(size), "--lods", "14,13", *args], out)
        xyz, fields = las(path)
        xyz = xyz * scale
        origin, cell_size = frame(out)
        assert cell_size == size
        assert (origin == (np.floor(xyz.min(axis=0) / size) - 8) * size).all(), "the default origin"
        cells = snap((xyz - origin) * 2 / size)
        order, place, counts = np.unique(codes(cells), return_inverse=True, return_counts=True)
        rows = table(out, 15)
        check_keys(rows, 15)
        mine = np.argsort(codes(cells_of(rows)))
        assert (codes(cells_of(rows))[mine] == order).all(), "the cells with points"
        assert (rows["points"][mine] == counts).all(), "counts"
        assert (rows["cost"] == 0).all()
        for name, values in fields.items():
            mean = np.bincount(place, values) / counts
            assert np.allclose(rows[name][mine], mean, rtol=1e-12, atol=1e-6), f"the mean {name}"
        below = rows
        for lod in (14, 13):
            above = table(out, lod)
            check_keys(above, lod)
            check_level(below, above)
            below = above
        return f"{len(xyz)} points in {len(order)} cells"
    finally:
        shutil.rmtree(os.path.dirname(out))


def check_terrain(binary, path, heights, spacing, origin_xy, size, bottom, top, args):
    """`heights` from south to north, NaN for a void."""
    out = tempfile.mkdtemp() + "/out"
    try:
        run(binary, [path, "--cell-size", str(size), "--bottom", str(bottom), "--top", str(top), "--lods", "14", *args], out)
        origin, cell_size = frame(out)
        rows = table(out, 15)
        check_keys(rows, 15)
        expected = {}
        for odd in (0, 1):
            axes = []
            for a in range(3):
                count = (heights.shape[1], heights.shape[0])[a] if a < 2 else 0
                last = origin_xy[a] + spacing[a] * (count + 1) if a < 2 else top
                units = np.arange(odd, int((last - origin[a]) * 2 / size) + 3, 2)
                axes.append((units, origin[a] + units * (size / 2)))
            (lx, x), (ly, y), (lz, z) = axes
            i = np.floor((x - origin_xy[0]) / spacing[0] + 0.5)
            j = np.floor((y - origin_xy[1]) / spacing[1] + 0.5)
            ok_i, ok_j = (i >= 0) & (i < heights.shape[1]), (j >= 0) & (j < heights.shape[0])
            ok_z = (z >= bottom) & (z <= top)
            ground = heights[np.ix_(j[ok_j].astype(int), i[ok_i].astype(int))]
            cost = np.where(z[ok_z][None, None, :] < ground[:, :, None], 0.0, 1.0)
            known = np.broadcast_to(~np.isnan(ground)[:, :, None], cost.shape)
            gy, gx, gz = np.meshgrid(ly[ok_j], lx[ok_i], lz[ok_z], indexing="ij")
            cells = np.stack([gx[known], gy[known], gz[known]], axis=1).astype(np.int64)
            expected[odd] = (codes(cells), cost[known])
        code = np.concatenate([expected[0][0], expected[1][0]])
        cost = np.concatenate([expected[0][1], expected[1][1]])
        theirs, mine = np.argsort(code), np.argsort(codes(cells_of(rows)))
        assert len(code) == len(mine) and (code[theirs] == codes(cells_of(rows))[mine]).all(), "the cells of terrain"
        assert (cost[theirs] == rows["cost"][mine]).all(), "ground and air"
        check_level(rows, table(out, 14))
        return f"{len(code)} cells, {int((cost > 0).sum())} of them open"
    finally:
        shutil.rmtree(os.path.dirname(out))


def degree_m(latitude):
    """Metres a degree along a parallel and along a meridian of WGS 84."""
    phi, square = np.radians(latitude), 0.00669437999014
    w = 1 - square * np.sin(phi) ** 2
    return np.pi / 180 * 6378137 * np.cos(phi) / w**0.5, np.pi / 180 * 6378137 * (1 - square) / w**1.5


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("binary")
    parser.add_argument("--data", required=True)
    args = parser.parse_args()
    lidar, dem = f"{args.data}/lidar", f"{args.data}/dem"

    def jacksboro():
        heights = np.load(f"{dem}/jacksboro_fault_dem.npz")["elevation"].astype(np.float32).astype(float)[::-1]
        return check_terrain(args.binary, f"{dem}/jacksboro_fault_dem.npz", heights, (90, 90), (0, 0), 60, 0, 900,
                             ["--spacing", "90", "-w", "2", "-n", "2"])

    def srtm():
        heights = np.fromfile(f"{dem}/N40W074.hgt", ">i2").reshape(1201, 1201).astype(float)[::-1]
        heights[heights == -32768] = np.nan
        spacing = [m / 1200 for m in degree_m(40.5)]
        return check_terrain(args.binary, f"{dem}/N40W074.hgt", heights, spacing, (0, 0), 100, -150, 350, ["-w", "2"])

    checks = {
        "autzen, one worker": lambda: check_points(args.binary, f"{lidar}/autzen_trim.las", ["-w", "1"], 0.3048, 2.0),
        "autzen, four workers": lambda: check_points(
            args.binary, f"{lidar}/autzen_trim.las", ["-w", "2", "-n", "2", "--partition", "slab"], 0.3048, 0.7),
        "4_6_crop": lambda: check_points(args.binary, f"{lidar}/4_6_crop.las", ["-w", "3"], 1.0, 1.5),
        "jacksboro": jacksboro,
        "N40W074": srtm,
    }
    failed = 0
    for name, check in checks.items():
        try:
            print(f"ok {name}: {check()}", flush=True)
        except AssertionError as problem:
            failed += 1
            print(f"FAILED {name}: {problem}", flush=True)
    print(f"{len(checks) - failed} passed, {failed} failed")
    sys.exit(1 if failed else 0)


if __name__ == "__main__":
    main()
