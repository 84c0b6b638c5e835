//! The matrices that all arms have, as a `.npy` file.

use std::{
    fs::File,
    io::{BufWriter, Write},
    path::Path,
};

use matrices::{
    input::{Input, Kind},
    matrix::{ElementType, Form, Shape},
};

use crate::Outcome;

/// Of so many rows and columns.
pub fn form(rows: u64) -> Outcome<Form> {
    Ok(Form::new(Shape::new(rows, rows)?, ElementType::F64)?)
}

/// Writes so many of this kind.
pub fn write(path: &Path, kind: Kind, form: Form, count: u64) -> Outcome {
    let input = Input::generated(kind, form, 1);
    let mut file = BufWriter::new(File::create(path)?);
    let rows = form.shape().rows();
    let header =
        format!("{{'descr': '<f8', 'fortran_order': False, 'shape': ({count}, {rows}, {rows}), }}");
    // Magic, version and length of the header are ten bytes; the header fills 128 with them, to a new line.
    file.write_all(b"\x93NUMPY\x01\x00\x76\x00")?;
    writeln!(file, "{header:<117}")?;
    let mut matrix = vec![0; usize::try_from(form.bytes())?];
    for number in 0..count {
        input.write(number, &mut matrix)?;
        file.write_all(&matrix)?;
    }
    file.flush()?;
    Ok(())
}
