//! The arms: each gives how long it took, and what it has to say besides.

use std::{
    path::Path,
    process::{Command, Stdio},
    time::{Duration, Instant},
};

use matrices::{encoding::Encoding, input::Input, matrix::Form, store};
use serde_json::{Value, json};

use crate::Outcome;

/// Who does it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Arm {
    Pipeline,
    Plain,
    SharedMemory,
    BareZstd,
}

/// In the order in which they are shown.
pub const ARMS: [Arm; 4] = [Arm::Pipeline, Arm::Plain, Arm::SharedMemory, Arm::BareZstd];

const LEVEL: i32 = 3;
const THREADS: usize = 2;

impl Arm {
    pub fn name(self) -> &'static str {
        match self {
            Self::Pipeline => "pipeline",
            Self::Plain => "plain pipeline",
            Self::SharedMemory => "shared memory",
            Self::BareZstd => "bare zstd",
        }
    }
}

/// What all arms have in common.
pub struct Bench<'a> {
    pub program: &'a Path,
    pub python: &'a Path,
    pub input: &'a Path,
    pub form: Form,
    pub folder: &'a Path,
    pub count: u64,
}

impl Bench<'_> {
    /// Runs an arm; where it is asked for, reads back what it has stored.
    pub fn run(&self, arm: Arm, check: bool) -> Outcome<Value> {
        let output = self.folder.join("output");
        let ran = match arm {
            Arm::Pipeline => self.pipeline(&output, &[])?,
            Arm::Plain => self.pipeline(&output, &["--shuffle=false"])?,
            Arm::SharedMemory => self.shared_memory(&output)?,
            Arm::BareZstd => return self.bare_zstd(),
        };
        if check {
            self.check(arm, &output)?;
        }
        std::fs::remove_dir_all(&output)?;
        Ok(ran)
    }

    fn pipeline(&self, output: &Path, more: &[&str]) -> Outcome<Value> {
        let mut program = Command::new(self.program);
        program.arg("--input").arg(self.input);
        program.arg("--output-dir").arg(output);
        program.args(["--json", "--no-dashboard", "--level", &LEVEL.to_string()]);
        program.args(more);
        let said = said(&mut program)?;
        Ok(json!({
            "seconds": said["since_seconds"],
            "stored": said["matrices"]["stored"],
            "stored_bytes": said["stored_bytes"],
            "roles": said["roles"],
            "cpu_seconds": said["cpu_seconds"],
            "buffers": said["buffers"],
        }))
    }

    fn shared_memory(&self, output: &Path) -> Outcome<Value> {
        let mut program = self.peer("shared_memory_pipeline.py");
        program.arg("--input").arg(self.input);
        program.arg("--output").arg(output);
        program.args(["--count", &self.count.to_string()]);
        program.args(["--producers", "2", "--compressors", "2", "--writers", "2"]);
        program.args(["--buffers", "20", "--level", &LEVEL.to_string()]);
        said(&mut program)
    }

    fn peer(&self, file: &str) -> Command {
        let peers = Path::new(env!("CARGO_MANIFEST_DIR")).join("peers");
        let mut program = Command::new(self.python);
        program.arg(peers.join(file));
        program
    }

    /// Two threads that compress what lies in memory, and nothing else.
    fn bare_zstd(&self) -> Outcome<Value> {
        let (input, form) = (Input::read(self.input)?, self.form);
        let encoding = Encoding::new(LEVEL, false)?;
        let bytes = usize::try_from(form.bytes())?;
        let mut shares = vec![Vec::new(); THREADS];
        for (number, thread) in (0..self.count).zip((0..THREADS).cycle()) {
            let mut matrix = vec![0; bytes];
            input.write(number, &mut matrix)?;
            shares[thread].push(matrix);
        }
        let compress = |share: &[Vec<u8>]| -> Outcome<(Duration, u64)> {
            let mut encoder = encoding.encoder(form.element())?;
            let mut into = vec![0; encoding.most_bytes(bytes)];
            let begun = Instant::now();
            let mut stored = 0;
            for matrix in share {
                stored += encoder.encode(matrix, &mut into)? as u64;
            }
            Ok((begun.elapsed(), stored))
        };
        std::thread::scope(|scope| {
            let threads: Vec<_> = shares
                .iter()
                .map(|share| scope.spawn(|| compress(share)))
                .collect();
            let (mut longest, mut stored_bytes) = (Duration::ZERO, 0);
            for thread in threads {
                let (took, stored) = thread
                    .join()
                    .map_err(|_| "a thread of bare zstd has panicked")??;
                longest = longest.max(took);
                stored_bytes += stored;
            }
            Ok(json!({ "seconds": longest.as_secs_f64(), "stored_bytes": stored_bytes }))
        })
    }

    fn check(&self, arm: Arm, output: &Path) -> Outcome {
        if arm != Arm::SharedMemory {
            let verified = store::verify(output, &mut |_, _| ())?;
            return match verified.is_whole() {
                true => Ok(()),
                false => Err(format!("the pipeline has not stored everything: {verified}").into()),
            };
        }
        let mut check = self.peer("check_stored.py");
        check.arg("--input").arg(self.input);
        check.arg("--output").arg(output);
        check.args(["--count", &self.count.to_string()]);
        match check.status()?.success() {
            true => Ok(()),
            false => Err("the peer has not stored everything".into()),
        }
    }
}

/// The JSON object that a program prints.
fn said(program: &mut Command) -> Outcome<Value> {
    let ran = program.stderr(Stdio::inherit()).output()?;
    match ran.status.success() {
        true => Ok(serde_json::from_slice(&ran.stdout)?),
        false => Err(format!("{program:?} failed").into()),
    }
}
