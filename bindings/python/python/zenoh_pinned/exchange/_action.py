"""Actions."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, overload

import numpy as np

if TYPE_CHECKING:
    import numpy.typing as npt


class Action:
    """What an agent answered: this process's own copy.

    >>> from zenoh_pinned.exchange import DataPlane, Exchange
    >>> with DataPlane("lb_acting") as data_plane, Exchange("lb_acting") as agent:
    ...     number = data_plane.write_observation({"active_servers": [0, 1]})
    ...     obs = agent.read_observation()
    ...     agent.write_action(obs.sequence_id, [0, 2.5])
    ...     action = data_plane.read_action()
    >>> action.weights[:2].tolist(), action.pick(0x0123456789ABCDEF)
    ([0.0, 2.5], 1)
    """

    __slots__ = {"record": "All of it, as an array of one `ACTION`."}

    record: npt.NDArray[Any]

    def __init__(self, record: npt.NDArray[Any]) -> None:
        self.record = record

    @property
    def sequence_id(self) -> int:
        """The observation that it answers."""
        return int(self.record["sequence_id"])

    @property
    def timestamp(self) -> float:
        """When it was written, in seconds since 1970."""
        return int(self.record["timestamp_us"]) / 1e6

    @property
    def incarnation(self) -> int:
        """The data plane whose observation it answers."""
        return int(self.record["incarnation"])

    @property
    def num_servers(self) -> int:
        """How many weights were given; those behind them are 0."""
        return int(self.record["num_servers"])

    @property
    def weights(self) -> npt.NDArray[np.float32]:
        """The weights of all 64 servers, a view of `record`."""
        weights: npt.NDArray[np.float32] = self.record["weights"]
        return weights

    @property
    def alias_table(self) -> npt.NDArray[Any]:
        """The 64 columns of the table, with fields ``probability`` and ``alias``; a view of `record`."""
        table: npt.NDArray[Any] = self.record["alias_table"]
        return table

    @overload
    def pick(self, random: int) -> int: ...
    @overload
    def pick(self, random: npt.NDArray[np.uint64]) -> npt.NDArray[np.intp]: ...
    def pick(self, random: int | npt.NDArray[np.uint64]) -> int | npt.NDArray[np.intp]:
        """Return the server for one flow, each for its weight's share of all values of `random`.

        `random` is uniform over 64 bits (``random.getrandbits(64)``), or an array of such numbers for as many
        flows. The data plane's ``zpx_pick`` gives the same servers for them.
        """
        if isinstance(random, np.ndarray):
            return self._pick_all(random)
        if not 0 <= random < 1 << 64:
            msg = f"{random} is no number of 64 bits: random.getrandbits(64) gives one"
            raise ValueError(msg)
        return int(self._pick_all(np.asarray(random, np.uint64)))

    def _pick_all(self, random: npt.NDArray[np.uint64]) -> npt.NDArray[np.intp]:
        column = (random >> np.uint64(58)).astype(np.intp)
        fraction = (random & np.uint64(0xFFFFFF)).astype(np.float32) / np.float32(1 << 24)
        table = self.alias_table
        other = table["alias"][column].astype(np.intp) % len(table)
        return np.where(fraction < table["probability"][column], column, other)

    def __repr__(self) -> str:
        return f"<Action for observation {self.sequence_id}: {self.num_servers} weights>"
