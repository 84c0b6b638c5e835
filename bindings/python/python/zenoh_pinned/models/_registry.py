"""Models of this process, and their way to others."""

from __future__ import annotations

import json
import os
from typing import Any

from zenoh_pinned import _native
from zenoh_pinned._closing import Closing
from zenoh_pinned.models._weights import Weights


class Registry(Closing):
    """Models by name, each loaded once, however many ask.

    All models together have up to `max_bytes`, by default what this library may use on the host; the budget
    of the host bounds them too. One process may have leases on `session_bytes` of them. A model stays for
    `time_to_live` seconds after its last lease, for less when memory is short. Weights lie in shards of
    `shard_bytes`, which a worker registers one after the other when it copies them to a device. Whoever asks
    waits up to `patience` seconds for a load.

    >>> from zenoh_pinned import models
    >>> with models.Registry(max_bytes=1 << 30) as registry:
    ...     registry.add_source("ocr", "models/ocr.onnx")  # read when somebody asks
    ...     registry.statistics()["loads"]
    0
    """

    __slots__ = ("_native",)

    def __init__(
        self,
        *,
        max_bytes: int | None = None,
        session_bytes: int | None = None,
        shard_bytes: int = 256 << 20,
        time_to_live: float = 30.0,
        patience: float = 600.0,
    ) -> None:
        self._native = _native.ModelRegistry(max_bytes, session_bytes, shard_bytes, time_to_live, patience)

    def add_source(self, model: str, source: str | os.PathLike[str]) -> None:
        """Say where the file of a model is, which is read when somebody asks for it."""
        self._native.add_source(model, os.fspath(source))

    def load(self, model: str, source: str | os.PathLike[str] | None = None) -> Weights:
        """Return a lease on a model, which is loaded from `source` unless it is there. Raise as `attach`."""
        return Weights(self._native.load(model, None if source is None else os.fspath(source)))

    def unload(self, model: str) -> int:
        """Give up a model, at once or with its last lease: how many are left. Raise `NotLoaded`."""
        return self._native.unload(model)

    def statistics(self) -> dict[str, Any]:
        """Return what is there and what has been done."""
        read: dict[str, Any] = json.loads(self._native.statistics())
        return read

    def close(self) -> None:
        """Give up all models; leases go on until they end."""
        self._native.close()


class Server(Closing):
    """Serves a `Registry` to the other processes of this user, until it is closed. Leases go on without it.

    >>> import os
    >>> from zenoh_pinned import models
    >>> name = f"example-{os.getpid()}"
    >>> with models.Registry() as registry, models.Server(registry, name):
    ...     models.statistics(server=name)["loads"]
    0
    """

    __slots__ = ("_native",)

    def __init__(self, registry: Registry, name: str = "default") -> None:
        self._native = _native.ModelServer(registry._native, name)

    @property
    def place(self) -> str:
        """The path of its socket."""
        return self._native.place

    def close(self) -> None:
        """Serve no more."""
        self._native.close()
