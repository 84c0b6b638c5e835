"""Sessions on zenoh."""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any, Literal

from zenoh_pinned import _native
from zenoh_pinned._closing import Closing
from zenoh_pinned._listener import Listener, require_callable
from zenoh_pinned._publisher import Publisher
from zenoh_pinned._subscriber import Subscriber

if TYPE_CHECKING:
    from zenoh_pinned._frame import Frame


class Session(Closing):
    """A zenoh session whose received frames can go straight to a device.

    `config` is a zenoh configuration: a mapping, JSON5 text, a `pathlib.Path` of a file, or a
    ``zenoh.Config`` of the package ``eclipse-zenoh``. `device` is where received frames are to be copied, if
    anywhere: ``"cuda:0"``, a number, or ``"auto"`` for the first CUDA device where there is one. The segments
    that frames arrive in are then registered in the background, as soon as they are attached. Opening waits
    for what the configuration says (``connect/timeout_ms``, ``scouting/timeout``), but no longer than
    `timeout` seconds.

    A session may be used from any thread, and in a ``with`` statement, which closes it.

    Raise ``TypeError`` or ``ValueError`` for a configuration that is none, ``OSError`` for a file that cannot
    be read, `NoDevice` where there is no such device, ``TimeoutError`` where zenoh does not open in time, and
    ``ConnectionError`` where it cannot. Raise ``RuntimeError`` where the system gives zenoh no threads, and
    in a process that was forked from one that had opened a session: start such processes with the methods
    ``"spawn"`` or ``"forkserver"``.

    >>> import zenoh_pinned
    >>> alone = {"scouting": {"multicast": {"enabled": False}}}
    >>> with zenoh_pinned.Session(alone) as session:
    ...     subscriber = session.declare_subscriber("camera/image")
    ...     publisher = session.declare_publisher("camera/image", frame_bytes=4096)
    ...     publisher.put(b"a frame")
    ...     bytes(subscriber.recv(timeout=10))
    b'a frame'
    """

    __slots__ = ("_native",)

    def __init__(
        self,
        config: Mapping[str, Any] | str | os.PathLike[str] | object | None = None,
        *,
        device: int | str | object | None = None,
        timeout: float = 30.0,
    ) -> None:
        file = os.fspath(config) if isinstance(config, os.PathLike) else None
        if file is not None:
            # Raises Python's own errors, with the name.
            os.stat(file)
        text = None if config is None or file is not None else _json5(config)
        self._native = _native.Session(text, file, device, timeout)

    def declare_publisher(
        self,
        key: str,
        frame_bytes: int | None = None,
        *,
        slots: int = 8,
        max_bytes: int | None = None,
        wait: float = 1.0,
        pool: _native.Pool | None = None,
        alone: bool = False,
        line: bool = True,
    ) -> Publisher:
        """Return a publisher of frames of up to `frame_bytes` bytes, in a pool of `slots` slots of its own.

        `max_bytes` bounds the pool's shared memory. `wait` is for how many seconds an allocation waits for a
        slot while all are in use, and a put for a subscriber that refuses to lose frames. With `pool`, the
        publisher uses that one, which several may share.

        With `alone` you say that nobody else publishes on this key, on any machine, as is so for most
        sensors: then subscribers of this library on this host need no zenoh, and a frame for nobody else
        costs one wake-up in all. What others publish there all the same may be missed by them. Attachments
        are then at most 456 bytes. On a key with wildcards it has no effect. `line` is whether frames may go
        by lines at all; the environment variable ``ZENOH_PINNED_LINE=off`` says no for everybody.

        Raise as `Pool`, ``ValueError`` for a key expression that is none, and ``TypeError`` unless one of
        `frame_bytes` and `pool` is given.
        """
        if pool is None:
            if frame_bytes is None:
                msg = "a publisher needs frame_bytes, the size of its largest frame in bytes, or a pool"
                raise TypeError(msg)
            pool = _native.Pool(frame_bytes, slots, max_bytes=max_bytes, wait=wait, name=key[:48])
        elif frame_bytes is not None:
            msg = "give frame_bytes or a pool, not both: a pool knows the size of its slots"
            raise TypeError(msg)
        return Publisher(self._native.declare_publisher(key, pool, wait, alone, line), pool)

    def declare_subscriber(
        self,
        key: str,
        *,
        capacity: int = 4,
        overflow: Literal["drop_oldest", "refuse"] = "drop_oldest",
        line: bool = True,
    ) -> Subscriber:
        """Return a subscriber that keeps up to `capacity` frames until they are taken.

        So many of each publisher that has a line, and of all others together. The oldest one makes room for a
        newer one, so with 1 it is always the newest. Each keeps a slot of its producer, so `capacity` should
        be less than the number of slots there. With `overflow` ``"refuse"`` publishers wait instead, as long
        as they wait for a slot, and then raise `LineFull`: nothing that comes by a line is lost. `line` is
        whether frames may come by lines at all; the environment variable ``ZENOH_PINNED_LINE=off`` says no
        for everybody.

        Raise ``ValueError`` for a key expression that is none.
        """
        return Subscriber(self._native.declare_subscriber(key, capacity, overflow, line))

    def listen(
        self,
        key: str,
        callback: Callable[[Frame], object],
        *,
        capacity: int = 4,
        overflow: Literal["drop_oldest", "refuse"] = "drop_oldest",
        line: bool = True,
    ) -> Listener:
        """Call `callback` with each frame, on a thread of its own, until the listener or session is closed.

        The other arguments are as with `declare_subscriber`. What the callback raises goes to
        `sys.unraisablehook`.

        Raise ``ValueError`` for a key expression that is none, and ``TypeError`` for a callback that cannot
        be called or would have to be awaited.
        """
        require_callable(callback)
        subscriber = self.declare_subscriber(key, capacity=capacity, overflow=overflow, line=line)
        return Listener(subscriber, callback)

    @property
    def zid(self) -> str:
        """The identity of the session in the network."""
        return self._native.zid

    def close(self) -> None:
        """Close the session. Its subscribers raise ``ConnectionError`` once they are empty."""
        self._native.close()


def native_of(session: object) -> _native.Session:
    """Return the native part of a session."""
    if not isinstance(session, Session):
        msg = f"a session is a zenoh_pinned.Session, not {type(session).__name__}"
        raise TypeError(msg)
    return session._native


def _json5(config: object) -> str:
    if isinstance(config, str):
        if os.path.isfile(config):
            msg = f"to read the configuration from a file write pathlib.Path({config!r})"
            raise ValueError(msg)
        return config
    if isinstance(config, Mapping):
        return json.dumps(dict(config))
    if hasattr(config, "insert_json5"):
        # A ``zenoh.Config``, which prints all of itself.
        return str(config)
    msg = (
        "a configuration is a mapping, JSON5 text, a pathlib.Path of a file, or a zenoh.Config, "
        f"not {type(config).__name__}"
    )
    raise TypeError(msg)
