//! The values that stand in the file, each with its form and bounds.

use std::{
    collections::{BTreeMap, BTreeSet},
    net::SocketAddr,
    time::Duration,
};

use yaml_serde::Value;

use super::error::ValueFault;

/// A processor's number is lower: as many as the kernel's calls take in the form that everybody uses.
const MOST_PROCESSORS: usize = 1024;

pub(super) fn flag(value: &Value) -> Result<bool, ValueFault> {
    value.as_bool().ok_or(ValueFault::Form("true or false"))
}

/// Above 0, up to 1.
pub(super) fn share(value: &Value) -> Result<f64, ValueFault> {
    let form = ValueFault::Form("a share from above 0 to 1, such as 0.75");
    match value.as_f64().ok_or(form)? {
        share if share > 0.0 && share <= 1.0 => Ok(share),
        percent if percent > 1.0 && percent <= 100.0 => Err(ValueFault::Percent {
            share: percent / 100.0,
        }),
        _ => Err(bounds("above 0", "1")),
    }
}

pub(super) fn whole(least: usize, most: usize) -> impl FnOnce(&Value) -> Result<usize, ValueFault> {
    move |value| {
        if !value.is_i64() && !value.is_u64() {
            return Err(ValueFault::Form("a whole number"));
        }
        let number = value
            .as_u64()
            .and_then(|number| usize::try_from(number).ok());
        let number = number.filter(|number| (least..=most).contains(number));
        number.ok_or_else(|| bounds(least, most))
    }
}

pub(super) fn port(value: &Value) -> Result<u16, ValueFault> {
    let port = whole(1, usize::from(u16::MAX))(value)?;
    // It was in its bounds.
    Ok(port as u16)
}

/// A number and its unit.
pub(super) fn time(most: Duration) -> impl FnOnce(&Value) -> Result<Duration, ValueFault> {
    move |value| {
        let form = ValueFault::Form("a time with its unit, such as 5ms (us, ms, s or min)");
        let seconds = value.as_str().and_then(seconds).ok_or(form)?;
        let time = Duration::try_from_secs_f64(seconds).ok();
        let time = time.filter(|time| *time <= most);
        time.ok_or_else(|| bounds("0s", format!("{most:?}")))
    }
}

fn seconds(text: &str) -> Option<f64> {
    let (number, unit) = text.split_at(text.find(|letter: char| letter.is_alphabetic())?);
    let unit = match unit {
        "us" => 1e-6,
        "ms" => 1e-3,
        "s" => 1.0,
        "min" => 60.0,
        _ => return None,
    };
    Some(number.trim().parse::<f64>().ok()? * unit)
}

pub(super) fn command(value: &Value) -> Result<Vec<String>, ValueFault> {
    let form =
        "a list of program and arguments, such as [python3, detector.py, \"4\"]: numbers in quotes";
    let texts = value.as_sequence().and_then(|list| {
        let texts = list.iter().map(|text| text.as_str().map(str::to_owned));
        texts.collect::<Option<Vec<_>>>()
    });
    let texts = texts.filter(|texts| texts.first().is_some_and(|program| !program.is_empty()));
    texts.ok_or(ValueFault::Form(form))
}

pub(super) fn environment(value: &Value) -> Result<BTreeMap<String, String>, ValueFault> {
    let form = "texts by name, such as {THREADS: \"4\"}: numbers in quotes, no = in a name";
    let variables = value.as_mapping().and_then(|mapping| {
        let variables = mapping.iter().map(|(name, text)| {
            let name = name
                .as_str()
                .filter(|name| !name.is_empty() && !name.contains(['=', '\0']))?;
            let text = text.as_str().filter(|text| !text.contains('\0'))?;
            Some((name.to_owned(), text.to_owned()))
        });
        variables.collect::<Option<_>>()
    });
    variables.ok_or(ValueFault::Form(form))
}

/// Numbers and ranges of them, with commas between, as the kernel lists processors.
pub(super) fn processors(value: &Value) -> Result<Vec<usize>, ValueFault> {
    let form = || ValueFault::Form("processors in quotes, such as \"0-3,6\"");
    let mut processors = BTreeSet::new();
    for part in value.as_str().ok_or_else(form)?.split(',') {
        let (first, last) = part.split_once('-').unwrap_or((part, part));
        let number = |text: &str| text.trim().parse::<usize>().map_err(|_| form());
        let (first, last) = (number(first)?, number(last)?);
        if first > last {
            return Err(form());
        }
        if last >= MOST_PROCESSORS {
            return Err(bounds(0, MOST_PROCESSORS - 1));
        }
        processors.extend(first..=last);
    }
    Ok(processors.into_iter().collect())
}

/// Where to listen; without an address, on this machine only.
pub(super) fn address(value: &Value) -> Result<SocketAddr, ValueFault> {
    let form = "\":9090\" for this machine, or an address (not a name) and a port, such as \"0.0.0.0:9090\"";
    let address = value
        .as_str()
        .and_then(|text| match text.strip_prefix(':') {
            Some(port) => Some(SocketAddr::from(([127, 0, 0, 1], port.parse().ok()?))),
            None => text.parse().ok(),
        });
    address.ok_or(ValueFault::Form(form))
}

/// A collector's URL, without a slash at its end.
pub(super) fn collector(value: &Value) -> Result<String, ValueFault> {
    let form =
        || ValueFault::Form("a collector of OTLP over HTTP, such as \"http://127.0.0.1:4318\"");
    let text = value.as_str().ok_or_else(form)?;
    let place = text.strip_prefix("http://").unwrap_or(text);
    let place = place.strip_suffix('/').unwrap_or(place);
    let (host, port) = place.rsplit_once(':').ok_or_else(form)?;
    let is_strange = |letter: char| letter == '/' || letter == '@' || letter.is_whitespace();
    if host.is_empty() || host.contains(is_strange) {
        return Err(form());
    }
    let protocol = match port.parse::<u16>().map_err(|_| form())? {
        0 => return Err(form()),
        6831 | 6832 => "Jaeger's own protocol over UDP, which is obsolete,",
        4317 => "OTLP over gRPC",
        _ => return Ok(format!("http://{place}")),
    };
    let instead = format!("http://{host}:4318");
    Err(ValueFault::Collector { protocol, instead })
}

fn bounds(least: impl ToString, most: impl ToString) -> ValueFault {
    ValueFault::Bounds {
        least: least.to_string(),
        most: most.to_string(),
    }
}
