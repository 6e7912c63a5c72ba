"""Broken inputs of `octaflow ghost` and `octaflow diffuse`, for broken.py.

The good map, of broken.py, is 4×4×4 voxels of 1 m; voxel (3,3,3), even cell (6,6,6), is blocked, and so is its corner (5,5,5).
"""

import os

import numpy as np
import pyarrow as pa


def cases(m, npy_bytes):
    """Adds all to `m`, a Maker; npy_bytes makes a .npy of any header."""
    ghost_cases(m)
    diffuse_flags(m)
    initial_tables(m)
    initial_arrays(m, npy_bytes)


def common_cases(command, add, m, rest):
    """What is as bad here as elsewhere; `rest` are the command's own flags."""
    m.add(f"{command} no --map", [command] + rest, "--map")
    m.add(f"{command} broken map", [command, "--map", m.path("short.npy")] + rest, "--map", "short.npy")
    m.add(f"{command} map blocked", [command, "--map", m.path("blocked.npy")] + rest, "--map", "blocked.npy", "initial")
    add("no --out", rest, out=None)
    for argv, *mention in (["--cell-size=0"], ["--origin=1,2"], ["--partition=round"], ["-w=0", "workers"], ["-n=0", "processes"], ["-p=1", "process"],
                           ["--axes=xzy"], ["--unknown=maybe"], ["--source=1,1,1"], ["--frobnicate=3"]):
        add(argv, rest + [argv], argv.split("=")[0], *mention)


def ghost_cases(m):
    def g(name, argv, *mention, **options):
        m.add(f"ghost {name}", ["ghost", "--map", m.good] + argv, *mention, **options)
    common_cases("ghost", g, m, ["--parts", "2", "--rings", "1"])
    for text in ("0", "-1", "x", "1.5", "", "99999999999999999999", str(2**20 + 1), str(2**32 + 1), str(2**63)):
        g(f"--parts '{text}'", [f"--parts={text}", "--rings", "1"], "--parts", "parts")
    for text in ("-1", "x", "1.5", "", "99999999999999999999"):
        g(f"--rings '{text}'", ["--parts", "2", f"--rings={text}"], "--rings", "rings")
    g("no --parts", ["--rings", "1"], "--parts")
    g("no --rings", ["--parts", "2"], "--rings")
    for flag in ("--owned", "--compare"):
        g(f"{flag} with a value", ["--parts", "2", "--rings", "1", f"{flag}=3"], flag)
    g("--steps", ["--parts", "2", "--rings", "1", "--steps", "3"], "--steps")


def diffuse_flags(m):
    initial = m.file("initial.csv", "x,y,z,value\n1,1,1,1\n")

    def u(name, argv, *mention, map_=None, steps=("--steps", "3"), **options):
        m.add(f"diffuse {name}", ["diffuse", "--map", map_ or m.good, "--initial", initial, *steps] + argv, *mention, **options)
    common_cases("diffuse", lambda name, argv, *mention, **options: u(name, argv[4:], *mention, **options), m, ["--initial", initial, "--steps", "3"])
    m.add("diffuse no --initial", ["diffuse", "--map", m.good, "--steps", "3"], "--initial")
    u("no --steps", [], "--steps", steps=())
    for flag, texts in {"steps": ("-3", "many", "1.5", "", "99999999999999999999"), "every": ("0", "-2", "x", "1.5", "", "99999999999999999999"),
                        "rings": ("0", "9", "-1", "x", "1.5", "", str(2**32 + 1), "99999999999999999999"),
                        "dt": ("nan", "inf", "-inf", "-1", "soon", ""), "dt-unit": ("h", "", "S"), "precision": ("f16", "64", "", "double"),
                        "diffusivity": ("-1", "nan", "inf", "fast", "")}.items():
        for text in texts:
            u(f"--{flag} '{text}'", [f"--{flag}={text}"], f"--{flag}", flag.replace("dt-", ""), steps=() if flag == "steps" else ("--steps", "3"))
    dear = m.array("dear.npy", np.where(np.indices((4, 4, 4)).sum(axis=0) == 9, 0, 4.0))
    for name, argv in {
        "in lattice units": ["--dt", "0.534", "--dt-unit", "lattice"], "in lattice units, whatever the diffusivity": ["--dt", "1", "--dt-unit", "lattice", "--diffusivity", "0.001"],
        "in seconds": ["--dt", "0.1334"], "in seconds, said so": ["--dt", "0.1334", "--dt-unit", "s"], "by the diffusivity": ["--dt", "0.1", "--diffusivity", "2"],
        "by the size of cells": ["--dt", "0.13", "--cell-size", "0.9"], "by far": ["--dt", "1e300"], "beyond doubles": ["--dt", "1e300", "--diffusivity", "1e300"],
        "no steps": ["--dt", "0.5", "--steps", "0"],
    }.items():
        u(f"--dt above the bound, {name}", argv, "--dt", steps=() if "--steps" in argv else ("--steps", "3"))
    u("--dt above the bound, by costs", ["--dt", "0.1", "--cost-diffusivity"], "--dt", map_=dear)
    u("--dt above the bound, by costs, in lattice units", ["--dt", "0.14", "--dt-unit", "lattice", "--cost-diffusivity"], "--dt", map_=dear)
    u("--cost-diffusivity with a value", ["--cost-diffusivity=2"], "--cost-diffusivity")
    late = m.file("late_updates.csv", "time,kind,x,y,z,cost\n1,cost,1,1,1,2\n4,cost,1,1,1,1\n")
    u("--updates beyond the last step", ["--updates", late], "late_updates.csv", "--updates")
    u("--parts", ["--parts", "3"], "--parts")
    u("--picture into no folder", ["--picture", m.path("nowhere/p.png")], "--picture", "p.png", status=(2, 1))
    u("bad --dt and --picture", ["--dt", "3", "--picture", m.path("not_to_be.png")], "--dt")


def initial_tables(m):
    d, metres, lattice = m.file, "x,y,z,value\n1,1,1,1\n", "lx,ly,lz,value\n2,2,2,1\n"

    def table(name, path, *argv):
        m.add(f"diffuse --initial {name}", ["diffuse", "--map", m.good, "--initial", path, "--steps", "3", *argv], os.path.basename(path), "--initial")
    table("missing", m.path("nothing_i.csv"))
    table("a folder", m.path("folder.csv"))
    table("of unknown kind", d("i.txt", metres))
    table("without extension", d("i", metres))
    table("of random bytes", m.path("noise.csv"))
    for name, text in {
        "empty": "", "no value": "x,y,z\n1,1,1\n", "no value, lattice": "lx,ly,lz\n2,2,2\n", "no z": "x,y,value\n1,1,1\n", "no lz": "lx,ly,value\n2,2,1\n",
        "no coordinates": "value\n1\n", "no header": "1,1,1,1\n2,2,2,1\n", "some of both": "lx,y,lz,value\n2,1,2,1\n",
        "both x,y,z and lx,ly,lz": "x,y,z,lx,ly,lz,value\n1,1,1,2,2,2,1\n", "both, and one not whole": "x,y,z,lx,value\n1,1,1,2,1\n",
        "a column twice": "x,y,z,value,value\n1,1,1,1,1\n", "conflicting duplicates": metres + "2,2,2,0\n1,1,1,2\n", "conflicting duplicates, lattice": lattice + "2,2,2,3\n",
        "conflicting duplicates of one cell": metres + "1.1,0.9,1,2\n", "conflicting, one of them 0": metres + "1,1,1,0\n",
        "in a blocked voxel": metres + "3,3,3,1\n", "in a blocked corner": metres + "2.5,2.5,2.5,1\n", "in a blocked cell": lattice + "6,6,6,1\n",
        "in a blocked odd cell": lattice + "5,5,5,1\n", "0 in a blocked cell": lattice + "6,6,6,0\n", "in an absent cell": lattice + "8,2,2,1\n",
        "in an absent odd cell": lattice + "7,1,1,1\n", "outside the map": metres + "40,1,1,1\n", "beyond the lattice": metres + "40000,1,1,1\n",
        "below the lattice": metres + "-5,1,1,1\n", "absurdly far": metres + "1e300,1,1,1\n", "lattice beyond 65535": lattice + "65536,2,2,1\n",
        "lattice below 0": lattice + "-2,2,2,1\n", "lattice that wraps to 2": lattice + "4294967298,2,2,1\n", "lattice beyond 64 bits": lattice + "99999999999999999999,2,2,1\n",
        "mixed parity": lattice + "1,2,2,1\n", "fractional lattice": lattice + "1.5,2,2,1\n", "a value missing": metres + "2,2,2,\n",
        "a value missing, lattice": lattice + "4,4,4,\n", "a value NaN": metres + "2,2,2,nan\n", "a value inf": metres + "2,2,2,inf\n", "a value -inf": lattice + "4,4,4,-inf\n",
        "a value beyond doubles": metres + "2,2,2,1e400\n", "a value in words": metres + "2,2,2,hot\n", "a position NaN": metres + "nan,2,2,1\n",
        "a position inf": metres + "2,inf,2,1\n", "a position missing": metres + "2,,2,1\n", "a position in words": metres + "2,two,2,1\n", "a short row": metres + "2,2\n",
        "a long row": metres + "2,2,2,1,7\n", "an open quote": metres + "2,2,2,\"1\n", "NUL bytes": metres + "\0\0\0\n",
    }.items():
        table(name, d(f"i_{name.replace(' ', '_').replace(',', '')}.csv", text))
    table("not UTF-8", d("i_latin.csv", metres.encode() + b"2,2,2,\xff\n"))
    table("header not UTF-8", d("i_latin_header.csv", b"x,y,z,val\xff\n1,1,1,1\n"))
    table("a value that only f64 holds", d("i_wide.csv", metres + "2,2,2,1e300\n"), "--precision", "f32")
    good = dict(lx=[2, 4], ly=[2, 4], lz=[2, 4], value=[1.0, 2.0])
    change = lambda name, **new: m.table(f"i_{name}.parquet", **{k: v for k, v in {**good, **new}.items() if v is not None})
    for name, new in {
        "a null value": dict(value=[1.0, None]), "a null coordinate": dict(lx=[2, None]), "NaN": dict(value=[1.0, float("nan")]), "inf": dict(value=[float("inf"), 1.0]),
        "half-width inf": dict(value=pa.array([1.0, float("inf")], pa.float32())), "text": dict(value=["a", "b"]), "text coordinates": dict(ly=["2", "4"]),
        "lists": dict(value=[[1.0], [2.0]]), "dates": dict(value=pa.array([1, 2], pa.timestamp("s"))), "no value": dict(value=None), "no lz": dict(lz=None),
        "both kinds": dict(x=[1.0, 2.0], y=[1.0, 2.0], z=[1.0, 2.0]), "a conflict": dict(lx=[2, 2], ly=[2, 2], lz=[2, 2]), "a blocked cell": dict(lx=[2, 6], ly=[2, 6], lz=[2, 6]),
        "mixed parity": dict(lx=[2, 3]), "beyond 64 bits": dict(lx=pa.array([2, 2**64 - 2], pa.uint64())),
    }.items():
        table(f"parquet, {name}", change(name.replace(" ", "_"), **new))
    whole = open(m.path("i_a_conflict.parquet"), "rb").read()
    table("parquet, truncated", d("i_short.parquet", whole[:300]))
    table("parquet, last byte missing", d("i_last.parquet", whole[:-1]))
    table("parquet, of no bytes", m.path("empty.parquet"))


def initial_arrays(m, npy_bytes):
    shape, d = (4, 4, 4), m.file

    def array(name, path, *argv):
        m.add(f"diffuse --initial npy, {name}", ["diffuse", "--map", m.good, "--initial", path, "--steps", "3", *argv], os.path.basename(path), "--initial")
    of = lambda name, values, **options: m.array(f"i_{name.replace(' ', '_')}.npy", values, **options)
    for name, wrong in {"one voxel less": (4, 4, 3), "one voxel more": (5, 4, 4), "of the lattice": (8, 8, 8), "of the corners": (3, 3, 3), "flat": (64,),
                        "two dimensions": (16, 4), "four dimensions": (4, 4, 4, 1), "empty": (0, 4, 4), "nothing": ()}.items():
        array(f"shape {name}", of(f"shape_{name}", np.ones(wrong)))
    for name, values in {"complex": np.ones(shape, complex), "text": np.full(shape, "1"), "bytes": np.full(shape, b"1"), "records": np.ones(shape, [("value", "f8")]),
                         "dates": np.zeros(shape, "M8[s]"), "durations": np.zeros(shape, "m8[s]")}.items():
        array(name, of(name, values))
    array("objects", of("objects", np.full(shape, 1.0, object), allow_pickle=True))
    for name, value in {"NaN": np.nan, "inf": np.inf, "-inf": -np.inf}.items():
        for kind in ("<f4", ">f8"):
            values = np.ones(shape, kind)
            values[1, 2, 0] = value
            array(f"{name} in {kind}", of(f"{name}_{kind[1:]}", values))
    values = np.ones(shape)
    values[2, 1, 3] = 1e300
    array("a value that only f64 holds", of("wide", values), "--precision", "f32")
    whole = open(of("good", np.ones(shape)), "rb").read()
    data = np.ones(64).tobytes()
    for name, content in {
        "no bytes": b"", "random bytes": np.random.default_rng(5).bytes(3000), "truncated header": whole[:40], "truncated data": whole[:-8],
        "half a value": whole[:-3], "bytes too many": whole + b"\0" * 8, "another magic": npy_bytes("'<f8'", shape, data, magic=b"\x93NUMPX"),
        "version 9": npy_bytes("'<f8'", shape, data, version=(9, 0)), "a shape that lies": npy_bytes("'<f8'", (4, 4, 5), data),
        "a type that lies": npy_bytes("'<f4'", shape, data), "a shape of terabytes": npy_bytes("'<f8'", (30000,) * 3, data),
        "a shape beyond 64 bits": npy_bytes("'<f8'", (10**20, 1, 1), data), "a negative shape": npy_bytes("'<f8'", (-4, -4, 4), data),
        "an unknown type": npy_bytes("'<q8'", shape, data), "long doubles": npy_bytes("'<f16'", shape, data * 2),
        "no shape": npy_bytes("", "", data, header="{'descr': '<f8', 'fortran_order': False, }"), "a header of noise": npy_bytes("", "", data, header="][,'" * 12),
    }.items():
        array(name, d(f"i_bad_{name.replace(' ', '_')}.npy", content))
