//! One sample a second of everything that has to stay flat.

use std::time::{Duration, Instant};

use crate::{
    Outcome,
    crowd::{Crowd, segments},
    process,
};

/// What is sampled of a process.
pub const OF_PROCESS: [&str; 4] = [
    "private memory (KiB)",
    "shared memory (KiB)",
    "descriptors",
    "mappings",
];

/// A named series of one number a second.
pub struct Series {
    pub name: String,
    /// What it belongs to in the plot.
    pub group: String,
    pub values: Vec<u64>,
    /// Whether it must not grow.
    pub is_flat: bool,
}

/// Everything that was sampled, and how many consumers came and went.
pub struct Samples {
    pub series: Vec<Series>,
    pub seconds: u64,
    pub frames: u64,
    pub dropped: u64,
    pub left: u64,
    pub killed: u64,
    pub reclaimed: u64,
}

/// Samples the crowd once a second while it comes and goes.
pub fn during(duration: Duration, crowd: &mut Crowd) -> Outcome<Samples> {
    let mut series: Vec<Series> = Vec::new();
    let started = Instant::now();
    let mut second = 0;
    while started.elapsed() < duration {
        crowd.turn()?;
        let mut now: Vec<(String, &'static str, u64, bool)> = Vec::new();
        let who = crowd.cameras.iter().enumerate();
        let who = who.map(|(index, camera)| (format!("camera {index}"), camera.pid()));
        for (name, pid) in who.chain([(String::from("consumer that stays"), crowd.stayer.pid())]) {
            let resources = process::resources(pid).ok_or("a process has gone")?;
            for (what, value) in OF_PROCESS.into_iter().zip(resources) {
                now.push((name.clone(), what, value, true));
            }
        }
        for (index, camera) in crowd.cameras.iter().enumerate() {
            let said = camera.said();
            let at = |place: usize| said.get(place).copied().unwrap_or(0);
            now.push((format!("camera {index} in use"), "slots", at(2), false));
            now.push((
                format!("camera {index} in quarantine"),
                "slots",
                at(3),
                false,
            ));
        }
        let said = crowd.stayer.said();
        let registered = said.get(1).copied().unwrap_or(0) >> 20;
        let name = String::from("consumer that stays");
        now.push((name, "registered (MiB)", registered, true));
        let segments = segments();
        let bytes: u64 = segments.iter().map(|(_, bytes)| bytes).sum();
        now.push((String::from("all"), "/dev/shm (MiB)", bytes >> 20, true));
        now.push((
            String::from("all"),
            "/dev/shm (files)",
            segments.len() as u64,
            true,
        ));
        for (place, (name, group, value, is_flat)) in now.into_iter().enumerate() {
            if place == series.len() {
                series.push(Series {
                    name,
                    group: group.to_owned(),
                    values: Vec::new(),
                    is_flat,
                });
            }
            series[place].values.push(value);
        }
        second += 1;
        if second % 30 == 0 {
            eprintln!(
                "{second} s of {}: {} consumers have left, {} were killed",
                duration.as_secs(),
                crowd.left,
                crowd.killed
            );
        }
        let next = started + Duration::from_secs(second);
        std::thread::sleep(next.saturating_duration_since(Instant::now()));
    }
    let said: Vec<_> = crowd.cameras.iter().map(|camera| camera.said()).collect();
    let sum = |place: usize| said.iter().filter_map(|said| said.get(place)).sum();
    Ok(Samples {
        series,
        seconds: second,
        frames: sum(0),
        dropped: sum(1),
        left: crowd.left,
        killed: crowd.killed,
        reclaimed: sum(4),
    })
}
