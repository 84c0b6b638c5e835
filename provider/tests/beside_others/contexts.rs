//! The calling thread's current context is what it was after every call, also none.

use super::*;

fn current() -> sys::CUcontext {
    let mut context = std::ptr::null_mut();
    // SAFETY: the place is this function's own; before the driver is initialised it stays null.
    let _ = unsafe { sys::cuCtxGetCurrent(&raw mut context) };
    context
}

fn make_current(context: sys::CUcontext) {
    // SAFETY: null, or a context that the test keeps.
    unsafe { sys::cuCtxSetCurrent(context).result().unwrap() };
}

/// Every verb of the library, each on this thread.
fn verbs(check: &dyn Fn(&str)) {
    let pool = pool(3);
    check("pool");
    let pinner = Pinner::builder().device(0).staging(1, 1 << 20).build();
    check("pinner");
    let stream = pinner.new_stream().unwrap();
    check("stream");
    pinner.register_pool(&pool);
    let frame_of = |sequence| {
        let frame = frame(&pool, &pinner, sequence);
        check("frame");
        frame
    };
    eventually("registration", || frame_of(0).path() == DevicePath::Direct);
    let device = frame_of(1).copy_to_device(&stream).unwrap();
    check("copy_to_device");
    let mut destination = stream.alloc_zeros::<u8>(BYTES).unwrap();
    let mut bytes = vec![0; BYTES];
    let slot = pool.alloc(BYTES).unwrap();
    check_after("copy_into", check, || {
        frame_of(2).copy_into(&mut destination, &stream).unwrap()
    });
    let buffer = frame_of(3).copy_to_device_buffer(&stream).unwrap();
    check("copy_to_device_buffer");
    check_after("lend_to", check, || {
        buffer.lend_to(&stream.context().default_stream()).unwrap()
    });
    check_after("leave_stream", check, || buffer.leave_stream().unwrap());
    check_after("synchronize", check, || buffer.synchronize().unwrap());
    check_after("copy_to_host", check, || {
        buffer.copy_to_host(&mut bytes).unwrap()
    });
    check_after("drop of a buffer", check, || drop(buffer));
    let copying = slot.copy_from_device(&device, &stream, &pinner).unwrap();
    check("copy_from_device");
    check_after("wait", check, || drop(copying.wait().unwrap()));
    check_after("drop of the pinner", check, || drop(pinner));
    drop((device, destination));
}

/// cudarc binds the context too: what the test itself did is put right first.
fn check_after(name: &str, check: &dyn Fn(&str), verb: impl FnOnce()) {
    check("");
    verb();
    check(name);
}

#[test]
fn a_thread_without_a_context_has_none_afterwards() {
    driver::with_driver("", || {
        verbs(&|name| {
            if name.is_empty() {
                return make_current(std::ptr::null_mut());
            }
            assert!(current().is_null(), "{name}");
        });
    })
    .assert_clean();
}

/// A context that is not the primary one of device 0: on a real driver, which may have one device only, one that the
/// application has made itself. Either stays until the process ends.
fn another_context() -> sys::CUcontext {
    if !driver::is_real() {
        let primary = cudarc::driver::CudaContext::new(1).unwrap();
        let context = primary.cu_ctx();
        std::mem::forget(primary);
        return context;
    }
    let mut context = std::ptr::null_mut();
    // SAFETY: the place is this function's own.
    unsafe {
        sys::cuInit(0).result().unwrap();
        sys::cuCtxCreate_v2(&raw mut context, 0, 0)
            .result()
            .unwrap();
    }
    context
}

#[test]
fn a_thread_with_another_context_keeps_it() {
    driver::with_driver("devices=2", || {
        let theirs = another_context();
        verbs(&|name| {
            if name.is_empty() {
                return make_current(theirs);
            }
            assert_eq!(current(), theirs, "{name}");
        });
    })
    .assert_clean();
}
