//! Streams that somebody captures into a CUDA graph.

use std::sync::atomic::{AtomicBool, Ordering};

use super::*;

const GLOBAL: sys::CUstreamCaptureMode = sys::CUstreamCaptureMode::CU_STREAM_CAPTURE_MODE_GLOBAL;

pub(crate) fn graph_of(captured: &Arc<CudaStream>) -> cudarc::driver::CudaGraph {
    let flags = sys::CUgraphInstantiate_flags::CUDA_GRAPH_INSTANTIATE_FLAG_AUTO_FREE_ON_LAUNCH;
    let ended = captured.end_capture(flags);
    ended.expect("the capture was disturbed").expect("a graph")
}

#[test]
fn captures_of_global_mode_go_on_beside_everything_that_happens_to_frames() {
    driver::with_driver("copy_delay_us=300", || {
        let is_over = AtomicBool::new(false);
        let (pinner, stream) = first();
        let context = stream.context();
        // SAFETY: everything is on one stream each, or waited for.
        unsafe { context.disable_event_tracking() };
        let captured = context.new_stream().unwrap();
        std::thread::scope(|scope| {
            scope.spawn(|| {
                let mut captures = 0;
                while !is_over.load(Ordering::Relaxed) {
                    captured.begin_capture(GLOBAL).unwrap();
                    std::thread::sleep(Duration::from_millis(1));
                    drop(graph_of(&captured));
                    captures += 1;
                }
                println!("{captures} captures");
            });
            for round in 0..6 {
                // Registered, staged until then, lent, copied back, unregistered with its pool and its pinner.
                let pool = pool(3);
                let pinner = Pinner::builder().device(0).staging(1, 1 << 20).build();
                let own = pinner.new_stream().unwrap();
                pinner.register_pool(&pool);
                for sequence in 0..40 {
                    let frame = frame(&pool, &pinner, sequence);
                    let buffer = frame.copy_to_device_buffer(&own).unwrap();
                    buffer.lend_to(&own.context().default_stream()).unwrap();
                    drop(frame);
                    let mut bytes = vec![0; BYTES];
                    buffer.copy_to_host(&mut bytes).unwrap();
                    assert!(frames::is_frame(&bytes, sequence), "round {round}");
                }
                eventually("it is direct", || {
                    frame(&pool, &pinner, 1).path() == DevicePath::Direct
                });
                pool.drain(Duration::from_secs(60)).unwrap();
                assert_eq!(pinner.statistics().holds_leaked, 0);
            }
            is_over.store(true, Ordering::Relaxed);
        });
        drop(pinner);
    })
    .assert_no_violation();
}

#[test]
fn a_copy_on_a_captured_stream_is_a_part_of_the_graph_which_keeps_its_frame() {
    driver::with_driver("copy_delay_us=2000", || {
        let pool = pool(2);
        let (pinner, stream) = registered(&pool);
        // SAFETY: everything below is on one stream, or waited for.
        unsafe { stream.context().disable_event_tracking() };
        let captured = stream.context().new_stream().unwrap();
        let mut destination = stream.alloc_zeros::<u8>(BYTES).unwrap();
        stream.synchronize().unwrap();
        let captured_frame = frame(&pool, &pinner, 5);
        captured.begin_capture(GLOBAL).unwrap();
        captured_frame
            .copy_into(&mut destination, &captured)
            .unwrap();
        let graph = graph_of(&captured);
        assert_eq!(captured_frame.path(), DevicePath::Direct);
        drop(captured_frame);
        for round in 0..3 {
            // The other slot goes round, the captured one does not.
            for sequence in 10..14 {
                let frame = frame(&pool, &pinner, sequence);
                frame.copy_into(&mut destination, &captured).unwrap();
                drop(frame);
                captured.synchronize().unwrap();
                eventually("one slot is free", || pool.statistics().in_use == 1);
            }
            graph.launch().unwrap();
            captured.synchronize().unwrap();
            let bytes = captured.clone_dtoh(&destination).unwrap();
            assert!(frames::is_frame(&bytes, 5), "launch {round}");
            assert_eq!(pinner.statistics().copies_in_flight, 1);
        }
        graph.launch().unwrap();
        drop(graph);
        eventually("the graph lets go", || pool.statistics().in_use == 0);
        assert_eq!(pinner.statistics().copies_in_flight, 0);
    })
    .assert_clean();
}

#[test]
fn a_graph_may_outlive_the_pinner_whose_frame_it_copies() {
    driver::with_driver("", || {
        let pool = pool(2);
        let (pinner, stream) = registered(&pool);
        // SAFETY: everything below is on one stream, or waited for.
        unsafe { stream.context().disable_event_tracking() };
        let captured = stream.context().new_stream().unwrap();
        let mut destination = stream.alloc_zeros::<u8>(BYTES).unwrap();
        stream.synchronize().unwrap();
        captured.begin_capture(GLOBAL).unwrap();
        frame(&pool, &pinner, 6)
            .copy_into(&mut destination, &captured)
            .unwrap();
        let graph = graph_of(&captured);
        drop(pinner);
        graph.launch().unwrap();
        captured.synchronize().unwrap();
        assert!(frames::is_on_device(&captured, &destination, 6));
        assert_eq!(pool.statistics().in_use, 1);
        drop(graph);
        eventually("the graph lets go", || pool.statistics().in_use == 0);
    })
    .assert_no_violation();
}

#[test]
fn what_cannot_be_a_part_of_a_graph_is_refused_and_the_capture_goes_on() {
    driver::with_driver("", || {
        let pool = pool(3);
        let (pinner, stream) = registered(&pool);
        let source = stream.alloc_zeros::<u8>(BYTES).unwrap();
        let captured = stream.context().new_stream().unwrap();
        stream.synchronize().unwrap();
        let (frame, slot) = (frame(&pool, &pinner, 1), pool.alloc(BYTES).unwrap());
        captured.begin_capture(GLOBAL).unwrap();
        let is_capturing = |error: &CopyError| matches!(error, CopyError::Capturing { .. });
        let error = frame.copy_to_device(&captured).unwrap_err();
        assert!(
            is_capturing(&error) && error.to_string().contains("copy_into"),
            "{error}"
        );
        let error = frame.copy_to_device_buffer(&captured).unwrap_err();
        assert!(is_capturing(&error), "{error}");
        let error = slot
            .copy_from_device(&source, &captured, &pinner)
            .unwrap_err();
        assert!(is_capturing(&error), "{error}");
        drop(graph_of(&captured));
        assert_eq!(pinner.lost(), None);
        drop(frame);
        pool.drain(Duration::from_secs(60)).unwrap();
    })
    .assert_no_violation();
}

#[test]
fn a_buffer_is_lent_to_a_captured_stream_once_its_bytes_are_there() {
    driver::with_driver("copy_delay_us=20000", || {
        let pool = pool(3);
        let (pinner, stream) = registered(&pool);
        let captured = stream.context().new_stream().unwrap();
        let kernel = kernel::SumWords::load(stream.context());
        // SAFETY: everything below is on one stream, or waited for.
        unsafe { stream.context().disable_event_tracking() };
        let mut sum = stream.alloc_zeros::<u64>(1).unwrap();
        stream.synchronize().unwrap();
        let buffer = frame(&pool, &pinner, 8)
            .copy_to_device_buffer(&stream)
            .unwrap();
        captured.begin_capture(GLOBAL).unwrap();
        buffer.lend_to(&captured).unwrap();
        kernel.enqueue(buffer.address(), buffer.len(), &mut sum, &captured);
        let graph = graph_of(&captured);
        graph.launch().unwrap();
        let found = captured.clone_dtoh(&sum).unwrap()[0];
        assert_eq!(found, kernel::sum_of(&bytes_of(8)));
        drop((graph, buffer));
    })
    .assert_no_violation();
}

#[test]
fn the_default_stream_is_refused_while_a_stream_is_captured_that_it_waits_for() {
    driver::with_driver("", || {
        let pool = pool(3);
        let (pinner, stream) = registered(&pool);
        let context = stream.context();
        let mut handle = std::ptr::null_mut();
        // SAFETY: the place is this test's own; a blocking stream, as other libraries have them.
        unsafe { sys::cuStreamCreate(&raw mut handle, 0).result().unwrap() };
        // SAFETY: it was made above, and is never destroyed.
        let blocking = unsafe { context.wrap_borrowed_stream(handle) };
        let buffer = frame(&pool, &pinner, 3)
            .copy_to_device_buffer(&stream)
            .unwrap();
        let frame = frame(&pool, &pinner, 4);
        blocking.begin_capture(GLOBAL).unwrap();
        let error = frame.copy_to_device(&context.default_stream()).unwrap_err();
        assert!(error.to_string().contains("name another stream"), "{error}");
        buffer.lend_to(&context.default_stream()).unwrap();
        drop(graph_of(&blocking));
        frame.copy_to_device(&context.default_stream()).unwrap();
    })
    .assert_no_violation();
}
