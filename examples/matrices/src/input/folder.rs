//! A folder of `.npy` files of one matrix each.

use std::fs;
use std::path::PathBuf;

use super::npy::Npy;
use super::{Input, InputError};

/// Looks at every file of the folder that ends in `.npy`. `path` goes from the root.
pub(super) fn read(path: PathBuf) -> Result<Input, InputError> {
    let unreadable = |source| InputError::Unreadable {
        path: path.clone(),
        source,
    };
    let mut names = Vec::new();
    for entry in fs::read_dir(&path).map_err(unreadable)? {
        let file = entry.map_err(unreadable)?.path();
        if file.extension().is_none_or(|extension| extension != "npy") {
            continue;
        }
        match file.file_name().and_then(|name| name.to_str()) {
            Some(name) => names.push(name.to_owned()),
            None => return Err(InputError::NameIsNotText { path: file }),
        }
    }
    names.sort_unstable();
    let Some(first) = names.first() else {
        return Err(InputError::EmptyFolder { path });
    };
    let form = Npy::open(&path.join(first))?.form;
    for name in &names {
        Npy::open_again(&path.join(name), form, 1)?;
    }
    Ok(Input::Folder { path, form, names })
}
