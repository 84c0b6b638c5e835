//! The reduction on the device: `sum_words` of `sum_words.ptx`, which adds all words of 32 bits to a sum.

use std::{ffi::CString, os::raw::c_void, sync::Arc};

use zenoh_pinned::cudarc::driver::{
    CudaContext, CudaSlice, CudaStream, DevicePtr, DevicePtrMut, result, sys,
};

use crate::Outcome;

const PTX: &str = include_str!("sum_words.ptx");
/// Enough to read memory as fast as it goes, few enough that their additions to one sum do not count.
const BLOCKS: u32 = 256;
const THREADS: u32 = 256;

/// Loaded for as long as the process lives.
pub struct Kernel {
    function: sys::CUfunction,
}

impl Kernel {
    pub fn load(context: &Arc<CudaContext>) -> Outcome<Self> {
        context.bind_to_thread()?;
        let image = CString::new(PTX)?;
        // SAFETY: the image is PTX text that ends with a zero; the driver copies it.
        let module = unsafe { result::module::load_data(image.as_ptr().cast())? };
        // SAFETY: the module was just loaded into the bound context, and is never unloaded.
        let function = unsafe { result::module::get_function(module, c"sum_words".to_owned())? };
        Ok(Self { function })
    }

    /// Enqueues the addition of all words in `words` to the sum at `index`.
    pub fn sum_words(
        &self,
        words: &CudaSlice<u8>,
        sums: &mut CudaSlice<u64>,
        index: usize,
        stream: &Arc<CudaStream>,
    ) -> Outcome {
        let count = (words.len() / 4) as u64;
        let mut sum = sums.try_slice_mut(index..index + 1).ok_or("no such sum")?;
        let (mut words, _words_recorded) = words.device_ptr(stream);
        let (mut sum, _sum_recorded) = sum.device_ptr_mut(stream);
        let mut count = count;
        let mut arguments: [*mut c_void; 3] = [
            std::ptr::from_mut(&mut words).cast(),
            std::ptr::from_mut(&mut count).cast(),
            std::ptr::from_mut(&mut sum).cast(),
        ];
        stream.context().bind_to_thread()?;
        // SAFETY: the arguments have the types of the kernel's parameters: two addresses of device memory of this
        // context, with so many words and one sum behind them, and a count. All of it is used in stream order.
        unsafe {
            result::launch_kernel(
                self.function,
                (BLOCKS, 1, 1),
                (THREADS, 1, 1),
                0,
                stream.cu_stream(),
                &mut arguments,
            )?;
        }
        Ok(())
    }
}
