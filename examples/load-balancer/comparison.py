"""The learner beside uniform weights and the rule of thumb, with the same flows: in numbers, and drawn."""

from __future__ import annotations

import tempfile
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
from script import SPEEDS, factor_of, run_in_lockstep

POLICIES = {
    "uniform": "uniform weights",
    "inverse": "1 / (1 + n_flow_on)",
    "learner": "learned",
    "told": "the true speeds, for reference",
}
# Shares of a run, and what is the case in them.
PHASES = {
    "first quarter, in which it learns": (0.0, 0.25),
    "second quarter": (0.25, 0.5),
    "a server at a third": (0.5, 0.75),
    "and another one gone": (0.75, 0.875),
}
FLOW = np.dtype([("ended", np.float32), ("took", np.float32), ("server", np.uint32)])


@dataclass
class Run:
    """Every flow of one run."""

    flows: np.ndarray[Any, Any]
    length: float
    refused: int
    actions: int

    def between(self, begin: float, end: float) -> np.ndarray[Any, Any]:
        """Return the flows that ended in a share of the run."""
        ended = self.flows["ended"] / self.length
        return self.flows[(ended >= begin) & (ended < end)]

    def numbers(self, begin: float, end: float) -> tuple[float, float, float]:
        """Return mean and p90 of the completion times in ms, and the mean fairness of windows of 4 s."""
        flows = self.between(begin, end)
        windows = max(round((end - begin) * self.length / 4), 1)
        edges = np.linspace(begin, end, windows + 1)
        fairness = [self.fairness(*window) for window in pairwise(edges)]
        took = 1000 * flows["took"]
        return float(took.mean()), float(np.percentile(took, 90)), float(np.mean(fairness))

    def fairness(self, begin: float, end: float) -> float:
        """Return Jain's index of the flows that the servers have, on average over a share of the run.

        The time that a server's flows took, all together, is how many it had, times the time (Little's law).
        """
        flows = self.between(begin, end)
        load = np.bincount(flows["server"], flows["took"], len(SPEEDS))
        load = load[[factor_of(server, (begin + end) / 2) > 0 for server in range(len(SPEEDS))]]
        squares = float((load**2).sum())
        return float(load.sum() ** 2 / (len(load) * squares)) if squares else 1.0


def run(program: Path, policy: str, length: float, seed: int) -> Run:
    """Run a policy, and read its flows."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "flows"
        summary = run_in_lockstep(program, policy, length=length, seed=seed, flows=path)
        flows = np.fromfile(path, FLOW)
    return Run(flows, length, int(summary["refused"]), int(summary["actions"]))


def compare(program: Path, length: float, seeds: range) -> None:
    """Print the medians of all policies, phase by phase."""
    runs = {policy: [run(program, policy, length, seed) for seed in seeds] for policy in POLICIES}
    print(f"medians of {len(seeds)} seeds, {length:.0f} simulated seconds each; flow completion times in ms")
    for phase, (begin, end) in PHASES.items():
        print(f"\n{phase:<36}{'mean':>9}{'p90':>9}{'fairness':>10}")
        medians = {}
        for policy, words in POLICIES.items():
            numbers = [run.numbers(begin, end) for run in runs[policy]]
            medians[policy] = mean, p90, fairness = np.median(numbers, axis=0)
            print(f"  {words:<34}{mean:>9.1f}{p90:>9.1f}{fairness:>10.2f}")
        uniform, rule = (medians[policy][0] / medians["learner"][0] for policy in ("uniform", "inverse"))
        print(
            f"  times the learned mean: {uniform:.2f} with uniform weights, {rule:.2f} with the rule of thumb"
        )
    print("\nflows that a full server refused, and that are therefore in no time above")
    for policy, words in POLICIES.items():
        print(f"  {words:<34}{np.median([run.refused for run in runs[policy]]):>9.0f}")
