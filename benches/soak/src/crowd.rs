//! The processes of the soak, and who comes and goes.

use std::{
    path::PathBuf,
    time::{Duration, Instant},
};

use crate::{CAMERAS, Outcome, process::Process};

pub struct Crowd {
    driver: Option<PathBuf>,
    endpoints: Vec<String>,
    pub cameras: Vec<Process>,
    /// Joins and leaves with its session, and stays as a process.
    pub stayer: Process,
    comers: Vec<Comer>,
    random: u64,
    /// Consumers that have left, and that were killed.
    pub left: u64,
    pub killed: u64,
}

struct Comer {
    process: Option<Process>,
    until: Instant,
}

impl Crowd {
    pub fn start(driver: Option<PathBuf>) -> Outcome<Self> {
        let folder = std::env::temp_dir();
        let endpoints: Vec<String> = (0..CAMERAS)
            .map(|camera| {
                let name = format!("zpin-soak-{}-{camera}", std::process::id());
                format!("unixsock-stream/{}", folder.join(name).display())
            })
            .collect();
        let cameras = (0..CAMERAS)
            .map(|camera| {
                Process::start(&["camera", &endpoints[camera], &camera.to_string()], None)
            })
            .collect::<Outcome<Vec<_>>>()?;
        std::thread::sleep(Duration::from_secs(1));
        let mut arguments = vec!["consumer", "0", "stays"];
        arguments.extend(endpoints.iter().map(String::as_str));
        let stayer = Process::start(&arguments, driver.as_deref())?;
        let comers = (1..CAMERAS).map(|_| Comer {
            process: None,
            until: Instant::now(),
        });
        Ok(Self {
            comers: comers.collect(),
            driver,
            endpoints,
            cameras,
            stayer,
            random: 0x2545_f491_4f6c_dd1d,
            left: 0,
            killed: 0,
        })
    }

    /// Lets consumers come, leave and die whose time it is.
    pub fn turn(&mut self) -> Outcome<()> {
        for index in 0..self.comers.len() {
            if self.comers[index].until > Instant::now() {
                continue;
            }
            let (choice, seconds) = (self.random() % 3, 2 + self.random() % 12);
            let next = match self.comers[index].process.take() {
                Some(process) if choice == 0 => {
                    process.kill()?;
                    self.killed += 1;
                    None
                }
                Some(process) => {
                    process.end()?;
                    self.left += 1;
                    None
                }
                None => Some(self.consumer(index + 1)?),
            };
            // Who has left is back after a while, too.
            let pause = if next.is_some() { seconds } else { seconds / 4 };
            self.comers[index] = Comer {
                process: next,
                until: Instant::now() + Duration::from_secs(pause),
            };
        }
        let all = self.cameras.iter_mut().chain([&mut self.stayer]);
        let comers = self
            .comers
            .iter_mut()
            .filter_map(|one| one.process.as_mut());
        if all.chain(comers).any(Process::has_ended) {
            return Err(
                "a process of the soak has ended by itself; its last words are above".into(),
            );
        }
        Ok(())
    }

    fn consumer(&self, index: usize) -> Outcome<Process> {
        let index = index.to_string();
        let mut arguments = vec!["consumer", &index, "goes"];
        arguments.extend(self.endpoints.iter().map(String::as_str));
        Process::start(&arguments, self.driver.as_deref())
    }

    /// xorshift: the same order in every run.
    fn random(&mut self) -> u64 {
        self.random ^= self.random << 13;
        self.random ^= self.random >> 7;
        self.random ^= self.random << 17;
        self.random
    }

    /// Ends all of them, consumers first; gives what is left of them in `/dev/shm`.
    pub fn end(self) -> Outcome<Vec<String>> {
        for comer in self.comers {
            comer.process.map_or(Ok(()), Process::end)?;
        }
        self.stayer.end()?;
        for camera in self.cameras {
            camera.end()?;
        }
        for endpoint in &self.endpoints {
            let _ = std::fs::remove_file(endpoint.trim_start_matches("unixsock-stream/"));
        }
        Ok(segments().into_iter().map(|(name, _)| name).collect())
    }
}

/// The zenoh segments in `/dev/shm`, with their sizes in bytes.
pub fn segments() -> Vec<(String, u64)> {
    let entries = std::fs::read_dir("/dev/shm").into_iter().flatten();
    let named = entries.filter_map(|entry| {
        let entry = entry.ok()?;
        let name = entry.file_name().into_string().ok()?;
        let bytes = entry.metadata().ok()?.len();
        name.ends_with(".zenoh").then_some((name, bytes))
    });
    named.collect()
}
