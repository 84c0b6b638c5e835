//! A library's functions as `objdump` prints them, and which calls which.

use std::{
    collections::{BTreeMap, BTreeSet},
    path::Path,
    process::Command,
};

use crate::harness::compiler::expect_success;

/// Every function's instructions, by its linker's name.
pub struct Functions {
    instructions: BTreeMap<String, Vec<String>>,
    /// The functions whose addresses the loader writes to slots, by the slots.
    in_slots: BTreeMap<u64, String>,
}

fn objdump(flags: &[&str], library: &Path) -> String {
    let output = expect_success(Command::new("objdump").args(flags).arg(library));
    String::from_utf8_lossy(&output.stdout).into_owned()
}

fn hexadecimal(digits: &str) -> Option<u64> {
    u64::from_str_radix(digits.trim(), 16).ok()
}

impl Functions {
    /// `None` where there is no `objdump`.
    pub fn of(library: &Path) -> Option<Self> {
        Command::new("objdump").arg("--version").output().ok()?;
        let mut instructions = BTreeMap::<String, Vec<String>>::new();
        let (mut at, mut current) = (BTreeMap::new(), String::new());
        for line in objdump(&["-d", "--no-show-raw-insn"], library).lines() {
            if let Some((address, name)) = line
                .strip_suffix(">:")
                .and_then(|line| line.split_once(" <"))
            {
                current = name.to_owned();
                at.insert(hexadecimal(address)?, current.clone());
            } else if let Some((_, instruction)) = line.split_once(":\t") {
                let of_current = instructions.entry(current.clone()).or_default();
                of_current.push(instruction.trim().to_owned());
            }
        }
        // 0000000000081200 R_X86_64_RELATIVE  *ABS*+0x2ff60
        let relocations = objdump(&["-R"], library);
        let in_slots = relocations.lines().filter_map(|line| {
            let (rest, target) = line.split_once("*ABS*+0x")?;
            let slot = hexadecimal(rest.split_once(' ')?.0)?;
            Some((slot, at.get(&hexadecimal(target)?)?.clone()))
        });
        Some(Self {
            in_slots: in_slots.collect(),
            instructions,
        })
    }

    pub fn instructions(&self, function: &str) -> &[String] {
        self.instructions.get(function).map_or(&[], Vec::as_slice)
    }

    /// What can be reached from a function by calls and jumps, itself included, without what is not followed and what
    /// is beyond this library.
    pub fn reached_from<'a>(
        &'a self,
        function: &'a str,
        followed: impl Fn(&str) -> bool,
    ) -> BTreeSet<&'a str> {
        let mut reached = BTreeSet::new();
        let mut left = vec![function];
        while let Some(name) = left.pop() {
            if followed(name) && reached.insert(name) {
                left.extend(
                    self.instructions(name)
                        .iter()
                        .filter_map(|line| self.target_of(line)),
                );
            }
        }
        reached
    }

    /// `call 2ff60 <name>`, or `call *0x5b6e8(%rip) # 812e0 <..>`; not `jmp 2ff60 <name+0x12>`.
    fn target_of<'a>(&'a self, instruction: &'a str) -> Option<&'a str> {
        let (operation, operands) = instruction.split_once(' ')?;
        if !operation.starts_with("call") && !operation.starts_with('j') {
            return None;
        }
        if let Some((_, slot)) = operands.split_once("# ") {
            let slot = hexadecimal(slot.split(' ').next()?)?;
            return self.in_slots.get(&slot).map(String::as_str);
        }
        let name = operands.split_once('<')?.1.strip_suffix('>')?;
        (!name.contains('+')).then_some(name)
    }
}
