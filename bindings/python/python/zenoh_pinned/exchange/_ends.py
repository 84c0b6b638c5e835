"""The three ends of a load balancer's region."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
from zenoh_pinned import _native
from zenoh_pinned._closing import Closing
from zenoh_pinned.exchange._action import Action
from zenoh_pinned.exchange._observation import Observation, record_of
from zenoh_pinned.exchange._records import (
    ACTION,
    OBSERVATION,
    RESERVOIR,
    Reservoir,
    record_of_samples,
    reservoir_of,
)

if TYPE_CHECKING:
    from collections.abc import Callable

    import numpy.typing as npt
    from typing_extensions import Buffer

    Metric = Literal["fct", "flow_duration"]


def _observation(read: Callable[[npt.NDArray[Any]], int | None]) -> Observation | None:
    record = np.empty((), OBSERVATION)
    missed = read(record)
    return None if missed is None else Observation(record, missed)


def _action(read: Callable[[npt.NDArray[Any]], bool]) -> Action | None:
    record = np.empty((), ACTION)
    return Action(record) if read(record) else None


def _reservoir(
    read: Callable[[int, str, npt.NDArray[Any]], bool], server: int, metric: Metric
) -> Reservoir | None:
    record = np.empty((), RESERVOIR)
    return reservoir_of(record) if read(server, metric, record) else None


class Exchange(_native.AgentEnd, Closing):
    """The agent's end of a region: it reads observations, and answers them with weights.

    The data plane makes the region; there is one agent at a time. It stays attached when the data plane
    ends and another one takes its place (`Observation.incarnation` rises then), and an agent that dies is
    followed by the next one that opens this.

    Raise `RegionNotFound` where there is no region of this name, `RegionNotAllowed` where this user may
    not, and `RegionError` where there is an agent already, or what has the name is something else.

    >>> from zenoh_pinned.exchange import DataPlane, Exchange
    >>> data_plane = DataPlane("marllb_lb0")  # in another process, mostly in C
    >>> number = data_plane.write_observation({"active_servers": [0, 1, 2]})
    >>> with Exchange("marllb_lb0") as x:
    ...     obs = x.read_observation()
    ...     if obs is not None:
    ...         x.write_action(obs.sequence_id, [1.0 / (1 + n) for n in obs.servers["n_flow_on"]])
    ...     print(x.read_observation())
    None
    >>> data_plane.close()
    """

    __slots__ = ("__weakref__",)

    def read_observation(self) -> Observation | None:
        """Return the newest observation, or `None` where it has been read. Never waits."""
        return _observation(self._read_observation)

    def read_reservoir(self, server: int, metric: Metric) -> Reservoir | None:
        """Return the samples of a server, or `None` where they have been read, or there are none."""
        return _reservoir(self._read_reservoir, server, metric)


class Observer(_native.ObserverEnd, Closing):
    """A reader's end of a region, which maps it read-only. There can be any number.

    It raises what `Exchange` does when it is opened.

    >>> from zenoh_pinned.exchange import DataPlane, Observer
    >>> with DataPlane("lb_watched") as data_plane:
    ...     with Observer("lb_watched") as observer:
    ...         number = data_plane.write_observation({"active_servers": [0]})
    ...         observer.read_observation()
    <Observation 1: 1 active servers, 0 missed before>
    """

    __slots__ = ("__weakref__",)

    def read_observation(self) -> Observation | None:
        """Return the newest observation, or `None` where it has been read. Never waits."""
        return _observation(self._read_observation)

    def read_action(self) -> Action | None:
        """Return the newest action as the agent wrote it, unchecked, or `None` where it has been read."""
        return _action(self._read_action)

    def read_reservoir(self, server: int, metric: Metric) -> Reservoir | None:
        """Return the samples of a server, or `None` where they have been read, or there are none."""
        return _reservoir(self._read_reservoir, server, metric)


class DataPlane(_native.DataPlaneEnd, Closing):
    """The data plane's end, which makes the region: for simulations and tests of an agent.

    `mode` are the permissions of the region's file: an agent that runs as another user of the file's group
    needs 0o660. With `reservoirs` there is room for raw samples. A region that another data plane has left
    is taken over: numbers go on, and whoever has it attached stays so.

    Raise `RegionError` where there is a data plane already, ``/dev/shm`` is full or the name is something
    else's, `RegionNotAllowed` where it is another user's, and ``ValueError`` for a name or a mode that is
    none.

    >>> import numpy
    >>> from zenoh_pinned.exchange import OBSERVATION, DataPlane
    >>> with DataPlane("lb_simulated", mode=0o660) as data_plane:
    ...     observation = numpy.zeros((), OBSERVATION)
    ...     observation["active_as_bitmap"] = 0b11
    ...     observation["as_stats"]["n_flow_on"][:2] = [7, 9]
    ...     data_plane.write_observation(observation)
    1
    """

    __slots__ = ("__weakref__",)

    def write_observation(self, observation: Mapping[str, Any] | npt.NDArray[Any] | Buffer) -> int:
        """Write an observation, and return its number. Never waits.

        It is an array of one `OBSERVATION`, anything else of as many bytes, an `Observation`, or a mapping
        with the keys of one, all of which may be left out. The number, the incarnation and how many servers
        are active are put into what is written, and the time where it is 0.
        """
        if isinstance(observation, Mapping):
            return self._write_observation(record_of(observation))
        return self._write_observation(observation)

    def read_action(self) -> Action | None:
        """Return the newest action, or `None` where there is no new one. Never waits.

        It has been checked against the servers of the observation that was written last. Raise
        `ActionRefused` where it cannot be used: go on with the one before.
        """
        return _action(self._read_action)

    def write_reservoir(
        self,
        server: int,
        metric: Metric,
        values: npt.ArrayLike,
        timestamps_us: npt.ArrayLike | None = None,
        seen: int | None = None,
    ) -> None:
        """Write the samples of a server, up to 128.

        `seen` is how many flows they were drawn from, by default as many. Raise ``ValueError`` where the
        region was made without reservoirs, or there is no such server or metric.
        """
        self._write_reservoir(server, metric, record_of_samples(values, timestamps_us, seen))
