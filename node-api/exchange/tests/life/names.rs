//! What can be a name, and names that nobody has.

use super::*;
use zenoh_pinned_exchange::{AttachError, CreateError};

#[test]
fn a_name_that_is_none_is_refused_by_each_way_in() {
    let long = "x".repeat(201);
    for name in ["", "/x", "a/b", "..", ".hidden", "nul\0", "1.zenoh", &long] {
        let error = DataPlane::create(name).unwrap_err();
        assert!(
            matches!(error, CreateError::Name(ref of) if of.name == name),
            "{error}"
        );
        assert!(matches!(
            Agent::attach(name).unwrap_err(),
            AttachError::Name(_)
        ));
        assert!(matches!(
            Observer::attach(name).unwrap_err(),
            AttachError::Name(_)
        ));
    }
}

#[test]
fn the_longest_name_and_one_that_is_not_ascii_are_names() {
    let longest = format!("{:x<200}", format!("exchange-test-{}", std::process::id()));
    for name in [longest, format!("exchänge tést {}", std::process::id())] {
        let data_plane = DataPlane::create(&name).unwrap();
        Agent::attach(&name).unwrap();
        drop(data_plane);
    }
}

#[test]
fn a_region_that_nobody_made_is_not_there() {
    let name = Name::new();
    assert!(matches!(
        Agent::attach(&name),
        Err(AttachError::NotThere { .. })
    ));
    let error = Observer::attach(&name).unwrap_err();
    assert!(
        error
            .to_string()
            .contains("start the process that makes it first"),
        "{error}"
    );
}
