"""Starts octaflow, one process or several, looks after them, and keeps the tally of what came of it."""

import os
import shlex
import signal
import socket
import subprocess
import tempfile
import time

import check


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


class Setting:
    """How a run is divided: workers, processes, partition."""

    def __init__(self, workers, processes, partition):
        self.workers, self.processes, self.partition = workers, processes, partition

    def __str__(self):
        return f"-w {self.workers} -n {self.processes} {self.partition}"

    def __iter__(self):
        return iter((self.workers, self.processes, self.partition))


class Failed(Exception):
    """A run that did not end as it should."""


class Run:
    """One run of the program: `shown` is the command line that repeats it."""

    def __init__(self, binary, command, argv, stdin, out, setting, folder):
        common = [binary, command, *argv, "--out", out, "--json", "--quiet", "-w", str(setting.workers), "--partition", setting.partition]
        self.commands, self.stdin, self.setting, self.out = [common], stdin, setting, out
        if setting.processes > 1:
            hosts = os.path.join(folder, "hosts")
            with open(hosts, "w") as f:
                f.writelines(f"127.0.0.1:{port}\n" for port in free_ports(setting.processes))
            self.commands = [common + ["-n", str(setting.processes), "-p", str(i), "--hostfile", hosts] for i in range(setting.processes)]
        self.shown = " & ".join(shlex.join(c) for c in self.commands) + (f" < {stdin}" if stdin else "")

    def go(self, timeout):
        """Runs it; raises Failed. Returns (what was printed, notes)."""
        results = launch(self.commands, self.stdin, timeout)
        for i, (status, _, err) in enumerate(results):
            if status is None:
                raise Failed(f"process {i} not done after {timeout} s; stderr: {err[-300:]!r}")
        for i, (status, _, err) in enumerate(results):
            if status != 0:
                raise Failed(f"process {i} exit status {status}; stderr: {err[-500:]!r}")
        return results[0][1], [f"process {i} wrote to stderr with --quiet: {err.strip()[:100]!r}"
                               for i, (_, _, err) in enumerate(results) if err.strip()]


def random_run(rng, alone):
    processes = 1 if alone or rng.random() < 0.8 else int(rng.integers(2, 4))
    return Setting(int(rng.integers(1, 4)), processes, str(rng.choice(check.PARTITIONS)))


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
