"""The runs of one world of `octaflow ghost` or `octaflow diffuse`: checked each by itself, and against each other.

Ghosts: the world as it is; again with other workers and processes and with --owned, which must publish the same bits; and where
--compare was asked, one of the other partitions by itself, which must tell of its parts what the comparison told.

Diffusion: the world as it is; again with other workers, processes, partition, --rings and --every, which must publish the same
bits; and a --dt beyond the bound, which must be refused in one sentence that names it.
"""

import copy
import os
import time

import numpy as np

import check
import check_diffusion
import ghosts
import stencil_worlds
from launching import Failed, Run, Setting, launch, random_run


class Runs:
    """Runs of one world, and what they left: their command lines and the notes."""

    def __init__(self, command, world, rng, options, timeout):
        self.command, self.world, self.rng, self.options, self.timeout = command, world, rng, options, timeout
        self.shown, self.notes = [], []

    def start(self, argv, out, setting):
        run = Run(self.options.binary, self.command, argv, None, out, setting, self.world.folder)
        self.shown.append(run.shown)
        return run

    def go(self, argv, out, setting, check_result):
        """One run, checked by itself with check_result(folder, workers, processes, partition, printed); returns its result."""
        printed, noted = self.start(argv, out, setting).go(self.timeout)
        result, notes = check_result(out, *setting, printed)
        self.notes += [n for n in notes + noted if n not in self.notes]
        return result

    def out(self, name):
        return os.path.join(self.world.folder, name)

    def report(self, all_runs):
        """(passed, text) of a function that makes all runs and returns what to say of them."""
        began = time.monotonic()
        try:
            said = all_runs()
        except (Failed, check.Mismatch) as problem:
            return False, str(problem)
        return True, f"{said}, {len(self.shown)} runs, {time.monotonic() - began:.1f} s" + "".join(f"; {n}" for n in self.notes)


class GhostRuns(Runs):
    def once(self, name, setting, owned=None, compare=None):
        """A run with the flags of the world but for these."""
        world = self.world
        owned, compare = world.owned if owned is None else owned, world.compare if compare is None else compare
        expected = ghosts.Expected(world.map, world.parts, world.rings, owned, compare)
        return self.go(world.flags(owned, compare), name, setting, lambda out, *about: ghosts.check_result(out, expected, *about))

    def all(self, reused):
        rng, setting = self.rng, random_run(self.rng, self.options.alone)
        first = self.once(reused if rng.random() < 1 / 3 else self.out("out"), setting)
        if first.plan is None or rng.random() < 0.5:
            other = random_run(rng, self.options.alone)
            other.partition = setting.partition
            again = self.once(self.out("again"), other, owned=True, compare=False)
            ghosts.equal_results(first, again, f"{setting}, and {other}")
        if first.compare and rng.random() < 0.7:
            other = Setting(setting.workers, 1, str(rng.choice(check.PARTITIONS)))
            alone = self.once(self.out("other"), other, owned=True, compare=False)
            ghosts.equal_parts(first.compare[other.partition], alone.parts, f"--compare, held against a run with {other.partition}")
        return f"{len(first.ghosts['cell'])} ghosts"


class DiffuseRuns(Runs):
    def __init__(self, *about):
        super().__init__(*about)
        world = self.world
        args = check_diffusion.parser().parse_args(check.joined(["out", "--limit", str(self.options.limit)] + world.flags(world.rings, world.every)))
        self.expected, self.picture = check_diffusion.expect(args), args.picture

    def once(self, name, setting, rings, every):
        expected = self.expected
        if every != self.world.every:
            expected = copy.copy(expected)
            expected.snapshots = None
        argv = self.world.flags(rings, every)
        return self.go(argv, name, setting, lambda out, *about: check_diffusion.check_result(out, expected, *about))

    def all(self, reused):
        rng, world, setting = self.rng, self.world, random_run(self.rng, self.options.alone)
        first = self.once(reused if rng.random() < 1 / 3 else self.out("out"), setting, world.rings, world.every)
        if self.picture:
            self.pictured()
        for name in ("again", "once more")[:int(rng.integers(0, 3))]:
            other, rings = random_run(rng, self.options.alone), int(rng.integers(1, 9))
            again = self.once(self.out(name), other, rings, world.every if rng.random() < 0.7 else None)
            check_diffusion.equal_results(first, again, f"{setting}, --rings {world.rings}, and {other}, --rings {rings}")
        if world.too_long and rng.random() < 0.2:
            self.refused()
        return f"{self.expected.steps} steps"

    def pictured(self):
        check.require(os.path.isfile(self.picture), f"{self.picture} is not there")
        with open(self.picture, "rb") as f:
            check.require(f.read(8) == b"\x89PNG\r\n\x1a\n", f"{self.picture} is no PNG")

    def refused(self):
        """A step beyond the bound."""
        run = self.start(self.world.flags(self.world.rings, None, self.world.too_long), self.out("refused"), Setting(1, 1, "hash"))
        (status, _, err), = launch(run.commands, None, self.timeout)
        check.require(status == 2 and len(err.strip().split("\n")) == 1 and "--dt" in err,
                      f"a step beyond the bound: exit status {status}, stderr {err[-300:]!r}")
        check.require(not os.path.exists(self.out("refused")), "a step beyond the bound: --out was created")


KINDS = {"ghost": (GhostRuns, stencil_worlds.make_ghost, 27), "diffuse": (DiffuseRuns, stencil_worlds.make_diffuse, 28)}


def random_world(command, seed, folder, reused, options):
    """Returns (name, passed, text, command)."""
    runs_of, make, salt = KINDS[command]
    world = make(seed, folder, options.ambiguous, options.only)
    runs = runs_of(command, world, np.random.default_rng([seed, salt]), options, options.timeout or 60)
    return world.about, *runs.report(lambda: runs.all(reused)), "\n    ".join(runs.shown)


def real_world(command, map_, path, rng, folder, options):
    """The same on a real map."""
    os.makedirs(folder)
    world = (stencil_worlds.Ghost if command == "ghost" else stencil_worlds.Diffuse)(folder)
    world.argv += ["--map", path] + (["--axes", "zyx"] if path.lower().endswith(".npy") else [])
    world.about = os.path.basename(path)
    if command == "ghost":
        world.ask(rng, map_)
    else:
        world.ask(rng, path, map_, options.ambiguous)
    runs = KINDS[command][0](command, world, rng, options, options.timeout or 600)
    return world.about, *runs.report(lambda: runs.all(runs.out("out"))), "\n    ".join(runs.shown)
