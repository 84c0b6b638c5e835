use super::proto::*;
use super::*;
use crate::formats::{Counted, GraphFault, MessageFault, NameFault};
use zenoh_pinned_node::tensor::ElementType;

pub(super) fn opened(model: &Proto) -> Result<ModelFiles, FormatError> {
    Temporary::new().open("m.onnx", &model.0)
}

fn of_initializer(tensor: Proto) -> Result<ModelFiles, FormatError> {
    opened(&model(proto().message(5, tensor)))
}

pub(super) fn message_fault<T: std::fmt::Debug>(result: Result<T, FormatError>) -> MessageFault {
    match result.unwrap_err() {
        FormatError::Message { fault, .. } => fault,
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_tensor_is_taken_out_from_1024_bytes_on_and_all_else_is_kept() {
    let around = |large: Proto, constant_or_not: Proto, number: u64| {
        let node = proto()
            .bytes(2, "y")
            .bytes(4, "Add")
            .raw(&[0x7d, 1, 2, 3, 4, 0x79, 1, 2, 3, 4, 5, 6, 7, 8]);
        let graph = proto()
            .message(1, node)
            .message(5, raw("small", 1023, 1))
            .message(5, large)
            .message(5, tensor("typed", FLOAT, &[2]).bytes(4, [0; 8]))
            .message(number, constant_or_not)
            .message(1, constant("few", raw("", 5, 9)))
            .bytes(99, "unknown");
        model(graph).bytes(14, proto().bytes(1, "key").bytes(2, "value").0)
    };
    let folder = Temporary::new();
    let before = around(
        raw("large", 1024, 3),
        constant("many", raw("inner", 5000, 7)),
        1,
    );
    let found = folder.open("m.onnx", &before.0).unwrap();
    let name_last = |name: &str, bytes: u64| {
        let without_name = proto().number(1, bytes).number(2, UINT8);
        elsewhere(without_name.bytes(8, name), bytes as usize)
    };
    let after = around(name_last("large", 1024), name_last("many", 5000), 5);
    assert_eq!(found.graph.as_deref(), Some(&*after.0));
    let names: Vec<_> = found.tensors.iter().map(|tensor| &*tensor.name).collect();
    assert_eq!(names, ["large", "many"]);
    assert_eq!(bytes_of(&found, "large")[..2], [3, 4]);
    assert_eq!(bytes_of(&found, "many")[..2], [7, 8]);
    assert_eq!(found.tensors[1].element, ElementType::Uint8);
    assert_eq!(found.metadata["key"], "value");
}

#[test]
fn only_a_node_that_is_a_tensor_and_no_more_becomes_one() {
    let large = || raw("", 2048, 0);
    let attribute = |name: &str| proto().bytes(1, name).message(5, large());
    let node = || proto().bytes(2, "y").bytes(4, "Constant");
    let taken = [
        node().message(5, attribute("value")),
        node()
            .bytes(7, "ai.onnx")
            .message(5, attribute("value").number(20, 4)),
        proto()
            .message(5, attribute("value"))
            .bytes(3, "name")
            .bytes(4, "Constant")
            .bytes(2, "y")
            .bytes(7, ""),
    ];
    let left = [
        node()
            .bytes(7, "com.example")
            .message(5, attribute("value")),
        node().bytes(1, "x").message(5, attribute("value")),
        node().bytes(2, "z").message(5, attribute("value")),
        node()
            .message(5, attribute("value"))
            .message(5, attribute("other")),
        node().message(5, attribute("sparse_value")),
        node().message(5, attribute("value").number(20, 1)),
        node().message(5, attribute("value").bytes(21, "of_the_function")),
        node().message(5, attribute("value").message(5, large())),
        proto()
            .bytes(2, "")
            .bytes(4, "Constant")
            .message(5, attribute("value")),
        proto()
            .bytes(2, "y")
            .bytes(4, "Identity")
            .message(5, attribute("value")),
        proto().bytes(2, "y").message(5, attribute("value")),
    ];
    for (nodes, count) in [(&taken[..], 1), (&left[..], 0)] {
        for node in nodes {
            let model = model(proto().message(1, node.clone()));
            let found = opened(&model).unwrap();
            assert_eq!(found.tensors.len(), count, "{node:?}", node = &node.0[..20]);
            assert_eq!(found.graph == Some(model.0), count == 0);
        }
    }
}

#[test]
fn both_spellings_of_dimensions_are_read() {
    let packed = proto().raw_number(2).raw_number(300).0;
    let tensor = proto()
        .bytes(1, packed)
        .number(1, 2)
        .number(2, UINT8)
        .bytes(8, "a")
        .bytes(9, [0; 1200]);
    assert_eq!(
        of_initializer(tensor).unwrap().tensors[0].shape,
        [2, 300, 2]
    );
}

#[test]
fn a_tensor_is_described_truly() {
    let refused = |tensor: Proto| fault(of_initializer(tensor));
    let data = [0; 2000];
    let misfit = refused(tensor("a", FLOAT, &[501]).bytes(9, data));
    assert_eq!(
        misfit,
        (
            "a".into(),
            TensorFault::Misfit {
                bytes: 2000,
                expected: 2004
            }
        )
    );
    let negative = refused(tensor("a", FLOAT, &[-5_i64 as u64]).bytes(9, data));
    assert_eq!(negative.1, TensorFault::Negative(-5));
    let huge = i64::MAX as u64;
    let huge = refused(tensor("a", FLOAT, &[huge, huge, 0]).bytes(9, data));
    assert_eq!(huge.1, TensorFault::Uncountable);
    let fault = message_fault(of_initializer(tensor("a", UINT8, &[1; 65]).bytes(9, data)));
    assert_eq!(fault, MessageFault::Rank(64));
}

#[test]
fn what_cannot_be_a_tensor_of_its_own_stays_in_the_graph() {
    let four_bits = tensor("a", 22, &[4000]).bytes(9, [0; 2000]);
    let both = tensor("a", FLOAT, &[500])
        .bytes(9, [0; 2000])
        .bytes(4, [0; 2000]);
    let segment = tensor("a", FLOAT, &[500])
        .bytes(9, [0; 2000])
        .bytes(3, [8, 0]);
    for tensor in [four_bits, both, segment] {
        let model = model(proto().message(5, tensor));
        let found = opened(&model).unwrap();
        assert!(found.tensors.is_empty());
        assert_eq!(found.graph, Some(model.0));
    }
}

#[test]
fn names_are_of_one_tensor_each_and_can_be_passed_to_c() {
    let name_fault = |graph: Proto| match opened(&model(graph)).unwrap_err() {
        FormatError::Name { number, fault, .. } => (number, fault),
        other => panic!("{other:?}"),
    };
    let of = |name: &str| proto().message(5, raw(name, 4, 0));
    assert_eq!(name_fault(of("")), (0, NameFault::Empty));
    assert_eq!(
        name_fault(proto().message(5, proto().number(2, UINT8))),
        (0, NameFault::Empty)
    );
    assert_eq!(name_fault(of("a\0b")), (0, NameFault::Zero));
    let not_text = proto().number(2, UINT8).bytes(8, [0xff]);
    assert_eq!(
        name_fault(proto().message(5, not_text)),
        (0, NameFault::NotText)
    );
    let long = NameFault::TooLong {
        bytes: 4097,
        limit: 4096,
    };
    assert_eq!(name_fault(of(&"n".repeat(4097))), (0, long));
    assert!(opened(&model(of(&"n".repeat(4096)))).is_ok());
    let taken = NameFault::Taken("a".into());
    assert_eq!(
        name_fault(of("a").message(5, raw("a", 4, 0))),
        (1, taken.clone())
    );
    assert_eq!(
        name_fault(of("a").message(1, constant("a", raw("", 2048, 0)))),
        (1, taken)
    );
}

#[test]
fn a_model_has_one_graph() {
    let graph_fault = |model: Proto| match opened(&model).unwrap_err() {
        FormatError::Graph { fault, .. } => fault,
        other => panic!("{other:?}"),
    };
    assert_eq!(graph_fault(proto().number(1, 8)), GraphFault::NoGraph);
    assert_eq!(
        graph_fault(model(proto()).message(7, proto())),
        GraphFault::TwoGraphs
    );
    let empty = Temporary::new().open("m.onnx", &[]);
    assert!(matches!(
        empty,
        Err(FormatError::Graph {
            fault: GraphFault::NoGraph,
            ..
        })
    ));
}

#[test]
fn limits_are_kept() {
    let graph = proto()
        .message(5, raw("a", 2048, 0))
        .message(1, constant("b", raw("", 2048, 0)));
    let model = model(graph.bytes(12, proto().bytes(1, "out").0));
    let folder = Temporary::new();
    let path = folder.write("m.onnx", &model.0);
    let graph_bytes = open(&path, &Limits::default())
        .unwrap()
        .graph
        .unwrap()
        .len() as u64;
    let limits = Limits {
        tensors: 2,
        graph_bytes,
        ..Limits::default()
    };
    assert!(open(&path, &limits).is_ok());
    let too_many = open(
        &path,
        &Limits {
            tensors: 1,
            ..limits
        },
    );
    assert!(matches!(
        too_many,
        Err(FormatError::TooMany {
            of: Counted::Tensors,
            limit: 1,
            ..
        })
    ));
    for limit in 0..graph_bytes {
        let too_long = open(
            &path,
            &Limits {
                graph_bytes: limit,
                ..limits
            },
        );
        let fault = GraphFault::TooLong { limit };
        assert!(matches!(too_long, Err(FormatError::Graph { fault: found, .. }) if found == fault));
    }
}
