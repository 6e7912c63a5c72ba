"""Runs octaflow on random worlds, or on real maps, and checks every result with check.py.

    python run.py BINARY [--seeds N] [--first S] [--ambiguous] [--only table|npy|3dmap|bt] [--alone] [--timeout SECONDS]
    python run.py BINARY --data FOLDER [--limit CELLS] [--epochs N] [--seeds N]

A world's run has a random -w of 1…3, a random --partition, and -n 1 or, one time in five, 2 or 3 processes, which are started
here with -p and a --hostfile of free loopback ports (--alone: always -n 1). One time in three --out is the folder of an earlier
result, which has to be replaced whole.

With --data: every map below FOLDER that this model can hold (those beyond --limit open cells are named and skipped), once a seed,
with random sources and updates. A line a run, and a closing line 'N passed, M failed'; exit status 1 if any failed. What a failed
run read is kept and its command printed.
"""

import argparse
import os
import shlex
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
import zlib

import numpy as np

import check
import oracle
import worlds


def free_ports(count):
    """Free loopback ports, held together until all are known."""
    held = []
    for _ in range(count):
        s = socket.socket()
        s.bind(("127.0.0.1", 0))
        held.append(s)
    ports = [s.getsockname()[1] for s in held]
    for s in held:
        s.close()
    return ports


def stop(process):
    """Ends a process started here, and its children (it leads its own group)."""
    try:
        os.killpg(process.pid, signal.SIGKILL)
    except ProcessLookupError:
        pass


def launch(commands, stdin=None, timeout=60):
    """Runs commands at once; returns a list of (status or None when out of time, stdout, stderr). The first reads `stdin`."""
    running, logs = [], []
    deadline = time.monotonic() + timeout
    try:
        for i, command in enumerate(commands):
            out, err = tempfile.TemporaryFile(), tempfile.TemporaryFile()
            logs.append((out, err))
            source = open(stdin, "rb") if stdin and i == 0 else subprocess.DEVNULL
            running.append(subprocess.Popen(command, stdin=source, stdout=out, stderr=err, start_new_session=True))
            if source is not subprocess.DEVNULL:
                source.close()
        status = []
        for process in running:
            try:
                status.append(process.wait(max(0.1, deadline - time.monotonic())))
            except subprocess.TimeoutExpired:
                status.append(None)
    finally:
        for process in running:
            if process.poll() is None:
                stop(process)
                process.wait()
    results = []
    for code, (out, err) in zip(status, logs):
        texts = []
        for f in (out, err):
            f.seek(0)
            texts.append(f.read().decode("utf-8", "replace"))
            f.close()
        results.append((code, *texts))
    return results


def commands_for(binary, argv, out, workers, processes, partition, folder):
    common = [binary, "field", *argv, "--out", out, "--json", "--quiet", "-w", str(workers), "--partition", partition]
    if processes == 1:
        return [common]
    hosts = os.path.join(folder, "hosts")
    with open(hosts, "w") as f:
        f.writelines(f"127.0.0.1:{port}\n" for port in free_ports(processes))
    return [common + ["-n", str(processes), "-p", str(i), "--hostfile", hosts] for i in range(processes)]


def run_and_check(binary, argv, updates, stdin, out, workers, processes, partition, folder, timeout, limit):
    """Returns (passed, text, command)."""
    commands = commands_for(binary, argv, out, workers, processes, partition, folder)
    shown = " & ".join(shlex.join(c) for c in commands) + (f" < {stdin}" if stdin else "")
    args = check.parser().parse_args(check.joined([out] + argv + ["--limit", str(limit)]))
    epochs = oracle.read_updates(updates, args.start) if updates else None
    try:
        expected = check.expect(args, epochs)
    except oracle.Overflow:
        return True, "skipped: a distance beyond the ticks", shown
    began = time.monotonic()
    results = launch(commands, stdin, timeout)
    took = time.monotonic() - began
    for i, (status, _, err) in enumerate(results):
        if status is None:
            return False, f"process {i} not done after {timeout} s; stderr: {err[-300:]!r}", shown
    for i, (status, _, err) in enumerate(results):
        if status != 0:
            return False, f"process {i} exit status {status}; stderr: {err[-500:]!r}", shown
    try:
        notes = check.check_result(out, expected, workers, processes, partition, results[0][1])
    except check.Mismatch as problem:
        return False, str(problem), shown
    for i, (_, _, err) in enumerate(results):
        if err.strip():
            notes.append(f"process {i} wrote to stderr with --quiet: {err.strip()[:100]!r}")
    return True, f"{len(expected.field)} reached, {took:.1f} s" + "".join(f"; {n}" for n in notes), shown


def random_run(rng, alone):
    processes = 1 if alone or rng.random() < 0.8 else int(rng.integers(2, 4))
    return int(rng.integers(1, 4)), processes, str(rng.choice(check.PARTITIONS))


class Tally:
    """Prints a line a run and keeps what failed."""

    def __init__(self):
        self.passed = self.failed = 0
        self.seen = set()

    def line(self, name, passed, text, command):
        self.passed += passed
        self.failed += not passed
        parts = text.split("; ") if passed else [text]
        fresh = [p for p in parts[1:] if p[:20] not in self.seen]  # a kind of note is worth one line of the log
        self.seen.update(p[:20] for p in fresh)
        print(f"{name}: {'ok' if passed else 'FAILED'}: {'; '.join(parts[:1] + fresh)}", flush=True)
        if not passed:
            print(f"    {command}", flush=True)

    def close(self):
        print(f"{self.passed} passed, {self.failed} failed", flush=True)
        return 1 if self.failed else 0


def random_worlds(options):
    base = tempfile.mkdtemp(prefix="oracle-")
    tally, reused = Tally(), os.path.join(base, "reused")
    for seed in range(options.first, options.first + (options.seeds or 100)):
        folder = os.path.join(base, f"seed-{seed}")
        rng = np.random.default_rng([seed, 21])
        world = worlds.make(seed, folder, options.ambiguous, options.only)
        workers, processes, partition = random_run(rng, options.alone)
        argv, stdin = list(world.argv), world.stdin
        if processes > 1 and stdin:  # stdin belongs to one process
            argv[argv.index("--updates") + 1], stdin = world.updates, None
        out = reused if rng.random() < 1 / 3 else os.path.join(folder, "out")
        passed, text, command = run_and_check(options.binary, argv, world.updates, stdin, out, workers, processes, partition,
                                              folder, options.timeout or 60, options.limit)
        tally.line(f"seed {seed} ({world.about}; -w {workers} -n {processes} {partition})", passed, text, command)
        if passed:
            shutil.rmtree(folder, ignore_errors=True)
        elif out == reused:
            shutil.rmtree(reused, ignore_errors=True)
    if tally.failed:
        print(f"kept: {base}")
    else:
        shutil.rmtree(base, ignore_errors=True)
    return tally.close()


def real_updates(rng, map_, sources, count):
    """Epochs that block voxels near a source and elsewhere, open some again, and move a source. Positions are exact."""
    state, epochs, blocked = oracle.World(map_, sources), [], []
    even = map_.keys[(map_.keys & 1) == 0] if map_.voxels else map_.keys
    kind = "voxel" if map_.voxels else "cost"
    taken = {int(oracle.pack(*map_.frame.snap(p))) for p in sources}
    for number in range(count):
        rows = []
        for key in even[rng.integers(0, len(even), 60)].tolist():
            rows.append((kind, map_.frame.position(worlds.cell_of(key)), float(rng.choice([0, 0, 0.5, 3.0, 200.0]))))
            blocked.append(key)
        for key in rng.choice(blocked, 20).tolist():
            rows.append((kind, map_.frame.position(worlds.cell_of(key)), 1.0))
        if number % 2 == 1:
            rows.append(("source-", sources[int(rng.integers(0, len(sources)))], None))
        trial = oracle.World.__new__(oracle.World)
        trial.frame, trial.keys, trial.costs, trial.sources, trial.named = state.frame, state.keys, state.costs, {}, 0
        touched = {int(oracle.pack(*c)) for c in trial.apply([r if r[2] is None else (*r[:2], int(r[2] * 256)) for r in rows
                                                              if r[0] != "source-"])}
        for key in map_.keys[rng.integers(0, len(map_.keys), 20)].tolist():
            if key not in touched and key not in taken and state.cost(worlds.cell_of(key)) > 0:
                taken.add(key)
                rows.append(("source+", map_.frame.position(worlds.cell_of(key)), None))
                break
        removed = {r[1] for r in rows if r[0] == "source-"}
        sources = [s for s in sources if s not in removed] or sources[:1]
        if removed and sources[0] in removed:
            rows = [r for r in rows if r[0] != "source-"]
        state.apply([r if r[2] is None else (*r[:2], int(r[2] * 256)) for r in rows])
        epochs.append((10 * (number + 1), rows))
    return epochs


def real_maps(options):
    base = tempfile.mkdtemp(prefix="oracle-")
    tally = Tally()
    found = sorted(os.path.join(where, name) for where, _, names in os.walk(options.data) for name in names
                   if name.lower().endswith((".bt", ".3dmap", ".npy", ".csv", ".parquet")))
    for path in found:
        for seed in range(options.first, options.first + (options.seeds or 1)):
            rng = np.random.default_rng([seed, 22, zlib.crc32(os.path.basename(path).encode())])
            argv = ["--map", path]
            if path.lower().endswith(".npy"):
                argv += ["--axes", "zyx"]
            try:
                map_ = oracle.read_map(path, axes="zyx" if path.lower().endswith(".npy") else "xyz", limit=options.limit)
            except oracle.TooBig as problem:
                print(f"skipped: {problem}", flush=True)
                break
            except (oracle.Invalid, KeyError, ValueError) as problem:
                print(f"skipped: {path} is no map: {problem}", flush=True)
                break
            folder = os.path.join(base, f"{os.path.basename(path)}-{seed}")
            os.makedirs(folder)
            keys = map_.keys[rng.integers(0, map_.open, 4)]
            sources = list(dict.fromkeys(map_.frame.position(worlds.cell_of(k)) for k in keys.tolist()))
            for p in sources:
                argv += ["--source=" + ",".join(repr(v) for v in p)]
            argv += ["--label-sources", "--next"]
            count = options.epochs if options.epochs is not None else 3 if map_.open < 3_000_000 else 1
            updates = None
            if count:
                updates = os.path.join(folder, "updates.csv")
                worlds.write_updates(rng, updates, real_updates(rng, map_, sources, count))
                argv += ["--updates", updates]
            del map_
            workers, processes, partition = random_run(rng, options.alone)
            passed, text, command = run_and_check(options.binary, argv, updates, None, os.path.join(folder, "out"), workers,
                                                  processes, partition, folder, options.timeout or 600, options.limit)
            tally.line(f"{os.path.basename(path)} seed {seed} (-w {workers} -n {processes} {partition}, {count} epochs)",
                       passed, text, command)
            shutil.rmtree(os.path.join(folder, "out"), ignore_errors=True)
    if tally.failed:
        print(f"kept: {base}")
    else:
        shutil.rmtree(base, ignore_errors=True)
    return tally.close()


def main():
    p = argparse.ArgumentParser(description="Random and real runs of octaflow field against the oracle.")
    p.add_argument("binary")
    p.add_argument("--seeds", type=int)
    p.add_argument("--first", type=int, default=0)
    p.add_argument("--ambiguous", action="store_true")
    p.add_argument("--only", choices=("table", "npy", "3dmap", "bt"))
    p.add_argument("--alone", action="store_true")
    p.add_argument("--timeout", type=float)
    p.add_argument("--data")
    p.add_argument("--epochs", type=int)
    p.add_argument("--limit", type=int, default=40_000_000)
    options = p.parse_args()
    options.binary = os.path.abspath(options.binary)
    return real_maps(options) if options.data else random_worlds(options)


if __name__ == "__main__":
    sys.exit(main())
