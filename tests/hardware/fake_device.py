"""A machine that only pretends: its clock is moved by what runs on it."""

from contextlib import nullcontext

import numpy as np


class FakeMachine:
    """A clock, how much slower than at rest it is at any time, and noise of single runs."""

    def __init__(self, slowdown=lambda now: 1.0, noise=0.0, seed=0):
        self.now = 0.0
        self.slowdown = slowdown
        self.noise = noise
        self.rng = np.random.default_rng(seed)

    def clock(self):
        return self.now

    def stopwatch(self, seconds):
        def run():
            factor = 1 + self.noise * abs(self.rng.standard_normal()) if self.noise else 1.0
            taken = seconds * self.slowdown(self.now) * factor
            self.now += taken
            return taken

        return run


def true_s(network):
    """Seconds of a network on a machine at rest: by its parameters."""
    return 1e-4 + 1e-8 * sum(each.numel() for each in network.parameters())


class FakeDevice:
    """Runs nothing; fails for what `fails` tells, and for good once `gone` is set."""

    def __init__(self, name="fake-cpu", machine=None, fails=lambda network: False, version="1"):
        self.name = name
        self.machine = machine or FakeMachine()
        self.fails = fails
        self.version = version
        self.gone = False
        self.prepared = 0
        self.joules = None
        self.ran = []
        """Which of the prepared networks, numbered from 1, ran, in order."""

    def conditions(self):
        return {"processor": "pretended", "runtime": f"fake {self.version}", "threads": "1"}

    def engaged(self):
        return nullcontext()

    def prepare(self, network, inputs):
        self.prepared += 1
        if self.fails(network):
            raise RuntimeError("no kernel for this network\nand more that is of no interest")
        run, number = self.machine.stopwatch(true_s(network)), self.prepared

        def stopwatch():
            if self.gone:
                raise RuntimeError("device lost")
            self.ran.append(number)
            return run()

        return stopwatch

    def meter(self):
        return self.joules
