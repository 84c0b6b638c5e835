//! Reads messages, after their fields were counted where they can be many.

use std::{any::TypeId, marker::PhantomData};

use bytes::Buf as _;
use prost::Message;
use tonic::{
    Status,
    codec::{Codec, DecodeBuf, Decoder},
};
use tonic_prost::{ProstCodec, ProstDecoder, ProstEncoder};

use super::{fields, protocol::inference::ModelInferRequest};

/// What the generated services read and write with.
pub(super) struct CountedCodec<T, U>(PhantomData<(T, U)>);

impl<T, U> Default for CountedCodec<T, U> {
    fn default() -> Self {
        Self(PhantomData)
    }
}

impl<T, U> Codec for CountedCodec<T, U>
where
    T: Message + Send + 'static,
    U: Message + Default + Send + 'static,
{
    type Encode = T;
    type Decode = U;
    type Encoder = ProstEncoder<T>;
    type Decoder = CountedDecoder<U>;

    fn encoder(&mut self) -> Self::Encoder {
        ProstCodec::<T, U>::default().encoder()
    }

    fn decoder(&mut self) -> Self::Decoder {
        CountedDecoder(ProstCodec::<T, U>::default().decoder())
    }
}

pub(super) struct CountedDecoder<U>(ProstDecoder<U>);

impl<U: Message + Default + 'static> Decoder for CountedDecoder<U> {
    type Item = U;
    type Error = Status;

    fn decode(&mut self, message: &mut DecodeBuf<'_>) -> Result<Option<U>, Status> {
        // A message lies in one piece when it is read.
        if TypeId::of::<U>() == TypeId::of::<ModelInferRequest>() {
            fields::check(message.chunk())?;
        }
        self.0.decode(message)
    }
}
