//! Frames that stay on the host.

use super::*;

#[test]
fn a_payload_outlives_its_pool() {
    let pinner = Pinner::host_only();
    let pool = pool(2);
    let payload = payload(&pool, 3);
    drop(pool);
    let frame = Frame::from_payload(&payload, &pinner).unwrap();
    assert!(frame.is_shared() && frames::is_frame(&frame, 3));
}

#[test]
fn a_payload_in_several_pieces_is_put_together() {
    let pinner = Pinner::host_only();
    let pool = pool(1);
    let mut pieces = ZBytes::writer();
    pieces.append(payload(&pool, 8));
    pieces.append(ZBytes::from(vec![1, 2, 3]));
    let frame = Frame::from_payload(&pieces.finish(), &pinner).unwrap();
    assert_eq!(frame.len(), BYTES + 3);
    assert!(!frame.is_shared() && frames::is_frame(&frame[..BYTES], 8));
    assert_eq!(frame[BYTES..], [1, 2, 3]);
}

#[test]
fn a_host_only_pinner_says_so_and_copies_nowhere() {
    let pinner = Pinner::host_only();
    let pool = pool(1);
    let frame = frame(&pool, &pinner, 1);
    assert_eq!(
        (frame.path(), frame.reason()),
        (DevicePath::Host, Some(FallbackReason::HostOnly))
    );
    assert!(frames::is_frame(&frame, 1));
    assert!(harness::shm::maps_naming(std::process::id(), "libcuda").is_empty());
}
