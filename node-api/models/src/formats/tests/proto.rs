//! Writes ONNX models, as protocol buffers have them, and in ways that they do not.

/// A message that is being written.
#[derive(Clone, Default)]
pub(super) struct Proto(pub(super) Vec<u8>);

pub(super) fn proto() -> Proto {
    Proto::default()
}

impl Proto {
    pub(super) fn raw_number(mut self, mut number: u64) -> Self {
        while number >= 0x80 {
            self.0.push(number as u8 | 0x80);
            number >>= 7;
        }
        self.0.push(number as u8);
        self
    }

    pub(super) fn number(self, field: u64, number: u64) -> Self {
        self.raw_number(field << 3).raw_number(number)
    }

    pub(super) fn bytes(self, field: u64, bytes: impl AsRef<[u8]>) -> Self {
        let bytes = bytes.as_ref();
        self.head(field, bytes.len() as u64).raw(bytes)
    }

    /// The front of a field of bytes, which need not follow.
    pub(super) fn head(self, field: u64, bytes: u64) -> Self {
        self.raw_number(field << 3 | 2).raw_number(bytes)
    }

    pub(super) fn raw(mut self, bytes: &[u8]) -> Self {
        self.0.extend_from_slice(bytes);
        self
    }

    pub(super) fn message(self, field: u64, message: Proto) -> Self {
        self.bytes(field, message.0)
    }
}

/// A model with this graph.
pub(super) fn model(graph: Proto) -> Proto {
    let opset = proto().bytes(1, "").number(2, 17);
    proto()
        .number(1, 8)
        .bytes(2, "by hand")
        .message(7, graph)
        .message(8, opset)
}

/// A tensor without data.
pub(super) fn tensor(name: &str, data_type: u64, dims: &[u64]) -> Proto {
    let tensor = dims
        .iter()
        .fold(proto(), |tensor, dim| tensor.number(1, *dim));
    tensor.number(2, data_type).bytes(8, name)
}

pub(super) const FLOAT: u64 = 1;
pub(super) const UINT8: u64 = 2;

/// Bytes, of which this many begin with `first`.
pub(super) fn raw(name: &str, bytes: usize, first: u8) -> Proto {
    let data: Vec<u8> = (0..bytes).map(|n| first.wrapping_add(n as u8)).collect();
    tensor(name, UINT8, &[bytes as u64]).bytes(9, data)
}

/// A tensor in another file, by these entries.
pub(super) fn external(tensor: Proto, entries: &[(&str, &str)]) -> Proto {
    let entry = |key: &str, value: &str| proto().bytes(1, key).bytes(2, value);
    let with = |tensor: Proto, (key, value): &(&str, &str)| tensor.message(13, entry(key, value));
    entries.iter().fold(tensor, with).number(14, 1)
}

/// What takes the place of a tensor's data.
pub(super) fn elsewhere(tensor: Proto, bytes: usize) -> Proto {
    let length = bytes.to_string();
    let entries = [
        ("location", "zenoh-pinned"),
        ("offset", "0"),
        ("length", &length),
    ];
    external(tensor, &entries)
}

pub(super) fn constant(output: &str, tensor: Proto) -> Proto {
    let attribute = proto().bytes(1, "value").message(5, tensor).number(20, 4);
    proto()
        .bytes(2, output)
        .bytes(4, "Constant")
        .message(5, attribute)
}
