"""Observations."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any

import numpy as np
from zenoh_pinned.exchange._records import OBSERVATION, SERVER, SERVERS

if TYPE_CHECKING:
    import numpy.typing as npt

Statistics = dict[int, dict[str, float]]

KEYS = ("sequence_id", "timestamp", "active_servers", "server_stats")


class Observation(Mapping[str, Any]):
    """One observation.

    It is a mapping too, with the keys ``sequence_id``, ``timestamp``, ``active_servers`` and
    ``server_stats``. It is this process's own copy: nothing of it changes, or goes, with the region. Each
    attribute is read out of `record` when it is asked for.

    >>> from zenoh_pinned.exchange import DataPlane, Observer
    >>> with DataPlane("lb_observed") as data_plane, Observer("lb_observed") as observer:
    ...     number = data_plane.write_observation(
    ...         {"server_stats": {0: {"n_flow_on": 3, "fct_mean": 0.25}, 2: {}}}
    ...     )
    ...     obs = observer.read_observation()
    >>> obs["active_servers"], obs["server_stats"][0]["n_flow_on"], float(obs.servers["fct_mean"][0])
    ([0, 2], 3, 0.25)
    """

    __slots__ = {
        "_server_stats": "Once it has been asked for.",
        "missed": "How many observations lie between this one and the one that was read before.",
        "record": "All of it, as an array of one `OBSERVATION`.",
    }

    missed: int
    record: npt.NDArray[Any]

    def __init__(self, record: npt.NDArray[Any], missed: int = 0) -> None:
        self.record = record
        self.missed = missed
        self._server_stats: Statistics | None = None

    @property
    def sequence_id(self) -> int:
        """Its number: 1 for the first of the region, one more for each."""
        return int(self.record["sequence_id"])

    @property
    def timestamp(self) -> float:
        """When it was made, in seconds since 1970."""
        return int(self.record["timestamp_us"]) / 1e6

    @property
    def incarnation(self) -> int:
        """How many data planes the region has had, the one that wrote this included."""
        return int(self.record["incarnation"])

    @property
    def active_servers(self) -> list[int]:
        """The numbers of the servers that take flows."""
        bitmap = int(self.record["active_as_bitmap"])
        return [server for server in range(SERVERS) if bitmap >> server & 1]

    @property
    def servers(self) -> npt.NDArray[Any]:
        """All 64 servers, also those that take no flows: an array with fields ``n_flow_on`` and `FEATURES`.

        A view of `record`.
        """
        servers: npt.NDArray[Any] = self.record["as_stats"]
        return servers

    @property
    def features(self) -> npt.NDArray[np.float32]:
        """The features of all 64 servers as an array of 64 times 10, a view of `record`."""
        words = self.servers.view(np.float32)
        return words.reshape(SERVERS, -1)[:, 1:]

    @property
    def server_stats(self) -> Statistics:
        """The servers that take flows, by their numbers: ``n_flow_on`` and the features, by their names.

        Made when it is asked for first.
        """
        if self._server_stats is None:
            names, rows = SERVER.names or (), self.servers.tolist()
            self._server_stats = {
                server: dict(zip(names, rows[server], strict=True)) for server in self.active_servers
            }
        return self._server_stats

    def __getitem__(self, key: str) -> Any:
        if key not in KEYS:
            raise KeyError(key)
        return getattr(self, key)

    def __iter__(self) -> Iterator[str]:
        return iter(KEYS)

    def __len__(self) -> int:
        return len(KEYS)

    def __repr__(self) -> str:
        servers = len(self.active_servers)
        return f"<Observation {self.sequence_id}: {servers} active servers, {self.missed} missed before>"


def record_of(observation: Mapping[str, Any]) -> npt.NDArray[Any]:
    """Return the record of an observation, or of a mapping with the same keys."""
    if isinstance(observation, Observation):
        return observation.record
    if unknown := set(observation) - set(KEYS):
        msg = f"an observation has no {', '.join(map(repr, sorted(unknown)))}: it has {', '.join(KEYS)}"
        raise ValueError(msg)
    record = np.zeros((), OBSERVATION)
    statistics: Mapping[int, Mapping[str, float]] = observation.get("server_stats", {})
    active = {_checked(server) for server in observation.get("active_servers", statistics)}
    record["active_as_bitmap"] = sum(1 << server for server in active)
    record["timestamp_us"] = round(observation.get("timestamp", 0) * 1e6)
    servers = record["as_stats"]
    for server, values in statistics.items():
        for name, value in values.items():
            servers[name][_checked(server)] = value
    return record


def _checked(server: int) -> int:
    if not 0 <= server < SERVERS:
        msg = f"there is no server {server}: they are 0 to {SERVERS - 1}"
        raise ValueError(msg)
    return server
