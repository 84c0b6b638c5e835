"""The native part of `zenoh_pinned`."""

import datetime
from collections.abc import Sequence
from typing import Any, Literal, final

import numpy as np
import numpy.typing as npt
from typing_extensions import Buffer, Self, disjoint_base
from zenoh_pinned._frame import Frame

__version__: str

def set_frame_class(class_: type[Frame]) -> None: ...
def numpy_dtype(dtype: npt.DTypeLike) -> np.dtype[Any]: ...
def tensor_frame(object: object, pool: Pool | None, zero_copy: bool | None) -> Frame:
    """The elements of an array, a buffer or a DLPack tensor as a frame in shared memory."""

def end_traces() -> None: ...

class PoolFull(TimeoutError):
    """Every slot of a pool stayed in use for as long as the call was allowed to wait.

    >>> import zenoh_pinned
    >>> with zenoh_pinned.Session({"scouting": {"multicast": {"enabled": False}}}) as session:
    ...     publisher = session.declare_publisher("camera/image", frame_bytes=4096, slots=1)
    ...     held = publisher.allocate(4096)
    ...     try:
    ...         publisher.put(b"another frame", timeout=0.1)
    ...     except zenoh_pinned.PoolFull:
    ...         print("dropped")
    dropped
    """

class LineFull(PoolFull):
    """A subscriber that refuses to lose frames had no room for as long as the call was allowed to wait.

    The message names its process. Nobody got the frame.

    >>> import zenoh_pinned
    >>> with zenoh_pinned.Session({"scouting": {"multicast": {"enabled": False}}}) as session:
    ...     publisher = session.declare_publisher("camera/image", frame_bytes=4096)
    ...     try:
    ...         publisher.put(b"a frame", timeout=0.1)
    ...     except zenoh_pinned.LineFull as error:
    ...         print(error)
    """

class NotOnTheLine(ConnectionError):
    """A publisher that is alone on its key cannot hand this frame over by a line, and has no other way.

    Its attachment is too long for one, say. Nobody got the frame.

    >>> import zenoh_pinned
    >>> with zenoh_pinned.Session({"scouting": {"multicast": {"enabled": False}}}) as session:
    ...     publisher = session.declare_publisher("camera/image", frame_bytes=4096, alone=True)
    ...     try:
    ...         publisher.put(b"a frame", attachment=b"beside it")
    ...     except zenoh_pinned.NotOnTheLine as error:
    ...         print(error)
    """

class OverBudget(MemoryError):
    """A pool or message would need more memory than its bound, the host's or a cgroup's allows.

    >>> import zenoh_pinned
    >>> try:
    ...     pool = zenoh_pinned.Pool(slot_bytes=1 << 20, slots=8, max_bytes=4 << 20)
    ... except zenoh_pinned.OverBudget:
    ...     pool = zenoh_pinned.Pool(slot_bytes=1 << 20, slots=3, max_bytes=4 << 20)
    """

class NoDevice(RuntimeError):
    """There is no such CUDA device here, or no driver; the message says which.

    >>> import zenoh_pinned
    >>> try:
    ...     image = zenoh_pinned.to_device(b"a frame", "cuda:99")
    ... except zenoh_pinned.NoDevice:
    ...     image = zenoh_pinned.frame(b"a frame", "cpu")
    """

class CudaError(RuntimeError):
    """A call into the CUDA driver failed; the message names the call.

    >>> import zenoh_pinned
    >>> try:
    ...     image = zenoh_pinned.to_device(frame, "cuda:0")
    ... except zenoh_pinned.CudaError as error:
    ...     print(error)
    """

class FrameRefused(BufferError):
    """A received payload is not what it claims to be, and was not read.

    >>> import zenoh_pinned
    >>> try:
    ...     frame = subscriber.recv(timeout=1)
    ... except zenoh_pinned.FrameRefused as error:
    ...     print(error)  # the next one can be received
    """

class NotInSharedMemory(ValueError):
    """The elements lie in no slot of shared memory, and were to be used where they lie.

    The message says what they lie in.

    >>> import numpy, zenoh_pinned
    >>> try:
    ...     tensor = zenoh_pinned.Tensor.from_numpy(numpy.zeros(3), zero_copy=True)
    ... except zenoh_pinned.NotInSharedMemory:
    ...     pool = zenoh_pinned.Pool(slot_bytes=4096)
    ...     tensor = zenoh_pinned.Tensor.from_numpy(numpy.zeros(3), pool)  # by one copy
    """

@final
class FallbackReason:
    """Why a shorter way to the device was not taken: a fact about this process at that moment, not an error.

    ``str(reason)`` says it in words, with what to do about it where something can be done. Two reasons are
    equal where they are of the same kind and say the same.

    >>> import zenoh_pinned
    >>> zenoh_pinned.frame(b"a frame", "cpu").reason.code
    'host_only'
    """

    @property
    def code(
        self,
    ) -> Literal[
        "host_only",
        "no_driver",
        "no_device",
        "unsupported",
        "driver_unusable",
        "driver",
        "over_budget",
        "over_cgroup",
        "unaccounted",
        "registration_pending",
        "registration_contended",
        "not_shared_memory",
        "locked_memory_limit",
        "no_segments",
        "shared_memory_full",
        "not_attachable",
        "pages_missing",
        "staging_busy",
        "context_lost",
        "forked",
        "exiting",
    ]:
        """The kind of reason, for programs."""

class Exporter:
    """Gives frames the buffer protocol."""

    def __buffer__(self, flags: int, /) -> memoryview: ...

class Lending(np.ndarray[Any, np.dtype[Any]]):
    """An array that lends its buffer through views of it."""

@disjoint_base
class FrameBase:
    def __new__(cls, handle: object = None) -> Self: ...
    @property
    def path(self) -> Literal["direct", "staged", "pageable", "host"]:
        """The way of the bytes to the device: the one that they took, or before a copy would take."""
    @property
    def reason(self) -> FallbackReason | None:
        """Why the way is not the direct one; `None` where it is."""
    @property
    def is_shared(self) -> bool:
        """Whether the bytes arrived in shared memory, that is, without a copy."""
    @property
    def nbytes(self) -> int:
        """The size in bytes."""
    @property
    def shape(self) -> tuple[int, ...]:
        """The sizes of the dimensions, in elements, in row-major order."""
    @property
    def strides(self) -> tuple[int, ...]:
        """The bytes from one element to the next of each dimension."""
    @property
    def dtype(self) -> str:
        """The type of the elements, as NumPy names it."""
    @property
    def key(self) -> str | None:
        """The key expression that it was published on; `None` where no `Subscriber` received it."""
    @property
    def attachment(self) -> bytes | None:
        """What was published beside it."""
    @property
    def timestamp(self) -> datetime.datetime | None:
        """The publisher's time, where its session stamps."""
    def view(self, shape: int | Sequence[int], dtype: npt.DTypeLike | None = None) -> Frame:
        """Return a frame of the same bytes with another shape and type.

        One size may be -1: it is what the others leave. Raise ``ValueError`` where these do not fit the
        bytes. Nothing is copied, and either keeps them.
        """
    def __len__(self) -> int: ...
    @property
    def __array_interface__(self) -> dict[str, Any]: ...
    def __dlpack__(
        self,
        *,
        stream: None = None,
        max_version: tuple[int, int] | None = None,
        dl_device: tuple[int, int] | None = None,
        copy: bool | None = None,
    ) -> Any: ...
    def __dlpack_device__(self) -> tuple[int, int]: ...

@final
class Shown:
    @property
    def __array_interface__(self) -> dict[str, Any]: ...

@final
class Slot:
    def show(self) -> Shown:
        """Return what NumPy makes a writable array of; it keeps the memory for as long as it exists.

        Raise ``ValueError`` where the slot has been sent or released.
        """
    def release(self) -> None:
        """Give the slot back unsent, as soon as nothing shows it. One that was sent stays so."""

@final
class DeviceBuffer:
    """An array on a CUDA device, made by `to_device()`.

    ``torch.from_dlpack``, ``cupy.from_dlpack`` and ``jax.dlpack.from_dlpack`` take it without a copy.
    Whatever is then enqueued on the stream that the importing library names runs behind the copy, as does
    what is enqueued on the stream of `to_device()`. Nobody waits, but beside a CUDA graph capture. From there
    it may go to any stream of any library. Its memory is freed when this and all that imported it have gone,
    behind all the work that is enqueued by then, on whatever stream.

    >>> import numpy, zenoh_pinned
    >>> image = zenoh_pinned.to_device(numpy.arange(4, dtype="uint8"), "cuda:0")
    >>> image.device, image.shape
    ('cuda:0', (4,))
    >>> image.to_host()
    array([0, 1, 2, 3], dtype=uint8)
    """

    @property
    def address(self) -> int:
        """The device address of the first byte."""
    @property
    def nbytes(self) -> int:
        """The size in bytes."""
    @property
    def shape(self) -> tuple[int, ...]:
        """The sizes of the dimensions, in elements, in row-major order."""
    @property
    def dtype(self) -> str:
        """The type of the elements, as NumPy names it."""
    @property
    def device(self) -> str:
        """The device, for instance ``"cuda:0"``."""
    @property
    def path(self) -> Literal["direct", "staged", "pageable"]:
        """The way that the bytes took: ``"direct"``, ``"staged"`` or ``"pageable"``."""
    @property
    def reason(self) -> FallbackReason | None:
        """Why the way was not the direct one; `None` where it was."""
    def synchronize(self) -> None:
        """Wait until the bytes are there. Libraries that import the buffer need no such call.

        Raise `CudaError` where the driver fails.
        """
    def to_host(self) -> npt.NDArray[Any]:
        """Copy the bytes back into an array of the same shape and type, mostly to look at.

        Raise `CudaError` where the driver fails, and ``ImportError`` for a ``bfloat16`` or ``float8`` type
        where the package ``ml_dtypes`` is not installed.
        """
    def __dlpack__(
        self,
        *,
        stream: int | None = None,
        max_version: tuple[int, int] | None = None,
        dl_device: tuple[int, int] | None = None,
        copy: bool | None = None,
    ) -> Any: ...
    def __dlpack_device__(self) -> tuple[int, int]: ...
    @property
    def __cuda_array_interface__(self) -> dict[str, Any]: ...

@final
class PoolStatistics:
    """Counters and sizes of a pool at a moment.

    >>> import zenoh_pinned
    >>> statistics = zenoh_pinned.Pool(slot_bytes=4096, slots=2).statistics()
    >>> statistics.slots, statistics.slot_bytes, statistics.in_use
    (2, 4096, 0)
    """

    @property
    def slots(self) -> int:
        """Slots that the pool may have."""
    @property
    def slot_bytes(self) -> int:
        """Bytes of a slot."""
    @property
    def in_use(self) -> int:
        """Slots that are being written, on their way, or held by a consumer."""
    @property
    def bytes(self) -> int:
        """Bytes of shared memory."""
    @property
    def allocations(self) -> int:
        """Slots handed out."""
    @property
    def waits(self) -> int:
        """Allocations that had to wait."""
    @property
    def timeouts(self) -> int:
        """Allocations that failed because no slot came free in time."""
    @property
    def waited(self) -> float:
        """Seconds spent waiting, over all allocations."""
    @property
    def reclaimed(self) -> int:
        """Slots taken back from consumers that had died."""
    @property
    def quarantined(self) -> int:
        """Slots in use because of a process that has died or stands still."""
    @property
    def pressure(self) -> Literal["low", "normal", "high", "critical"]:
        """How near all processes of this user on this host are to their limit.

        One of ``"low"``, ``"normal"``, ``"high"`` and ``"critical"``.
        """

@final
class Pool:
    """Page-aligned slots in shared memory, bounded in number and bytes.

    `slots` slots of `slot_bytes` bytes are made at once. `max_bytes` is the most shared memory that the pool
    may have. `wait` is for how many seconds a publisher waits for a slot while all are in use. Publishers may
    share a pool, and any thread may use it.

    Raise ``ValueError`` for sizes that cannot be, `OverBudget` where they exceed `max_bytes`, what this
    user's processes may have, or the memory cgroup (the container's limit), and ``OSError`` where
    ``/dev/shm`` has no room, with what to do.

    >>> import zenoh_pinned
    >>> pool = zenoh_pinned.Pool(slot_bytes=65536, slots=4)
    >>> pool.statistics().bytes >= 4 * 65536
    True
    >>> pool.quarantine()
    []
    """

    def __new__(
        cls,
        slot_bytes: int,
        slots: int = 8,
        *,
        max_bytes: int | None = None,
        wait: float = 1.0,
        name: str = "python",
    ) -> Pool: ...
    def statistics(self) -> PoolStatistics:
        """Return what the pool has done so far."""
    def quarantine(self) -> list[str]:
        """Return why slots stay in use because of processes that have died or stand still."""
    @property
    def reason(self) -> FallbackReason | None:
        """Why the pool has ordinary memory instead of shared memory; `None` where it has shared memory."""
    def drain(self, timeout: float) -> None:
        """Wait until nobody holds a slot any more, neither consumers nor this process.

        Raise ``TimeoutError`` where some are still held after `timeout` seconds, and say by whom.
        """

@final
class OutputReport:
    """The way of an output's messages, and their number.

    >>> for output in node.report().outputs:
    ...     print(output.output, output.path, output.sent, output.reason)
    """

    @property
    def output(self) -> str:
        """The output's id."""
    @property
    def path(self) -> Literal["pinned", "dora", "unsettled"]:
        """``"pinned"``, ``"dora"`` for dora's own path, or ``"unsettled"`` before the first message."""
    @property
    def reason(self) -> str | None:
        """Why the output takes dora's own path; `None` where it does not."""
    @property
    def sent(self) -> int:
        """Messages that went through pinned memory."""
    @property
    def sent_bytes(self) -> int:
        """Their bytes, Arrow heads included."""
    @property
    def copied(self) -> int:
        """Messages that took one copy more than data that lies ready.

        Either an array was made of other data first, or views of a frame outlived the block that wrote it.
        """
    @property
    def sent_as_bytes(self) -> int:
        """Messages that went as bytes: small ones, and those for which a consumer cannot attach a pool."""
    @property
    def timeouts(self) -> int:
        """Messages that failed because no slot came free in time."""
    @property
    def dropped(self) -> int:
        """Messages that were dropped for the same reason, where the caller had not asked for an error."""

@final
class Report:
    """What a node's pinned outputs have done, and their pools.

    >>> report = node.report()
    >>> print(report.outputs, [pool.bytes for pool in report.pools])
    """

    @property
    def outputs(self) -> list[OutputReport]:
        """Those outputs that something was sent or allocated for."""
    @property
    def pools(self) -> list[PoolStatistics]:
        """The pools, in the order in which they were made."""

@final
class Session:
    def __new__(cls, config: str | None, file: str | None, device: object, timeout: float) -> Session: ...
    def declare_publisher(self, key: str, pool: Pool, wait: float, alone: bool, line: bool) -> Publisher: ...
    def declare_subscriber(self, key: str, capacity: int, overflow: str, line: bool) -> Subscriber: ...
    @property
    def zid(self) -> str: ...
    def close(self) -> None: ...

@final
class Publisher:
    def allocate(self, shape: int | Sequence[int], dtype: npt.DTypeLike, timeout: float | None) -> Slot: ...
    def put_slot(self, slot: Slot, attachment: bytes | None, timeout: float | None) -> None: ...
    def put(self, data: object, attachment: bytes | None, timeout: float | None) -> None: ...
    def put_copy(self, array: object, attachment: bytes | None, timeout: float | None) -> None: ...
    @property
    def lines(self) -> tuple[LineToSubscriber, ...]: ...
    def close(self) -> None: ...

@final
class Subscriber:
    def recv(self, timeout: float | None) -> Frame | None: ...
    def fileno(self) -> int:
        """What becomes readable when a frame has come or the session is closed."""
    def clear(self) -> None:
        """Makes `fileno` unreadable until the next change."""
    @property
    def overrun(self) -> int: ...
    @property
    def lines(self) -> tuple[LineFromPublisher, ...]: ...
    @property
    def no_line(self) -> str | None: ...
    def close(self) -> None: ...

def recv_any(subscribers: Sequence[Subscriber], timeout: float | None) -> tuple[int, Frame] | None:
    """The next frame of any of the subscribers, and which one it came to; `None` where none came in time."""

def tell_unraisable(error: BaseException, object: object) -> None:
    """Gives an exception to ``sys.unraisablehook``, whose arguments Python code cannot make."""

@final
class LineFromPublisher:
    """A publisher whose frames come to a subscriber by a line, one of `Subscriber.lines`.

    >>> import zenoh_pinned
    >>> with zenoh_pinned.Session({"scouting": {"multicast": {"enabled": False}}}) as session:
    ...     subscriber = session.declare_subscriber("camera/*")
    ...     for line in subscriber.lines:
    ...         print(f"{line.key} from process {line.pid}, {line.overwritten} overwritten")
    """

    @property
    def pid(self) -> int:
        """The publisher's process."""
    @property
    def key(self) -> str:
        """Its key expression."""
    @property
    def alone(self) -> bool:
        """Whether it says that nobody else publishes there."""
    @property
    def overwritten(self) -> int:
        """Frames that made room for newer ones unread."""

@final
class LineToSubscriber:
    """What stands between a publisher and one subscriber of this library's, one of `Publisher.lines`.

    >>> import zenoh_pinned
    >>> with zenoh_pinned.Session({"scouting": {"multicast": {"enabled": False}}}) as session:
    ...     subscriber = session.declare_subscriber("camera/left")
    ...     publisher = session.declare_publisher("camera/left", frame_bytes=4096)
    ...     for line in publisher.lines:
    ...         print("by a line" if line.is_open else f"by zenoh: {line.reason}")
    by zenoh: publisher and subscriber share a session, which hands frames over at once
    """

    @property
    def pid(self) -> int | None:
        """The subscriber's process, where it is on this host; else `None`."""
    @property
    def unread(self) -> int:
        """Frames that it has not read yet."""
    @property
    def overwritten(self) -> int:
        """Frames that made room for newer ones unread."""
    @property
    def overflow(self) -> Literal["drop_oldest", "refuse"]:
        """What the subscriber has chosen for a full line: ``"drop_oldest"`` or ``"refuse"``."""
    @property
    def reason(self) -> str | None:
        """Why its frames go by zenoh; `None` where they go by the line."""
    @property
    def is_open(self) -> bool:
        """Whether frames go by the line."""

@final
class Outputs:
    def __new__(cls, version: str, convert: object) -> Outputs: ...
    def allocate(
        self, output: str, shape: int | Sequence[int], dtype: npt.DTypeLike, timeout: float | None
    ) -> Slot | None: ...
    def prepare(self, output: str, bytes: int, timeout: float | None) -> None: ...
    def send_slot(self, slot: Slot, metadata: dict[str, Any] | None, observed_seconds: float) -> None: ...
    def send(
        self,
        output: str,
        data: object,
        metadata: dict[str, Any] | None,
        observed_seconds: float,
        timeout: float | None,
        drop_when_full: bool | None,
        is_copy: bool,
    ) -> bool: ...
    def leave_to_dora(self, output: str, metadata: dict[str, Any] | None) -> None: ...
    def report(self) -> Report: ...
    def close(self) -> None: ...

def frame(object: object, device: int | str | object | None = None) -> Frame:
    """Return a frame of `object`, without a copy; the frame keeps what it shows.

    `object` is a received frame, an Arrow array such as a dora ``event["value"]``, or anything with a buffer
    or a DLPack tensor on the host. `device` is where the frame would be copied: ``"cuda:0"``, a number,
    ``"cpu"``, or ``"auto"``; by default the device that this process copies to already.

    Raise ``TypeError`` for what is not one run of numbers, ``ValueError`` for an array that is not
    contiguous, and `FrameRefused` for bytes that are not where they seem to be.

    >>> import numpy, zenoh_pinned
    >>> frame = zenoh_pinned.frame(numpy.zeros((2, 3), "float32"))
    >>> frame.shape, frame.dtype, frame.is_shared
    ((2, 3), 'float32', False)
    """

def to_device(
    object: object,
    device: int | str | object | None = None,
    stream: object = None,
    *,
    shape: int | Sequence[int] | None = None,
    dtype: npt.DTypeLike | None = None,
) -> DeviceBuffer | Frame:
    """Copy `object` to a device and return the array there at once, while the copy goes on.

    `object` is what `frame` takes. A frame or a dora value may be deleted at once: its slot is held until the
    copy has been made. Other memory of yours must stay as it is until then.

    `device` is ``"cuda:0"``, a number, or ``"auto"``, the default: CUDA device 0 where there is one, and
    otherwise the frame itself comes back, on the host. `stream` is what the copy is enqueued on: a handle, or
    a stream of torch, CuPy or cuda.core. By default it is one of this library's own, and whoever imports the
    buffer is ordered behind it. `shape` and `dtype` are how the bytes are to be read where not as `object`
    has them, for instance ``shape=event["metadata"]["shape"]``.

    Raise `NoDevice` where there is no such device, ``MemoryError`` where it has no memory left,
    ``ValueError`` for an empty array or a shape that does not fit, and `CudaError` where the driver fails.

    >>> import numpy, zenoh_pinned
    >>> image = zenoh_pinned.to_device(numpy.arange(6, dtype="uint8"), shape=(2, 3))
    >>> image.shape
    (2, 3)
    """

def copy_into(destination: object, object: object, stream: object = None) -> None:
    """Copy `object` into an array that exists on a device, and return while the copy goes on.

    `destination`, such as a tensor of torch or CuPy, has ``__cuda_array_interface__``, as many bytes as
    `object`, and contiguous elements. `stream` is what the copy is enqueued on, behind what is there: by
    default the stream that the array says it is used on, or else the default stream. `object` and the errors
    are as with `to_device`.

    >>> import zenoh_pinned
    >>> image = zenoh_pinned.to_device(bytes(7), "cuda:0")
    >>> zenoh_pinned.copy_into(image, b"a frame")
    """

def open_device(
    device: int | str | object,
    *,
    max_bytes: int | None = None,
    staging_slots: int | None = None,
    staging_bytes: int | None = None,
) -> str | None:
    """Open a device before frames go there, so that the first segments are registered as they are attached.

    `max_bytes` is the most memory, in bytes, that is ever registered with it, 1 GiB by default. Frames that
    are not in registered memory go through `staging_slots` slots of `staging_bytes` bytes, three of 8 MiB by
    default, which grow. Return the device's name, or `None` for ``"cpu"``.

    Raise `NoDevice` where there is no such device, and ``ValueError`` where it is in use already.

    >>> import zenoh_pinned
    >>> name = zenoh_pinned.open_device("cuda:1", max_bytes=256 << 20)
    """

def run_command(arguments: Sequence[str]) -> int: ...
def feature_names() -> list[str]:
    """The names of a server's features, in their order."""

@disjoint_base
class AgentEnd:
    def __new__(cls, name: str) -> Self: ...
    def read_into(self, buffer: npt.NDArray[Any] | Buffer) -> int | None:
        """Copy the newest observation into `buffer` and return its number, or `None` where it has been read.

        `buffer` is an array of one `OBSERVATION`, or anything writable of as many bytes; where `None` comes
        back it is as it was. For hot loops: nothing else is made.
        """
    def _read_observation(self, buffer: npt.NDArray[Any] | Buffer) -> int | None:
        """The same, but return how many were missed."""
    def _read_reservoir(self, server: int, metric: str, buffer: npt.NDArray[Any] | Buffer) -> bool: ...
    def write_action(
        self, sequence_id: int, weights: Sequence[float] | npt.NDArray[Any], num_servers: int | None = None
    ) -> None:
        """Answer an observation with the weights of the servers 0, 1 and so on.

        `sequence_id` is the observation's. `weights` is a sequence of numbers or an array of any type, of
        which the first `num_servers` are taken, or all. They need not add up to 1. Servers that took no
        flows in the observation that was read last get none, whatever their weight is. The table for picks
        in constant time is made here.

        Raise ``ValueError`` where a weight is negative or no finite number, no server would get flows,
        there are more than 64, or nothing has been read yet that could be answered.
        """
    @property
    def overruns(self) -> int:
        """How often there was a newer observation, and the writer wrote over it at every try.

        Such a read gives `None` as if there were nothing new: the next one gets a newer one, and says what
        was missed.
        """
    @property
    def other_side(self) -> int | None:
        """The data plane's process; `None` while there is none. A system call."""
    def close(self) -> None:
        """Close this end; a second call does nothing. Whoever closes last takes the region's name away."""

@disjoint_base
class ObserverEnd:
    def __new__(cls, name: str) -> Self: ...
    def read_into(self, buffer: npt.NDArray[Any] | Buffer) -> int | None:
        """Copy the newest observation into `buffer` and return its number, or `None` where it has been read.

        `buffer` is an array of one `OBSERVATION`, or anything writable of as many bytes; where `None` comes
        back it is as it was. For hot loops: nothing else is made.
        """
    def _read_observation(self, buffer: npt.NDArray[Any] | Buffer) -> int | None:
        """The same, but return how many were missed."""
    def _read_reservoir(self, server: int, metric: str, buffer: npt.NDArray[Any] | Buffer) -> bool: ...
    def _read_action(self, buffer: npt.NDArray[Any] | Buffer) -> bool: ...
    @property
    def overruns(self) -> int:
        """How often there was a newer message, and the writer wrote over it at every try.

        Such a read gives `None` as if there were nothing new: the next one gets a newer one, and says what
        was missed.
        """
    @property
    def data_plane(self) -> int | None:
        """The data plane's process; `None` while there is none. A system call."""
    @property
    def agent(self) -> int | None:
        """The agent's process; `None` while there is none. A system call."""
    def close(self) -> None:
        """Close this end; a second call does nothing."""

@disjoint_base
class DataPlaneEnd:
    def __new__(cls, name: str, *, mode: int = 0o600, reservoirs: bool = False) -> Self: ...
    def _write_observation(self, buffer: npt.NDArray[Any] | Buffer) -> int: ...
    def _read_action(self, buffer: npt.NDArray[Any] | Buffer) -> bool: ...
    def _write_reservoir(self, server: int, metric: str, buffer: npt.NDArray[Any] | Buffer) -> None: ...
    @property
    def incarnation(self) -> int:
        """How many data planes the region has had, this one included."""
    @property
    def overruns(self) -> int:
        """How often there was a newer action, and the agent wrote over it at every try."""
    @property
    def other_side(self) -> int | None:
        """The agent's process; `None` while there is none. A system call."""
    def close(self) -> None:
        """Close this end; a second call does nothing. Whoever closes last takes the region's name away."""

@final
class WorkersPayload: ...

@final
class WorkersBell:
    def __new__(cls) -> WorkersBell: ...
    def fileno(self) -> int:
        """What becomes readable when an answer has come."""
    def take(self) -> list[int]:
        """The numbers of the answers that have come; makes `fileno` unreadable until the next one."""

@final
class WorkersPendingAnswer:
    def result(self, timeout: float | None) -> object | None:
        """The frame of the answer, waiting for it; `None` where it has not come in time."""
    def done(self) -> bool:
        """Whether the answer, or why there is none, is there."""
    def announce(self, bell: WorkersBell, number: int) -> None:
        """Has `bell` rung for `number` when the answer is there, at once where it is."""

@final
class WorkersEvents:
    def next(self) -> tuple[str, tuple[Any, ...], Any] | None:
        """The next event, waiting for it: the name of the callback, what it is of, and the reason or error.

        `None` at the end.
        """

@final
class Workers:
    @staticmethod
    def begin(
        name: str, session: Session, terms: dict[str, Any], wants_events: bool
    ) -> tuple[Workers, WorkersEvents | None]:
        """The pool, and what tells of it where `wants_events`."""
    def request(self, payload: object, terms: dict[str, Any]) -> WorkersPendingAnswer: ...
    def allocate(self, shape: int | Sequence[int], dtype: npt.DTypeLike) -> Slot: ...
    def fill(self, slot: Slot) -> WorkersPayload:
        """The payload of a slot that nobody writes any more."""
    def lay(self, array: object) -> WorkersPayload:
        """A copy of an array, in a slot."""
    def statistics(self) -> str:
        """What there is and what has happened, as JSON."""
    def wait_until_ready(self, count: int, timeout: float) -> bool: ...
    def evict_idle(self) -> int: ...
    def close(self) -> None:
        """Ends the workers. What a signal handler raises ends the wait, not the closing."""

@final
class WorkersClient:
    def __new__(cls, session: Session, name: str, timeout: float) -> WorkersClient: ...
    def request(self, payload: object, terms: dict[str, Any]) -> WorkersPendingAnswer: ...
    def allocate(self, shape: int | Sequence[int], dtype: npt.DTypeLike) -> Slot: ...
    def fill(self, slot: Slot) -> WorkersPayload:
        """The payload of a slot that nobody writes any more."""
    def lay(self, array: object) -> WorkersPayload:
        """A copy of an array, in a slot."""
    @property
    def is_gone(self) -> bool: ...
    @property
    def shares_memory(self) -> bool: ...
    def close(self) -> None: ...

@final
class WorkersBatch:
    def __len__(self) -> int: ...
    def requests(self) -> list[tuple[object, float]]:
        """The frame of each request, and for how many seconds its answer is wanted."""
    def answer_slot(
        self, number: int, shape: int | Sequence[int] | None, dtype: npt.DTypeLike
    ) -> Slot | None:
        """Where the answer to this request is to be written: of this shape, or one dimension of all of it.

        Once; `None` where nobody has provided it, and when the batch is answered.
        """

@final
class Worker:
    @staticmethod
    def connect(device: object) -> Worker:
        """The worker of the supervisor that has started this process."""
    @staticmethod
    def join(session: Session, name: str) -> Worker:
        """A worker that joins a pool by a session."""
    @property
    def name(self) -> str: ...
    def ready(self) -> None:
        """Says that it is ready.

        On the main thread, signals that ask the process to end are only noted from now on.
        """
    def next(self) -> WorkersBatch | None:
        """The next batch, waiting for it; `None` where the worker is to end."""
    def answer(
        self, batch: WorkersBatch, answers: Sequence[tuple[object, bytes]], broken: bool = False
    ) -> list[tuple[int, Exception]]:
        """Answers a batch: with payloads and the bytes beside them, and exceptions where there are none.

        Gives what is neither, as (number, exception). `broken` says that the engine itself is.
        """
    def allocate(self, shape: int | Sequence[int], dtype: npt.DTypeLike) -> Slot: ...
    def fill(self, slot: Slot) -> WorkersPayload:
        """The payload of a slot that nobody writes any more."""
    def fill_answer(self, slot: Slot, nbytes: int) -> WorkersPayload:
        """The first bytes of a slot for an answer, that nobody writes any more."""
    def lay(self, array: object) -> WorkersPayload:
        """A copy of an array, in a slot."""
    def fail(self, why: str) -> None:
        """Says why it cannot serve, and ends."""
    def close(self) -> None: ...

@final
class Models:
    def __new__(cls, server: str, patience: float, compare: bool, fall_back: bool) -> Models: ...
    def attach(self, model: str, source: str | None) -> ModelWeights: ...
    def unload(self, model: str) -> int: ...
    def statistics(self) -> str:
        """As JSON."""

@final
class ModelRegistry:
    def __new__(
        cls,
        max_bytes: int | None,
        session_bytes: int | None,
        shard_bytes: int,
        time_to_live: float,
        patience: float,
    ) -> ModelRegistry: ...
    def add_source(self, model: str, source: str) -> None: ...
    def load(self, model: str, source: str | None) -> ModelWeights: ...
    def unload(self, model: str) -> int: ...
    def statistics(self) -> str:
        """As JSON."""
    def close(self) -> None: ...

@final
class ModelServer:
    def __new__(cls, registry: ModelRegistry, name: str) -> ModelServer: ...
    @property
    def place(self) -> str: ...
    def close(self) -> None: ...

@final
class ModelWeights:
    @property
    def model(self) -> str: ...
    def places(self) -> list[tuple[str, str, list[int], int, int, int]]:
        """For each tensor: its name, its type, its shape, its shard, and where in that it lies."""
    def tensor(self, name: str) -> Frame: ...
    def shard(self, number: int) -> Frame: ...
    def graph(self) -> Frame | None: ...
    @property
    def nbytes(self) -> int: ...
    @property
    def shards(self) -> int: ...
    @property
    def metadata(self) -> dict[str, str]: ...
    @property
    def ports(
        self,
    ) -> tuple[
        list[tuple[str, str | None, list[int | None] | None]],
        list[tuple[str, str | None, list[int | None] | None]],
    ]:
        """For each: its name, its type, its shape."""
    @property
    def reason(self) -> str | None: ...
    def first_changed_shard(self) -> int | None: ...
    def to_device(self, device: object) -> list[DeviceBuffer]:
        """Each shard in memory of a device."""
