//! Weights on a device: each shard registered, copied by one DMA from where it lies, and given back at once.

use zenoh_pinned::{CopyError, DeviceBuffer, DevicePath, FallbackReason, FrameError, Pinner};
use zenoh_pinned_node::tensor::ElementType;

use super::Weights;
use crate::{error::DeviceError, manifest::TensorInfo};

/// A copy of all weights in a device's memory. They stay there without the lease. Usable from any thread.
#[derive(Debug)]
pub struct DeviceWeights {
    shards: Vec<DeviceBuffer>,
    tensors: Weights,
}

/// Where a tensor lies on the device.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct DeviceTensor {
    /// In which buffer of [`DeviceWeights::shards`].
    pub shard: usize,
    /// The address of its first byte on the device.
    pub address: u64,
    /// How many bytes it has.
    pub bytes: u64,
    /// What its elements are.
    pub element: ElementType,
    /// How long each dimension is.
    pub shape: Vec<usize>,
}

impl Weights {
    /// Copies all weights to the device of `pinner`, a shard after the other, and waits. Each shard is registered for its
    /// copy alone, so this process's budget has to have room for one shard, however many workers copy the model.
    ///
    /// ```no_run
    /// use zenoh_pinned::Pinner;
    ///
    /// let weights = zenoh_pinned_models::attach("ocr")?;
    /// let on_device = weights.copy_to_device(&Pinner::builder().device(0).build())?;
    /// for tensor in weights.tensors() {
    ///     println!("{} at {:?}", tensor.name(), on_device.tensor(tensor.name()));
    /// }
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    /// [`DeviceError`]. Nothing stays on the device then.
    pub fn copy_to_device(&self, pinner: &Pinner) -> Result<DeviceWeights, DeviceError> {
        let shards = self.shards().iter().map(|shard| {
            let copied = shard.while_registered(pinner, |shard| -> Result<_, CopyError> {
                let stream = pinner.new_stream()?;
                let buffer = shard.copy_to_device_buffer(&stream)?;
                buffer.synchronize()?;
                Ok(buffer)
            });
            Ok(copied.map_err(|error: FrameError| DeviceError::Frame(error))??)
        });
        Ok(DeviceWeights {
            shards: shards.collect::<Result<_, DeviceError>>()?,
            tensors: self.clone(),
        })
    }
}

impl DeviceWeights {
    /// The device memory of each shard.
    pub fn shards(&self) -> &[DeviceBuffer] {
        &self.shards
    }

    /// The device memory of each shard, for whoever keeps it himself.
    pub fn into_shards(self) -> Vec<DeviceBuffer> {
        self.shards
    }

    /// Where the tensor of this name lies.
    pub fn tensor(&self, name: &str) -> Option<DeviceTensor> {
        let tensors = &self.tensors.contents().manifest;
        tensors.tensor(name).and_then(|info| self.place(info))
    }

    /// The way that a shard took to the device, and why it was not the direct one.
    pub fn paths(&self) -> impl Iterator<Item = (DevicePath, Option<&FallbackReason>)> {
        self.shards
            .iter()
            .map(|shard| (shard.path(), shard.reason()))
    }

    fn place(&self, info: &TensorInfo) -> Option<DeviceTensor> {
        let (shard, offset) = info.place();
        Some(DeviceTensor {
            shard,
            address: self.shards.get(shard)?.address().checked_add(offset)?,
            bytes: info.bytes(),
            element: info.element(),
            shape: info.shape().to_vec(),
        })
    }
}
