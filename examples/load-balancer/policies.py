"""Policies: what to answer to an observation. One learns, the others are what it is compared with."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np
from script import SPEEDS, factor_of

if TYPE_CHECKING:
    from pathlib import Path

    from numpy.typing import NDArray

    Array = NDArray[Any]


class Policy(Protocol):
    """Gives the weights for an observation of `environment.LoadBalancer`."""

    def act(self, seen: NDArray[np.float32]) -> Array:
        """Return 64 weights."""
        ...

    def learn(self, reward: float) -> None:
        """Hear what the last weights were worth."""


class Uniform:
    """Every server gets as much."""

    def act(self, seen: NDArray[np.float32]) -> Array:
        """Return the servers that take flows."""
        return seen[:, 0]

    def learn(self, reward: float) -> None:
        """Learn nothing."""


class Inverse(Uniform):
    """The rule of thumb: who has fewer flows gets more."""

    def act(self, seen: NDArray[np.float32]) -> Array:
        """Return 1 / (1 + flows)."""
        return seen[:, 0] / (1 + seen[:, 1])


class Told(Uniform):
    """Knows what nobody tells the others: how fast each server is, and when that changes."""

    def __init__(self, length: float) -> None:
        self._length = length
        self._observations = 0

    def act(self, seen: NDArray[np.float32]) -> Array:
        """Return the servers' speeds, in lockstep with a run of this length."""
        self._observations += 1
        weights = np.zeros(64)
        weights[: len(SPEEDS)] = [
            speed * factor_of(server, self._observations * 0.2 / self._length)
            for server, speed in enumerate(SPEEDS)
        ]
        return weights * seen[:, 0]


class Learner:
    """REINFORCE with a baseline, over the four numbers that a policy has here.

    A server's weight is exp(-theta . phi + noise), where phi is by how much its logarithms of flows, smoothed
    over 2, 20 and 50 observations, and of their time differ from the servers' mean. All servers share theta,
    which begins at 0: uniform weights. Noise whose next observation is better than expected moves theta its
    way. One observation is enough to tell, because a queue follows its weight within those 200 ms.
    """

    KEEP = np.array([[0.5], [0.95], [0.98], [0.5]])  # of what was known before: flows three times, then time
    LISTEN = 50  # observations before theta moves: what is usual has to be known first
    RATE = 0.015
    FORGET = 0.001  # each step, so that theta comes back from where all actions are as bad
    NOISE = (0.3, 0.1, 500)  # at first, at last, and observations in between

    def __init__(self, seed: int = 1, memory: Path | None = None) -> None:
        """Begin with nothing, or with what a learner before this one left in the file `memory`."""
        self.theta = np.zeros(4)
        self.steps = 0
        self._random = np.random.default_rng(seed)
        self._known = np.zeros((4, 64))
        self._direction = np.zeros(4)
        self._scale = np.ones(4)
        self._reward: float | None = None
        self._usual = 0.0  # of the rewards, and how much of one's difference to it the next one keeps
        self._keeps = 0.0
        self._memory = memory
        if memory is not None and memory.exists():
            with np.load(memory) as kept:
                self.theta, self._known, self._scale = kept["theta"], kept["known"], kept["scale"]
                self.steps, self._usual, self._keeps = (
                    kept[name].item() for name in ("steps", "usual", "keeps")
                )

    def act(self, seen: NDArray[np.float32]) -> Array:
        """Return weights, a little beside those that are thought best."""
        active = np.flatnonzero(seen[:, 0])
        flows, took = np.log(seen[active, 1] + 1.0), np.log(seen[active, 2] + 0.001)
        now = np.stack([flows - flows.mean()] * 3 + [took - took.mean()])
        known = self.KEEP * self._known[:, active] + (1 - self.KEEP) * now
        self._known[:, active] = known
        phi = known - known.mean(axis=1, keepdims=True)
        noise = self._random.standard_normal(len(active))
        noise -= noise.mean()
        self._direction = -phi @ noise
        first, last, between = self.NOISE
        size = last + (first - last) * np.exp(-self.steps / between)
        weights = np.zeros(64)
        weights[active] = np.exp(np.clip(-self.theta @ phi, -2.5, 2.5) + size * noise)
        return weights

    def learn(self, reward: float) -> None:
        """Move theta along the noise as far as the reward was better than expected."""
        self.steps += 1
        if self._reward is not None:
            before = self._reward - self._usual
            better = reward - self._usual - self._keeps * before
            self._keeps += 0.02 * better * before / (1 + before * before)
            step = better * self._direction
            self._scale += 0.002 * (step * step - self._scale)
            if self.steps > self.LISTEN:
                move = np.clip(step / np.sqrt(self._scale + 1e-4), -3, 3)
                self.theta = (1 - self.FORGET) * self.theta + self.RATE * move
            self._usual += 0.02 * (reward - self._usual)
        else:
            self._usual = self._usual or reward
        self._reward = reward
        if self._memory is not None and self.steps % 25 == 0:
            self._save(self._memory)

    def _save(self, memory: Path) -> None:
        """Leave what is known to a successor; whole or not at all."""
        part = memory.with_suffix(".part")
        with part.open("wb") as file:
            np.savez(
                file,
                theta=self.theta,
                steps=self.steps,
                known=self._known,
                scale=self._scale,
                usual=self._usual,
                keeps=self._keeps,
            )
        os.replace(part, memory)
