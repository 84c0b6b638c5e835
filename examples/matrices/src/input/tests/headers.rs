use super::npy::parse;
use super::*;

fn matrices(text: &str) -> Result<(Form, u64), NpyProblem> {
    parse(text.as_bytes()).and_then(npy::Header::matrices)
}

#[test]
fn every_element_type_is_known_by_numpys_name() {
    let names = [
        "<f4", "<f8", "|i1", "<i2", "<i4", "<i8", "|u1", "<u2", "<u4", "<u8",
    ];
    for (name, element) in names.into_iter().zip(ElementType::ALL) {
        assert_eq!(
            matrices(&dictionary(name, "(2, 3)")),
            Ok((form(2, 3, element), 1))
        );
    }
}

#[test]
fn a_header_may_be_spelled_in_every_way_that_python_reads() {
    for text in [
        "{'descr':'<f8','fortran_order':False,'shape':(4,2,3)}",
        " {\"shape\" : ( 4 , 2 , 3 , ) , \"fortran_order\" : False , \"descr\" : \"<f8\" , }  \n",
    ] {
        assert_eq!(
            matrices(text),
            Ok((form(2, 3, ElementType::F64), 4)),
            "{text}"
        );
    }
}

#[test]
fn what_is_not_handled_is_refused_by_its_name() {
    use NpyProblem as P;
    let other = |descr: &str| P::Type {
        descr: descr.into(),
    };
    for (text, problem) in [
        (
            dictionary(">f8", "(2, 3)"),
            P::BigEndian {
                descr: ">f8".into(),
            },
        ),
        (dictionary("<f2", "(2, 3)"), other("<f2")),
        (dictionary("|b1", "(2, 3)"), other("|b1")),
        (dictionary("<c16", "(2, 3)"), other("<c16")),
        (dictionary("|O", "(2, 3)"), other("|O")),
        (
            "{'descr': [('a', '<f8')], 'fortran_order': False, 'shape': (2, 3), }".into(),
            other("record"),
        ),
        (
            "{'descr': '<f8', 'fortran_order': True, 'shape': (2, 3), }".into(),
            P::FortranOrder,
        ),
        (dictionary("<f8", "()"), P::Dimensions { dimensions: 0 }),
        (dictionary("<f8", "(6,)"), P::Dimensions { dimensions: 1 }),
        (
            dictionary("<f8", "(1, 1, 2, 3)"),
            P::Dimensions { dimensions: 4 },
        ),
        (dictionary("<f8", "(0, 3)"), P::Shape { shape: vec![0, 3] }),
        (
            dictionary("<f8", "(0, 2, 3)"),
            P::Shape {
                shape: vec![0, 2, 3],
            },
        ),
        (
            dictionary("<f8", "(4294967296, 4294967296)"),
            P::Shape {
                shape: vec![1 << 32, 1 << 32],
            },
        ),
    ] {
        assert_eq!(matrices(&text), Err(problem), "{text}");
    }
}

#[test]
fn a_damaged_header_is_refused() {
    for text in [
        "",
        "{}",
        "{'descr': '<f8', 'fortran_order': False, }",
        "{'descr': '<f8', 'descr': '<f8', 'fortran_order': False, 'shape': (2, 3), }",
        "{'descr': '<f8', 'fortran_order': False, 'shape': (2, 3), 'more': 1, }",
        "{'descr': '<f8', 'fortran_order': 0, 'shape': (2, 3), }",
        "{'descr': '<f8', 'fortran_order': False, 'shape': [2, 3], }",
        "{'descr': '<f8', 'fortran_order': False, 'shape': (-2, 3), }",
        "{'descr': '<f8', 'fortran_order': False, 'shape': (2 3), }",
        "{'descr': '<f8', 'fortran_order': False, 'shape': (2,, 3), }",
        "{'descr': '<f8', 'fortran_order': False, 'shape': (99999999999999999999, 3), }",
        "{'descr': '<f8' 'fortran_order': False, 'shape': (2, 3), }",
        "{'descr': '<f8', 'fortran_order': False, 'shape': (2, 3), } {",
        "{'descr': '<f8, 'fortran_order': False, 'shape': (2, 3), }",
    ] {
        assert_eq!(matrices(text), Err(NpyProblem::Header), "{text}");
    }
    assert_eq!(parse(b"{'descr': '\xff'}"), Err(NpyProblem::Header));
}

#[test]
fn a_header_that_ends_anywhere_is_refused() {
    let text = dictionary("<f8", "(2, 3)");
    for end in 0..text.len() {
        assert_eq!(
            matrices(&text[..end]),
            Err(NpyProblem::Header),
            "{}",
            &text[..end]
        );
    }
}
