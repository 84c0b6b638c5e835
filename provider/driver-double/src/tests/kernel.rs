use super::*;
use crate::copy::cuMemcpyHtoDAsync_v2;
use crate::event::cuEventElapsedTime;
use crate::kernel::{cuLaunchKernel, cuModuleGetFunction, cuModuleLoadData, cuModuleUnload};
use crate::memory::{cuMemFree_v2, cuMemFreeAsync};
use crate::registration::cuMemHostUnregister;
use crate::status::{
    ILLEGAL_ADDRESS, INVALID_HANDLE, INVALID_VALUE, MISALIGNED_ADDRESS, NOT_FOUND,
};
use crate::stream_calls::cuStreamSynchronize;

const BLOCKING_SYNC: u32 = 1;

fn module() -> usize {
    let mut module = 0;
    let image = c"what is in it is not read".as_ptr().expose_provenance();
    assert_eq!(cu!(cuModuleLoadData(Out::to(&mut module), image)), 0);
    module
}

fn function(module: usize) -> usize {
    let mut function = 0;
    let name = c"sum_words".as_ptr();
    assert_eq!(
        cu!(cuModuleGetFunction(Out::to(&mut function), module, name)),
        0
    );
    function
}

fn launch(function: usize, stream: usize, words: usize, count: u64, sum: usize) -> u32 {
    let (words, sum) = (words as u64, sum as u64);
    let parameters = [&raw const words, &raw const count, &raw const sum];
    cu!(cuLaunchKernel(
        function,
        7,
        1,
        1,
        256,
        1,
        1,
        0,
        stream,
        parameters.as_ptr(),
        0
    ))
}

fn number(block: usize) -> u64 {
    let mut bytes = [0; 8];
    read(block, &mut bytes);
    u64::from_ne_bytes(bytes)
}

#[test]
fn the_kernel_adds_what_the_words_are_when_it_runs() {
    let _turn = turn();
    let source = Pages::registered(1, 1);
    let (words, sum) = (device_block(source.bytes), device_block(8));
    let (stream, function) = (stream(NON_BLOCKING), function(module()));
    let gate = Gate::on(stream);
    let copied = cu!(cuMemcpyHtoDAsync_v2(
        words,
        source.start,
        source.bytes,
        stream
    ));
    assert_eq!(copied, 0);
    let count = source.bytes as u64 / 4;
    assert_eq!(launch(function, stream, words, count, sum), 0);
    assert_eq!(launch(function, stream, words, 2, sum), 0);
    assert_eq!(launch(function, stream, 0, 0, sum), 0, "no words at all");
    source.fill(2);
    assert_eq!(number(sum), 0);
    gate.open();
    assert_eq!(cu!(cuStreamSynchronize(stream)), 0);
    assert_eq!(number(sum), (count + 2) * 0x0202_0202);
}

#[test]
fn registered_words_are_read_in_place_and_the_sum_wraps() {
    let _turn = turn();
    let (words, sum) = (Pages::registered(1, 0), device_block(8));
    let (stream, function) = (stream(NON_BLOCKING), function(module()));
    let almost = Pages::registered(1, 0xFF);
    assert_eq!(
        cu!(cuMemcpyHtoDAsync_v2(sum, almost.start, 8, stream)),
        0,
        "the greatest sum there is"
    );
    let gate = Gate::on(stream);
    let count = words.bytes as u64 / 4;
    assert_eq!(launch(function, stream, words.start, count, sum), 0);
    let early = violations_of("unregister_while_copying");
    let waiter = std::thread::scope(|scope| {
        let unregister = scope.spawn(|| {
            bind();
            cu!(cuMemHostUnregister(words.start))
        });
        while violations_of("unregister_while_copying") == early {
            std::thread::yield_now();
        }
        words.fill(1);
        gate.open();
        unregister.join().unwrap()
    });
    assert_eq!(waiter, 0);
    assert_eq!(cu!(cuStreamSynchronize(stream)), 0);
    assert_eq!(number(sum), count * 0x0101_0101 - 1);
}

#[test]
fn a_kernel_must_not_touch_what_is_no_memory_of_the_device() {
    let _turn = turn();
    let (words, sum) = (device_block(16), device_block(8));
    let (stream, function) = (stream(NON_BLOCKING), function(module()));
    let pageable = Pages::map(1, 1);
    let unknown = violations_of("not_device_memory");
    for (words, count) in [(pageable.start, 1), (words, 1 << 62), (0, 1)] {
        assert_eq!(launch(function, stream, words, count, sum), ILLEGAL_ADDRESS);
    }
    assert_eq!(violations_of("not_device_memory"), unknown + 3);
    let outside = violations_of("out_of_range");
    assert_eq!(launch(function, stream, words, 5, sum), ILLEGAL_ADDRESS);
    assert_eq!(violations_of("out_of_range"), outside + 1);
    let misaligned = violations_of("misaligned");
    assert_eq!(
        launch(function, stream, words + 1, 1, sum),
        MISALIGNED_ADDRESS
    );
    assert_eq!(violations_of("misaligned"), misaligned + 1);
    let gate = Gate::on(stream);
    let late = violations_of("use_after_free");
    assert_eq!(launch(function, stream, words, 4, sum), 0);
    // While the free is asked for and has not taken place, the block is known, and so is the mistake.
    let free = Gate::on(0);
    assert_eq!(cu!(cuMemFreeAsync(words, 0)), 0);
    assert_eq!(launch(function, stream, words, 4, sum), ILLEGAL_ADDRESS);
    free.open();
    assert_eq!(cu!(cuStreamSynchronize(0)), 0);
    gate.open();
    assert_eq!(cu!(cuStreamSynchronize(stream)), 0);
    assert_eq!(violations_of("use_after_free"), late + 2);
    assert_eq!(number(sum), 0);
    assert_eq!(cu!(cuMemFree_v2(sum)), 0);
}

#[test]
fn only_the_one_kernel_is_known_and_only_while_its_module_is_loaded() {
    let _turn = turn();
    let mut found = 0;
    assert_eq!(cu!(cuModuleLoadData(Out::to(&mut found), 0)), INVALID_VALUE);
    let (module, sum, stream) = (module(), device_block(8), stream(NON_BLOCKING));
    for name in [c"sum_bytes", c""] {
        let status = cu!(cuModuleGetFunction(
            Out::to(&mut found),
            module,
            name.as_ptr()
        ));
        assert_eq!(status, NOT_FOUND);
    }
    let function = function(module);
    let nothing: *const *const u64 = std::ptr::null();
    let status = cu!(cuLaunchKernel(
        function, 1, 1, 1, 2048, 1, 1, 0, stream, nothing, 0
    ));
    assert_eq!(status, INVALID_VALUE, "more threads than a block can have");
    let status = cu!(cuLaunchKernel(
        function, 1, 1, 1, 1, 1, 1, 0, stream, nothing, 0
    ));
    assert_eq!(status, INVALID_VALUE, "no parameters");
    assert_eq!(launch(function, stream, 0, 0, sum), 0);
    assert_eq!(cu!(cuModuleUnload(module)), 0);
    let stale = violations_of("stale_");
    assert_eq!(launch(function, stream, 0, 0, sum), INVALID_HANDLE);
    assert_eq!(cu!(cuModuleUnload(module)), INVALID_HANDLE);
    assert_eq!(violations_of("stale_"), stale + 2);
}

#[test]
fn events_around_a_kernel_give_its_time() {
    let _turn = turn();
    let (words, sum) = (device_block(16), device_block(8));
    let (stream, function) = (stream(NON_BLOCKING), function(module()));
    let event = || {
        let mut event = 0;
        assert_eq!(cu!(cuEventCreate(Out::to(&mut event), BLOCKING_SYNC)), 0);
        assert_eq!(cu!(cuEventRecord(event, stream)), 0);
        event
    };
    assert_eq!(control("copy_delay_us=20000"), 0);
    let before = event();
    assert_eq!(launch(function, stream, words, 4, sum), 0);
    let after = event();
    assert_eq!(cu!(cuStreamSynchronize(stream)), 0);
    let mut elapsed = 0.0;
    assert_eq!(
        cu!(cuEventElapsedTime(Out::to(&mut elapsed), before, after)),
        0
    );
    assert!(elapsed >= 15.0, "{elapsed}");
}
