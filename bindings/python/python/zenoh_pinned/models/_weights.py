"""Weights: a mapping of names to tensors in shared memory."""

from __future__ import annotations

import importlib
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from zenoh_pinned._tensor import Tensor

if TYPE_CHECKING:
    from collections.abc import Iterator

    from zenoh_pinned import DeviceBuffer, _native
    from zenoh_pinned._frame import Frame


@dataclass(frozen=True)
class Port:
    """An input or output of a model's graph.

    >>> from zenoh_pinned import models
    >>> models.Port("image", "float32", (None, 3, 640, 640)).shape
    (None, 3, 640, 640)
    """

    name: str
    dtype: str | None
    """The name of its type; ``None`` for texts, and for what has no such type."""
    shape: tuple[int | None, ...] | None
    """``None`` for a length that the model leaves open, and for a rank that it does."""


class Weights(Mapping[str, Tensor]):
    """A lease on a model's weights: the tensors by their names, where they lie.

    Every `Tensor` is read-only, with its type and shape; nothing is copied. All processes of the host
    share the memory, and each view of it keeps the lease. It ends when the last one has gone, or with the
    process.

    >>> import json, pathlib, tempfile
    >>> from zenoh_pinned import models
    >>> header = json.dumps({"scale": {"dtype": "F32", "shape": [2], "data_offsets": [0, 8]}}).encode()
    >>> with tempfile.TemporaryDirectory() as folder, models.Registry() as registry:
    ...     path = pathlib.Path(folder) / "m.safetensors"
    ...     _ = path.write_bytes(len(header).to_bytes(8, "little") + header + bytes(8))
    ...     weights = registry.load("m", path)
    >>> weights["scale"].numpy()
    array([0., 0.], dtype=float32)
    >>> list(weights), weights.nbytes
    (['scale'], 8)
    """

    __slots__ = ("_native", "_places")

    def __init__(self, native: _native.ModelWeights) -> None:
        self._native = native
        self._places = {place[0]: place[1:] for place in native.places()}

    def __getitem__(self, name: str) -> Tensor:
        """Return the tensor of this name. Raise ``KeyError`` where the model has none."""
        dtype, shape, *_ = self._places[name]
        return Tensor(self._native.tensor(name), tuple(shape), dtype)

    def __iter__(self) -> Iterator[str]:
        return iter(self._places)

    def __len__(self) -> int:
        return len(self._places)

    def __contains__(self, name: object) -> bool:
        return name in self._places

    def __repr__(self) -> str:
        return f"<Weights of {self.model!r}: {len(self)} tensors, {self.nbytes} bytes>"

    # A mapping compares all values; two leases are the same or are not.
    def __eq__(self, other: object) -> bool:
        return self is other

    def __hash__(self) -> int:
        return id(self)

    @property
    def model(self) -> str:
        """The model's name."""
        return self._native.model

    @property
    def nbytes(self) -> int:
        """How many bytes of shared memory the weights have."""
        return self._native.nbytes

    @property
    def shards(self) -> tuple[Frame, ...]:
        """The memory as it is: each shard, a segment of its own, as bytes."""
        return tuple(self._native.shard(number) for number in range(self._native.shards))

    @property
    def graph(self) -> Frame | None:
        """The graph without its weights, for formats that have one.

        That is an ONNX model whose larger initializers are external data of the tensors' names.
        """
        return self._native.graph()

    @property
    def metadata(self) -> dict[str, str]:
        """What the file says about itself."""
        return self._native.metadata

    @property
    def inputs(self) -> tuple[Port, ...]:
        """What the graph wants; nothing for formats without one."""
        return _ports(self._native.ports[0])

    @property
    def outputs(self) -> tuple[Port, ...]:
        """What the graph gives."""
        return _ports(self._native.ports[1])

    @property
    def reason(self) -> str | None:
        """Why this process has the weights for itself; ``None`` where all of the host share them."""
        return self._native.reason

    def first_changed_shard(self) -> int | None:
        """Read all of it once: which shard is not what was loaded any more, if any."""
        return self._native.first_changed_shard()

    def to_device(self, device: object = "cuda") -> list[DeviceBuffer]:
        """Copy each shard to a device, and wait.

        Each is registered for its copy alone, and given back at once, so that this process's budget has to
        have room for one shard only. Raise `NoDevice` where there is no such device, and `CudaError`.
        """
        return self._native.to_device(device)

    def state_dict(self, device: object = "cpu") -> dict[str, Any]:
        """Return all tensors as torch's, on the CPU where they lie, or on a device.

        On the CPU nothing is copied: torch has no read-only tensors, and whoever writes into these ends the
        process. On a device each shard is copied once, by one DMA, and the tensors are views of it.

        Raise ``ImportError`` without torch, and as `to_device`.
        """
        torch = importlib.import_module("torch")
        if torch.device(device).type == "cpu":
            shards = [torch.from_dlpack(shard) for shard in self.shards]
        else:
            shards = [torch.from_dlpack(shard) for shard in self.to_device(device)]
        return {
            name: _tensor_of(torch, shards[shard], dtype, shape, offset, nbytes)
            for name, (dtype, shape, shard, offset, nbytes) in self._places.items()
        }


def _tensor_of(torch: Any, shard: Any, dtype: str, shape: list[int], offset: int, nbytes: int) -> Any:
    return shard[offset : offset + nbytes].view(getattr(torch, dtype)).reshape(shape)


def _ports(ports: list[tuple[str, str | None, list[int | None] | None]]) -> tuple[Port, ...]:
    return tuple(Port(name, dtype, None if shape is None else tuple(shape)) for name, dtype, shape in ports)
