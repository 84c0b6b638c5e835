//! One question to a server of models, and its answer.

use std::{
    io,
    path::Path,
    sync::Arc,
    time::{Duration, Instant},
};

use zenoh_pinned::{
    Pinner,
    bindings::descriptor::{Descriptor, DescriptorReader},
};

use crate::{
    error::{Changed, LoadError, UnloadError},
    manifest::Manifest,
    messages::{Answer, Ask, Lease, MAX_ANSWER_BYTES, Question, VERSION},
    os::{place::Place, stream::Stream},
    registry::RegistryStatistics,
    weights::Contents,
};

/// How long a server may say nothing.
pub(super) const SILENCE: Duration = Duration::from_secs(5);

/// See the module.
#[derive(Debug)]
pub(super) struct Connection {
    stream: Stream,
    silence: Duration,
}

/// A lease: the connection that it is.
#[derive(Debug)]
pub(super) struct RemoteLease {
    _stream: Stream,
}

/// Why there is no answer, or not the one that was wanted.
#[derive(Debug, thiserror::Error)]
pub(super) enum Trouble {
    #[error("nobody serves there: start a server with `zenoh-pinned models serve`")]
    Nobody,
    #[error("it does not answer: {cause}")]
    Gone { cause: String },
    #[error("{0} is not what was loaded any more")]
    Changed(Changed),
    #[error("this process has as many files open as it may")]
    TooManyOpenFiles,
    #[error("its memory cannot be had here: {cause}")]
    NotShared { cause: String },
    #[error("{cause}")]
    Unusable { cause: String },
    #[error(transparent)]
    Refused(LoadError),
}

impl Connection {
    /// To a server that may say nothing for so long.
    pub(super) fn open(place: &Place, silence: Duration) -> Result<Self, Trouble> {
        match place.check() {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Err(Trouble::Nobody),
            Err(error) => {
                return Err(Trouble::Unusable {
                    cause: error.to_string(),
                });
            }
            Ok(()) => {}
        }
        let until = Instant::now() + silence;
        let stream = Stream::connect(&place.socket(), MAX_ANSWER_BYTES, until);
        let stream = stream.map_err(|error| match error.kind() {
            _ if is_of_descriptors(&error) => Trouble::TooManyOpenFiles,
            // A socket that nobody listens at any more was left by one that was killed.
            io::ErrorKind::NotFound | io::ErrorKind::ConnectionRefused => Trouble::Nobody,
            _ => Trouble::Gone {
                cause: error.to_string(),
            },
        })?;
        stream.peer().map_err(|error| Trouble::Unusable {
            cause: error.to_string(),
        })?;
        Ok(Self { stream, silence })
    }

    /// The contents with references of this process, and what keeps them there.
    pub(super) fn lease(
        mut self,
        model: &str,
        source: Option<&Path>,
        until: Instant,
    ) -> Result<(Contents, RemoteLease), Trouble> {
        let begun = Instant::now();
        self.ask(Ask::Lease {
            model: model.to_owned(),
            source: source.map(Path::to_owned),
            patience: until.saturating_duration_since(Instant::now()),
        })?;
        let lease = loop {
            match self.answer()? {
                // It goes on telling, as long as it was asked to: a moment longer, as its answer is under way then.
                Answer::Progress(..) if Instant::now() > until + self.silence => {
                    return Err(Trouble::Refused(LoadError::TimedOut {
                        model: model.to_owned(),
                        waited: begun.elapsed(),
                    }));
                }
                Answer::Progress(read, total) => {
                    tracing::debug!(model, read, total, "the server loads the model");
                }
                Answer::Leased(lease) => break lease,
                answer => return Err(unexpected(answer)),
            }
        };
        let contents = attach(model, &lease).map_err(|trouble| match trouble {
            // With the server its segments may have gone.
            Trouble::NotShared { cause } if self.stream.is_closed() => Trouble::Gone { cause },
            trouble => trouble,
        })?;
        let lease = RemoteLease {
            _stream: self.stream,
        };
        Ok((contents, lease))
    }

    pub(super) fn unloaded(&mut self, ask: Ask) -> Result<Result<usize, UnloadError>, Trouble> {
        self.ask(ask)?;
        match self.answer()? {
            Answer::Unloaded(outcome) => Ok(outcome),
            answer => Err(unexpected(answer)),
        }
    }

    pub(super) fn statistics(&mut self) -> Result<RegistryStatistics, Trouble> {
        self.ask(Ask::Statistics)?;
        match self.answer()? {
            Answer::Statistics(statistics) => Ok(*statistics),
            answer => Err(unexpected(answer)),
        }
    }

    /// Has the server compare a model's bytes: whether they are as loaded.
    pub(super) fn check(&mut self, model: &str) -> Result<bool, Trouble> {
        self.ask(Ask::Check {
            model: model.to_owned(),
        })?;
        match self.answer()? {
            Answer::Checked(is_as_loaded) => Ok(is_as_loaded),
            answer => Err(unexpected(answer)),
        }
    }

    fn ask(&mut self, ask: Ask) -> Result<(), Trouble> {
        let question = Question {
            version: VERSION,
            ask,
        };
        let sent = self.stream.send(&question, Instant::now() + self.silence);
        sent.map_err(gone)
    }

    fn answer(&mut self) -> Result<Answer, Trouble> {
        let answer = self.stream.receive(Instant::now() + self.silence);
        answer.map_err(|error| match error.kind() {
            io::ErrorKind::InvalidData => Trouble::Unusable {
                cause: format!("its answer is none ({error}): are both of the same version?"),
            },
            _ => gone(error),
        })
    }
}

fn gone(error: io::Error) -> Trouble {
    Trouble::Gone {
        cause: error.to_string(),
    }
}

fn unexpected(answer: Answer) -> Trouble {
    match answer {
        Answer::Refused(error) => Trouble::Refused(error),
        Answer::Version(version) => Trouble::Unusable {
            cause: format!(
                "it speaks version {version}, this process version {VERSION}: run both from one release"
            ),
        },
        _ => Trouble::Unusable {
            cause: String::from("it answered another question"),
        },
    }
}

/// Whatever somebody has written is checked: descriptors give frames that lie where they say, or an error.
fn attach(model: &str, lease: &Lease) -> Result<Contents, Trouble> {
    let reader = DescriptorReader::new(&Pinner::host_only());
    let frame = |bytes: [u8; Descriptor::BYTES]| {
        let frame = reader.read(Descriptor::from_bytes(bytes));
        frame.map_err(|error| match is_out_of_descriptors() {
            true => Trouble::TooManyOpenFiles,
            false => Trouble::NotShared {
                cause: error.to_string(),
            },
        })
    };
    // Copied before it is read: it can be changed meanwhile.
    let manifest = frame(lease.manifest)?.to_vec();
    if crc32c::crc32c(&manifest) != lease.manifest_checksum {
        return Err(Trouble::Changed(Changed::Table));
    }
    let wrong = |cause: String| Trouble::Unusable { cause };
    let manifest = Manifest::of_bytes(&manifest)
        .map_err(|error| wrong(format!("the table of its tensors is none: {error}")))?;
    let shards = lease.shards.iter().map(|bytes| frame(*bytes));
    let shards = shards.collect::<Result<Vec<_>, _>>()?;
    let whose = (model.to_owned(), Arc::from(&*lease.source));
    Contents::new(whose, manifest, shards).ok_or_else(|| {
        wrong(String::from(
            "its shards are not those that its table tells of",
        ))
    })
}

/// Whether no file can be opened any more, which is then why something could not be attached.
fn is_out_of_descriptors() -> bool {
    std::fs::File::open("/dev/null").is_err_and(|error| is_of_descriptors(&error))
}

fn is_of_descriptors(error: &io::Error) -> bool {
    let code = error.raw_os_error();
    code == Some(rustix::io::Errno::MFILE.raw_os_error())
}
