//! Tests through the exported functions. The double is one for the process, so they take turns.

mod capture;
mod control;
mod kernel;
mod lifetime;
mod order;
mod registration;

use std::ffi::{CString, c_void};
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};

use crate::call::Out;
use crate::context::{cuCtxSetCurrent, cuDevicePrimaryCtxRetain};
use crate::control::cuda_double_control;
use crate::copy::cuMemcpyDtoH_v2;
use crate::device::cuInit;
use crate::event::{cuEventCreate, cuEventRecord};
use crate::memory::{cuMemAlloc_v2, cuMemsetD8_v2};
use crate::range::page_size;
use crate::registration::cuMemHostRegister_v2;
use crate::report::cuda_double_count;
use crate::state::double;
use crate::stream_calls::{cuLaunchHostFunc, cuStreamCreate};

/// Calls an exported function as a C caller would.
macro_rules! cu {
    ($name:ident($($argument:expr),* $(,)?)) => {{
        // SAFETY: the tests pass places and ranges that live until the work on them has ended.
        unsafe { $name($($argument),*) }
    }};
}
pub(crate) use cu;

pub(crate) const NON_BLOCKING: u32 = 1;

/// A fresh start, and the only test that runs until it is dropped.
pub(crate) struct Turn(#[expect(dead_code)] MutexGuard<'static, ()>);

/// A failed test must not leave a stream held back for the next one.
impl Drop for Turn {
    fn drop(&mut self) {
        let gates = GATES.lock().unwrap_or_else(PoisonError::into_inner);
        gates.iter().for_each(|gate| gate.open());
    }
}

pub(crate) fn turn() -> Turn {
    static TURN: Mutex<()> = Mutex::new(());
    let turn = TURN.lock().unwrap_or_else(PoisonError::into_inner);
    assert_eq!(control("reset"), 0);
    assert_eq!(cu!(cuInit(0)), 0);
    bind();
    Turn(turn)
}

/// Makes the context current on the calling thread.
pub(crate) fn bind() {
    let mut context = 0;
    assert_eq!(cu!(cuDevicePrimaryCtxRetain(Out::to(&mut context), 0)), 0);
    assert_eq!(cu!(cuCtxSetCurrent(context)), 0);
}

pub(crate) fn control(settings: &str) -> i32 {
    let settings = CString::new(settings).unwrap();
    cu!(cuda_double_control(settings.as_ptr()))
}

pub(crate) fn count(what: &str) -> u64 {
    let what = CString::new(what).unwrap();
    cu!(cuda_double_count(what.as_ptr()))
}

pub(crate) fn violations_of(what: &str) -> usize {
    let state = double().lock();
    let violations = state.ledger.violations.iter();
    violations.filter(|text| text.starts_with(what)).count()
}

pub(crate) fn stream(flags: u32) -> usize {
    let mut stream = 0;
    assert_eq!(cu!(cuStreamCreate(Out::to(&mut stream), flags)), 0);
    stream
}

pub(crate) fn recorded_event(stream: usize) -> usize {
    let mut event = 0;
    assert_eq!(cu!(cuEventCreate(Out::to(&mut event), 0)), 0);
    assert_eq!(cu!(cuEventRecord(event, stream)), 0);
    event
}

/// A device block that holds zeros.
pub(crate) fn device_block(bytes: usize) -> usize {
    let mut block = 0;
    assert_eq!(cu!(cuMemAlloc_v2(Out::to(&mut block), bytes)), 0);
    assert_eq!(cu!(cuMemsetD8_v2(block, 0, bytes)), 0);
    let mut zeros = vec![1; bytes];
    read(block, &mut zeros);
    assert!(zeros.iter().all(|&byte| byte == 0));
    block
}

pub(crate) fn read(block: usize, to: &mut [u8]) {
    let address = to.as_mut_ptr().expose_provenance();
    assert_eq!(cu!(cuMemcpyDtoH_v2(address, block, to.len())), 0);
}

pub(crate) fn first_byte(block: usize) -> u8 {
    let mut byte = [0];
    read(block, &mut byte);
    byte[0]
}

/// Whole pages of host memory that the tests and the workers write in turn.
pub(crate) struct Pages {
    pub(crate) start: usize,
    pub(crate) bytes: usize,
}

impl Pages {
    pub(crate) fn map(pages: usize, value: u8) -> Self {
        let bytes = pages * page_size();
        let access = libc::PROT_READ | libc::PROT_WRITE;
        let flags = libc::MAP_PRIVATE | libc::MAP_ANONYMOUS;
        // SAFETY: a fresh mapping touches nothing else.
        let start = unsafe { libc::mmap(std::ptr::null_mut(), bytes, access, flags, -1, 0) };
        assert_ne!(start, libc::MAP_FAILED);
        let pages = Self {
            start: start.expose_provenance(),
            bytes,
        };
        pages.fill(value);
        pages
    }

    pub(crate) fn registered(pages: usize, value: u8) -> Self {
        let pages = Self::map(pages, value);
        assert_eq!(cu!(cuMemHostRegister_v2(pages.start, pages.bytes, 0)), 0);
        pages
    }

    pub(crate) fn fill(&self, value: u8) {
        let start = std::ptr::with_exposed_provenance_mut::<u8>(self.start);
        // SAFETY: the mapping is `bytes` long and the tests write no page after `unmap_page`.
        unsafe { start.write_bytes(value, self.bytes) };
    }

    /// Leaves a hole of one page, which is too small for any stack of the test runner to move in.
    pub(crate) fn unmap_page(&self, index: usize) {
        let page = page_size();
        let start = std::ptr::with_exposed_provenance_mut(self.start + index * page);
        // SAFETY: the mapping was made by `map`, and the tests use this page no more.
        assert_eq!(unsafe { libc::munmap(start, page) }, 0);
    }
}

static GATES: Mutex<Vec<&'static Gate>> = Mutex::new(Vec::new());

/// Holds a stream back until it is opened, so that no test depends on timing.
pub(crate) struct Gate {
    state: Mutex<GateState>,
    changed: Condvar,
}

#[derive(Default)]
struct GateState {
    reached: bool,
    open: bool,
}

impl Gate {
    pub(crate) fn on(stream: usize) -> &'static Self {
        let gate: &'static Self = Box::leak(Box::new(Self {
            state: Mutex::default(),
            changed: Condvar::new(),
        }));
        GATES.lock().unwrap().push(gate);
        let data = std::ptr::from_ref(gate).expose_provenance();
        assert_eq!(cu!(cuLaunchHostFunc(stream, Some(pass), data)), 0);
        gate
    }

    pub(crate) fn open(&self) {
        self.state.lock().unwrap().open = true;
        self.changed.notify_all();
    }

    /// Waits until the stream stands at the gate: a context that fails before would skip it.
    pub(crate) fn wait_until_reached(&self) {
        let state = self.state.lock().unwrap();
        drop(
            self.changed
                .wait_while(state, |state| !state.reached)
                .unwrap(),
        );
    }
}

unsafe extern "C" fn pass(gate: *mut c_void) {
    // SAFETY: the data of this function is always a leaked gate.
    let gate = unsafe { &*gate.cast::<Gate>() };
    let mut state = gate.state.lock().unwrap();
    state.reached = true;
    gate.changed.notify_all();
    drop(gate.changed.wait_while(state, |state| !state.open).unwrap());
}
