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

/// The sizes that were asked for, of so many elements. One of them may be -1: it is what the others leave, where
/// that is one number. `None` where they are no shape of so many elements.
pub(crate) fn resolve(asked: &[i128], elements: usize) -> Option<Vec<usize>> {
    let is_open = |size: &&i128| **size == -1;
    let size_of = |size: i128, open: usize| match size {
        -1 => Some(open),
        _ => usize::try_from(size).ok(),
    };
    let with = |open: usize| -> Option<Vec<usize>> {
        asked.iter().map(|size| size_of(*size, open)).collect()
    };
    let shape = match asked.iter().filter(is_open).count() {
        0 => with(0)?,
        1 => with(elements.checked_div(count(&with(1)?)?)?)?,
        _ => return None,
    };
    (count(&shape) == Some(elements)).then_some(shape)
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

/// Whether elements in row-major order are in column-major order too.
pub(crate) fn orders_are_the_same(shape: &[usize]) -> bool {
    shape.contains(&0) || shape.iter().filter(|size| **size > 1).count() <= 1
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
