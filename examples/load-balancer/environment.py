"""The load balancer as a Gymnasium environment: a step writes weights and waits for the next observation."""

from __future__ import annotations

import contextlib
import time
from typing import TYPE_CHECKING, Any

import gymnasium
import numpy as np
from zenoh_pinned.exchange import Exchange

if TYPE_CHECKING:
    from numpy.typing import NDArray

SERVERS = 64
# Of each server: whether it takes flows, how many it has, how long others took, and how long these are there.
FEATURES = ("active", "n_flow_on", "fct_mean_decay", "flow_duration_mean_decay")


def attach(name: str) -> Exchange:
    """Attach the region as soon as a data plane has made it."""
    while True:
        with contextlib.suppress(FileNotFoundError):
            return Exchange(name)
        time.sleep(0.01)


class LoadBalancer(gymnasium.Env):
    """Observations are (64, 4), see `FEATURES`; actions are 64 weights, of which only the proportions count.

    The reward is the negative logarithm of the flows that a server has on average: their number is that of
    the flows that come in a second, times how long one takes (Little's law), and it is known at once. An
    episode ends when the data plane has ended.
    """

    def __init__(self, name: str, patience: float = 2.0) -> None:
        """Attach the region `name`; `patience` is how many seconds a data plane may be gone."""
        self.observation_space = gymnasium.spaces.Box(0, np.inf, (SERVERS, len(FEATURES)), np.float32)
        self.action_space = gymnasium.spaces.Box(0, np.inf, (SERVERS,), np.float32)
        self.missed = 0
        self._patience = patience
        self._exchange = attach(name)
        self._sequence_id = 0
        self._last = np.zeros((SERVERS, len(FEATURES)), np.float32)

    def reset(
        self, *, seed: int | None = None, options: dict[str, Any] | None = None
    ) -> tuple[NDArray[np.float32], dict[str, Any]]:
        """Wait for an observation."""
        super().reset(seed=seed, options=options)
        if not self._wait():
            msg = "the data plane ended before there was anything to observe"
            raise EOFError(msg)
        return self._last, {"sequence_id": self._sequence_id}

    def step(self, action: NDArray[Any]) -> tuple[NDArray[np.float32], float, bool, bool, dict[str, Any]]:
        """Answer the last observation with weights, and wait for the next one."""
        self._exchange.write_action(self._sequence_id, action)
        has_more = self._wait()
        active = self._last[:, 0] > 0
        reward = -float(np.log(self._last[active, 1].mean() + 0.5)) if active.any() else 0.0
        return self._last, reward, not has_more, False, {"sequence_id": self._sequence_id}

    def _wait(self) -> bool:
        """Wait for the next observation; false where nobody is there any more to write one."""
        gone_since, tries = None, 0
        while (observation := self._exchange.read_observation()) is None:
            time.sleep(0.0001)
            tries += 1
            if tries % 100:
                continue
            if self._exchange.other_side is not None:
                gone_since = None
            elif gone_since is None:
                gone_since = time.monotonic()
            elif time.monotonic() - gone_since > self._patience:
                return False
        self._sequence_id = observation.sequence_id
        self.missed += observation.missed
        seen = np.zeros_like(self._last)
        seen[observation.active_servers, 0] = 1
        for column, name in enumerate(FEATURES[1:], 1):
            seen[:, column] = observation.servers[name]
        self._last = seen
        return True

    def close(self) -> None:
        """Let go of the region."""
        self._exchange.close()
