//! A dataflow, written as YAML and run by the released dora CLI.

use std::{
    fmt::Write,
    fs,
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    time::{Duration, Instant},
};

use super::journal::{self, Entries};

/// One node of a dataflow.
pub struct Node {
    id: String,
    program: PathBuf,
    arguments: String,
    lines: Vec<String>,
    inputs: Vec<String>,
    outputs: Vec<String>,
    environment: Vec<(String, String)>,
}

/// A node that is the ignored test `test` of this binary.
pub fn rust(id: &str, test: &str) -> Node {
    let program = std::env::current_exe().unwrap();
    let arguments = format!("--exact nodes::{test} --ignored --nocapture");
    Node::new(id, program, arguments)
}

/// A node that is started later, by [`Run::join`].
pub fn dynamic(id: &str) -> Node {
    Node::new(id, PathBuf::from("dynamic"), String::new())
}

/// A camera of ours that sends so many frames on its output `image`.
pub fn camera(frames: u64) -> Node {
    let camera = rust("camera", "camera::camera").output("image");
    camera.with("FRAMES", frames)
}

/// An unmodified sink of that camera's frames.
pub fn sink(id: &str) -> Node {
    rust(id, "sink::sink").input("image", "camera/image")
}

/// An unmodified sink in Python of that camera's frames.
pub fn python_sink(id: &str) -> Node {
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/dora/nodes/sink.py");
    let sink = Node::new(id, python(), script.display().to_string());
    sink.input("image", "camera/image")
}

impl Node {
    fn new(id: &str, program: PathBuf, arguments: String) -> Self {
        Self {
            id: id.to_owned(),
            program,
            arguments,
            lines: Vec::new(),
            inputs: Vec::new(),
            outputs: Vec::new(),
            environment: Vec::new(),
        }
    }

    /// Runs the node by another program, which is given the node's command line.
    pub fn by(mut self, wrapper: &[&str]) -> Self {
        let program = self.program.display();
        let rest = wrapper[1..].join(" ");
        self.arguments = format!("{rest} {program} {}", self.arguments);
        self.program = PathBuf::from(wrapper[0]);
        self
    }

    pub fn output(mut self, name: &str) -> Self {
        self.outputs.push(name.to_owned());
        self
    }

    /// An input with dora's defaults.
    pub fn input(self, name: &str, source: &str) -> Self {
        self.input_with(name, source, "")
    }

    /// An input with options such as `queue_size: 4`.
    pub fn input_with(mut self, name: &str, source: &str, options: &str) -> Self {
        let mut input = format!("      {name}:\n        source: {source}\n");
        for option in options.split(',').filter(|option| !option.is_empty()) {
            let _ = writeln!(input, "        {}", option.trim());
        }
        self.inputs.push(input);
        self
    }

    /// A further line of the node's description.
    pub fn line(mut self, line: &str) -> Self {
        self.lines.push(line.to_owned());
        self
    }

    pub fn with(mut self, key: &str, value: impl ToString) -> Self {
        self.environment.push((key.to_owned(), value.to_string()));
        self
    }

    /// With the CUDA driver, or its double with these settings.
    pub fn with_driver(mut self, settings: &str) -> Self {
        if super::driver::is_real() {
            return self;
        }
        // dora takes no library path from a dataflow.
        let path = format!("LD_LIBRARY_PATH={}", super::driver::folder().display());
        self = self.by(&["/usr/bin/env", &path]);
        self.with("CUDA_DOUBLE", settings)
    }

    fn write(&self, yaml: &mut String, folder: &Path) {
        let journal = journal_of(folder, &self.id);
        let _ = writeln!(yaml, "  - id: {}", self.id);
        let _ = writeln!(yaml, "    path: {}", self.program.display());
        if !self.arguments.is_empty() {
            let _ = writeln!(yaml, "    args: {:?}", self.arguments);
        }
        for line in &self.lines {
            let _ = writeln!(yaml, "    {line}");
        }
        if self.program != Path::new("dynamic") {
            let _ = writeln!(yaml, "    env:");
            let _ = writeln!(yaml, "      {}: {:?}", journal::VARIABLE, journal);
        }
        for (key, value) in &self.environment {
            let _ = writeln!(yaml, "      {key}: {value:?}");
        }
        if !self.outputs.is_empty() {
            let _ = writeln!(yaml, "    outputs: [{}]", self.outputs.join(", "));
        }
        if !self.inputs.is_empty() {
            let _ = writeln!(yaml, "    inputs:\n{}", self.inputs.concat().trim_end());
        }
    }
}

/// A dataflow that runs or has run, in a folder of its own.
pub struct Run {
    folder: PathBuf,
    process: Child,
}

/// Starts a dataflow of these nodes.
pub fn start(nodes: &[Node]) -> Run {
    // Another's process of the same id, in a namespace of its own, may have left one behind.
    let name = format!("dataflow-{}", super::frames::now());
    let folder = super::driver::temporary_file(&name);
    fs::create_dir_all(&folder).unwrap();
    let mut yaml = String::from("nodes:\n");
    nodes.iter().for_each(|node| node.write(&mut yaml, &folder));
    fs::write(folder.join("dataflow.yml"), yaml).unwrap();
    let log = fs::File::create(folder.join("log")).unwrap();
    let mut command = Command::new(python().with_file_name("dora"));
    command.args(["run", "dataflow.yml"]).current_dir(&folder);
    command.env_remove("LD_LIBRARY_PATH");
    command.stdin(Stdio::null());
    command.stdout(log.try_clone().unwrap()).stderr(log);
    let process = command
        .spawn()
        .expect("the dora CLI: `make test` installs it");
    Run { folder, process }
}

/// Runs a dataflow to its end, which has to be a good one.
pub fn run(nodes: &[Node]) -> Run {
    let mut run = start(nodes);
    run.finish();
    run
}

impl Run {
    /// Waits for the end, which has to be a good one.
    pub fn finish(&mut self) {
        let ended = self.finish_anyhow();
        assert!(ended, "the dataflow failed\n{}", self.log());
    }

    /// Waits for the end; whether all nodes ended well.
    pub fn finish_anyhow(&mut self) -> bool {
        // A watchdog against a dataflow that never ends, not a bound on its speed.
        let watchdog = Instant::now() + Duration::from_secs(100);
        loop {
            if let Some(status) = self.process.try_wait().unwrap() {
                return status.success();
            }
            assert!(Instant::now() < watchdog, "stuck\n{}", self.log());
            std::thread::sleep(Duration::from_millis(20));
        }
    }

    /// Starts the dynamic node `id`, which is the ignored test `test` of this binary.
    pub fn join(&self, id: &str, test: &str, orders: &[(&str, &str)]) -> Joined {
        let mut command = Command::new(std::env::current_exe().unwrap());
        let test = format!("nodes::{test}");
        command.args(["--exact", &test, "--ignored", "--nocapture"]);
        command.env(super::nodes::DYNAMIC, id);
        command.env(journal::VARIABLE, journal_of(&self.folder, id));
        command.envs(orders.iter().copied());
        Joined(command.spawn().unwrap())
    }

    pub fn journal(&self, node: &str) -> Entries {
        Entries::read(&journal_of(&self.folder, node))
    }

    pub fn log(&self) -> String {
        fs::read_to_string(self.folder.join("log")).unwrap_or_default()
    }

    /// Waits until a node's journal is as wanted.
    pub fn wait_for(&self, what: &str, node: &str, wanted: impl Fn(&Entries) -> bool) {
        let watchdog = Instant::now() + Duration::from_secs(60);
        while !wanted(&self.journal(node)) {
            assert!(Instant::now() < watchdog, "stuck: {what}\n{}", self.log());
            std::thread::sleep(Duration::from_millis(20));
        }
    }
}

impl Drop for Run {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
        match std::thread::panicking() {
            true => eprintln!("see {}", self.folder.display()),
            false => drop(fs::remove_dir_all(&self.folder)),
        }
    }
}

/// A dynamic node that runs.
pub struct Joined(Child);

impl Joined {
    /// Waits for the node's end; whether it was a good one.
    pub fn wait(mut self) -> bool {
        self.0.wait().unwrap().success()
    }
}

impl Drop for Joined {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

fn journal_of(folder: &Path, node: &str) -> PathBuf {
    folder.join(format!("{node}.jsonl"))
}

/// The Python with the released dora wheels, in a virtual environment with their CLI.
fn python() -> PathBuf {
    let python = std::env::var("ZENOH_PINNED_PYTHON");
    PathBuf::from(python.expect("ZENOH_PINNED_PYTHON names a Python with dora-rs: use `make test`"))
}
