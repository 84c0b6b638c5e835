"""Why an exchange does not do what it was asked."""

from __future__ import annotations

from typing import Literal

Reason = Literal[
    "not_there",
    "not_allowed",
    "writer_alive",
    "other_layout",
    "not_a_region",
    "no_space",
    "system",
    "malformed",
    "refused",
    "closed",
    "forked",
]


class ExchangeError(Exception):
    """An exchange does not do what it was asked; the message says why, and what to do.

    The class itself is raised where what lies in the region is none of this library's writing.

    >>> from zenoh_pinned.exchange import Exchange, ExchangeError
    >>> try:
    ...     exchange = Exchange("no_such_region")
    ... except ExchangeError as error:
    ...     print(error.reason)
    not_there
    """

    reason: Reason = "malformed"
    """The kind of reason, for programs."""


class RegionError(ExchangeError, OSError):
    """A region cannot be made or attached.

    It has its writer already, is one of another layout or no region at all, ``/dev/shm`` is full, or a system
    call failed; `reason` says which, and ``errno`` where the system has a number for it.

    >>> from zenoh_pinned.exchange import DataPlane, RegionError
    >>> with DataPlane("lb_of_regions"):
    ...     try:
    ...         second = DataPlane("lb_of_regions")
    ...     except RegionError as error:
    ...         print(error.reason)
    writer_alive
    """

    reason: Reason = "system"


class RegionNotFound(RegionError, FileNotFoundError):
    """There is no region of this name: the data plane, which makes it, has not been started.

    >>> from zenoh_pinned.exchange import Exchange
    >>> try:
    ...     exchange = Exchange("no_such_region")
    ... except FileNotFoundError:
    ...     print("not yet")
    not yet
    """

    reason: Reason = "not_there"


class RegionNotAllowed(RegionError, PermissionError):
    """The region is another user's, or its mode does not let this one in.

    >>> from zenoh_pinned.exchange import Exchange
    >>> try:
    ...     exchange = Exchange("lb_of_root")
    ... except PermissionError as error:
    ...     print(error)
    ... except FileNotFoundError:
    ...     pass
    """

    reason: Reason = "not_allowed"


class ActionRefused(ExchangeError):
    """A data plane does not use what it read; the action that it has stays good.

    It happens in good order too: where a server stops taking flows, an action that was on its way then
    names it still.

    >>> from zenoh_pinned.exchange import ActionRefused, DataPlane
    >>> action = None
    >>> with DataPlane("lb_of_refusals") as data_plane:
    ...     try:
    ...         action = data_plane.read_action() or action
    ...     except ActionRefused as error:
    ...         print(error)
    """

    reason: Reason = "refused"


class ExchangeClosed(ExchangeError, ConnectionError):
    """This end was closed.

    >>> from zenoh_pinned.exchange import DataPlane, ExchangeClosed
    >>> data_plane = DataPlane("lb_closed")
    >>> data_plane.close()
    >>> try:
    ...     data_plane.read_action()
    ... except ExchangeClosed as error:
    ...     print(error)
    this end of the exchange is closed: open it again
    """

    reason: Reason = "closed"


class ExchangeForked(ExchangeError, RuntimeError):
    """This end was opened before this process was forked, and belongs to its parent: open another one here.

    >>> import os
    >>> from zenoh_pinned.exchange import DataPlane, ExchangeForked
    >>> with DataPlane("lb_forked") as data_plane:
    ...     pid = os.fork()
    ...     if pid == 0:
    ...         try:
    ...             data_plane.write_observation({"active_servers": [0]})
    ...         except ExchangeForked:
    ...             os._exit(7)
    ...         os._exit(0)
    ...     os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
    7
    """

    reason: Reason = "forked"
