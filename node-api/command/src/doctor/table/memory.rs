//! What there is to put frames into: `/dev/shm`, `/proc` by which segments get their names, huge pages.

use zenoh_pinned::bindings::surroundings::{HugePages, SharedMemoryFolder, Surroundings};

use super::Line;
use crate::{doctor::trial::FRAME_BYTES, words};

/// What a camera's pool takes: eight slots of 1920 x 1080 x 4 bytes, and what zenoh and this library keep beside them.
pub(super) const CAMERA_BYTES: u64 = 8 * 1920 * 1080 * 4 + (2 << 20);
/// What the trial takes: its pool, zenoh's metadata of 1.25 MiB, and what sessions and this library keep beside them.
const TRIAL_BYTES: u64 = FRAME_BYTES as u64 + (1 << 20) + (512 << 10);

const FOLDER: &str = "/dev/shm";
const ROOM: &str = "room in /dev/shm";

pub(super) fn lines(surroundings: &Surroundings) -> Vec<Line> {
    let mut lines = vec![proc(surroundings), folder(surroundings)];
    lines.extend(room(&surroundings.folder));
    lines.push(huge_pages(&surroundings.huge_pages));
    lines
}

fn proc(surroundings: &Surroundings) -> Line {
    match &surroundings.no_proc {
        None => Line::ok("/proc", "readable"),
        Some(why) => Line::fails(
            "/proc",
            format!(
                "cannot be read ({why}), so segments get no names and nobody can tell who lives"
            ),
            "mount it: mount -t proc proc /proc; a container gets one of its own, so see what hides it there",
        ),
    }
}

fn folder(surroundings: &Surroundings) -> Line {
    let folder = &surroundings.folder;
    let Some(mode) = folder.mode else {
        return Line::fails(
            FOLDER,
            "there is no such folder",
            "make it, and mount a tmpfs there: mount -t tmpfs -o mode=1777 tmpfs /dev/shm (a container gets one by \
             docker run --shm-size=1g)",
        );
    };
    let kind = folder.file_system.as_deref();
    // What /proc is missing for is said there.
    if let (Some(why), None) = (&folder.no_segments, &surroundings.no_proc) {
        return Line::fails(
            FOLDER,
            format!("no segment can be made ({why})"),
            match kind {
                Some("tmpfs") => {
                    "let this user write there: mount -o remount,rw,mode=1777 /dev/shm"
                }
                _ => "mount a tmpfs there: mount -t tmpfs -o mode=1777 tmpfs /dev/shm",
            },
        );
    }
    match kind {
        Some("tmpfs") if mode & 0o1777 == 0o1777 => {
            Line::ok(FOLDER, "a tmpfs, every user may write there")
        }
        Some("tmpfs") => Line::note(
            FOLDER,
            format!("a tmpfs of mode {mode:o}, so some users may make no segments"),
            "chmod 1777 /dev/shm",
        ),
        Some(other) => Line::note(
            FOLDER,
            format!("{other}, so frames may be written to a disk"),
            "mount a tmpfs there: mount -t tmpfs -o mode=1777 tmpfs /dev/shm",
        ),
        None => Line::ok(FOLDER, "a folder that this user may write"),
    }
}

fn room(folder: &SharedMemoryFolder) -> Option<Line> {
    const LARGER: &str = "make it larger: mount -o remount,size=1g /dev/shm (a container's: docker run --shm-size=1g)";
    let (free, total) = folder.space?;
    if let Some((0, files)) = folder.files {
        return Some(Line::fails(
            ROOM,
            format!("all of its {files} files are used"),
            "remove files there that nobody uses, or mount -o remount,nr_inodes=0 /dev/shm",
        ));
    }
    let of = format!("{} free of {}", words::bytes(free), words::bytes(total));
    let remedy = match total < CAMERA_BYTES {
        true => LARGER.to_owned(),
        false => format!("remove what nobody uses, or {LARGER}"),
    };
    Some(too_little(ROOM, free, &of, &remedy).unwrap_or_else(|| Line::ok(ROOM, of)))
}

/// A line about what leaves no more than this: where no frame fits it fails, and where a camera's pool does not it is noted.
pub(super) fn too_little(about: &'static str, left: u64, fact: &str, remedy: &str) -> Option<Line> {
    if left < TRIAL_BYTES {
        let trial = words::bytes(TRIAL_BYTES);
        let fact = format!("{fact}; sessions and a pool of one slot of 1 MiB take {trial}");
        return Some(Line::fails(about, fact, remedy));
    }
    let camera = words::bytes(CAMERA_BYTES);
    let fact = format!("{fact}; a pool of 8 slots of 1920 x 1080 x 4 bytes takes {camera}");
    (left < CAMERA_BYTES).then(|| Line::note(about, fact, remedy))
}

fn huge_pages(huge_pages: &HugePages) -> Line {
    let word = |chosen: &Option<String>| chosen.clone().unwrap_or_else(|| String::from("unknown"));
    let shared = match huge_pages.shared.as_deref() {
        Some(of_all @ ("deny" | "force")) => of_all.to_owned(),
        _ => word(&huge_pages.of_shared_memory),
    };
    // Frames arrive either way; which one is faster is for a measurement to say.
    let private = word(&huge_pages.private);
    let fact = format!("for /dev/shm {shared}, for private memory {private}");
    Line::ok("huge pages", fact)
}

#[cfg(test)]
mod tests {
    use super::{super::State, *};

    fn well() -> Surroundings {
        let mut surroundings = Surroundings::default();
        let folder = &mut surroundings.folder;
        folder.mode = Some(0o1777);
        folder.file_system = Some(String::from("tmpfs"));
        folder.space = Some((1 << 30, 1 << 30));
        folder.files = Some((10, 10));
        surroundings
    }

    /// The state of the line about `about`, and its remedy.
    fn state_of(about: &str, change: impl FnOnce(&mut Surroundings)) -> (State, String) {
        let mut surroundings = well();
        change(&mut surroundings);
        let lines = lines(&surroundings);
        let line = lines.into_iter().find(|line| line.about == about).unwrap();
        (line.state, line.remedy.unwrap_or_default())
    }

    #[test]
    fn a_machine_with_room_in_a_tmpfs_is_well() {
        assert!(lines(&well()).iter().all(|line| line.state == State::Ok));
    }

    #[test]
    fn what_keeps_segments_from_being_made_fails_with_what_to_mount() {
        let fails = |about, change: fn(&mut Surroundings), remedy: &str| {
            let (state, said) = state_of(about, change);
            assert_eq!(state, State::Fails, "{about}");
            assert!(said.contains(remedy), "{said}");
        };
        fails(
            "/proc",
            |here| here.no_proc = Some(String::from("ENOENT")),
            "mount -t proc",
        );
        fails(FOLDER, |here| here.folder.mode = None, "--shm-size");
        let refused = |here: &mut Surroundings| {
            here.folder.no_segments = Some(String::from("read-only file system"));
        };
        fails(FOLDER, refused, "remount,rw");
        let no_tmpfs = |here: &mut Surroundings| {
            here.folder.no_segments = Some(String::from("not supported"));
            here.folder.file_system = Some(String::from("proc"));
        };
        fails(FOLDER, no_tmpfs, "mount -t tmpfs");
        fails(
            ROOM,
            |here| here.folder.space = Some((4096, 1 << 30)),
            "remove",
        );
        fails(
            ROOM,
            |here| here.folder.space = Some((2 << 20, 2 << 20)),
            "make it larger",
        );
        fails(ROOM, |here| here.folder.files = Some((0, 7)), "nr_inodes");
    }

    #[test]
    fn what_is_short_for_a_camera_or_slow_is_a_note() {
        let note = |about, change: fn(&mut Surroundings), remedy: &str| {
            let (state, said) = state_of(about, change);
            assert_eq!(state, State::Note, "{about}");
            assert!(said.contains(remedy), "{said}");
        };
        note(
            ROOM,
            |here| here.folder.space = Some((16 << 20, 1 << 30)),
            "remove",
        );
        // What a container gets.
        note(
            ROOM,
            |here| here.folder.space = Some((64 << 20, 64 << 20)),
            "docker run --shm-size",
        );
        note(FOLDER, |here| here.folder.mode = Some(0o755), "chmod");
        let disk = |here: &mut Surroundings| here.folder.file_system = Some(String::from("ext4"));
        note(FOLDER, disk, "tmpfs");
    }
}
