"""Writes the rows of a Parquet file of field/ again with pyarrow: same encodings, same settings, one thread.

Usage: python parquet_pyarrow.py FILE [ROUNDS]
Prints one JSON object: the rows, the best and median processor seconds (from arrays in memory to a synced file), the
bytes.
"""

import json
import os
import statistics
import sys
import tempfile
import time

import pyarrow as pa
import pyarrow.parquet as pq

pa.set_cpu_count(1)
path, rounds = sys.argv[1], int(sys.argv[2]) if len(sys.argv) > 2 else 5
table = pq.read_table(path).combine_chunks()
delta = [name for name in table.column_names if name in ("cell", "lx", "ly", "lz")]
dictionary = [name for name in table.column_names if name not in delta]

seconds = []
with tempfile.TemporaryDirectory(dir=os.path.dirname(path)) as folder:
    out = os.path.join(folder, "pyarrow.parquet")
    for _ in range(rounds):
        start = time.process_time()
        with open(out, "wb") as file:
            pq.write_table(
                table,
                file,
                compression="zstd",
                compression_level=3,
                row_group_size=122_880,
                column_encoding={name: "DELTA_BINARY_PACKED" for name in delta},
                use_dictionary=dictionary,
                dictionary_pagesize_limit=128 << 10,
                write_statistics=True,
                write_page_index=True,
                write_page_checksum=True,
                sorting_columns=[pq.SortingColumn(table.column_names.index("cell"))],
            )
            file.flush()
            os.fsync(file.fileno())
        seconds.append(time.process_time() - start)
    size = os.path.getsize(out)

print(
    json.dumps(
        {
            "rows": table.num_rows,
            "best_s": min(seconds),
            "median_s": statistics.median(seconds),
            "bytes": size,
        }
    )
)
