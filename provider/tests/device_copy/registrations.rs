//! Pinners of one process and the registrations that they share.

use super::*;

#[test]
fn pinners_of_one_process_share_the_registration_of_a_segment() {
    let report = driver::with_driver("copy_delay_us=20000", || {
        let pool = pool(2);
        let (first, stream) = registered(&pool);
        let (second, _) = registered_by_another(&pool);
        let frame = frame(&pool, &second, 5);
        let device = frame.copy_to_device(&stream).unwrap();
        assert_eq!(frame.path(), DevicePath::Direct);
        drop(frame);
        // The one that registered goes while the other's copy is under way.
        drop(first);
        assert!(frames::is_on_device(&stream, &device, 5));
    });
    report.assert_clean();
    if let Some(made) = report.registrations() {
        let segment = (2 * BYTES + 4096) as u64;
        assert_eq!(
            made.iter().filter(|(bytes, _)| *bytes == segment).count(),
            1,
            "{made:?}"
        );
    }
}

fn registered_by_another(pool: &PinnedPool) -> (Pinner, Arc<CudaStream>) {
    let (pinner, stream) = device();
    pinner.register_pool(pool);
    eventually("registration", || {
        frame(pool, &pinner, 0).path() == DevicePath::Direct
    });
    (pinner, stream)
}
