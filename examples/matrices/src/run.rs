//! A run: from the command line to the report.

use std::{
    ffi::OsString,
    net::{SocketAddr, TcpListener},
    path::Path,
    time::Duration,
};

use anyhow::Context as _;
use matrices::{
    dashboard,
    encoding::Encoding,
    input::Input,
    matrix::Form,
    pipeline::{BufferTerms, Pipeline, PipelineTerms, Stop, Wish},
    report::{ProgressLine, Report, line},
    roles::{Plan, Role},
    store::{Store, Whose},
};
use zenoh_pinned::Pinner;

use crate::arguments::RunArguments;

/// How many matrices are made up where nobody says.
const MADE_UP: u64 = 100;

pub(crate) fn run(arguments: &RunArguments, stop: &Stop) -> anyhow::Result<Report> {
    let terms = terms(arguments)?;
    // Before anything is made: what cannot work is said at once.
    terms.buffers.check(terms.input.form(), terms.encoding)?;
    let address = SocketAddr::new(arguments.dashboard_host, arguments.dashboard_port);
    if !arguments.no_dashboard {
        TcpListener::bind(address).with_context(|| {
            format!("The dashboard cannot listen at {address}: name another port with --dashboard-port, or say --no-dashboard")
        })?;
    }
    let session = session()?;
    if stop.is_wished() {
        anyhow::bail!("It was asked to end before it began.");
    }
    let store = create_store(arguments, &terms)?;
    let pipeline = Pipeline::start(&session, terms, store.clone(), stop)?;
    let serving = match arguments.no_dashboard {
        true => None,
        false => Some(dashboard::serve(&pipeline.running(), address)?),
    };
    if let Some(serving) = &serving {
        eprintln!("The dashboard is at http://{}/", serving.address());
    }
    let mut progress = ProgressLine::on_terminal();
    let (figures, finished) =
        pipeline.finish(|running| progress.draw(|| line(&running.pipeline())));
    progress.clear();
    drop(serving);
    let mut report = Report::new(figures, finished, stop.now() == Wish::End);
    if let Err(error) = store.remove_unfinished(Whose::All) {
        report.problems.push(error.to_string());
    }
    Ok(report)
}

fn terms(arguments: &RunArguments) -> anyhow::Result<PipelineTerms> {
    let input = match &arguments.input {
        Some(path) => Input::read(path)?,
        None => {
            let form = Form::new(arguments.shape, arguments.dtype)?;
            Input::generated(arguments.kind, form, arguments.seed)
        }
    };
    let count = match (arguments.count, input.count()) {
        (Some(0), Some(has)) => Some(has),
        (Some(0), None) => None,
        (Some(count), Some(has)) if count > has => {
            anyhow::bail!("--count {count} is more than the input has: it has {has} matrices.")
        }
        (Some(count), _) => Some(count),
        (None, has) => Some(has.unwrap_or(MADE_UP)),
    };
    let program = std::env::current_exe().context("This program's own file cannot be found")?;
    let output = std::path::absolute(&arguments.output_dir)?;
    let command = |role: Role| match &arguments.compressor {
        Some(command) if role == Role::Compressor => ["sh", "-c", &format!("exec {command}")]
            .map(OsString::from)
            .into(),
        _ => own_command(&program, role, &output),
    };
    Ok(PipelineTerms {
        encoding: encoding(arguments, &input)?,
        input,
        count,
        workers: [
            arguments.num_producers,
            arguments.num_compressors,
            arguments.num_writers,
        ],
        commands: Role::ALL.map(command),
        output,
        buffers: BufferTerms {
            most: arguments.max_buffers,
            bytes: arguments.buffer_size_mb << 20,
            reuse: arguments.enable_buffer_reuse,
            cleanup_interval: Duration::from_secs_f64(arguments.cleanup_interval),
        },
    })
}

fn encoding(arguments: &RunArguments, input: &Input) -> anyhow::Result<Encoding> {
    let form = input.form();
    let encoding = Encoding::new(arguments.level, arguments.shuffles(form.element()))?;
    let is_too_large = encoding.check(usize::try_from(form.bytes())?).is_err();
    match is_too_large && arguments.shuffle.is_none() {
        true => Ok(Encoding::new(arguments.level, false)?),
        false => Ok(encoding),
    }
}

fn own_command(program: &Path, role: Role, output: &Path) -> Vec<OsString> {
    vec![
        program.into(),
        "work".into(),
        role.name().into(),
        output.into(),
    ]
}

fn create_store(arguments: &RunArguments, terms: &PipelineTerms) -> anyhow::Result<Store> {
    let plan = Plan {
        input: terms.input.clone(),
        encoding: terms.encoding,
    };
    Ok(Store::create(
        &terms.output,
        terms.input.form(),
        terms.count,
        &terms.encoding,
        plan.to_note()?,
        arguments.overwrite,
    )?)
}

/// A session that nobody else finds: workers have one of their own with this process.
fn session() -> anyhow::Result<zenoh::Session> {
    let mut config = zenoh::Config::default();
    for (key, value) in [
        ("listen/endpoints", "[]"),
        ("scouting/multicast/enabled", "false"),
        ("scouting/gossip/enabled", "false"),
    ] {
        let set = config.insert_json5(key, value);
        set.map_err(|error| anyhow::anyhow!("zenoh's configuration does not take {key}: {error}"))?;
    }
    Ok(zenoh_pinned_node::pubsub::open(
        config,
        &Pinner::host_only(),
    )?)
}
