"""The weights of a server, for this process."""

from __future__ import annotations

import functools
import json
import os
from typing import Any

from zenoh_pinned import _native
from zenoh_pinned.models._weights import Weights


@functools.lru_cache(maxsize=64)
def _models(_pid: int, server: str, patience: float, compare: bool, fall_back: bool) -> _native.Models:
    # A forked child asks anew; those who ask alike share what they have learnt.
    return _native.Models(server, patience, compare, fall_back)


def attach(
    model: str,
    source: str | os.PathLike[str] | None = None,
    *,
    server: str = "default",
    patience: float = 600.0,
    compare: bool = True,
    fall_back: bool = True,
) -> Weights:
    """Return a lease on a model's weights, which a server loads from `source` unless it has them already.

    All who ask alike in this process share one lease. The wait for a load takes up to `patience` seconds. The
    bytes are compared with their checksums when a lease begins; without `compare` that takes the same time
    whatever their size. Where no server answers, the file is loaded into this process if `fall_back`, and
    `Weights.reason` says so; who asks next asks for the server again.

    Raise ``ValueError`` for a name that cannot be one, `NotLoaded` where no file is known, `FormatError`,
    `ReadError`, `CapacityError`, `OverQuota`, `ChangedError`, `LoadTimeout`, and `NoServer`.

    >>> from zenoh_pinned import models
    >>> def kernels():
    ...     weights = models.attach("ocr", "models/ocr.onnx")
    ...     return {name: weights[name].numpy() for name in weights}
    """
    native = _models(os.getpid(), server, patience, compare, fall_back)
    path = None if source is None else os.fspath(source)
    return Weights(native.attach(model, path))


def unload(model: str, *, server: str = "default") -> int:
    """Have the server give up a model, at once or with its last lease, and return how many are left.

    Raise `NotLoaded` or `NoServer`.

    >>> from zenoh_pinned import models
    >>> try:
    ...     models.unload("ocr", server="nobody")
    ... except models.NoServer:
    ...     print("there is nothing to give up")
    there is nothing to give up
    """
    return _models(os.getpid(), server, 600.0, True, True).unload(model)


def statistics(*, server: str = "default") -> dict[str, Any]:
    """Return what a server has and has done, as ``/api/models`` shows it. Raise `NoServer`.

    >>> from zenoh_pinned import models
    >>> def loaded():
    ...     return [model["model"] for model in models.statistics()["models"]]
    """
    native = _models(os.getpid(), server, 600.0, True, True)
    read: dict[str, Any] = json.loads(native.statistics())
    return read
