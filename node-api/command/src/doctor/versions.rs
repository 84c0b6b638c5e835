//! Which versions of zenoh and dora are about: this library's own, of programs on the `PATH`, of the Python packages, and
//! of running processes by the libraries that they have mapped.
//!
//! Knowingly weak: a program with zenoh built into it does not tell its version, so most running processes say nothing.

use std::path::Path;

use zenoh_pinned::bindings::surroundings::Neighbour;

use crate::programs::{self, Answer};

/// Prints the version of zenoh's package.
const PACKAGE: &str = "import importlib.metadata as m; print(m.version('eclipse-zenoh'))";

/// A version's first two numbers, and the whole of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Version {
    pub(crate) minor: (u32, u32),
    pub(crate) text: String,
}

impl Version {
    /// The first words of the form `1.10` or `1.10.2` in a text.
    pub(crate) fn in_text(text: &str) -> Option<Self> {
        let is_part = |character: char| character.is_ascii_digit() || character == '.';
        let words = text.split(|character| !is_part(character));
        words.into_iter().find_map(|word| {
            let word = word.trim_matches('.');
            let mut numbers = word.split('.').map(str::parse::<u32>);
            let minor = (numbers.next()?.ok()?, numbers.next()?.ok()?);
            Some(Self {
                minor,
                text: word.to_owned(),
            })
        })
    }
}

impl std::fmt::Display for Version {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str(&self.text)
    }
}

/// A zenoh beside this library's own.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct OtherZenoh {
    /// Whose it is, for people.
    pub(crate) whose: String,
    pub(crate) version: Version,
    /// Whether a process that uses shared memory runs with it.
    pub(crate) is_running: bool,
}

/// What was found.
#[derive(Clone, Debug)]
pub(crate) struct Versions {
    /// The zenoh that this program is built with.
    pub(crate) zenoh: Version,
    pub(crate) others: Vec<OtherZenoh>,
    pub(crate) dora: Dora,
}

/// dora's command.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Dora {
    NotFound,
    Found(Version),
    /// It is there and does not say its version in time.
    Silent,
}

impl Versions {
    /// Runs `zenohd`, `python3` and `dora`, where they are on the `PATH`: a second or so, 5 at the most.
    pub(crate) fn found(neighbours: &[Neighbour]) -> Self {
        let python = python();
        let [zenohd, package, dora] = programs::ask([
            ("zenohd", &["--version"]),
            (&python, &["-c", PACKAGE]),
            ("dora", &["--version"]),
        ]);
        let mut others: Vec<_> = neighbours.iter().flat_map(of_process).collect();
        others.extend(installed("zenohd on the PATH", &zenohd));
        let whose = format!("the package eclipse-zenoh of {python}");
        others.extend(installed(&whose, &package));
        Self {
            zenoh: of_this_program(),
            others,
            dora: match dora {
                Answer::None => Dora::NotFound,
                Answer::Said(said) => Version::in_text(&said).map_or(Dora::NotFound, Dora::Found),
                Answer::Silent => Dora::Silent,
            },
        }
    }
}

fn of_this_program() -> Version {
    // Never without a number: cargo has made the text.
    Version::in_text(zenoh::GIT_VERSION).unwrap_or(Version {
        minor: (0, 0),
        text: String::from(zenoh::GIT_VERSION),
    })
}

fn installed(whose: &str, answer: &Answer) -> Option<OtherZenoh> {
    let Answer::Said(said) = answer else {
        return None;
    };
    Some(OtherZenoh {
        whose: whose.to_owned(),
        version: Version::in_text(said)?,
        is_running: false,
    })
}

/// The interpreter that runs this command, or else the first one on the `PATH`.
fn python() -> String {
    let running = std::env::args_os().next();
    let running = running.and_then(|program| program.into_string().ok());
    let running = running.filter(|program| {
        let name = Path::new(program).file_name().unwrap_or_default();
        name.to_string_lossy().starts_with("python")
    });
    running.unwrap_or_else(|| String::from("python3"))
}

fn of_process(neighbour: &Neighbour) -> Option<OtherZenoh> {
    let versions = neighbour.libraries.iter();
    let version = versions
        .filter_map(|path| of_library(Path::new(path)))
        .next()?;
    Some(OtherZenoh {
        whose: format!("{} (pid {})", neighbour.name, neighbour.pid),
        version,
        is_running: true,
    })
}

/// Out of the name of zenoh's C library, or of the Python package that a library is part of.
fn of_library(path: &Path) -> Option<Version> {
    let name = path.file_name()?.to_str()?;
    if let Some(version) = name.strip_prefix("libzenohc.so.") {
        return Version::in_text(version);
    }
    let packages = std::fs::read_dir(path.parent()?.parent()?).ok()?;
    packages.filter_map(Result::ok).find_map(|package| {
        let name = package.file_name().into_string().ok()?;
        let version = name.strip_prefix("eclipse_zenoh-")?;
        Version::in_text(version.strip_suffix(".dist-info")?)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn version(text: &str) -> Option<((u32, u32), String)> {
        Version::in_text(text).map(|version| (version.minor, version.text))
    }

    #[test]
    fn a_version_is_found_in_what_programs_say() {
        for (said, found) in [
            ("v1.10.2-release", "1.10.2"),
            ("zenohd v1.10.2-modified built with rustc 1.85.0", "1.10.2"),
            ("dora-cli 1.10.0\ndora-message: 0.8.0", "1.10.0"),
            ("1.10", "1.10"),
        ] {
            assert_eq!(version(said), Some(((1, 10), found.to_owned())), "{said}");
        }
        for other in ["", "none", "7", "dora-cli unknown"] {
            assert_eq!(version(other), None);
        }
    }

    #[test]
    fn a_mapped_library_tells_its_version_by_its_name_or_by_its_package() {
        let folder = std::env::temp_dir().join(format!("zpin-versions-{}", std::process::id()));
        std::fs::create_dir_all(folder.join("eclipse_zenoh-1.9.0.dist-info")).unwrap();
        let of = |path: &Path| of_library(path).map(|version| version.text);
        let packaged = of(&folder.join("zenoh/zenoh.abi3.so"));
        std::fs::remove_dir_all(&folder).unwrap();
        assert_eq!(packaged.as_deref(), Some("1.9.0"));
        assert_eq!(
            of(Path::new("/usr/lib/libzenohc.so.1.8.0")).as_deref(),
            Some("1.8.0")
        );
        // Others have versions of their own.
        for other in ["libzenohc.so", "libzenoh_pinned.so.0.1.0"] {
            assert_eq!(of(&Path::new("/no/such/folder").join(other)), None);
        }
    }

    #[test]
    fn this_program_knows_the_zenoh_that_it_is_built_with() {
        assert_eq!(of_this_program().minor, (1, 10));
    }
}
