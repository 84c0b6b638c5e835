"""What can be known of a load balancer by looking on: the region is mapped read-only."""

from __future__ import annotations

from collections import deque
from typing import TYPE_CHECKING

import numpy as np
from zenoh_pinned.exchange import SERVERS, Action, Observation, Observer, Reservoir

if TYPE_CHECKING:
    from numpy.typing import NDArray

SMOOTH = 0.9  # of the load that is shown: about ten observations, two seconds
DECAY_SECONDS = 2.0


def jain(load: NDArray[np.float64]) -> float:
    """Return Jain's index of fairness: 1 where all have as much, 1 / n where one has it all."""
    squares = float((load**2).sum())
    return float(load.sum() ** 2 / (len(load) * squares)) if squares else 1.0


class Watch:
    """An observer's state: the newest observation and action, and what was seen before."""

    def __init__(self, name: str, history: int = 56) -> None:
        self.observation: Observation | None = None
        self.action: Action | None = None
        self.load = np.zeros(SERVERS)
        self.mean = self.p90 = 0.0
        self.fairness: deque[float] = deque(maxlen=history)
        self.p90s: deque[float] = deque(maxlen=history)
        self.data_plane: int | None = None
        self.agent: int | None = None
        self._reservoirs: dict[int, Reservoir] = {}
        self._observer = Observer(name)

    def look(self) -> bool:
        """Read what is new; true where there is a new observation."""
        observation = self._observer.read_observation()
        self.action = self._observer.read_action() or self.action
        self.data_plane, self.agent = self._observer.data_plane, self._observer.agent
        if observation is None:
            return False
        # Observations that were not looked at count as if they had been like this one.
        keep = SMOOTH ** (observation.missed + 1) if self.observation is not None else 0.0
        self.load = keep * self.load + (1 - keep) * observation.servers["n_flow_on"]
        self.observation = observation
        return True

    def remember(self) -> None:
        """Add to the history what is to be seen now."""
        self.mean, self.p90 = self._completion_times()
        self.fairness.append(jain(self.load[self.active]))
        self.p90s.append(self.p90)

    @property
    def active(self) -> list[int]:
        """The servers that take flows."""
        return self.observation.active_servers if self.observation is not None else []

    @property
    def seconds(self) -> float:
        """Since the data plane began, by its own clock."""
        return self.observation.sequence_id * 0.2 if self.observation is not None else 0.0

    @property
    def behind(self) -> int:
        """How many observations the newest action has not answered."""
        answered = self.action.sequence_id if self.action is not None else 0
        return max(self.observation.sequence_id - answered, 0) if self.observation is not None else 0

    def shares(self) -> NDArray[np.float64]:
        """Return each server's share of new flows, as the newest action and the active servers give it."""
        weights = np.zeros(SERVERS)
        weights[self.active] = 1 if self.action is None else self.action.weights[self.active]
        return weights / (weights.sum() or 1.0)

    def _completion_times(self) -> tuple[float, float]:
        """Mean and 90th percentile in ms, of the raw samples of all servers, by share and age."""
        shares, values, weights = self.shares(), [], []
        now_us = int(self.observation.timestamp * 1e6) if self.observation is not None else 0
        for server in self.active:
            new = self._observer.read_reservoir(server, "fct")
            samples = new if new is not None else self._reservoirs.get(server)
            if samples is None or len(samples.values) == 0:
                continue
            self._reservoirs[server] = samples
            age = (now_us - samples.timestamps_us.astype(np.float64)) / 1e6
            fresh = np.exp(-np.maximum(age, 0) / DECAY_SECONDS)
            if fresh.sum() > 0:
                values.append(samples.values.astype(np.float64))
                weights.append(shares[server] * fresh / fresh.sum())
        if not values or not (weight := np.concatenate(weights)).sum():
            return 0.0, 0.0
        value = np.concatenate(values)
        order = np.argsort(value)
        reached = np.searchsorted(np.cumsum(weight[order]), 0.9 * weight.sum())
        mean = 1000 * float(value @ weight / weight.sum())
        return mean, 1000 * float(value[order][min(reached, len(value) - 1)])

    def close(self) -> None:
        """Look no more."""
        self._observer.close()
