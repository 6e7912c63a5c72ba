"""Broken inputs: octaflow has to refuse each in one sentence and leave everything as it was.

    python broken.py BINARY [--only TEXT] [--without COMMAND …] [--no-prior] [--timeout SECONDS] [--list]

Each case is run twice: into a folder that does not exist, and into one that holds an earlier result (unless --no-prior). Required
    * exit status 2 (1 is accepted too where an input is valid and only the machine cannot hold it),
    * exactly one non-empty line on stderr: at least three words, no panic, no backtrace, naming the file, row or flag it is about,
    * nothing on stdout,
    * no folder created, or the earlier result unchanged to the byte; and nothing left beside it,
    * all within the timeout (20 s), and without more than --memory of resident memory.
Then the streams: on stdin a bad row comes late; the epochs before it must be published whole, and the exit status is 2.
A line a failure and a closing line 'N passed, M failed'; exit status 1 if any failed.
"""

import argparse
import hashlib
import os
import resource
import shlex
import shutil
import subprocess
import sys
import tempfile
import time

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

import broken_stencils
import check
import check_routes
import launching
import oracle
import routes


class Case:
    def __init__(self, name, argv, mention=(), status=(2,), stdin=None, prior=True, out="fresh", setup=None):
        self.name, self.argv, self.mention, self.status = name, argv, mention, status
        self.stdin, self.prior, self.out, self.setup = stdin, prior, out, setup


class Maker:
    """Writes the inputs of all cases into one folder."""

    def __init__(self, base):
        self.base, self.cases = base, []

    def path(self, name):
        return os.path.join(self.base, name)

    def file(self, name, content):
        data = content.encode() if isinstance(content, str) else content
        with open(self.path(name), "wb") as f:
            f.write(data)
        return self.path(name)

    def table(self, name, **columns):
        pq.write_table(pa.table({k: v if isinstance(v, pa.Array) else pa.array(v) for k, v in columns.items()}), self.path(name))
        return self.path(name)

    def array(self, name, array, **options):
        np.save(self.path(name), array, **options)
        return self.path(name)

    def add(self, name, argv, *mention, **options):
        self.cases.append(Case(name, argv, mention, **options))

    def field(self, name, argv, *mention, map_=None, source="1,1,1", **options):
        """A `field` run on a good map but for what argv says."""
        head = ["field", "--map", map_ or self.good] + (["--source", source] if source is not None else [])
        self.add(name, head + argv, *mention, **options)

    def route(self, name, argv, *mention, map_=None, query="1,1,1,2,2,2", **options):
        """A `route` run on a good map but for what argv says."""
        head = ["route", "--map", map_ or self.good] + (["--query", query] if query is not None else [])
        self.add(f"route {name}", head + argv, *mention, **options)

    def diffuse(self, name, argv, *mention, **options):
        """A `diffuse` run on a good map but for what argv says."""
        initial = self.file("initial_u.csv", "x,y,z,value\n1,1,1,1\n")
        self.add(f"diffuse {name}", ["diffuse", "--map", self.good, "--initial", initial, "--steps", "9"] + argv, *mention, **options)

    def map(self, name, path, *more, argv=(), source="0,0,0", **options):
        """A broken map."""
        if "blocked" in name or "occupied" in name:  # may also be said of the source
            more += ("source",)
        self.field(f"map {name}", list(argv), os.path.basename(path), "--map", *more, map_=path, source=source, **options)


def npy_bytes(descr, shape, data=b"", version=(1, 0), magic=b"\x93NUMPY", header=None, fortran=False):
    if header is None:
        header = "{'descr': %s, 'fortran_order': %s, 'shape': %s, }" % (descr, fortran, shape)
    body = header.encode("latin1") if isinstance(header, str) else header
    body += b" " * (-(len(body) + 11) % 64) + b"\n"
    return magic + bytes(version) + len(body).to_bytes(2, "little") + body + data


def bt_bytes(words, res="0.5", head=b"# Octomap OcTree binary file\n", id_="OcTree", size="100", data="data\n"):
    return (head + f"id {id_}\nsize {size}\nres {res}\n{data}".encode() + np.array(words, "<u2").tobytes())


def update_cases(m):
    """Tables of updates, most of them as bad for one command as for another."""
    d, data = m.file, open(m.path("whole.parquet"), "rb").read()

    def updates(name, path, *mention):
        for start in (m.field, m.route, m.diffuse):
            start(f"--updates {name}", ["--updates", path], os.path.basename(path), "--updates", *mention)
    updates("missing", m.path("nothing_u.csv"))
    updates("a folder", m.path("folder.csv"))
    updates("of unknown kind", d("u.txt", "time,kind,x,y,z,cost\n1,cost,1,1,1,2\n"))
    top = "time,kind,x,y,z,cost\n1,cost,1,1,1,2\n"
    for name, text in {
        "time backwards": top + "5,cost,1,1,1,2\n4,cost,1,1,1,2\n", "time at --start": "time,kind,x,y,z,cost\n0,cost,1,1,1,2\n",
        "time before --start": "time,kind,x,y,z,cost\n-5,cost,1,1,1,2\n", "time in words": top + "soon,cost,1,1,1,2\n",
        "time fractional": top + "2.5,cost,1,1,1,2\n", "time beyond 64 bits": top + "9223372036854775808,cost,1,1,1,2\n",
        "time empty": top + ",cost,1,1,1,2\n", "unknown kind": top + "2,dig,1,1,1,2\n", "empty kind": top + "2,,1,1,1,2\n",
        "no cost": top + "2,cost,1,1,1,\n", "no voxel cost": top + "2,voxel,1,1,1,\n", "NaN cost": top + "2,cost,1,1,1,nan\n",
        "negative cost": top + "2,voxel,1,1,1,-1\n", "cost 256": top + "2,cost,1,1,1,256\n", "cost to 0": top + "2,cost,1,1,1,0.001\n",
        "cost in words": top + "2,cost,1,1,1,much\n", "NaN position": top + "2,cost,nan,1,1,1\n",
        "position out of range": top + "2,cost,40000,1,1,1\n", "voxel out of range": top + "2,voxel,-3,1,1,1\n",
        "position absurd": top + "2,cost,1e300,1,1,1\n", "position empty": top + "2,cost,,1,1,1\n",
        "no kind column": "time,x,y,z,cost\n1,1,1,1,2\n",
        "no time column": "kind,x,y,z,cost\ncost,1,1,1,2\n", "no x column": "time,kind,y,z,cost\n1,cost,1,1,2\n",
        "no cost column": "time,kind,x,y,z\n1,cost,1,1,1\n", "a short row": top + "2,cost,1,1\n", "a long row": top + "2,cost,1,1,1,1,7,8\n",
        "empty file": "", "an open quote": top + "2,\"cost,1,1,1,1\n",
    }.items():
        updates(name, d(f"u_{name.replace(' ', '_')}.csv", text))
    updates("not UTF-8", d("u_latin.csv", top.encode() + b"2,co\xffst,1,1,1,1\n"))
    good = d("good_updates.csv", top)
    for start in (m.field, m.route, m.diffuse):
        start("--start after the first time", ["--updates", good, "--start", "7"], "good_updates", "--updates", "--start")
    for name, text in {"source+ blocked": "2,source+,3,3,3,\n", "source+ outside": "2,source+,30,30,30,\n",
                       "source+ out of range": "2,source+,-30,30,30,\n", "query+": "2,query+,1,1,1,\n", "query-": "2,query-,1,1,1,\n"}.items():
        path = d(f"u_{name.replace(' ', '_')}.csv", top + text)
        m.field(f"--updates {name}", ["--updates", path], os.path.basename(path), "--updates")
        m.diffuse(f"--updates {name}", ["--updates", path], os.path.basename(path), "--updates")
    one = '{"time":1,"kind":"cost","x":1,"y":1,"z":1,"cost":2}\n'
    for name, text in {"json, half a line": one + '{"time":2,"kind":', "json, an array": "[1,2]\n", "json, time in words": '{"time":"a","kind":"cost","x":1,"y":1,"z":1,"cost":2}\n',
                       "json, cost in words": one.replace(':2}', ':"2x"}'), "json, no kind": '{"time":1,"x":1,"y":1,"z":1,"cost":2}\n',
                       "json, NaN": one + '{"time":2,"kind":"cost","x":NaN,"y":1,"z":1,"cost":2}\n', "json, not JSON": "time,kind\n1,cost\n",
                       "json, null position": '{"time":1,"kind":"cost","x":null,"y":1,"z":1,"cost":2}\n',
                       "json, time beyond 64 bits": one.replace('"time":1', '"time":1e30')}.items():
        updates(name, d(f"u_{name.replace(' ', '_').replace(',', '')}.json", text))
    updates("json, not UTF-8", d("u_latin.json", one.encode() + b'{"time":2,"kind":"\xff"}\n'))
    columns = dict(time=[1, 2], kind=["cost", "cost"], x=[1.0, 1.0], y=[1.0, 1.0], z=[1.0, 1.0], cost=[1.0, 2.0])
    updates("parquet, null cost", m.table("u_null.parquet", **{**columns, "cost": [1.0, None]}))
    updates("parquet, null time", m.table("u_nulltime.parquet", **{**columns, "time": [1, None]}))
    updates("parquet, backwards", m.table("u_back.parquet", **{**columns, "time": [2, 1]}))
    updates("parquet, text time", m.table("u_text.parquet", **{**columns, "time": ["a", "b"]}))
    updates("parquet, no kind", m.table("u_nokind.parquet", **{k: v for k, v in columns.items() if k != "kind"}))
    updates("parquet, truncated", d("u_short.parquet", data[:200]))



def route_cases(m):
    """Queries, by flags, tables and updates."""
    d, r = m.file, m.route
    r("without a query", [], "--query", "--queries", query=None)
    for text in ("1,1,1", "1,1,1,2,2", "1,1,1,2,2,2,2", "a,1,1,2,2,2", "1,1,1,2,2,b", "", "1,1,,2,2,2", "1;1;1;2;2;2", ",,,,,",
                 "nan,1,1,2,2,2", "1,1,1,2,nan,2", "1,1,1,2,2,inf", "1e400,1,1,2,2,2"):
        r(f"--query '{text}'", [], "--query", "query", query=text)
    r("--query, the second value", ["2,2,2,1,1"], "--query", "query")
    r("--query, the third flag", ["--query", "2,2,2,1,1,1", "--query", "1,2"], "--query", "query")
    r("--query without a value", ["--query"], "--query", query=None)
    for name, text in {"start beyond the lattice": "40000,1,1,2,2,2", "goal beyond the lattice": "1,1,1,2,40000,2",
                       "absurdly far": "1,1,1,1e300,2,2"}.items():
        r(f"--query, {name}", [], "--query", "query", "--origin", query=text)
    for name, text in {"start below the lattice": "-5,1,1,2,2,2", "goal below the lattice": "1,1,1,2,2,-5"}.items():
        r(f"--query, {name}", [f"--query={text}"], "--query", "query", "--origin", query=None)
    for text in ("fast", "", "exact,corridor"):
        r(f"--mode '{text}'", [f"--mode={text}"], "--mode", "mode")
    r("--smooth with a value", ["--smooth=3"], "--smooth")
    r("--source", ["--source", "1,1,1"], "--source")
    r("--next", ["--next"], "--next")
    m.add("route no --map", ["route", "--query", "1,1,1,2,2,2"], "--map")
    r("no --out", [], "--out", out=None)
    r("--cell-size 0", ["--cell-size", "0"], "--cell-size")
    r("--partition round", ["--partition", "round"], "--partition")
    r("-w 0", ["-w=0"], "-w", "workers")
    r("--picture into no folder", ["--picture", m.path("nowhere/p.png")], "--picture", "p.png", status=(2, 1))
    r("bad query and --picture", ["--picture", m.path("not_to_be.png")], "--query", "query", query="1,1,1")
    r("bad table and --picture", ["--picture", m.path("not_to_be.png"), "--queries", d("q_pic.csv", "query\n1\n")], "q_pic.csv", "--queries")
    m.add("route broken map", ["route", "--map", m.path("short.npy"), "--query", "1,1,1,2,2,2"], "--map", "short.npy")
    m.add("route map blocked", ["route", "--map", m.path("blocked.npy"), "--query", "1,1,1,2,2,2"], "--map", "blocked.npy")
    for mode in ("exact", "corridor"):
        r(f"distance beyond the ticks, {mode}", ["--mode", mode], map_=m.path("dear.parquet"), query="0,0,0,2799,0,0")
        opened = d("u_dear.csv", "time,kind,x,y,z,cost\n1,cost,1400,0,0,0\n2,cost,1400,0,0,255\n")
        r(f"distance beyond the ticks after updates, {mode}", ["--mode", mode, "--updates", opened], map_=m.path("dear.parquet"),
          query="0,0,0,2799,0,0")
    query_tables(m)
    problem_files(m)
    query_updates(m)


def query_tables(m):
    d, header = m.file, "query,sx,sy,sz,gx,gy,gz\n"

    def table(name, path, *argv):
        m.route(f"--queries {name}", ["--queries", path, *argv], os.path.basename(path), "--queries", query=None)
    table("missing", m.path("nothing_q.csv"))
    table("a folder", m.path("folder.csv"))
    table("of unknown kind", d("q.txt", header + "1,1,1,1,2,2,2\n"))
    table("of random bytes", m.path("noise.csv"))
    for name, text in {
        "no gz": "query,sx,sy,sz,gx,gy\n0,1,1,1,2,2\n", "no query": "sx,sy,sz,gx,gy,gz\n1,1,1,2,2,2\n", "no header": "0,1,1,1,2,2,2\n",
        "x,y,z": "query,x,y,z,gx,gy,gz\n0,1,1,1,2,2,2\n", "empty": "", "a column twice": "query,sx,sy,sz,gx,gy,gz,sx\n0,1,1,1,2,2,2,1\n",
        "duplicate ids": header + "4,1,1,1,2,2,2\n5,1,1,1,2,2,2\n4,2,2,2,1,1,1\n", "duplicate rows": header + "4,1,1,1,2,2,2\n" * 2,
        "NaN": header + "4,1,1,1,2,2,nan\n", "inf": header + "4,-inf,1,1,2,2,2\n", "words": header + "four,1,1,1,2,2,2\n",
        "positions in words": header + "4,1,1,1,2,two,2\n", "empty id": header + ",1,1,1,2,2,2\n", "empty position": header + "4,1,1,1,2,,2\n",
        "a fractional id": header + "4.5,1,1,1,2,2,2\n", "an id beyond 64 bits": header + "9223372036854775808,1,1,1,2,2,2\n",
        "an id below 64 bits": header + "-9223372036854775809,1,1,1,2,2,2\n", "a short row": header + "1,1,1,1,2,2,2\n4,1,1\n",
        "a long row": header + "4,1,1,1,2,2,2,2,2\n", "start out of range": header + "4,-9,1,1,2,2,2\n",
        "goal out of range": header + "1,1,1,1,2,2,2\n4,1,1,1,2,99999,2\n", "an open quote": header + "4,1,1,1,\"2,2,2\n",
    }.items():
        table(name, d(f"q_{name.replace(' ', '_').replace(',', '')}.csv", text))
    m.route("--queries and --query of one id", ["--queries", d("q_again.csv", header + "1,1,1,1,2,2,2\n0,1,1,1,2,2,2\n")], "q_again.csv", "--queries")
    table("not UTF-8", d("q_latin.csv", header.encode() + b"4,1,1,\xff,2,2,2\n"))
    good = dict(query=[4, 5], **{n: [1.0, 2.0] for n in ("sx", "sy", "sz", "gx", "gy", "gz")})
    change = lambda name, **new: m.table(f"q_{name}.parquet", **{k: v for k, v in {**good, **new}.items() if v is not None})
    table("parquet, duplicate ids", change("same", query=[4, 4]))
    table("parquet, null id", change("null_id", query=[4, None]))
    table("parquet, null position", change("null", sx=[1.0, None]))
    table("parquet, NaN", change("nan", gy=[1.0, float("nan")]))
    table("parquet, text id", change("text", query=["a", "b"]))
    table("parquet, text position", change("textual", gz=["a", "b"]))
    table("parquet, lists", change("lists", gz=[[1.0], [2.0]]))
    table("parquet, no sy", change("no_sy", sy=None))
    table("parquet, id beyond 64 bits", change("unsigned", query=pa.array([4, 2**63], pa.uint64())))
    table("parquet, truncated", d("q_short.parquet", open(m.path("q_same.parquet"), "rb").read()[:300]))
    table("parquet, of no bytes", m.path("empty.parquet"))


def problem_files(m):
    """.3dscen"""
    d, head = m.file, "version 1\nGood.3dmap\n"

    def problems(name, path, *argv, query=None):
        m.route(f"--queries 3dscen, {name}", ["--queries", path, *argv], os.path.basename(path), "--queries", query=query)
    row = "1 1 1 2 2 2 1.7 1.0\n"
    for name, text in {
        "empty": "", "one header line": "version 1\n", "no header lines": row * 4, "another version line": "type octile\nGood.3dmap\n" + row,
        "short line": head + row + "1 1 1 2 2\n", "words": head + "a b c d e f 1 1\n", "a word": head + row + "1 1 1 2 x 2 1.7 1.0\n",
        "fractions": head + "1 1 1.5 2 2 2 1.7 1.0\n", "negative": head + row + "1 1 1 -2 2 2 1.7 1.0\n",
        "beyond the lattice": head + "1 1 1 2 32768 2 1.7 1.0\n", "beyond 64 bits": head + "1 1 1 2 99999999999999999999 2 1.7 1.0\n",
        "NaN": head + "1 nan 1 2 2 2 1.7 1.0\n", "NUL bytes": head + "\0\0\0 1 1 2 2 2\n", "commas": head + row.replace(" ", ","),
    }.items():
        problems(name, d(f"p_{name.replace(' ', '_')}.3dscen", text))
    os.mkdir(m.path("folder.3dscen"))
    problems("a folder", m.path("folder.3dscen"))
    problems("missing", m.path("nothing.3dscen"))
    problems("of random bytes", d("noise.3dscen", np.random.default_rng(4).bytes(5000)))
    problems("not UTF-8", d("p_latin.3dscen", head.encode() + b"1 1 1 2 \xe9 2 1.7 1.0\n"))
    problems("and --query of one id", d("p_good.3dscen", head + row), query="1,1,1,2,2,2")


def query_updates(m):
    """query+ and query-. Query 0 stands, from a flag; 7 from the first row."""
    d, names = m.file, ("time", "kind", "x", "y", "z", "cost", "query", "gx", "gy", "gz")
    top = ",".join(names) + "\n1,cost,1,1,1,2,,,,\n1,query+,0,0,0,,7,1,0,0\n"

    def updates(name, path):
        m.route(f"--updates {name}", ["--updates", path], os.path.basename(path), "--updates")
    for name, text in {
        "source+": "2,source+,1,1,1,,,,,\n", "source-": "2,source-,1,1,1,,,,,\n", "kind query": "2,query,1,1,1,,9,1,1,1\n",
        "query+ of a flag's id": "2,query+,1,1,1,,0,2,2,2\n", "query+ of a row's id": "2,query+,1,1,1,,7,2,2,2\n",
        "query+ twice in an epoch": "2,query+,1,1,1,,9,2,2,2\n2,query+,1,1,1,,9,2,2,2\n",
        "query+ before query- in an epoch": "2,query+,1,1,1,,7,2,2,2\n2,query-,1,1,1,,7,,,\n",
        "query- of no query": "2,query-,1,1,1,,9,,,\n", "query- twice": "2,query-,1,1,1,,7,,,\n3,query-,1,1,1,,7,,,\n",
        "query- twice in an epoch": "2,query-,1,1,1,,7,,,\n2,query-,1,1,1,,7,,,\n", "query- without an id": "2,query-,1,1,1,,,,,\n",
        "query+ without an id": "2,query+,1,1,1,,,2,2,2\n", "query+ without gx": "2,query+,1,1,1,,9,,2,2\n",
        "query+ without gz": "2,query+,1,1,1,,9,2,2,\n", "query+ without x": "2,query+,,1,1,,9,2,2,2\n",
        "query+ with NaN": "2,query+,1,1,1,,9,2,nan,2\n", "query+ from NaN": "2,query+,1,nan,1,,9,2,2,2\n",
        "query+ to inf": "2,query+,1,1,1,,9,2,2,inf\n", "query+ to a word": "2,query+,1,1,1,,9,2,2,two\n",
        "query+ to out of range": "2,query+,1,1,1,,9,2,2,-40\n", "query+ from out of range": "2,query+,99999,1,1,,9,2,2,2\n",
        "query+ absurdly far": "2,query+,1,1,1,,9,1e300,2,2\n", "a fractional id": "2,query+,1,1,1,,9.5,2,2,2\n",
        "an id in words": "2,query+,1,1,1,,nine,2,2,2\n", "an id beyond 64 bits": "2,query+,1,1,1,,9223372036854775808,2,2,2\n",
        "query- of a fractional id": "2,query-,1,1,1,,7.5,,,\n", "a short row of a query": "2,query+,1,1,1,,9,2\n",
        "bad only in the last of many": "".join(f"{t},query+,1,1,1,,{t},2,2,2\n" for t in range(100, 200)) + "200,query+,1,1,1,,150,2,2,2\n",
    }.items():
        updates(name, d(f"uq_{name.replace(' ', '_')}.csv", top + text))
    without = lambda column, row: ",".join(n for n in names if n != column) + "\n" + row
    for column, row in {"query": "1,query+,1,1,1,,2,2,2\n", "gy": "1,query+,1,1,1,,9,2,2\n", "y": "1,query+,1,1,,9,2,2,2\n"}.items():
        updates(f"query+ without a column {column}", d(f"uq_no_column_{column}.csv", without(column, row)))
    updates("query- without a column query", d("uq_no_column_to_remove.csv", without("query", "1,query-,1,1,1,,2,2,2\n")))
    one = '{"time":1,"kind":"query+","x":1,"y":1,"z":1,"query":7,"gx":2,"gy":2,"gz":2}\n'
    for name, text in {"no gx": one.replace('"gx":2,', ""), "null gx": one.replace('"gx":2', '"gx":null'), "null id": one.replace('"query":7', '"query":null'),
                       "an id in words": one.replace('"query":7', '"query":"x"'), "a fractional id": one.replace('"query":7', '"query":7.5'),
                       "an id beyond 64 bits": one.replace('"query":7', '"query":1e30'), "a list": one.replace('"gx":2', '"gx":[2]'),
                       "twice": one * 2, "source+": one.replace("query+", "source+")}.items():
        updates(f"json, {name}", d(f"uq_{name.replace(' ', '_')}.json", text))
    columns = dict(time=[1, 2], kind=["query+", "query-"], x=[1.0, 1.0], y=[1.0, 1.0], z=[1.0, 1.0], query=[7, 7], gx=[2.0, None], gy=[2.0, None],
                   gz=[2.0, None])
    for name, new in {"null id": dict(query=[7, None]), "null goal": dict(gy=[None, None]), "text id": dict(query=["a", "b"]),
                      "text goal": dict(gz=["a", "b"]), "the id of a flag": dict(query=[0, 0]), "another id": dict(query=[7, 8])}.items():
        updates(f"parquet, {name}", m.table(f"uq_{name.replace(' ', '_')}.parquet", **{**columns, **new}))


def cases(base):
    m = Maker(base)
    m.good = m.array("good.npy", np.where(np.indices((4, 4, 4)).sum(axis=0) == 9, 0, 1).astype(np.uint8))
    f, d = m.field, m.file

    # ---- flags
    m.add("no command", [], out=None)
    m.add("unknown command", ["fields", "--map", m.good], "fields")
    f("unknown flag", ["--frobnicate", "3"], "--frobnicate")
    m.add("no --map", ["field", "--source", "1,1,1"], "--map")
    m.add("no --out", ["field", "--map", m.good, "--source", "1,1,1"], "--out", out=None)
    f("no source at all", [], "--source", source=None)
    for text in ("1,2", "1,2,3,4", "a,b,c", "", "1,,2", "1;2;3", "nan,0,0", "0,inf,0", "1e400,0,0"):
        f(f"--source '{text}'", [], "--source", "source", source=text)
    f("--source in a blocked cell", [], "--source", "source", source="3,3,3")
    f("--source outside the map", [], "--source", "source", source="40,1,1")
    f("--source beyond the lattice", [], "--source", "source", "--origin", source="40000,1,1")
    m.add("--source below the lattice", ["field", "--map", m.good, "--source=-5,1,1"], "--source", "source", "--origin")
    f("--source absurdly far", [], "--source", "source", "--origin", source="1e300,1,1")
    for text in ("0", "-1", "nan", "inf", "abc", "", "1e-320"):
        f(f"--cell-size '{text}'", [f"--cell-size={text}"], "--cell-size", "cell-size", "--source")
    for text in ("1,2", "nan,0,0", "a,b,c", "0,0,inf"):
        f(f"--origin '{text}'", [f"--origin={text}"], "--origin", "origin")
    f("--axes xzy", ["--axes", "xzy"], "--axes", "axes")
    f("--unknown maybe", ["--unknown", "maybe"], "--unknown", "unknown")
    for text in ("abc", "1.5", "9223372036854775808", ""):
        f(f"--start '{text}'", [f"--start={text}"], "--start", "start")
    for text in ("0", "-1", "abc", "1.5", "99999999999999999999", ""):
        f(f"-w '{text}'", [f"-w={text}"], "-w", "workers")
    f("-w a thousand million", ["-w", "1000000000"], "-w", "workers", status=(2, 1))
    for text in ("0", "-1", "x"):
        f(f"-n '{text}'", [f"-n={text}"], "-n", "processes")
    f("-p 2 of -n 2", ["-n", "2", "-p", "2"], "-p", "process")
    f("-p 1 of one process", ["-p", "1"], "-p", "process")
    f("-p negative", ["-n", "2", "-p=-1"], "-p", "process")
    hosts = d("hosts", "localhost:40001\n")
    f("hostfile too short", ["-n", "2", "-p", "0", "--hostfile", hosts], "hosts", "--hostfile")
    f("hostfile missing", ["-n", "2", "-p", "0", "--hostfile", m.path("nohosts")], "nohosts", "--hostfile")
    f("hostfile empty", ["-n", "2", "-p", "0", "--hostfile", d("hosts0", "")], "hosts0", "--hostfile")
    f("hostfile without ports", ["-n", "2", "-p", "0", "--hostfile", d("hosts1", "localhost\nlocalhost\n")], "hosts1", "--hostfile")
    f("hostfile with an impossible port", ["-n", "2", "-p", "0", "--hostfile", d("hosts2", "localhost:70000\nlocalhost:70001\n")],
      "hosts2", "--hostfile")
    f("hostfile of bytes", ["-n", "2", "-p", "0", "--hostfile", d("hosts3", b"\xff\xfe\x00\n\xff\n")], "hosts3", "--hostfile")
    f("hostfile a folder", ["-n", "2", "-p", "0", "--hostfile", base], "--hostfile", os.path.basename(base))
    f("--partition round", ["--partition", "round"], "--partition", "partition", "round")

    # ---- maps, any kind
    m.map("missing", m.path("nothing.npy"))
    m.map("of unknown kind", d("map.xyz", "0 0 0\n"))
    m.map("without extension", d("map", "0 0 0\n"))
    for ext in ("bt", "3dmap", "npy", "csv", "parquet"):
        folder = m.path(f"folder.{ext}")
        os.mkdir(folder)
        m.map(f"a folder, .{ext}", folder)
        m.map(f"of no bytes, .{ext}", d(f"empty.{ext}", ""))
        m.map(f"of random bytes, .{ext}", d(f"noise.{ext}", np.random.default_rng(3).bytes(5000)))

    # ---- csv
    for name, text in {
        "NaN cost": "lx,ly,lz,cost\n0,0,0,nan\n", "negative cost": "lx,ly,lz,cost\n0,0,0,1\n2,0,0,-1\n",
        "cost 256": "lx,ly,lz,cost\n0,0,0,256\n", "cost inf": "lx,ly,lz,cost\n0,0,0,inf\n",
        "cost that rounds to 0": "lx,ly,lz,cost\n0,0,0,0.0019\n", "cost in words": "lx,ly,lz,cost\n0,0,0,cheap\n",
        "empty cost": "lx,ly,lz,cost\n0,0,0,1\n2,0,0,\n", "mixed parity": "lx,ly,lz\n0,0,0\n1,0,0\n",
        "conflicting duplicates": "lx,ly,lz,cost\n0,0,0,1\n2,2,2,1\n0,0,0,2\n", "beyond 65535": "lx,ly,lz\n0,0,0\n65536,0,0\n",
        "below 0": "lx,ly,lz\n0,0,0\n-2,0,0\n", "coordinate beyond 64 bits": "lx,ly,lz\n0,0,0\n99999999999999999999,0,0\n",
        "fractional coordinate": "lx,ly,lz\n0,0,0\n0.5,0,0\n", "both kinds of columns": "lx,ly,lz,x,y,z\n0,0,0,0,0,0\n",
        "some of both kinds": "lx,y,lz\n0,0,0\n", "no lz": "lx,ly\n0,0\n", "no coordinates": "a,b,c\n0,0,0\n",
        "a header only": "lx,ly,lz\n", "no header": "0,0,0\n2,0,0\n", "blocked cells only": "lx,ly,lz,cost\n0,0,0,0\n",
        "a short row": "lx,ly,lz\n0,0,0\n2,0\n", "a long row": "lx,ly,lz\n0,0,0\n2,0,0,5\n", "a column twice": "lx,ly,lz,lx\n0,0,0,0\n",
        "metres off the lattice": "x,y,z\n0,0,0\n0.1,0,0\n", "metres a little off": "x,y,z\n0,0,0\n1.00001,0,0\n",
        "metres NaN": "x,y,z\n0,0,0\nnan,0,0\n", "metres far outside": "x,y,z\n0,0,0\n1e300,0,0\n", "metres below": "x,y,z\n0,0,0\n-1,0,0\n",
        "an open quote": "lx,ly,lz\n0,0,0\n\"2,0,0\n", "NUL bytes": "lx,ly,lz\n0,0,0\n\0\0\0\n",
    }.items():
        m.map(f"csv, {name}", d(f"{name.replace(' ', '_')}.csv", text))
    m.map("csv, not UTF-8", d("latin.csv", b"lx,ly,lz,cost\n0,0,0,1\n2,0,0,\xff\xe9\n"))
    m.map("csv, header not UTF-8", d("latin_header.csv", b"lx,ly,l\xff\n0,0,0\n"))

    # ---- parquet
    whole = m.table("whole.parquet", lx=list(range(0, 4000, 2)), ly=[0] * 2000, lz=[0] * 2000)
    data = open(whole, "rb").read()
    m.map("parquet, first half", d("half.parquet", data[:len(data) // 2]))
    m.map("parquet, last byte missing", d("short.parquet", data[:-1]))
    m.map("parquet, footer only magic", d("magic.parquet", b"PAR1PAR1"))
    m.map("parquet, huge footer length", d("footer.parquet", data[:-8] + b"\xff\xff\xff\x7fPAR1"))
    # the column data of the first column overwritten: a page header or its contents no longer parse
    m.map("parquet, corrupt pages", d("pages.parquet", data[:4] + b"\xff" * 60 + data[64:]))
    m.map("parquet, no lz", m.table("nolz.parquet", lx=[0], ly=[0]))
    m.map("parquet, text coordinates", m.table("text.parquet", lx=["0"], ly=["a"], lz=["0"]))
    m.map("parquet, null cost", m.table("nullcost.parquet", lx=[0, 2], ly=[0, 0], lz=[0, 0], cost=[1.0, None]))
    m.map("parquet, null coordinate", m.table("nullx.parquet", lx=[0, None], ly=[0, 0], lz=[0, 0]))
    m.map("parquet, NaN cost", m.table("nan.parquet", lx=[0], ly=[0], lz=[0], cost=[float("nan")]))
    m.map("parquet, conflict", m.table("conflict.parquet", lx=[0, 0], ly=[0, 0], lz=[0, 0], cost=[1.0, 3.0]))
    m.map("parquet, both kinds", m.table("both.parquet", lx=[0], ly=[0], lz=[0], x=[0.0], y=[0.0], z=[0.0]))
    m.map("parquet, no rows", m.table("norows.parquet", lx=pa.array([], pa.int32()), ly=pa.array([], pa.int32()), lz=pa.array([], pa.int32())))
    m.map("parquet, beyond 65535", m.table("far.parquet", lx=[0, 65536], ly=[0, 0], lz=[0, 0]))
    m.map("parquet, lists", m.table("lists.parquet", lx=[[0]], ly=[[0]], lz=[[0]]))

    # ---- npy
    m.map("npy, wrong magic", d("magic.npy", npy_bytes("'|u1'", "(2, 2, 2)", b"\1" * 8, magic=b"\x93NUMPX")))
    m.map("npy, version 9", d("version.npy", npy_bytes("'|u1'", "(2, 2, 2)", b"\1" * 8, version=(9, 0))))
    m.map("npy, truncated data", d("short.npy", npy_bytes("'<f4'", "(4, 4, 4)", b"\0\0\x80\x3f" * 63)))
    m.map("npy, truncated header", d("header.npy", npy_bytes("'|u1'", "(2, 2, 2)")[:30]))
    m.map("npy, header of noise", d("noise_header.npy", npy_bytes("", "", header="][,'" * 12)))
    m.map("npy, header not UTF-8", d("bytes_header.npy", npy_bytes("", "", header=b"\xff\xfe\x00" * 20)))
    m.map("npy, header without shape", d("noshape.npy", npy_bytes("", "", header="{'descr': '|u1', 'fortran_order': False, }")))
    m.map("npy, header without descr", d("nodescr.npy", npy_bytes("", "", header="{'fortran_order': False, 'shape': (2, 2, 2), }")))
    m.map("npy, two dimensions", m.array("flat.npy", np.ones((3, 3))))
    m.map("npy, four dimensions", m.array("four.npy", np.ones((2, 2, 2, 2))))
    m.map("npy, complex", m.array("complex.npy", np.ones((2, 2, 2), complex)))
    m.map("npy, text", m.array("text.npy", np.full((2, 2, 2), "a")))
    m.map("npy, objects", m.array("object.npy", np.full((2, 2, 2), None), allow_pickle=True))
    m.map("npy, records", m.array("records.npy", np.zeros((2, 2, 2), [("a", "f4"), ("b", "i2")])))
    m.map("npy, dates", m.array("dates.npy", np.zeros((2, 2, 2), "M8[s]")))
    m.map("npy, unknown dtype", d("dtype.npy", npy_bytes("'<q7'", "(2, 2, 2)", b"\1" * 56)))
    m.map("npy, terabytes", d("tera.npy", npy_bytes("'<f8'", "(30000, 30000, 30000)", b"\0" * 64)))
    m.map("npy, shape that overflows", d("overflow.npy", npy_bytes("'<f8'", "(4294967296, 4294967296, 4294967296)", b"\0" * 64)))
    m.map("npy, shape beyond 64 bits", d("bigint.npy", npy_bytes("'|u1'", "(99999999999999999999, 1, 1)", b"\0" * 64)))
    m.map("npy, negative shape", d("negative.npy", npy_bytes("'|u1'", "(-2, -2, 2)", b"\1" * 8)))
    m.map("npy, no voxels", m.array("zero.npy", np.ones((0, 3, 3))))
    m.map("npy, beyond the lattice", m.array("long.npy", np.ones((32769, 1, 1), np.uint8)))
    m.map("npy, all blocked", m.array("blocked.npy", np.zeros((3, 3, 3), bool)))
    for name, value, kind in (("NaN", np.nan, "f4"), ("negative", -1, "i2"), ("256", 256, "i8"), ("inf", np.inf, "f8"),
                              ("too small", 0.001, "f8"), ("beyond 64 bits signed", 2**63, "u8")):
        array = np.ones((3, 3, 3), kind)
        array[1, 2, 0] = value
        m.map(f"npy, {name}", m.array(f"value_{name.replace(' ', '_')}.npy", array))

    # ---- 3dmap
    for name, text in {
        "wrong word": "voxels 3 3 3\n", "two sizes": "voxel 3 3\n", "no sizes": "voxel\n", "negative size": "voxel 3 -3 3\n",
        "size 0": "voxel 3 0 3\n", "size in words": "voxel a b c\n", "beyond the lattice": "voxel 40000 1 1\n",
        "size beyond 64 bits": "voxel 99999999999999999999 1 1\n", "voxel outside": "voxel 3 3 3\n3 0 0\n",
        "negative voxel": "voxel 3 3 3\n-1 0 0\n", "two numbers": "voxel 3 3 3\n1 1\n", "four numbers": "voxel 3 3 3\n1 1 1 1\n",
        "words": "voxel 3 3 3\na b c\n", "fractions": "voxel 3 3 3\n1.5 0 0\n", "all blocked": "voxel 1 1 1\n0 0 0\n",
    }.items():
        m.map(f"3dmap, {name}", d(f"{name.replace(' ', '_')}.3dmap", text))
    m.map("3dmap, not UTF-8", d("latin.3dmap", b"voxel 3 3 3\n\xff\xfe \xe9 1\n"))
    m.map("3dmap, terabytes", d("tera.3dmap", "voxel 30000 30000 30000\n1 1 1\n"), status=(2, 1))

    # ---- bt
    chain = [3 << 14] + [3] * 14
    low = [3] + [3 << 14] + [3] * 13  # key 16384: index 0
    here = {"source": "0.25,0.25,0.25"}
    m.map("bt, wrong first line", d("magic.bt", bt_bytes(chain + [1], head=b"# Octomap something else\n")), **here)
    m.map("bt, no data line", d("nodata.bt", bt_bytes([], data="")), **here)
    m.map("bt, other id", d("color.bt", bt_bytes(chain + [1], id_="ColorOcTree")), **here)
    for name, res in (("0", "0"), ("negative", "-0.5"), ("NaN", "nan"), ("inf", "inf"), ("in words", "fine"), ("empty", "")):
        m.map(f"bt, res {name}", d(f"res_{name.replace(' ', '_')}.bt", bt_bytes(chain + [1], res)), **here)
    m.map("bt, no res", d("nores.bt", b"# Octomap OcTree binary file\nid OcTree\nsize 17\ndata\n" + np.array(chain + [1], "<u2").tobytes()), **here)
    m.map("bt, header of bytes", d("bytes.bt", b"# Octomap OcTree binary file\n\xff\xfe \xe9\nid OcTree\nsize 17\nres \xff\ndata\n"), **here)
    m.map("bt, truncated tree", d("short.bt", bt_bytes(chain)), **here)
    m.map("bt, half a node", d("odd.bt", bt_bytes(chain + [1])[:-1]), **here)
    m.map("bt, no tree", d("none.bt", bt_bytes([], size="0")), **here)
    m.map("bt, deeper than 16", d("deep.bt", bt_bytes([3] * 40)), **here)
    m.map("bt, nothing known", d("unknown.bt", bt_bytes([0])), **here)
    m.map("bt, occupied voxels only", d("occupied.bt", bt_bytes(chain + [2])), **here)
    m.map("bt, keys below 16384", d("low.bt", bt_bytes([3] * 15 + [1])), "key", **here)
    m.map("bt, keys above 49151", d("high.bt", bt_bytes([3 << 14] * 15 + [1])), "key", **here)
    m.map("bt, the whole range one leaf", d("leaf.bt", bt_bytes([1])), **here)
    m.map("bt, a quarter of the range one leaf", d("quarter.bt", bt_bytes([3 << 14, 1])), status=(2, 1), **here)
    two = np.array([(3 | 3 << 14)] + low[1:] + [1] + [3 << 0] + [3 << 14] * 13 + [1], "<u2")
    m.map("bt, --unknown open on an absurd box", d("box.bt", bt_bytes(two)), "--unknown", argv=["--unknown", "open"],
          status=(2, 1), source="0.25,0.25,0.25")

    # ---- sources
    def sources(name, path, **options):
        f(f"--sources {name}", ["--sources", path], os.path.basename(path), "--sources", source=None, **options)
    sources("missing", m.path("nothing_s.csv"))
    sources("a folder", m.path("folder.csv"))
    sources("of unknown kind", d("s.txt", "x,y,z\n1,1,1\n"))
    for name, text in {"no z": "x,y\n1,1\n", "NaN": "x,y,z\n1,1,1\nnan,1,1\n", "blocked": "x,y,z\n1,1,1\n3,3,3\n",
                       "outside": "x,y,z\n1,1,1\n-50,3,3\n", "words": "x,y,z\n1,1,one\n", "empty value": "x,y,z\n1,1,\n",
                       "short row": "x,y,z\n1,1\n", "empty": ""}.items():
        sources(name, d(f"s_{name.replace(' ', '_')}.csv", text))
    sources("not UTF-8", d("s_latin.csv", b"x,y,z\n1,1,\xff\n"))
    sources("null", m.table("s_null.parquet", x=[1.0], y=[None], z=[1.0]))
    sources("truncated parquet", d("s_short.parquet", data[:100]))

    # ---- updates
    update_cases(m)

    # ---- the ticks overflow: 2,800 cells of the dearest cost in a row
    far = m.table("dear.parquet", lx=list(range(0, 5600, 2)), ly=[0] * 2800, lz=[0] * 2800, cost=[65535 / 256] * 2800)
    f("distance beyond the ticks", [], map_=far, source="0,0,0")

    # ---- output folders
    def foreign(out):
        os.makedirs(out)
        with open(os.path.join(out, "thesis.txt"), "w") as g:
            g.write("mine")

    def a_file(out):
        with open(out, "w") as g:
            g.write("mine")
    f("--out with foreign content", [], "--out", "out", setup=foreign, prior=False)
    f("--out a file", [], "--out", "out", setup=a_file, prior=False)
    f("--out beneath a file", ["--out", os.path.join(m.good, "out")], "--out", "good.npy", out=None, status=(2, 1))
    f("--out empty", ["--out", ""], "--out", out=None)

    # ---- the other commands
    route_cases(m)
    broken_stencils.cases(m, npy_bytes)
    return m


# --------------------------------------------------------------------------------------------------------------------
# Running


def fingerprint(path):
    """All of a folder or file: names and contents."""
    if not os.path.lexists(path):
        return None
    if os.path.isfile(path):
        return hashlib.sha256(open(path, "rb").read()).hexdigest()
    out = {}
    for where, folders, names in os.walk(path):
        for name in folders:
            out[os.path.relpath(os.path.join(where, name), path) + "/"] = ""
        for name in names:
            p = os.path.join(where, name)
            out[os.path.relpath(p, path)] = hashlib.sha256(open(p, "rb").read()).hexdigest()
    return out


def limited():
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    resource.setrlimit(resource.RLIMIT_AS, (16 << 30, 16 << 30))


def execute(command, stdin, timeout):
    """(status or None, stdout, stderr, resident bytes at most)."""
    with tempfile.TemporaryFile() as out, tempfile.TemporaryFile() as err:
        process = subprocess.Popen(command, stdin=subprocess.PIPE if stdin is not None else subprocess.DEVNULL, stdout=out, stderr=err,
                                   start_new_session=True, preexec_fn=limited)
        try:
            process.communicate(stdin, timeout=timeout)
            status = process.returncode
        except subprocess.TimeoutExpired:
            status = None
        finally:
            if process.poll() is None:
                launching.stop(process)
                process.wait()
        texts = []
        for f in (out, err):
            f.seek(0)
            texts.append(f.read().decode("utf-8", "replace"))
    return status, *texts, resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss * 1024


def complaints(status, out, err, accepted, mention):
    """What is wrong with how a run refused."""
    bad = []
    if status is None:
        return ["not done in time"]
    if status not in accepted:
        bad.append(f"exit status {status}, expected {accepted[0]}")
    if out.strip():
        bad.append(f"stdout has {out[:80]!r}")
    lines = [line for line in err.split("\n") if line.strip()]
    if len(lines) != 1:
        bad.append(f"{len(lines)} lines on stderr")
    low = err.lower()
    if "panicked" in low or "backtrace" in low or "thread '" in low:
        bad.append("a panic")
    if lines and len(lines[0].split()) < 3:
        bad.append("no sentence")
    if mention and not any(word.lower() in low for word in mention):
        bad.append(f"names none of {list(mention)}")
    if bad:
        bad.append(f"stderr: {err.strip()[:300]!r}")
    return bad


def streams(binary, made, outs, options, report, head, cases_, check_epochs):
    """On stdin a bad row comes late. Of each of the `cases_` its name, the text, and how many epochs may be published: where
    the bad row has no time that tells, the epoch before it may be taken for unfinished. check_epochs(folder, count)."""
    for name, (text, counts) in cases_.items():
        name = f"{head[0]} stdin, {name}"
        if options.only and options.only not in name:
            continue
        out = os.path.join(outs, "stream")
        command = [binary, *head, "--map", made.good, "--updates", "-", "--out", out, "--quiet", "-w", "2"]
        status, printed, err, _ = execute(command, text if isinstance(text, bytes) else text.encode(), options.timeout)
        bad = complaints(status, printed, err, (2,), ("row", "line", "stdin", "standard input", "--updates"))
        problems = []
        for count in counts:
            try:
                check_epochs(out, count)
                break
            except check.Mismatch as problem:
                problems.append(str(problem))
        else:
            bad.append(f"what was published is not the epochs before the row: {problems[-1]}")
        shutil.rmtree(out, ignore_errors=True)
        report(name, bad, command)


def field_streams(binary, made, outs, options, report):
    good = "time,kind,x,y,z,cost\n1,cost,1,1,1,2\n1,voxel,2,1,1,0\n5,source+,0,0,0,\n9,cost,0.5,0.5,0.5,3\n9,cost,2,2,2,0\n"
    tail = "12,voxel,1,0,0,4\n"
    map_, epochs = oracle.read_map(made.good), oracle.read_updates(made.file("stream.csv", good), 0)

    def check_epochs(out, count):
        expected = oracle.Expected(map_, [(1.0, 1.0, 1.0)], epochs[:count], 0, True, True)
        check.check_result(out, expected, workers=2, summary=False)

    streams(binary, made, outs, options, report, ["field", "--source", "1,1,1", "--label-sources", "--next"], {
        "a bad cost": (good + "12,cost,1,1,1,-1\n", {3}), "a bad cost and more after it": (good + "12,cost,1,1,1,-1\n20,cost,1,1,1,1\n", {3}),
        "a bad row inside an epoch": (good + tail + "12,cost,1,1,1,nan\n", {3}), "an unknown kind": (good + "12,dig,1,1,1,1\n", {3}),
        "a blocked source+": (good + "12,source+,3,3,3,\n", {3}), "a position out of range": (good + "12,cost,-99,1,1,1\n", {3}),
        "time backwards": (good + "3,cost,1,1,1,1\n", {2, 3}), "no time": (good + ",cost,1,1,1,1\n", {2, 3}),
        "a short row": (good + "12,cost,1\n", {2, 3}), "no UTF-8": (good.encode() + b"12,c\xffst,1,1,1,1\n", {2, 3}),
    }, check_epochs)


def route_streams(binary, made, outs, options, report):
    good = ("time,kind,x,y,z,cost,query,gx,gy,gz\n1,cost,1,1,1,2,,,,\n1,query+,0,0,0,,9,2,2,1\n5,voxel,2,1,1,0,,,,\n5,query-,0,0,0,,0,,,\n"
            "9,query+,3,0,0,,0,0,3,3\n9,query-,0,0,0,,1,,,\n")
    tail = "12,query+,1,0,0,,4,3,0,3\n"
    map_, epochs = oracle.read_map(made.good), routes.read_updates(made.file("stream_routes.csv", good), 0)
    queries = [(0, (0, 0, 0), (6, 6, 4)), (1, (2, 2, 2), (2, 2, 6))]

    def check_epochs(out, count):
        check_routes.check_result(out, routes.Expected(map_, queries, epochs[:count]), workers=2, summary=False)

    streams(binary, made, outs, options, report, ["route", "--query", "0,0,0,3,3,2", "1,1,1,1,1,3"], {
        "a bad cost": (good + "12,cost,1,1,1,-1,,,,\n", {3}), "a bad goal": (good + "12,query+,1,1,1,,4,1,1,nan\n", {3}),
        "a bad goal and more after it": (good + "12,query+,1,1,1,,4,1,1,\n20,query-,1,1,1,,9,,,\n", {3}),
        "an id that stands": (good + "12,query+,1,1,1,,9,1,1,1\n", {3}), "an id that stands inside an epoch": (good + tail + tail, {3}),
        "an id that does not stand": (good + tail + "12,query-,1,1,1,,1,,,\n", {3}), "source+": (good + "12,source+,1,1,1,,,,,\n", {3}),
        "no id": (good + "12,query-,1,1,1,,,,,\n", {3}), "a position out of range": (good + "12,query+,1,1,1,,4,1,-99,1\n", {3}),
        "time backwards": (good + "3,cost,1,1,1,1,,,,\n", {2, 3}), "a short row": (good + "12,query+,1\n", {2, 3}),
        "a bad first row": ("time,kind,x,y,z,cost,query,gx,gy,gz\n1,query-,1,1,1,,8,,,\n", {0}),
    }, check_epochs)


def main():
    p = argparse.ArgumentParser(description="Broken inputs to octaflow.")
    p.add_argument("binary")
    p.add_argument("--only", help="cases whose name contains this")
    p.add_argument("--without", nargs="*", default=[], metavar="COMMAND", help="leave out the cases of these commands")
    p.add_argument("--no-prior", action="store_true", help="not into an earlier result as well")
    p.add_argument("--timeout", type=float, default=20)
    p.add_argument("--memory", type=float, default=2.0, help="GB of resident memory which no refusal may need")
    p.add_argument("--list", action="store_true")
    options = p.parse_args()
    base = tempfile.mkdtemp(prefix="broken-")
    made = cases(base)
    if options.list:
        print("\n".join(c.name for c in made.cases) + f"\n{len(made.cases)} cases")
        shutil.rmtree(base)
        return 0
    binary = os.path.abspath(options.binary)
    passed = failed = 0
    outs = os.path.join(base, "outs")
    os.mkdir(outs)
    prior = os.path.join(base, "prior")
    if not options.no_prior:
        status, _, err, _ = execute([binary, "field", "--map", made.good, "--source", "1,1,1", "--out", prior, "--quiet", "-w", "2"], None, 60)
        if status != 0 or not os.path.isdir(prior):
            print(f"a good run fails, so no earlier result can be had: exit status {status}, stderr {err[:300]!r}", flush=True)
            options.no_prior = True
            failed += 1
    top = 0

    def report(name, bad, command):
        nonlocal passed, failed
        if bad:
            failed += 1
            print(f"FAILED {name}: {'; '.join(bad)}\n    {shlex.join(command)}", flush=True)
        else:
            passed += 1

    for number, case in enumerate(made.cases):
        if options.only and options.only not in case.name or case.argv[:1] and case.argv[0] in options.without:
            continue
        for with_prior in (False, True):
            if with_prior and (options.no_prior or not case.prior or case.out is None):
                continue
            out = os.path.join(outs, f"out-{number}")
            command = [binary] + case.argv + (["--out", out] if case.out else [])
            if case.argv:
                command += ["--quiet"] + ([] if any(a.startswith("-w") for a in case.argv) else ["-w", "2"])
            if case.setup:
                case.setup(out)
            elif with_prior:
                shutil.copytree(prior, out)
            before, beside = fingerprint(out), sorted(os.listdir(base) + os.listdir(outs))
            status, text, err, rss = execute(command, case.stdin, options.timeout)
            bad = complaints(status, text, err, case.status, case.mention)
            if rss > max(top, options.memory * 1e9):
                bad.append(f"{rss / 1e9:.1f} GB of memory")
            top = max(top, rss)
            after = fingerprint(out)
            if after != before:
                bad.append("--out was created" if before is None else "--out was changed")
            now = sorted(os.listdir(base) + os.listdir(outs))
            left = [n for n in now if n not in beside and n != os.path.basename(out)]
            if left:
                bad.append(f"left behind {left}")
                for name in left:
                    for place in (base, outs):
                        victim = os.path.join(place, name)
                        shutil.rmtree(victim, ignore_errors=True)
                        if os.path.isfile(victim):
                            os.remove(victim)
            if os.path.isfile(out):
                os.remove(out)
            shutil.rmtree(out, ignore_errors=True)
            report(case.name + (" (into an earlier result)" if with_prior else ""), bad, command)

    for command, run_streams in (("field", field_streams), ("route", route_streams)):
        if command not in options.without:
            run_streams(binary, made, outs, options, report)
    print(f"{passed} passed, {failed} failed", flush=True)
    if failed:
        print(f"inputs kept: {base}")
    else:
        shutil.rmtree(base, ignore_errors=True)
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
