//! Work on a device that reads memory late: a sum of words, by a kernel that both drivers have.

use std::{ffi::c_void, sync::Arc};

use cudarc::driver::{CudaContext, CudaSlice, CudaStream, DevicePtrMut, result, sys};

use super::driver;
use crate::cudarc;

const PTX: &std::ffi::CStr = match std::ffi::CStr::from_bytes_with_nul(
    concat!(include_str!("sum_words.ptx"), "\0").as_bytes(),
) {
    Ok(text) => text,
    Err(_) => panic!("the kernel's text has a zero"),
};

pub struct SumWords {
    function: sys::CUfunction,
}

impl SumWords {
    pub fn load(context: &Arc<CudaContext>) -> Self {
        context.bind_to_thread().unwrap();
        // SAFETY: the image is text that ends with a zero; the module is never unloaded.
        let function = unsafe {
            let module = result::module::load_data(PTX.as_ptr().cast()).unwrap();
            result::module::get_function(module, c"sum_words".to_owned()).unwrap()
        };
        Self { function }
    }

    /// Enqueues the addition of `bytes / 4` words at `address` to the sum.
    pub fn enqueue(
        &self,
        address: u64,
        bytes: usize,
        sum: &mut CudaSlice<u64>,
        stream: &Arc<CudaStream>,
    ) {
        let (mut sum, _recorded) = sum.device_ptr_mut(stream);
        let (mut address, mut count) = (address, bytes as u64 / 4);
        let mut arguments: [*mut c_void; 3] = [
            (&raw mut address).cast(),
            (&raw mut count).cast(),
            (&raw mut sum).cast(),
        ];
        stream.context().bind_to_thread().unwrap();
        // SAFETY: the arguments have the types of the kernel's parameters; the caller keeps the memory, or shows that
        // somebody else does.
        unsafe {
            let (blocks, threads) = ((64, 1, 1), (256, 1, 1));
            let stream = stream.cu_stream();
            result::launch_kernel(self.function, blocks, threads, 0, stream, &mut arguments)
                .unwrap();
        }
    }
}

/// What the kernel makes of the bytes.
pub fn sum_of(bytes: &[u8]) -> u64 {
    let words = bytes.chunks_exact(4);
    words
        .map(|word| u64::from(u32::from_ne_bytes(word.try_into().unwrap())))
        .sum()
}

/// Has what is enqueued on the stream from now on executed late: the double by being told so, a device by giving it
/// other work first.
pub fn hold_up(stream: &Arc<CudaStream>) -> Option<CudaSlice<u8>> {
    if !driver::is_real() {
        driver::set("copy_delay_us=60000");
        return None;
    }
    let mut work = stream.alloc_zeros::<u8>(512 << 20).unwrap();
    for _ in 0..150 {
        stream.memset_zeros(&mut work).unwrap();
    }
    Some(work)
}

/// As before [`hold_up`].
pub fn go_on() {
    if !driver::is_real() {
        driver::set("copy_delay_us=0");
    }
}
