//! No line of a listing of mappings hides another one, and what a line says about an address is inside it.
//!
//! Input: an address (8 bytes), then a listing as `/proc/<pid>/maps` shows it.

use zenoh_pinned::internals::{listed, segment_listed_at};

use crate::{Seed, Target, reader::Reader};

pub(crate) const TARGET: Target = Target {
    name: "proc_maps",
    check,
    seeds,
};

fn check(input: &[u8]) {
    let mut reader = Reader::of(input);
    let address = reader.u64() as usize;
    let listing = reader.rest();
    let mappings: Vec<_> = listed(listing).collect();
    for mapping in &mappings {
        assert!(mapping.start < mapping.end);
        assert_ne!(mapping.identity.inode, 0);
        for bytes in [0, 1, usize::MAX] {
            if let Some(offset) = mapping.offset_of(address, bytes) {
                assert!((mapping.start..=mapping.end).contains(&address));
                assert!(bytes <= mapping.end - address);
                assert_eq!(offset - (address - mapping.start), mapping.offset as usize);
            }
        }
    }
    let _ = segment_listed_at(listing, address);

    // The kernel's lines end with a line end; one more of them is always found.
    let mut longer = listing.to_vec();
    longer.extend_from_slice(
        b"\n7fff00000000-7fff00001000 rw-s 00002000 00:1a 42   /dev/shm/77.zenoh\n",
    );
    let last = listed(&longer[..]).last();
    assert_eq!(listed(&longer[..]).count(), mappings.len() + 1);
    assert_eq!(
        last.and_then(|mapping| mapping.offset_of(0x7fff_0000_0010, 8)),
        Some(0x2010)
    );
}

fn seeds() -> Vec<Seed> {
    let segment = "7f10a000-7f10c000 rw-s 00001000 00:1a 42   /dev/shm/7.zenoh";
    let cases: [(&str, u64, Vec<u8>); 8] = [
        ("segment", 0x7f10_a010, segment.as_bytes().to_vec()),
        (
            "deleted",
            0x7f10_a010,
            format!("{segment} (deleted)\n").into_bytes(),
        ),
        ("outside", 0x7f10_c000, segment.as_bytes().to_vec()),
        (
            "no-file",
            0x40_0000,
            b"00400000-00401000 rw-p 00000000 00:00 0 [heap]\n".to_vec(),
        ),
        (
            "name-is-not-utf8",
            0x7f10_a010,
            [
                b"1000-2000 r--s 0 00:1a 7 /tmp/\xff\xfe\n",
                segment.as_bytes(),
            ]
            .concat(),
        ),
        (
            "backwards",
            0x1800,
            b"2000-1000 r--s 0 00:1a 7 /tmp/a\n".to_vec(),
        ),
        (
            "offset-overflows",
            0x1800,
            b"1000-2000 r--s ffffffffffffffff 00:1a 7 /dev/shm/7.zenoh\n".to_vec(),
        ),
        (
            "whole-address-space",
            u64::MAX,
            b"0-ffffffffffffffff r--s 0 ffffffff:ffffffff 1 /dev/shm/4294967296.zenoh\n".to_vec(),
        ),
    ];
    let seed = |(name, address, listing): (&str, u64, Vec<u8>)| {
        (
            name.to_owned(),
            [&address.to_le_bytes()[..], &listing].concat(),
        )
    };
    cases.into_iter().map(seed).collect()
}
