//! The types of elements that Rust has itself.

use super::ElementType;

/// A number of Rust's that is an [`ElementType`] of any bytes. Nobody else implements it.
///
/// ```
/// use zenoh_pinned_node::tensor::{ElementType, Native};
///
/// fn name_of<T: Native>(_: &[T]) -> &'static str {
///     T::ELEMENT.name()
/// }
/// assert_eq!(name_of(&[1i16, 2]), "int16");
/// ```
pub trait Native: bytemuck::Pod + sealed::Sealed {
    /// The type in a tensor.
    const ELEMENT: ElementType;
}

mod sealed {
    pub trait Sealed {}
}

macro_rules! native {
    ($($number:ty => $element:ident),* $(,)?) => {$(
        impl sealed::Sealed for $number {}
        impl Native for $number {
            const ELEMENT: ElementType = ElementType::$element;
        }
    )*};
}

native! {
    u8 => Uint8,
    u16 => Uint16,
    u32 => Uint32,
    u64 => Uint64,
    i8 => Int8,
    i16 => Int16,
    i32 => Int32,
    i64 => Int64,
    f32 => Float32,
    f64 => Float64,
}
