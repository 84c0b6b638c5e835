//! The types of elements, which are those of tensors.

pub use zenoh_pinned_node::tensor::ElementType;
