//! What workers of these tests do. Each is a process of its own.

use std::time::Duration;

use zenoh_pinned_workers::{Answer, Batch, BatchRequest, Payload, Worker};

pub fn serve(engine: impl FnMut(&Batch) -> Vec<Answer>) {
    let worker = Worker::connect().unwrap();
    worker.serve(engine).unwrap();
}

/// Gives back what it was asked.
#[test]
#[ignore = "the process of a worker"]
fn echo() {
    serve(|batch| {
        batch
            .iter()
            .map(|request| Ok(request.payload.clone()))
            .collect()
    });
}

/// The file that these bytes are mapped from, and where in it they lie.
pub fn place_of(bytes: &[u8]) -> String {
    let address = bytes.as_ptr() as usize;
    let maps = std::fs::read_to_string("/proc/self/maps").unwrap();
    let place = maps.lines().find_map(|line| {
        let mut fields = line.split_whitespace();
        let (start, end) = fields.next()?.split_once('-')?;
        let start = usize::from_str_radix(start, 16).ok()?;
        let end = usize::from_str_radix(end, 16).ok()?;
        let offset = usize::from_str_radix(fields.nth(1)?, 16).ok()?;
        let inode = fields.nth(1)?;
        (start..end)
            .contains(&address)
            .then(|| format!("{inode} {}", offset + address - start))
    });
    place.unwrap()
}

/// Gives the place of the frame that it was given.
#[test]
#[ignore = "the process of a worker"]
fn place() {
    serve(|batch| {
        let places = batch.iter().map(|request| place_of(&request.payload));
        places
            .map(|place| Ok(Payload::from(place.as_str())))
            .collect()
    });
}

/// Gives the number of its process, and the size of the batch.
#[test]
#[ignore = "the process of a worker"]
fn who() {
    serve(|batch| {
        let answer = || format!("{} {}", std::process::id(), batch.len());
        batch
            .iter()
            .map(|_| Ok(Payload::from(answer().as_str())))
            .collect()
    });
}

/// Takes as many milliseconds as its first request says.
#[test]
#[ignore = "the process of a worker"]
fn slow() {
    serve(|batch| {
        let text = String::from_utf8_lossy(&batch[0].payload).into_owned();
        let took = text
            .split(' ')
            .next()
            .and_then(|text| text.parse().ok())
            .unwrap_or(0);
        std::thread::sleep(Duration::from_millis(took));
        batch
            .iter()
            .map(|request| Ok(request.payload.clone()))
            .collect()
    });
}

/// Does what it is told: `die`, `panic`, `refuse`, `few`, or anything to be given back.
#[test]
#[ignore = "the process of a worker"]
fn obeys() {
    serve(|batch| {
        let told = |word: &[u8]| batch.iter().any(|request| &request.payload[..] == word);
        if told(b"die") {
            std::process::abort();
        }
        if told(b"few") {
            return Vec::new();
        }
        assert!(!told(b"panic"), "as told");
        let answers = batch.iter().map(|request| match &request.payload[..] {
            b"refuse" => Err("no".into()),
            b"attach" => Ok(Payload::from(&*request.payload).attach(vec![5; 1024])),
            b"attach too much" => Ok(Payload::from("").attach(vec![5; 1025])),
            _ => Ok(request.payload.clone()),
        });
        answers.collect()
    });
}

/// As `place`, a third of a second later.
#[test]
#[ignore = "the process of a worker"]
fn slow_place() {
    serve(|batch| {
        std::thread::sleep(Duration::from_millis(300));
        let places = batch.iter().map(|request| place_of(&request.payload));
        places
            .map(|place| Ok(Payload::from(place.as_str())))
            .collect()
    });
}

/// Cannot load its model.
#[test]
#[ignore = "the process of a worker"]
fn fails() {
    Worker::connect().unwrap().fail("no such model");
}

/// Gives back what it was asked, after up to three milliseconds; each second answer in a slot of its own.
#[test]
#[ignore = "the process of a worker"]
fn busy() {
    let pool = zenoh_pinned::PinnedPool::builder()
        .slots(32)
        .slot_bytes(8192)
        .build()
        .unwrap();
    let mut random = crate::pools::Random(u64::from(std::process::id()));
    serve(|batch| {
        std::thread::sleep(Duration::from_micros(random.below(3000)));
        let answers = batch.iter().map(|request| match random.below(2) {
            0 => Ok(request.payload.clone()),
            _ => {
                let mut slot = pool.alloc(request.payload.len())?;
                slot.copy_from_slice(&request.payload);
                Ok(Payload::from(slot))
            }
        });
        answers.collect()
    });
}

/// Gives the processors that it may run on, and glibc's tunables.
#[test]
#[ignore = "the process of a worker"]
fn processors() {
    serve(|batch| {
        let status = std::fs::read_to_string("/proc/self/status").unwrap();
        let allowed = status
            .lines()
            .find_map(|line| line.strip_prefix("Cpus_allowed_list:"));
        let tunables = std::env::var("GLIBC_TUNABLES").unwrap_or_default();
        let answer = format!("{} {tunables}", allowed.unwrap().trim());
        batch
            .iter()
            .map(|_| Ok(Payload::from(answer.as_str())))
            .collect()
    });
}

/// Inverts into the slot that was lent, one byte fewer; says `own` in its last byte where none was.
fn inverted(request: &BatchRequest) -> Answer {
    let bytes = request.payload.len() - 1;
    let mut slot = request.answer_slot().ok_or("no slot")?;
    assert!(request.answer_slot().is_none() && request.clone().answer_slot().is_none());
    for (to, from) in slot.iter_mut().zip(request.payload.iter()) {
        *to = !from;
    }
    slot[bytes - 1] = u8::from(slot.is_shared());
    Ok(slot.written(bytes).attach(b"inverted"))
}

#[test]
#[ignore = "the process of a worker"]
fn inverts() {
    serve(|batch| batch.iter().map(inverted).collect());
}
