mod files;
mod generated;
mod headers;

use std::fs;
use std::path::{Path, PathBuf};

use super::*;
use crate::matrix::{ElementType, Shape};

fn form(rows: u64, columns: u64, element: ElementType) -> Form {
    Form::new(Shape::new(rows, columns).unwrap(), element).unwrap()
}

/// A file as NumPy writes it: the header padded to 64 bytes, ending in a line break.
fn npy(dictionary: &str, matrices: &[u8]) -> Vec<u8> {
    let header = format!(
        "{dictionary:<width$}\n",
        width = (10 + dictionary.len()) / 64 * 64 + 53
    );
    let mut bytes = b"\x93NUMPY\x01\x00".to_vec();
    bytes.extend((header.len() as u16).to_le_bytes());
    bytes.extend(header.as_bytes());
    assert_eq!(bytes.len() % 64, 0);
    bytes.extend(matrices);
    bytes
}

fn dictionary(descr: &str, shape: &str) -> String {
    format!("{{'descr': '{descr}', 'fortran_order': False, 'shape': {shape}, }}")
}

fn write_file(folder: &Path, name: &str, bytes: &[u8]) -> PathBuf {
    let path = folder.join(name);
    fs::write(&path, bytes).unwrap();
    path
}

#[test]
fn a_kind_is_told_and_read_by_its_name() {
    assert_eq!(Kind::ALL.map(Kind::name), ["random", "smooth", "ramp"]);
    for kind in Kind::ALL {
        assert_eq!(kind.to_string().parse(), Ok(kind));
        assert_eq!(serde_json::to_string(&kind).unwrap(), format!("\"{kind}\""));
    }
    assert!("Random".parse::<Kind>().is_err());
}

#[test]
fn every_input_goes_through_json_unchanged() {
    let form = form(2, 3, ElementType::I64);
    let inputs = [
        Input::generated(Kind::Smooth, form, u64::MAX),
        Input::File {
            path: "/a b.npy".into(),
            form,
            count: 3,
        },
        Input::Folder {
            path: "/ä".into(),
            form,
            names: vec!["1.npy".into()],
        },
    ];
    assert_eq!(
        inputs.clone().map(|input| input.count()),
        [None, Some(3), Some(1)]
    );
    for input in inputs {
        let json = serde_json::to_string(&input).unwrap();
        assert_eq!(
            serde_json::from_str::<Input>(&json).unwrap(),
            input,
            "{json}"
        );
    }
}
