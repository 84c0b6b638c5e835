//! Whether the kernel may use pages of more than 4 KiB without being asked; see its documentation of transparent huge
//! pages.

use super::{file, mounts};

/// What is chosen, in the kernel's words; `None` where it does not say.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct HugePages {
    /// For private memory, such as staging slots: `always`, `madvise` or `never`.
    pub private: Option<String>,
    /// For shared memory that no mount decides about, and with `deny` or `force` for all of it.
    pub shared: Option<String>,
    /// For `/dev/shm`, by its mount: `never`, `always`, `within_size` or `advise`.
    pub of_shared_memory: Option<String>,
}

impl HugePages {
    pub(crate) fn now() -> Self {
        let mount = mounts::mounted_at(file::DIRECTORY);
        Self {
            private: chosen_in("enabled"),
            shared: chosen_in("shmem_enabled"),
            // A tmpfs that was mounted without the option has none.
            of_shared_memory: mount.map(|mount| mount.option("huge").unwrap_or("never").to_owned()),
        }
    }
}

fn chosen_in(file: &str) -> Option<String> {
    let path = format!("/sys/kernel/mm/transparent_hugepage/{file}");
    in_brackets(&std::fs::read_to_string(path).ok()?).map(str::to_owned)
}

/// The word that is chosen, in `always [madvise] never`.
fn in_brackets(choices: &str) -> Option<&str> {
    Some(choices.split_once('[')?.1.split_once(']')?.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_chosen_word_is_the_one_in_brackets() {
        assert_eq!(in_brackets("always [madvise] never\n"), Some("madvise"));
        assert_eq!(in_brackets("[always] madvise never"), Some("always"));
        for other in ["", "always", "[always", "always]"] {
            assert_eq!(in_brackets(other), None);
        }
    }
}
