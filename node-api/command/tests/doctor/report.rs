//! The command in some surroundings, and what it says there.

use std::{
    path::PathBuf,
    process::Command,
    sync::atomic::{AtomicU32, Ordering},
};

/// A line of the report.
#[derive(Clone, Debug)]
pub struct Line {
    pub about: String,
    pub state: String,
    pub fact: String,
    pub remedy: Option<String>,
}

/// What was said, and how the command ended.
#[derive(Debug)]
pub struct Report {
    pub code: Option<i32>,
    pub lines: Vec<Line>,
}

/// What was printed, and how the command ended.
pub struct Printed {
    pub code: Option<i32>,
    pub output: String,
}

/// How a command is to be run.
pub struct Surroundings {
    script: String,
    /// In front of the program.
    before: String,
    has_pid_namespace: bool,
    variables: Vec<(String, String)>,
}

/// In front of a program: it may lock 64 KiB.
pub const LITTLE_LOCKABLE: &str = "prlimit --memlock=65536:65536 setpriv --bounding-set=-ipc_lock";
const LARGE: &str = "mount -t tmpfs -o size=1g,mode=1777 tmpfs /dev/shm";

impl Surroundings {
    /// Nothing is wrong there.
    pub fn well() -> Self {
        Self::with(LARGE)
    }

    /// In a mount namespace in which root has done this.
    pub fn with(script: &str) -> Self {
        Self {
            script: script.to_owned(),
            before: String::new(),
            has_pid_namespace: false,
            variables: Vec::new(),
        }
    }

    /// As [`Surroundings::well`], and some more.
    pub fn well_and(script: &str) -> Self {
        Self::with(&format!("{LARGE} && {script}"))
    }

    /// These words in front of the program.
    pub fn run_by(mut self, before: &str) -> Self {
        before.clone_into(&mut self.before);
        self
    }

    /// With a pid namespace of its own: no other process of the machine is seen from there, and what was started there
    /// ends with the command.
    pub fn alone(mut self) -> Self {
        self.has_pid_namespace = true;
        self
    }

    pub fn set(mut self, name: &str, value: &str) -> Self {
        self.variables.push((name.to_owned(), value.to_owned()));
        self
    }

    /// What `zenoh-pinned doctor` says there.
    pub fn examined(&self, arguments: &[&str]) -> Report {
        let printed = self.printed(&[&["doctor", "--json"], arguments].concat());
        let json: serde_json::Value = serde_json::from_str(&printed.output)
            .unwrap_or_else(|error| panic!("{error}: {}", printed.output));
        let text = |line: &serde_json::Value, name: &str| line[name].as_str().map(str::to_owned);
        let lines = json["checks"].as_array().unwrap().iter();
        let lines = lines.map(|line| Line {
            about: text(line, "about").unwrap(),
            state: text(line, "state").unwrap(),
            fact: text(line, "fact").unwrap(),
            remedy: text(line, "remedy"),
        });
        let report = Report {
            code: printed.code,
            lines: lines.collect(),
        };
        println!("{report:#?}");
        report.assert_consistent(&json);
        report
    }

    /// What the command prints there with these arguments.
    pub fn printed(&self, arguments: &[&str]) -> Printed {
        let script = format!("{} && exec {} \"$@\"", self.script, self.before);
        let mut command = Command::new("unshare");
        command.arg("--mount");
        // SAFETY: asks who this process runs as.
        if unsafe { libc::geteuid() } != 0 {
            command.arg("--map-root-user");
        }
        if self.has_pid_namespace {
            command.args(["--pid", "--fork", "--kill-child", "--mount-proc"]);
        }
        command.args(["sh", "-c", &script, "sh"]);
        command
            .arg(env!("CARGO_BIN_EXE_zenoh-pinned"))
            .args(arguments);
        command.env_remove("RUST_LOG").env("PATH", bare_path());
        command.envs(self.variables.iter().map(|(name, value)| (name, value)));
        let ran = command.output().unwrap();
        print!("{}", String::from_utf8_lossy(&ran.stderr));
        Printed {
            code: ran.status.code(),
            output: String::from_utf8(ran.stdout).unwrap(),
        }
    }
}

impl Report {
    /// The exit code says what the lines say, and whatever is not well has a remedy.
    fn assert_consistent(&self, json: &serde_json::Value) {
        let fails = self.lines.iter().any(|line| line.state == "fails");
        assert_eq!(self.code, Some(i32::from(fails)), "{self:#?}");
        assert_eq!(json["well"], !fails);
        for line in &self.lines {
            assert_eq!(line.remedy.is_some(), line.state != "ok", "{line:?}");
        }
    }

    pub fn line(&self, about: &str) -> &Line {
        let found = self.lines.iter().find(|line| line.about == about);
        found.unwrap_or_else(|| panic!("nothing about {about}: {self:#?}"))
    }

    pub fn assert_well(&self) {
        assert_eq!(self.code, Some(0), "{self:#?}");
    }

    /// The first line about something is a note whose remedy names this.
    pub fn assert_note(&self, about: &str, remedy: &str) {
        self.assert_state(about, "note", remedy);
    }

    pub fn assert_fails(&self, about: &str, remedy: &str) {
        self.assert_state(about, "fails", remedy);
    }

    fn assert_state(&self, about: &str, state: &str, remedy: &str) {
        let line = self.line(about);
        assert_eq!(line.state, state, "{self:#?}");
        let said = line.remedy.as_deref().unwrap();
        assert!(said.contains(remedy), "{line:?}");
    }
}

/// Where system programs are, and no dora or other Python that this machine's user has.
fn bare_path() -> String {
    String::from("/usr/sbin:/usr/bin:/sbin:/bin")
}

/// A folder of this test's own.
pub fn folder(name: &str) -> PathBuf {
    static COUNT: AtomicU32 = AtomicU32::new(0);
    let count = COUNT.fetch_add(1, Ordering::Relaxed);
    let name = format!("zpin-doctor-{name}-{}-{count}", std::process::id());
    let folder = std::env::temp_dir().join(name);
    std::fs::create_dir_all(&folder).unwrap();
    folder
}
