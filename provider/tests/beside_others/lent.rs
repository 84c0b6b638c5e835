//! Memory that was lent is not used again while work of anybody's may still use it.

use super::{kernel::SumWords, *};

/// Lends a buffer in one way, has a side stream read it late, lets go of it, and has its memory asked for again.
fn is_read_whole_after_it_was_let_go(lend: impl Fn(&zenoh_pinned::DeviceBuffer, &Arc<CudaStream>)) {
    let pool = pool(4);
    let (pinner, stream) = registered(&pool);
    let context = stream.context().clone();
    let kernel = SumWords::load(&context);
    let side = context.new_stream().unwrap();
    let mut sum = side.alloc_zeros::<u64>(1).unwrap();
    for sequence in 1..6 {
        let buffer = frame(&pool, &pinner, sequence)
            .copy_to_device_buffer(&stream)
            .unwrap();
        lend(&buffer, &side);
        side.memset_zeros(&mut sum).unwrap();
        let held_up = kernel::hold_up(&side);
        kernel.enqueue(buffer.address(), buffer.len(), &mut sum, &side);
        kernel::go_on();
        drop(buffer);
        // Whoever asks for memory now gets other memory, however often.
        let others: Vec<_> = (0..8)
            .map(|_| {
                let other = frame(&pool, &pinner, 99);
                other.copy_to_device_buffer(&stream).unwrap()
            })
            .collect();
        stream.synchronize().unwrap();
        let found = side.clone_dtoh(&sum).unwrap()[0];
        assert_eq!(
            found,
            kernel::sum_of(&bytes_of(sequence)),
            "frame {sequence}"
        );
        drop((others, held_up));
    }
    pool.drain(Duration::from_secs(60)).unwrap();
}

#[test]
fn memory_lent_to_the_default_stream_and_used_on_another_one_is_kept() {
    driver::with_driver("", || {
        is_read_whole_after_it_was_let_go(|buffer, side| {
            let default = side.context().default_stream();
            buffer.lend_to(&default).unwrap();
            // As its borrower would, who knows only that the default stream has it.
            side.join(&default).unwrap();
        });
    })
    .assert_no_violation();
}

#[test]
fn memory_lent_to_the_stream_of_the_copy_and_used_on_another_one_is_kept() {
    driver::with_driver("", || {
        is_read_whole_after_it_was_let_go(|buffer, side| {
            buffer.lend_to(buffer.stream()).unwrap();
            side.join(buffer.stream()).unwrap();
        });
    })
    .assert_no_violation();
}

#[test]
fn memory_lent_to_a_side_stream_is_kept() {
    driver::with_driver("", || {
        is_read_whole_after_it_was_let_go(|buffer, side| buffer.lend_to(side).unwrap());
    })
    .assert_no_violation();
}

#[test]
fn memory_lent_to_the_default_stream_of_a_thread_that_has_ended_is_kept() {
    driver::with_driver("", || {
        is_read_whole_after_it_was_let_go(|buffer, side| {
            let context = side.context();
            std::thread::scope(|scope| {
                let borrowing = scope.spawn(|| {
                    let own = context.per_thread_stream();
                    context.bind_to_thread().unwrap();
                    buffer.lend_to(&own).unwrap();
                    side.join(&own).unwrap();
                });
                borrowing.join().unwrap();
            });
        });
    })
    .assert_no_violation();
}

#[test]
fn a_stream_that_its_owner_destroys_is_not_touched_after_the_call_that_named_it() {
    driver::with_driver("copy_delay_us=2000", || {
        let pool = pool(4);
        let (pinner, stream) = registered(&pool);
        for sequence in 0..20 {
            let of_another = stream.context().new_stream().unwrap();
            let buffer = frame(&pool, &pinner, sequence)
                .copy_to_device_buffer(&foreign(&of_another))
                .unwrap();
            buffer.leave_stream().unwrap();
            drop(of_another);
            buffer.synchronize().unwrap();
            buffer.lend_to(&stream).unwrap();
            let mut bytes = vec![0; BYTES];
            buffer.copy_to_host(&mut bytes).unwrap();
            assert!(frames::is_frame(&bytes, sequence));
        }
        pool.drain(Duration::from_secs(60)).unwrap();
    })
    .assert_no_violation();
}

#[test]
fn memory_that_was_lent_comes_back_whoever_had_it() {
    driver::with_driver("copy_delay_us=500", || {
        let pool = pool(4);
        let (pinner, stream) = registered(&pool);
        let side = stream.context().new_stream().unwrap();
        let held = || match driver::is_real() {
            true => {
                let (free, total) = stream.context().mem_get_info().unwrap();
                (total - free) as u64
            }
            false => driver::count("device_bytes"),
        };
        let mut before = None;
        for round in 0..4 {
            for sequence in 0..250 {
                let buffer = frame(&pool, &pinner, sequence)
                    .copy_to_device_buffer(&stream)
                    .unwrap();
                match sequence % 4 {
                    0 => {}
                    1 => buffer.lend_to(&stream.context().default_stream()).unwrap(),
                    2 => buffer.lend_to(&side).unwrap(),
                    _ => buffer.leave_stream().unwrap(),
                }
            }
            pool.drain(Duration::from_secs(60)).unwrap();
            stream.synchronize().unwrap();
            // The fence's own memory stays while something is lent, and the device rounds.
            let slack = if driver::is_real() { 64 << 20 } else { 2 << 20 };
            let before = *before.get_or_insert_with(held);
            eventually("the memory comes back", || held() <= before + slack);
            assert_eq!(pinner.statistics().holds_leaked, 0, "round {round}");
        }
    })
    .assert_no_violation();
}
