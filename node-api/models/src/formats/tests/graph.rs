use super::proto::*;
use super::*;
use crate::formats::{Dimension, GraphFault, MessageFault, PortEntry};
use zenoh_pinned_node::tensor::ElementType;

fn opened(graph: Proto) -> Result<ModelFiles, FormatError> {
    Temporary::new().open("m.onnx", &model(graph).0)
}

fn port(name: &str, tensor: Proto) -> Proto {
    proto()
        .bytes(1, name)
        .message(2, proto().message(1, tensor))
}

#[test]
fn inputs_are_those_that_are_no_initializers() {
    let shape = [
        proto().number(1, 4),
        proto().bytes(2, "batch"),
        proto(),
        proto().number(1, -1_i64 as u64),
        proto().bytes(2, ""),
    ];
    let shape = shape
        .into_iter()
        .fold(proto(), |shape, dimension| shape.message(1, dimension));
    let graph = proto()
        .message(11, port("x", proto().number(1, FLOAT).message(2, shape)))
        .message(11, port("small", proto().number(1, FLOAT)))
        .message(11, port("large", proto().number(1, FLOAT)))
        .message(12, port("text", proto().number(1, 8).message(2, proto())))
        .message(
            12,
            proto()
                .bytes(1, "list")
                .message(2, proto().message(4, proto())),
        )
        .message(12, proto())
        .message(5, raw("small", 4, 0))
        .message(5, raw("large", 4000, 0));
    let found = opened(graph).unwrap();
    let port = |name: &str, element, shape| PortEntry {
        name: name.into(),
        element,
        shape,
    };
    let unknown = Dimension::Unknown;
    let shape = vec![
        Dimension::Fixed(4),
        Dimension::Named("batch".into()),
        unknown.clone(),
        unknown.clone(),
        unknown,
    ];
    assert_eq!(
        found.inputs,
        [port("x", Some(ElementType::Float32), Some(shape))]
    );
    let outputs = [
        port("text", None, Some(vec![])),
        port("list", None, None),
        port("", None, None),
    ];
    assert_eq!(found.outputs, outputs);
}

#[test]
fn a_tensor_that_stays_has_its_data_in_the_file() {
    let elsewhere = || external(raw("a", 0, 0), &[("location", "../secret")]);
    let inside = |kind: &str, tensor: Proto| match kind {
        "node" => proto().message(1, proto().message(5, proto().message(5, tensor))),
        "list" => proto().message(1, proto().message(5, proto().message(10, tensor))),
        "sparse node" => {
            let sparse = proto().message(2, tensor);
            proto().message(1, proto().message(5, proto().message(22, sparse)))
        }
        "subgraph" => {
            let graph = proto().message(5, tensor);
            let node = proto().message(5, proto().message(6, graph));
            // In a body inside a body.
            let outer = proto().message(1, node);
            proto().message(1, proto().message(5, proto().message(11, outer)))
        }
        _ => proto().message(15, proto().message(1, tensor)),
    };
    let refused = |found: Result<ModelFiles, FormatError>| {
        matches!(
            found,
            Err(FormatError::Graph {
                fault: GraphFault::ExternalInside { .. },
                ..
            })
        )
    };
    for kind in ["node", "list", "sparse node", "subgraph", "sparse"] {
        let kept = inside(kind, raw("a", 4000, 0));
        assert_eq!(
            opened(kept.clone()).unwrap().graph,
            Some(model(kept).0),
            "{kind}"
        );
        assert!(refused(opened(inside(kind, elsewhere()))), "{kind}");
    }
    let function = proto().message(7, proto().message(5, proto().message(5, elsewhere())));
    let default = proto().message(11, proto().message(5, elsewhere()));
    let training = proto().message(1, proto().message(5, elsewhere()));
    for (field, message) in [(25, function), (25, default), (20, training)] {
        let model = model(proto()).message(field, message);
        assert!(
            refused(Temporary::new().open("m.onnx", &model.0)),
            "{field}"
        );
    }
}

#[test]
fn graphs_in_graphs_end() {
    let nested = |depth: usize| {
        (0..depth).fold(proto(), |graph, _| {
            proto().message(1, proto().message(5, proto().message(6, graph)))
        })
    };
    assert!(opened(nested(30)).is_ok());
    let deep = opened(nested(2_000));
    assert!(matches!(
        deep,
        Err(FormatError::Message {
            fault: MessageFault::Depth(100),
            ..
        })
    ));
}

#[test]
fn a_tensor_over_four_gibibytes_is_passed_over() {
    let gib = 1_u64 << 30;
    let bytes = 5 * gib;
    let tensor = tensor("huge", UINT8, &[bytes]).head(9, bytes);
    let tensor_bytes = tensor.0.len() as u64 + bytes;
    let behind = proto().message(5, raw("last", 1500, 5)).0;
    let graph = proto().head(5, tensor_bytes);
    let graph_bytes = graph.0.len() as u64 + tensor_bytes + behind.len() as u64;
    let front = proto()
        .number(1, 8)
        .head(7, graph_bytes)
        .raw(&graph.0)
        .raw(&tensor.0);
    let folder = Temporary::new();
    let path = folder.write("sparse.onnx", &front.0);
    let sparse = fs::OpenOptions::new().write(true).open(&path).unwrap();
    let end = front.0.len() as u64 + bytes;
    std::os::unix::fs::FileExt::write_all_at(&sparse, &behind, end).unwrap();
    let found = open(&path, &Limits::default()).unwrap();
    let offset = front.0.len() as u64;
    assert_eq!(
        found.tensors[0].source,
        Source {
            file: 0,
            offset,
            bytes
        }
    );
    assert_eq!(bytes_of(&found, "last")[0], 5);
    assert!(found.graph.unwrap().len() < 300);
}
