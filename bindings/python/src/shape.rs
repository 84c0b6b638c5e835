//! The arithmetic of shapes and strides, which other libraries may claim anything about.

/// Elements of a shape; `None` where its sizes overflow, also where another one is zero.
pub(crate) fn count(shape: &[usize]) -> Option<usize> {
    let mut sizes = shape.iter().map(|size| (*size).max(1));
    let most = sizes.try_fold(1, usize::checked_mul)?;
    // With room for the size of an element.
    isize::try_from(most.checked_mul(16)?).ok()?;
    match shape.contains(&0) {
        true => Some(0),
        false => Some(most),
    }
}

/// Steps between elements in row-major order, in units of `unit`. The shape has a [`count`].
pub(crate) fn strides(shape: &[usize], unit: usize) -> Vec<isize> {
    let mut strides = vec![0; shape.len()];
    let mut step = unit;
    for (stride, size) in strides.iter_mut().zip(shape).rev() {
        *stride = step as isize;
        step *= (*size).max(1);
    }
    strides
}

/// Whether so many bytes are the elements of this shape, one behind the other in row-major order. No strides
/// at all mean that they are.
pub(crate) fn is_one_run(
    bytes: usize,
    item_bytes: usize,
    shape: &[usize],
    strides: &[isize],
) -> bool {
    if count(shape).and_then(|count| count.checked_mul(item_bytes)) != Some(bytes) {
        return false;
    }
    // Steps within nothing, and those that no second element takes, may be any.
    let (Ok(mut step), false) = (isize::try_from(item_bytes), bytes == 0) else {
        return bytes == 0;
    };
    strides.iter().zip(shape).rev().all(|(stride, size)| {
        let fits = *size <= 1 || *stride == step;
        step = step.saturating_mul(isize::try_from(*size).unwrap_or(isize::MAX));
        fits
    })
}
