"""Reads a container with pyarrow and Polars and checks every row, and the checksum of the whole file, against the
rules by which the test wrote it. Arguments: the file, the number of bricks, the checksum."""
import sys
import zlib

import numpy as np
import polars as pl
import pyarrow as pa

path, bricks, checksum = sys.argv[1], int(sys.argv[2]), sys.argv[3]

table = pa.ipc.open_file(path).read_all()
assert table.num_rows == bricks, table.num_rows
assert table.schema.names == ["id", "cost", "ticks", "warm", "state", "checksum"]
assert table.schema.field("ticks").type == pa.list_(pa.field("item", pa.uint32(), False), 1024)
words = {k.decode(): v.decode() for k, v in table.schema.metadata.items()}
assert words["octaflow.epoch"] == "-3" and words["octaflow.plan"] == "hilbert", words
assert words["octaflow.frame.origin_m"] == "1.5,-2,0.1" and words["octaflow.setting.map"] == 'a "b" ü', words

# Mapped into memory, the columns lie in the file: nothing is copied.
before = pa.total_allocated_bytes()
with pa.memory_map(path) as mapped:
    lazy = pa.ipc.open_file(mapped).read_all()
    assert lazy.equals(table)
    del lazy
assert pa.total_allocated_bytes() - before < 1 << 16

id = table["id"].to_numpy()
assert (np.diff(id.astype(object)) > 0).all()
code = (id & np.uint64((1 << 48) - 1)) >> np.uint64(12)
assert (id >> np.uint64(48) == 0x800F).all() and (id & np.uint64(0xFFF) == 0).all()
lists = {n: np.concatenate([c.flatten().to_numpy() for c in table[n].chunks]).reshape(-1, 1024)
         for n in ["cost", "ticks", "warm", "state"]}
mixed = (code[:, None] * np.uint64(1024) + np.arange(1024, dtype=np.uint64)) * np.uint64(0x9E3779B97F4A7C15)
assert (lists["cost"] == (mixed >> np.uint64(48))).all()
assert (lists["ticks"] == (mixed >> np.uint64(32))).all()
assert (lists["warm"] == (mixed >> np.uint64(40)).astype(np.float32) / np.float32(3)).all()
assert (lists["state"] == mixed.astype(np.float64) / 7.0).all()
for row, stored in enumerate(table["checksum"].to_pylist()):
    crc = zlib.crc32(id[row].tobytes())
    for values in lists.values():
        crc = zlib.crc32(values[row].tobytes(), crc)
    assert crc == stored, row

# The checksum of the whole file: its digits, which stand once in the footer, taken as zeros.
whole = bytearray(open(path, "rb").read())
at = whole.rindex(checksum.encode())
whole[at : at + 8] = b"00000000"
assert f"{zlib.crc32(whole):08x}" == checksum

frame = pl.read_ipc(path)
assert frame.height == bricks and (frame["id"].to_numpy() == id).all()
assert frame.schema["state"] == pl.Array(pl.Float64, 1024)
assert (frame["state"].to_numpy() == lists["state"]).all()
mapped = pl.scan_ipc(path).select(pl.col("ticks").explode().cast(pl.UInt64).sum()).collect().item()
assert mapped == int(lists["ticks"].astype(object).sum()), mapped
print("pyarrow", pa.__version__, "polars", pl.__version__)
