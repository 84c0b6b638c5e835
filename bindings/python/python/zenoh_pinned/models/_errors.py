"""Why there are no weights."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal

if TYPE_CHECKING:
    from collections.abc import Sequence

Kind = Literal[
    "models",
    "not_loaded",
    "other_source",
    "format",
    "read",
    "capacity",
    "over_quota",
    "changed",
    "busy",
    "timed_out",
    "interrupted",
    "ending",
    "forked",
    "no_server",
    "attach",
]


class ModelsError(Exception):
    """There are no weights; the message says why, and what to do.

    >>> from zenoh_pinned import models
    >>> def weights_of(model):
    ...     try:
    ...         return models.attach(model)
    ...     except models.ModelsError as error:
    ...         print(error.kind, error)
    """

    kind: Kind = "models"
    """The kind of reason, for programs."""


class NotLoaded(ModelsError, LookupError):
    """The model is not loaded, and nobody has said where its file is.

    >>> from zenoh_pinned import models
    >>> with models.Registry() as registry:
    ...     try:
    ...         registry.load("ocr")
    ...     except models.NotLoaded:
    ...         print("from which file?")
    from which file?
    """

    kind: Kind = "not_loaded"


class OtherSource(ModelsError, ValueError):
    """The model was loaded from another file.

    >>> from zenoh_pinned import models
    >>> issubclass(models.OtherSource, ValueError)
    True
    """

    kind: Kind = "other_source"
    loaded_from: str = ""
    """The path of that file."""


class FormatError(ModelsError, ValueError):
    """The file is not one that can be used: the message says what in it is wrong.

    >>> from zenoh_pinned import models
    >>> issubclass(models.FormatError, ValueError)
    True
    """

    kind: Kind = "format"


class ReadError(ModelsError, OSError):
    """The file could not be read to its end, or somebody wrote to it meanwhile.

    >>> from zenoh_pinned import models
    >>> issubclass(models.ReadError, OSError)
    True
    """

    kind: Kind = "read"


class CapacityError(ModelsError, MemoryError):
    """There is no memory for the model, although all weights without a lease have gone.

    >>> from zenoh_pinned import models
    >>> def tell(error: models.CapacityError) -> None:
    ...     print(f"{error.needed_bytes - error.free_bytes} bytes too many")
    ...     for model, nbytes, pids in error.holders:
    ...         print(f"{model}: {nbytes} bytes, held by {pids}")
    """

    kind: Kind = "capacity"
    needed_bytes: int = 0
    """Bytes that the model needs."""
    free_bytes: int = 0
    """Bytes that are free, as far as the bound of the registry goes."""
    holders: Sequence[tuple[str, int, Sequence[int]]] = ()
    """The models that stay: name, bytes, and the processes that have leases."""


class OverQuota(ModelsError):
    """This process would have leases on more bytes than a session may.

    >>> from zenoh_pinned import models
    >>> def tell(error: models.OverQuota) -> None:
    ...     print(f"{error.leased_bytes} of {error.quota_bytes} are leased already")
    """

    kind: Kind = "over_quota"
    needed_bytes: int = 0
    """Bytes of the model."""
    leased_bytes: int = 0
    """Bytes of the models that this process has leases on."""
    quota_bytes: int = 0
    """How many it may have."""


class ChangedError(ModelsError):
    """A program has written into the weights. Asked for again they are loaded anew.

    >>> from zenoh_pinned import models
    >>> issubclass(models.ChangedError, models.ModelsError)
    True
    """

    kind: Kind = "changed"
    shard: int | None = 0
    """Which shard it was; ``None`` for the table of what lies where."""


class LoadTimeout(ModelsError, TimeoutError):
    """The model was not there in time. Its load goes on.

    >>> from zenoh_pinned import models
    >>> issubclass(models.LoadTimeout, TimeoutError)
    True
    """

    kind: Kind = "timed_out"


class NoServer(ModelsError, ConnectionError):
    """No server of models answers, and no file is known to load the model from in its place.

    >>> from zenoh_pinned import models
    >>> try:
    ...     models.attach("ocr", server="nobody")
    ... except models.NoServer:
    ...     print("start one: zenoh-pinned models serve")
    start one: zenoh-pinned models serve
    """

    kind: Kind = "no_server"


class AttachError(ModelsError):
    """The server could not share the weights.

    >>> from zenoh_pinned import models
    >>> issubclass(models.AttachError, models.ModelsError)
    True
    """

    kind: Kind = "attach"


_BY_KIND: dict[str, type[ModelsError]] = {
    error.kind: error
    for error in (
        NotLoaded,
        OtherSource,
        FormatError,
        ReadError,
        CapacityError,
        OverQuota,
        ChangedError,
        LoadTimeout,
        NoServer,
        AttachError,
    )
}


def error_of(kind: str, text: str, attributes: dict[str, Any]) -> ModelsError:
    """Make the error of a kind. The native part calls this."""
    error = _BY_KIND.get(kind, ModelsError)(text)
    if type(error) is ModelsError:
        attributes = {"kind": kind, **attributes}
    for name, value in attributes.items():
        setattr(error, name, value)
    return error
