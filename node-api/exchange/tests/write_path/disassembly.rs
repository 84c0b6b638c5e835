//! The machine code of the calls that a data plane makes all the time.

use crate::{harness::compiler::library, instructions::Functions};

/// What is not on the way of a call that succeeds: telling of an error or of a panic, and finding the clock in the page
/// that the kernel shares, which is done once.
fn is_followed(function: &str) -> bool {
    let beside = [
        "4fail",
        "last_error",
        "panic",
        "slice_index",
        "__rust_dealloc",
        "Unwind",
        "vdso_wrappers",
    ];
    !beside.iter().any(|part| function.contains(part))
}

/// Whether an instruction orders memory beyond what plain moves do, or calls the kernel.
fn is_dear(instruction: &str) -> bool {
    let operation = instruction
        .split_ascii_whitespace()
        .next()
        .unwrap_or_default();
    let exchanges_with_memory = operation.starts_with("xchg") && instruction.contains('(');
    exchanges_with_memory
        || operation.starts_with("lock")
        || ["mfence", "sfence", "lfence", "syscall", "sysenter", "int"].contains(&operation)
}

#[test]
fn the_calls_of_a_data_plane_hold_no_locked_instruction_no_fence_and_no_system_call() {
    if !cfg!(target_arch = "x86_64") {
        println!("skipped: the instructions that are looked for are those of x86-64");
        return;
    }
    let Some(functions) = Functions::of(&library("libzenoh_pinned_exchange.so")) else {
        println!("skipped: there is no objdump");
        return;
    };
    for call in [
        "zpx_write_observation",
        "zpx_read_action",
        "zpx_read_observation",
    ] {
        let reached = functions.reached_from(call, is_followed);
        let mut count = 0;
        for function in &reached {
            let instructions = functions.instructions(function);
            count += instructions.len();
            let dear: Vec<_> = instructions.iter().filter(|line| is_dear(line)).collect();
            assert!(dear.is_empty(), "{call}: {function}: {dear:?}");
        }
        println!("{call}: {count} instructions in {reached:#?}");
        assert!(count > 50, "{call}: {count}: the code was found");
    }
}

/// The look itself finds what it looks for.
#[test]
fn what_is_looked_for_is_seen() {
    for line in [
        "lock xadd %rax,(%rdi)",
        "lock cmpxchg %rcx,0x8(%rdi)",
        "xchg   %rax,0x40(%rdi)",
        "mfence",
        "syscall",
    ] {
        assert!(is_dear(line), "{line}");
    }
    for line in [
        "mov    %rax,(%rdi)",
        "xchg   %ax,%ax",
        "int3",
        "movups %xmm0,(%rdi)",
    ] {
        assert!(!is_dear(line), "{line}");
    }
}
