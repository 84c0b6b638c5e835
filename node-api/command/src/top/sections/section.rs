//! What every section is made of. Pure.

use zenoh_pinned::bindings::observation::Identified;

use crate::{
    top::table::{Align, Column, Table},
    words,
};

/// A tab of the screen.
#[derive(Clone, Debug)]
pub(in crate::top) struct Section {
    pub(in crate::top) title: &'static str,
    /// How many things of its kind there are.
    pub(in crate::top) count: usize,
    pub(in crate::top) table: Table,
}

pub(super) const fn left(name: &'static str, width: usize) -> Column {
    Column {
        name,
        width,
        align: Align::Left,
    }
}

pub(super) const fn right(name: &'static str, width: usize) -> Column {
    Column {
        name,
        width,
        align: Align::Right,
    }
}

/// `17 camera`, or what there is of it: the number first, which stays where there is little room.
pub(super) fn named(process: &Identified) -> String {
    let end = match process.lives {
        true => "",
        false => " (ended)",
    };
    let name = words::tame(&process.name);
    format!("{}{end} {name}", process.pid).trim_end().to_owned()
}
