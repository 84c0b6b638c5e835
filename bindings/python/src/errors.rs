//! What the errors of the crates below are in Python: the exceptions, and which error becomes which.
//!
//! Invariant: their texts are in Python's words.

use pyo3::{
    create_exception,
    exceptions::{
        PyBufferError, PyConnectionError, PyKeyError, PyMemoryError, PyOSError, PyRuntimeError,
        PyTimeoutError, PyTypeError, PyValueError,
    },
    prelude::*,
};
use zenoh_pinned::{AllocError, CopyError, FrameError, PoolError, SegmentError, StillHeld};
use zenoh_pinned_node::{
    dora::{FromArrowError, SendError},
    pubsub::{DeclareError, OpenError, PutError, ReceiveError},
};

use crate::words;

create_exception!(
    zenoh_pinned,
    PoolFull,
    PyTimeoutError,
    r#"Every slot of a pool stayed in use for as long as the call was allowed to wait.

>>> import zenoh_pinned
>>> with zenoh_pinned.Session({"scouting": {"multicast": {"enabled": False}}}) as session:
...     publisher = session.declare_publisher("camera/image", frame_bytes=4096, slots=1)
...     held = publisher.allocate(4096)
...     try:
...         publisher.put(b"another frame", timeout=0.1)
...     except zenoh_pinned.PoolFull:
...         print("dropped")
dropped"#
);
create_exception!(
    zenoh_pinned,
    LineFull,
    PoolFull,
    r#"A subscriber that refuses to lose frames had no room for as long as the call was allowed to wait.

The message names its process. Nobody got the frame.

>>> import zenoh_pinned
>>> with zenoh_pinned.Session({"scouting": {"multicast": {"enabled": False}}}) as session:
...     publisher = session.declare_publisher("camera/image", frame_bytes=4096)
...     try:
...         publisher.put(b"a frame", timeout=0.1)
...     except zenoh_pinned.LineFull as error:
...         print(error)"#
);
create_exception!(
    zenoh_pinned,
    NotOnTheLine,
    PyConnectionError,
    r#"A publisher that is alone on its key cannot hand this frame over by a line, and has no other way.

Its attachment is too long for one, say. Nobody got the frame.

>>> import zenoh_pinned
>>> with zenoh_pinned.Session({"scouting": {"multicast": {"enabled": False}}}) as session:
...     publisher = session.declare_publisher("camera/image", frame_bytes=4096, alone=True)
...     try:
...         publisher.put(b"a frame", attachment=b"beside it")
...     except zenoh_pinned.NotOnTheLine as error:
...         print(error)"#
);
create_exception!(
    zenoh_pinned,
    OverBudget,
    PyMemoryError,
    r#"A pool or message would need more memory than its bound, the host's or a cgroup's allows.

>>> import zenoh_pinned
>>> try:
...     pool = zenoh_pinned.Pool(slot_bytes=1 << 20, slots=8, max_bytes=4 << 20)
... except zenoh_pinned.OverBudget:
...     pool = zenoh_pinned.Pool(slot_bytes=1 << 20, slots=3, max_bytes=4 << 20)"#
);
create_exception!(
    zenoh_pinned,
    NoDevice,
    PyRuntimeError,
    r#"There is no such CUDA device here, or no driver; the message says which.

>>> import zenoh_pinned
>>> try:
...     image = zenoh_pinned.to_device(b"a frame", "cuda:99")
... except zenoh_pinned.NoDevice:
...     image = zenoh_pinned.frame(b"a frame", "cpu")"#
);
create_exception!(
    zenoh_pinned,
    CudaError,
    PyRuntimeError,
    r#"A call into the CUDA driver failed; the message names the call.

>>> import zenoh_pinned
>>> try:
...     image = zenoh_pinned.to_device(frame, "cuda:0")
... except zenoh_pinned.CudaError as error:
...     print(error)"#
);
create_exception!(
    zenoh_pinned,
    FrameRefused,
    PyBufferError,
    r#"A received payload is not what it claims to be, and was not read.

>>> import zenoh_pinned
>>> try:
...     frame = subscriber.recv(timeout=1)
... except zenoh_pinned.FrameRefused as error:
...     print(error)  # the next one can be received"#
);
create_exception!(
    zenoh_pinned,
    NotInSharedMemory,
    PyValueError,
    r#"The elements lie in no slot of shared memory, and were to be used where they lie.

The message says what they lie in.

>>> import numpy, zenoh_pinned
>>> try:
...     tensor = zenoh_pinned.Tensor.from_numpy(numpy.zeros(3), zero_copy=True)
... except zenoh_pinned.NotInSharedMemory:
...     pool = zenoh_pinned.Pool(slot_bytes=4096)
...     tensor = zenoh_pinned.Tensor.from_numpy(numpy.zeros(3), pool)  # by one copy"#
);

pub(crate) fn register(module: &Bound<'_, PyModule>) -> PyResult<()> {
    let py = module.py();
    module.add("PoolFull", py.get_type::<PoolFull>())?;
    module.add("LineFull", py.get_type::<LineFull>())?;
    module.add("NotOnTheLine", py.get_type::<NotOnTheLine>())?;
    module.add("OverBudget", py.get_type::<OverBudget>())?;
    module.add("NoDevice", py.get_type::<NoDevice>())?;
    module.add("CudaError", py.get_type::<CudaError>())?;
    module.add("FrameRefused", py.get_type::<FrameRefused>())?;
    module.add("NotInSharedMemory", py.get_type::<NotInSharedMemory>())
}

pub(crate) fn alloc(error: AllocError) -> PyErr {
    let text = words::in_python(&error.to_string());
    match error {
        AllocError::TimedOut { .. } => PoolFull::new_err(text),
        AllocError::Forked => PyRuntimeError::new_err(text),
        AllocError::ZeroBytes | AllocError::TooLarge { .. } => PyValueError::new_err(text),
        _ => PyMemoryError::new_err(text),
    }
}

pub(crate) fn pool(error: PoolError) -> PyErr {
    let text = words::in_python(&error.to_string());
    pool_with(error, text)
}

fn pool_with(error: PoolError, text: String) -> PyErr {
    match error {
        PoolError::Empty | PoolError::SlotTooLarge { .. } => PyValueError::new_err(text),
        PoolError::OverBudget { .. }
        | PoolError::Segment(
            SegmentError::OverHostBudget { .. } | SegmentError::OverCgroup { .. },
        ) => OverBudget::new_err(text),
        _ => PyOSError::new_err(text),
    }
}

pub(crate) fn publisher(error: DeclareError) -> PyErr {
    match error {
        DeclareError::Pool(error) => pool(error),
        other => PyValueError::new_err(words::in_python(&other.to_string())),
    }
}

pub(crate) fn put(error: PutError) -> PyErr {
    let text = words::in_python(&error.to_string());
    match error {
        PutError::Full { .. } => LineFull::new_err(text),
        PutError::NotOnTheLine(_) => NotOnTheLine::new_err(text),
        _ => PyConnectionError::new_err(text),
    }
}

pub(crate) fn open(error: OpenError) -> PyErr {
    let text = words::in_python(&error.to_string());
    match error {
        OpenError::Forked | OpenError::NoThread(_) | OpenError::Panicked { .. } => {
            PyRuntimeError::new_err(text)
        }
        OpenError::TimedOut { .. } => PyTimeoutError::new_err(text),
        _ => PyConnectionError::new_err(text),
    }
}

pub(crate) fn still_held(error: StillHeld) -> PyErr {
    PyTimeoutError::new_err(words::in_python(&error.to_string()))
}

pub(crate) fn frame(error: FrameError) -> PyErr {
    FrameRefused::new_err(words::in_python(&error.to_string()))
}

pub(crate) fn from_arrow(error: FromArrowError) -> PyErr {
    match error {
        FromArrowError::Frame(error) => frame(error),
        other => PyTypeError::new_err(words::in_python(&other.to_string())),
    }
}

/// `None`: no frame came in time.
pub(crate) fn receive(error: ReceiveError) -> Option<PyErr> {
    match error {
        ReceiveError::Frame(error) => Some(frame(error)),
        ReceiveError::TimedOut(_) => None,
        other => Some(connection(&other)),
    }
}

pub(crate) fn copy(error: CopyError) -> PyErr {
    let text = words::in_python(&error.to_string());
    match error {
        CopyError::NoDevice { .. } => NoDevice::new_err(text),
        CopyError::Empty | CopyError::Length { .. } => PyValueError::new_err(text),
        CopyError::DeviceAllocation { .. } => PyMemoryError::new_err(text),
        _ => CudaError::new_err(text),
    }
}

pub(crate) fn send(error: SendError) -> PyErr {
    let text = words::in_dora(&error.to_string());
    match error {
        SendError::UndeclaredOutput { .. } => PyKeyError::new_err(text),
        SendError::Shape { .. } | SendError::Encode(_) | SendError::Pinned { .. } => {
            PyValueError::new_err(text)
        }
        SendError::Type(_) => PyTypeError::new_err(text),
        SendError::OverBudget { .. } => OverBudget::new_err(text),
        SendError::Pool(error) => pool_with(error, text),
        SendError::Full { .. } => PoolFull::new_err(text),
        SendError::Report(_) | SendError::Daemon { .. } => PyConnectionError::new_err(text),
        _ => PyRuntimeError::new_err(text),
    }
}

/// A session, or something of it, that is closed or cannot be reached.
pub(crate) fn connection(error: &dyn std::error::Error) -> PyErr {
    PyConnectionError::new_err(words::in_python(&error.to_string()))
}

/// An error of zenoh's own.
pub(crate) fn zenoh(error: zenoh::Error) -> PyErr {
    let text = words::in_python(&error.to_string());
    match text.contains("Invalid Key Expr") {
        true => PyValueError::new_err(text),
        false => PyRuntimeError::new_err(format!("zenoh: {text}")),
    }
}
