//! What a model takes and gives, and whether a request fits it.

use std::collections::BTreeSet;

use super::{InvalidRequest, Shape};
use crate::inference::{Datatype, InferenceRequest, Tensor};

/// An input or an output of a model.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Port {
    /// Its name.
    pub name: String,
    /// Its elements' type.
    pub datatype: Datatype,
    /// Its dimensions, the outermost first; -1 where one may be anything.
    pub shape: Vec<i64>,
}

/// What a version of a model takes and gives.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Description {
    /// The model.
    pub name: String,
    /// The version that this is about.
    pub version: String,
    /// What runs it, for instance `onnxruntime_onnx`.
    pub platform: String,
    /// What it takes; none where that is not known, and then it is asked whatever a client sends.
    pub inputs: Vec<Port>,
    /// What it gives; none where that is not known.
    pub outputs: Vec<Port>,
}

impl Description {
    /// One of which no more is known.
    pub fn new(
        name: impl Into<String>,
        version: impl Into<String>,
        platform: impl Into<String>,
    ) -> Self {
        Self {
            name: name.into(),
            version: version.into(),
            platform: platform.into(),
            inputs: Vec::new(),
            outputs: Vec::new(),
        }
    }

    /// The same with an input more.
    ///
    /// ```
    /// use zenoh_pinned_models::{ElementType, control::Description};
    ///
    /// let ocr = Description::new("ocr", "1", "onnxruntime_onnx")
    ///     .input("x", ElementType::Float32, [1, 3, -1, -1])
    ///     .output("text", ElementType::Float32, [1, -1]);
    /// assert_eq!(ocr.inputs[0].shape, [1, 3, -1, -1]);
    /// ```
    #[must_use]
    pub fn input(
        mut self,
        name: impl Into<String>,
        datatype: impl Into<Datatype>,
        shape: impl Into<Vec<i64>>,
    ) -> Self {
        self.inputs.push(port(name, datatype, shape));
        self
    }

    /// The same with an output more; see [`input`](Self::input).
    #[must_use]
    pub fn output(
        mut self,
        name: impl Into<String>,
        datatype: impl Into<Datatype>,
        shape: impl Into<Vec<i64>>,
    ) -> Self {
        self.outputs.push(port(name, datatype, shape));
        self
    }

    /// Whether a request has what the model takes, and wants what it gives.
    ///
    /// # Errors
    /// The first thing that it has not, or has too much.
    ///
    /// ```
    /// use zenoh_pinned_models::{ElementType, control::Description, inference::InferenceRequest};
    ///
    /// let ocr = Description::new("ocr", "1", "onnxruntime_onnx").input("x", ElementType::Float32, [1, 3]);
    /// let empty = ocr.check(&InferenceRequest::default()).unwrap_err();
    /// assert_eq!(empty.to_string(), "the input 'x' is missing: send all that the model's metadata has");
    /// ```
    pub fn check(&self, request: &InferenceRequest) -> Result<(), InvalidRequest> {
        if !self.inputs.is_empty() {
            self.check_inputs(&request.inputs)?;
        }
        let known = |name: &String| self.outputs.iter().any(|port| port.name == *name);
        let mut wanted = BTreeSet::new();
        for name in &request.outputs {
            if !self.outputs.is_empty() && !known(name) {
                return Err(InvalidRequest::UnknownOutput { name: name.clone() });
            }
            if !wanted.insert(name) {
                return Err(InvalidRequest::Twice { name: name.clone() });
            }
        }
        Ok(())
    }

    fn check_inputs(&self, inputs: &[Tensor]) -> Result<(), InvalidRequest> {
        for tensor in inputs {
            let name = tensor.name();
            let Some(port) = self.inputs.iter().find(|port| port.name == name) else {
                return Err(InvalidRequest::UnknownInput { name: name.into() });
            };
            if port.datatype != tensor.datatype() {
                return Err(InvalidRequest::WrongDatatype {
                    name: name.into(),
                    got: tensor.datatype(),
                    expected: port.datatype,
                });
            }
            if !fits(&port.shape, tensor.shape()) {
                return Err(InvalidRequest::WrongShape {
                    name: name.into(),
                    got: Shape(tensor.shape().iter().map(|size| *size as i64).collect()),
                    expected: Shape(port.shape.clone()),
                });
            }
        }
        let given = |port: &&Port| inputs.iter().any(|tensor| tensor.name() == port.name);
        match self.inputs.iter().find(|port| !given(port)) {
            None => Ok(()),
            Some(port) => Err(InvalidRequest::MissingInput {
                name: port.name.clone(),
            }),
        }
    }
}

fn port(
    name: impl Into<String>,
    datatype: impl Into<Datatype>,
    shape: impl Into<Vec<i64>>,
) -> Port {
    Port {
        name: name.into(),
        datatype: datatype.into(),
        shape: shape.into(),
    }
}

fn fits(port: &[i64], shape: &[u64]) -> bool {
    let fits = |(port, size): (&i64, &u64)| *port < 0 || u64::try_from(*port) == Ok(*size);
    port.len() == shape.len() && port.iter().zip(shape).all(fits)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::element::ElementType;

    fn request(inputs: &[(&str, ElementType, &[u64])], outputs: &[&str]) -> InferenceRequest {
        let tensor = |(name, element, shape): &(&str, ElementType, &[u64])| {
            let bytes = shape.iter().product::<u64>() as usize * element.bytes();
            Tensor::new(*name, *element, *shape, vec![0; bytes]).unwrap()
        };
        InferenceRequest {
            inputs: inputs.iter().map(tensor).collect(),
            outputs: outputs.iter().map(|name| (*name).into()).collect(),
            ..Default::default()
        }
    }

    #[test]
    fn a_request_has_the_models_inputs_and_wants_its_outputs() {
        use ElementType::{Float32, Int8};
        let model = Description::new("m", "1", "test")
            .input("a", Float32, [-1, 3])
            .input("b", Int8, [])
            .output("y", Float32, [1]);
        let (a, b) = (("a", Float32, &[7, 3][..]), ("b", Int8, &[][..]));
        let word = |inputs: &[_], outputs: &[_]| match model.check(&request(inputs, outputs)) {
            Ok(()) => "",
            Err(InvalidRequest::UnknownInput { .. }) => "unknown input",
            Err(InvalidRequest::MissingInput { .. }) => "missing",
            Err(InvalidRequest::WrongDatatype { .. }) => "datatype",
            Err(InvalidRequest::WrongShape { .. }) => "shape",
            Err(InvalidRequest::UnknownOutput { .. }) => "unknown output",
            Err(InvalidRequest::Twice { .. }) => "twice",
            Err(_) => "other",
        };
        assert_eq!(word(&[a, b], &[]), "");
        assert_eq!(word(&[b, a], &["y"]), "");
        assert_eq!(word(&[("a", Float32, &[0, 3]), b], &[]), "");
        assert_eq!(word(&[a], &[]), "missing");
        assert_eq!(word(&[], &[]), "missing");
        assert_eq!(word(&[a, b, ("c", Int8, &[])], &[]), "unknown input");
        assert_eq!(word(&[("a", Int8, &[7, 3]), b], &[]), "datatype");
        for shape in [&[7, 4][..], &[3], &[7, 3, 1], &[]] {
            assert_eq!(word(&[("a", Float32, shape), b], &[]), "shape", "{shape:?}");
        }
        assert_eq!(word(&[a, ("b", Int8, &[1])], &[]), "shape");
        assert_eq!(word(&[a, b], &["x"]), "unknown output");
        assert_eq!(word(&[a, b], &["y", "y"]), "twice");

        let unknown = Description::new("m", "1", "test");
        assert!(
            unknown.check(&request(&[a], &["x"])).is_ok(),
            "what is not known is not checked"
        );
        assert!(unknown.check(&request(&[a], &["x", "x"])).is_err());
    }
}
