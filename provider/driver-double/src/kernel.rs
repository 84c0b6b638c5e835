//! Modules, and the one kernel that the double knows: no device code is read, let alone compiled.
//!
//! A module loads whatever its image holds, and has the function [`SUM_WORDS`], which a caller's own PTX is
//! to implement: `sum_words(const unsigned int *words, unsigned long long count, unsigned long long *sum)`
//! adds the sum of `count` words to `*sum`, as 64 bits that wrap. A launch does that once, whatever its grid,
//! in its stream's order and reading memory only then. Real devices find a wrong address while the kernel
//! runs and lose the context; here the launch itself fails, which no caller can count on.

use std::collections::BTreeMap;
use std::ffi::{CStr, c_char, c_uint};

use crate::call::{Out, exports};
use crate::control::text;
use crate::copy::Place;
use crate::range::Range;
use crate::state::{Double, State};
use crate::status::{
    ILLEGAL_ADDRESS, INVALID_HANDLE, INVALID_VALUE, MISALIGNED_ADDRESS, NOT_FOUND, Status,
};
use crate::stream::Work;

const SUM_WORDS: &CStr = c"sum_words";
const PARAMETERS: usize = 3;
const MAXIMUM_THREADS: u64 = 1024;
const WORD: usize = size_of::<u32>();
const FIRST_HANDLE: usize = 0x0DD_0000;
const HANDLE_STEP: usize = 0x10;
/// From a module's handle to that of its function.
const FUNCTION: usize = 0x8;

/// Loaded modules with the context of each.
#[derive(Default)]
pub(crate) struct Modules {
    loaded: usize,
    by_handle: BTreeMap<usize, usize>,
}

impl Modules {
    /// Handles are never used twice, so a stale one is recognised.
    fn load(&mut self, context: usize) -> usize {
        let handle = FIRST_HANDLE + HANDLE_STEP * self.loaded;
        self.loaded += 1;
        self.by_handle.insert(handle, context);
        handle
    }

    /// The modules of the context have gone with it.
    pub(crate) fn lose(&mut self, context: usize) {
        self.by_handle.retain(|_, of| *of != context);
    }

    fn context_of_function(&self, function: usize) -> Option<usize> {
        let module = function.checked_sub(FUNCTION)?;
        self.by_handle.get(&module).copied()
    }
}

/// One launch of the kernel.
#[derive(Clone)]
pub(crate) struct Sum {
    /// None where there are none.
    words: Option<Place>,
    sum: Place,
}

impl Sum {
    pub(crate) fn places(&self) -> impl Iterator<Item = &Place> {
        self.words.iter().chain([&self.sum])
    }

    pub(crate) fn run(&self) -> Result<(), String> {
        self.sum.gone()?;
        let mut sum = 0u64;
        if let Some(words) = &self.words {
            words.gone()?;
            let first = words.address().cast::<u32>();
            for index in 0..words.bytes() / WORD {
                // SAFETY: the words were whole, aligned and memory of the device when the launch was asked
                // for; device memory is held by it, and other memory the interface obliges the caller to keep.
                sum = sum.wrapping_add(u64::from(unsafe { first.add(index).read() }));
            }
            words.gone()?;
        }
        let total = self.sum.address().cast::<u64>();
        // SAFETY: as for the words.
        unsafe { total.write(total.read().wrapping_add(sum)) };
        self.sum.gone()
    }
}

impl State {
    /// Memory that a kernel reads or writes in place.
    fn kernel_place(&mut self, start: u64, bytes: u64, aligned: usize) -> Result<Place, Status> {
        let range = usize::try_from(start)
            .and_then(|start| Ok((start, usize::try_from(bytes)?)))
            .map_err(|_| INVALID_VALUE)
            .and_then(|(start, bytes)| Range::new(start, bytes));
        let Ok(range) = range else {
            let text = format!("not_device_memory: {bytes} bytes at {start:#x}");
            self.ledger.violation(text);
            return Err(ILLEGAL_ADDRESS);
        };
        if !range.start.is_multiple_of(aligned) {
            self.ledger
                .violation(format!("misaligned: {range:x?} in a kernel"));
            return Err(MISALIGNED_ADDRESS);
        }
        self.device_place(range).map_err(|_| ILLEGAL_ADDRESS)
    }
}

/// How a launch divides its threads; only checked.
struct Shape {
    grid: [c_uint; 3],
    block: [c_uint; 3],
}

impl Shape {
    fn check(&self) -> Result<(), Status> {
        let threads = |sizes: [c_uint; 3]| {
            let product = |product: u64, size| product.checked_mul(u64::from(size));
            sizes.into_iter().try_fold(1, product)
        };
        match (threads(self.grid), threads(self.block)) {
            (None | Some(0), _) | (_, None | Some(0)) => Err(INVALID_VALUE),
            (_, Some(threads)) if threads > MAXIMUM_THREADS => Err(INVALID_VALUE),
            _ => Ok(()),
        }
    }
}

impl Double {
    fn load(&'static self, image: usize) -> Result<usize, Status> {
        if image == 0 {
            return Err(INVALID_VALUE);
        }
        let mut state = self.lock();
        let context = state.contexts.current()?;
        Ok(state.modules.load(context))
    }

    fn unload(&'static self, module: usize) -> Result<(), Status> {
        let mut state = self.lock();
        if state.modules.by_handle.remove(&module).is_none() {
            state.ledger.violation(format!("stale_module: {module:#x}"));
            return Err(INVALID_HANDLE);
        }
        Ok(())
    }

    fn function(&'static self, module: usize, name: Option<&str>) -> Result<usize, Status> {
        if !self.lock().modules.by_handle.contains_key(&module) {
            return Err(INVALID_HANDLE);
        }
        match name {
            None => Err(INVALID_VALUE),
            Some(name) if name.as_bytes() == SUM_WORDS.to_bytes() => Ok(module + FUNCTION),
            Some(_) => Err(NOT_FOUND),
        }
    }

    /// The parameters are read before this returns, what they point to when the kernel runs.
    fn start(
        &'static self,
        function: usize,
        shape: &Shape,
        stream: usize,
        parameters: *const *const u64,
    ) -> Result<(), Status> {
        shape.check()?;
        let mut state = self.lock();
        let Some(context) = state.modules.context_of_function(function) else {
            state
                .ledger
                .violation(format!("stale_function: {function:#x}"));
            return Err(INVALID_HANDLE);
        };
        let stream = self.stream_of(&mut state, stream)?;
        if state.streams.usable(stream)?.context != context {
            return Err(INVALID_HANDLE);
        }
        let mut values = [0; PARAMETERS];
        for (index, value) in values.iter_mut().enumerate() {
            // SAFETY: the interface obliges the caller to pass null or a pointer for each of the function's
            // parameters, and each of those three takes 64 bits.
            *value = unsafe {
                let place = parameters.is_null().then_some(std::ptr::null());
                let place = place.unwrap_or_else(|| *parameters.add(index));
                if place.is_null() {
                    return Err(INVALID_VALUE);
                }
                place.read_unaligned()
            };
        }
        let [words, count, sum] = values;
        let sum = state.kernel_place(sum, size_of::<u64>() as u64, align_of::<u64>())?;
        let words = match count {
            0 => None,
            _ => {
                let bytes = count.saturating_mul(WORD as u64);
                Some(state.kernel_place(words, bytes, WORD)?)
            }
        };
        self.enqueue(
            &mut state,
            stream,
            Vec::new(),
            Work::Sum(Sum { words, sum }),
        )?;
        Ok(())
    }
}

exports! {
    [Context] fn cuModuleLoadData(module: Out<usize>, image: usize) |double| module.set(double.load(image)?);
    [Context] fn cuModuleUnload(module: usize) |double| double.unload(module);
    [Context] fn cuModuleGetFunction(function: Out<usize>, module: usize, name: *const c_char) |double| {
        // SAFETY: the interface obliges callers to pass null or a NUL-terminated string.
        let name = unsafe { text(name) };
        function.set(double.function(module, name)?)
    };
    [Context] fn cuLaunchKernel(
        function: usize,
        grid_x: c_uint, grid_y: c_uint, grid_z: c_uint,
        block_x: c_uint, block_y: c_uint, block_z: c_uint,
        _shared_bytes: c_uint,
        stream: usize,
        parameters: *const *const u64,
        extra: usize,
    ) |double| {
        // Packed parameters are the other way to pass them, which this does not read.
        if extra != 0 {
            return Err(INVALID_VALUE);
        }
        let shape = Shape { grid: [grid_x, grid_y, grid_z], block: [block_x, block_y, block_z] };
        double.start(function, &shape, stream, parameters)
    };
}
