//! Tensors: a frame, the type of its elements, and a shape.

mod element;

pub use element::ElementType;
