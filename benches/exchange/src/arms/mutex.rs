//! Both records under one mutex that processes share, in a mapped file.

use std::{fs::File, os::fd::AsFd, ptr::NonNull};

use rustix::mm::{MapFlags, ProtFlags};
use zenoh_pinned_exchange::{Action, Observation, bytemuck::Zeroable};

use super::{AgentSide, DataPlaneSide};
use crate::Outcome;

#[repr(C)]
struct Shared {
    mutex: libc::pthread_mutex_t,
    observation: Observation,
    action: Action,
}

pub struct Ends {
    shared: NonNull<Shared>,
    /// Where the file is, on the side that takes it away.
    path: Option<String>,
    read: Observation,
    last: u64,
}

fn path_of(name: &str) -> String {
    format!("/dev/shm/{name}.mutex")
}

impl Ends {
    pub fn create(name: &str) -> Outcome<Self> {
        let path = path_of(name);
        let file = File::options()
            .read(true)
            .write(true)
            .create_new(true)
            .open(&path)?;
        file.set_len(size_of::<Shared>() as u64)?;
        let ends = Self::map(&file, Some(path))?;
        // SAFETY: nobody else uses the mutex before `create` returns, and the attributes live as long as they are used.
        let failed = unsafe {
            let mut kind = std::mem::zeroed();
            libc::pthread_mutexattr_init(&raw mut kind) != 0
                || libc::pthread_mutexattr_setpshared(&raw mut kind, libc::PTHREAD_PROCESS_SHARED)
                    != 0
                || libc::pthread_mutexattr_setrobust(&raw mut kind, libc::PTHREAD_MUTEX_ROBUST) != 0
                || libc::pthread_mutex_init(&raw mut (*ends.shared.as_ptr()).mutex, &raw const kind)
                    != 0
        };
        if failed {
            return Err("a mutex could not be made".into());
        }
        Ok(ends)
    }

    pub fn open(name: &str) -> Outcome<Self> {
        let file = File::options().read(true).write(true).open(path_of(name))?;
        Self::map(&file, None)
    }

    fn map(file: &File, path: Option<String>) -> Outcome<Self> {
        let protection = ProtFlags::READ | ProtFlags::WRITE;
        let flags = MapFlags::SHARED | MapFlags::POPULATE;
        // SAFETY: the kernel chooses a free range.
        let base = unsafe {
            rustix::mm::mmap(
                std::ptr::null_mut(),
                size_of::<Shared>(),
                protection,
                flags,
                file.as_fd(),
                0,
            )?
        };
        Ok(Self {
            shared: NonNull::new(base.cast()).ok_or("mapped at 0")?,
            path,
            read: Observation::default(),
            last: 0,
        })
    }

    /// Does something with what is shared, alone.
    fn alone<T>(&mut self, work: impl FnOnce(&mut Shared, &mut Observation) -> T) -> Outcome<T> {
        let shared = self.shared.as_ptr();
        // SAFETY: the mutex was made by `create`; with it held nobody else touches the records.
        unsafe {
            if libc::pthread_mutex_lock(&raw mut (*shared).mutex) != 0 {
                return Err("the mutex's holder has died".into());
            }
            let result = work(&mut *shared, &mut self.read);
            libc::pthread_mutex_unlock(&raw mut (*shared).mutex);
            Ok(result)
        }
    }
}

impl Drop for Ends {
    fn drop(&mut self) {
        // SAFETY: mapped by `map`, and used no more.
        let _ = unsafe { rustix::mm::munmap(self.shared.as_ptr().cast(), size_of::<Shared>()) };
        if let Some(path) = &self.path {
            let _ = std::fs::remove_file(path);
        }
    }
}

impl DataPlaneSide for Ends {
    fn observe(&mut self, observation: &mut Observation) -> Outcome<()> {
        self.alone(|shared, _| shared.observation = *observation)
    }

    fn answered(&mut self) -> Outcome<Option<u64>> {
        let last = self.last;
        let read =
            self.alone(|shared, _| (shared.action.sequence_id != last).then_some(shared.action))?;
        let read = read.map(|action| action.sequence_id);
        self.last = read.unwrap_or(last);
        Ok(read)
    }
}

impl AgentSide for Ends {
    fn look(&mut self) -> Outcome<Option<&Observation>> {
        let last = self.last;
        let is_new = self.alone(|shared, read| {
            let is_new = shared.observation.timestamp_us != last
                || shared.observation.reserved_for_later[1] != 0;
            if is_new {
                *read = shared.observation;
            }
            is_new
        })?;
        self.last = if is_new { self.read.timestamp_us } else { last };
        Ok(is_new.then_some(&self.read))
    }

    fn answer(&mut self, number: u64) -> Outcome<()> {
        self.alone(|shared, _| {
            let mut action = Action::zeroed();
            action.sequence_id = number;
            shared.action = action;
        })
    }
}
