//! Elements of another object wherever they lie: in one run, in steps, or backwards.

use std::{
    ptr::{self, NonNull},
    slice,
};

use pyo3::{exceptions::PyValueError, prelude::*};

use crate::{element::Element, shape};

/// Elements in host memory that another object shows.
///
/// May be dropped on any thread: it is a Python object that keeps the memory, and PyO3 gives that up when the
/// interpreter is attached next. A thread that waited for the interpreter here could wait for ever while the
/// process ends.
pub(crate) struct Strided {
    first: NonNull<u8>,
    element: &'static Element,
    shape: Vec<usize>,
    /// In bytes, one for each dimension; none where the elements are in one run.
    steps: Vec<isize>,
    bytes: usize,
    _keeper: Py<PyAny>,
}

// SAFETY: the bytes are only read, and the keeper may be sent.
unsafe impl Send for Strided {}
// SAFETY: as above.
unsafe impl Sync for Strided {}

impl Strided {
    /// Elements of `shape`, the first one at `first`. No steps at all mean that they are in one run. `None` for a shape
    /// that is no memory's.
    ///
    /// # Safety
    /// `keeper` keeps every element of the shape readable.
    pub(super) unsafe fn new(
        first: NonNull<u8>,
        element: &'static Element,
        shape: Vec<usize>,
        steps: Vec<isize>,
        keeper: Py<PyAny>,
    ) -> Option<Self> {
        let bytes = shape::count(&shape)?.checked_mul(element.bytes)?;
        let steps = match shape::is_one_run(bytes, element.bytes, &shape, &steps) {
            true => Vec::new(),
            false => steps,
        };
        Some(Self {
            first,
            element,
            shape,
            steps,
            bytes,
            _keeper: keeper,
        })
    }

    pub(crate) fn element(&self) -> &'static Element {
        self.element
    }

    pub(crate) fn shape(&self) -> &[usize] {
        &self.shape
    }

    /// Bytes of all elements.
    pub(crate) fn bytes(&self) -> usize {
        self.bytes
    }

    /// The bytes where they lie; `None` where they are not in one run.
    pub(crate) fn as_one_run(&self) -> Option<&[u8]> {
        if !self.steps.is_empty() {
            return None;
        }
        // SAFETY: the keeper keeps so many bytes readable. Nothing keeps their owner from writing them
        // meanwhile, as with every reader of a buffer; they are copied bytewise only.
        Some(unsafe { slice::from_raw_parts(self.first.as_ptr(), self.bytes) })
    }

    /// Copies the elements in row-major order to as many bytes.
    pub(crate) fn copy_to(&self, destination: &mut [u8]) {
        debug_assert_eq!(destination.len(), self.bytes);
        if let Some(run) = self.as_one_run() {
            return destination.copy_from_slice(run);
        }
        let (run, dimensions) = self.runs();
        let (outer, last) = match dimensions.split_last() {
            Some((last, outer)) => (outer, *last),
            None => (&[][..], (1, 0)),
        };
        let mut row = self.first.as_ptr().cast_const();
        let mut index = vec![0; outer.len()];
        for place in destination.chunks_exact_mut(run * last.0) {
            // SAFETY: by steps within the shape, whose elements are readable; the rows are as many as places.
            unsafe {
                match run {
                    1 => copy_row::<1>(row, last.1, place),
                    2 => copy_row::<2>(row, last.1, place),
                    4 => copy_row::<4>(row, last.1, place),
                    8 => copy_row::<8>(row, last.1, place),
                    _ => copy_runs(row, last.1, run, place),
                }
            }
            for (at, (size, step)) in index.iter_mut().zip(outer).rev() {
                *at += 1;
                row = row.wrapping_offset(*step);
                if *at < *size {
                    break;
                }
                row = row.wrapping_offset(step.wrapping_mul(-(*size as isize)));
                *at = 0;
            }
        }
    }

    /// How many bytes lie one behind the other everywhere, and size and step of the dimensions above them.
    fn runs(&self) -> (usize, Vec<(usize, isize)>) {
        let mut run = self.element.bytes;
        let sizes = self.shape.iter().copied();
        let mut dimensions: Vec<_> = sizes.zip(self.steps.iter().copied()).collect();
        dimensions.retain(|(size, _)| *size > 1);
        while let Some((size, step)) = dimensions.last()
            && *step == run as isize
        {
            run *= size;
            dimensions.pop();
        }
        (run, dimensions)
    }
}

/// # Safety
/// There are `N` readable bytes at `first` and after each step, as often as `N` goes into the place.
unsafe fn copy_row<const N: usize>(first: *const u8, step: isize, place: &mut [u8]) {
    let mut from = first.cast::<[u8; N]>();
    for place in place.as_chunks_mut::<N>().0 {
        // SAFETY: the caller's; arrays of bytes lie anywhere.
        *place = unsafe { from.read() };
        from = from.wrapping_byte_offset(step);
    }
}

/// # Safety
/// As [`copy_row`], of `run` bytes.
unsafe fn copy_runs(first: *const u8, step: isize, run: usize, place: &mut [u8]) {
    let mut from = first;
    for place in place.chunks_exact_mut(run) {
        // SAFETY: the caller's; what is written is this process's own slot, which nobody shows yet.
        unsafe { ptr::copy_nonoverlapping(from, place.as_mut_ptr(), run) };
        from = from.wrapping_offset(step);
    }
}

pub(super) fn scattered() -> PyErr {
    PyValueError::new_err(
        "the elements are not in one run in row-major order: use numpy.ascontiguousarray(array), or tensor.contiguous()",
    )
}
