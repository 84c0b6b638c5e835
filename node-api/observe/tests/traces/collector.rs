//! A collector of traces: takes OTLP over HTTP as OpenTelemetry's own does, and keeps the spans.

use std::{
    collections::HashMap,
    io::{BufRead, BufReader, Read, Write},
    net::{SocketAddr, TcpListener, TcpStream},
    sync::{Arc, Mutex},
    time::{Duration, Instant},
};

use opentelemetry_proto::tonic::{
    collector::trace::v1::ExportTraceServiceRequest, common::v1::any_value::Value, trace::v1::Span,
};
use prost::Message;

/// A span, and the service that it is of.
#[derive(Clone, Debug)]
pub struct Collected {
    pub service: String,
    pub span: Span,
}

impl Collected {
    pub fn text(&self, attribute: &str) -> Option<String> {
        let mut attributes = self.span.attributes.iter();
        let found = attributes.find(|found| found.key == attribute)?;
        match found.value.as_ref()?.value.as_ref()? {
            Value::StringValue(text) => Some(text.clone()),
            Value::IntValue(number) => Some(number.to_string()),
            other => Some(format!("{other:?}")),
        }
    }
}

pub struct Collector {
    address: SocketAddr,
    spans: Arc<Mutex<Vec<Collected>>>,
}

impl Collector {
    pub fn begin() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let spans: Arc<Mutex<Vec<Collected>>> = Arc::default();
        let kept = spans.clone();
        std::thread::spawn(move || {
            for stream in listener.incoming().map_while(Result::ok) {
                let kept = kept.clone();
                std::thread::spawn(move || while take(&stream, &kept).is_some() {});
            }
        });
        Self { address, spans }
    }

    pub fn endpoint(&self) -> String {
        format!("http://{}", self.address)
    }

    pub fn spans(&self) -> Vec<Collected> {
        self.spans.lock().unwrap().clone()
    }

    /// Waits until the spans are such; gives them by trace.
    pub fn until(&self, what: &str, found: impl Fn(&[Collected]) -> bool) -> Vec<Vec<Collected>> {
        let watchdog = Instant::now() + Duration::from_secs(60);
        while !found(&self.spans()) {
            assert!(Instant::now() < watchdog, "{what}: {:#?}", self.spans());
            std::thread::sleep(Duration::from_millis(20));
        }
        let mut traces: HashMap<Vec<u8>, Vec<Collected>> = HashMap::new();
        for collected in self.spans() {
            traces
                .entry(collected.span.trace_id.clone())
                .or_default()
                .push(collected);
        }
        traces.into_values().collect()
    }
}

/// One request; `None` where the other side has closed.
fn take(stream: &TcpStream, kept: &Mutex<Vec<Collected>>) -> Option<()> {
    let mut reader = BufReader::new(stream);
    let mut line = String::new();
    let mut length = 0;
    let mut is_first = true;
    loop {
        line.clear();
        if reader.read_line(&mut line).ok()? == 0 {
            return None;
        }
        if is_first {
            assert!(line.starts_with("POST /v1/traces "), "{line}");
            is_first = false;
        }
        let lower = line.to_ascii_lowercase();
        if let Some(value) = lower.strip_prefix("content-length:") {
            length = value.trim().parse().unwrap();
        }
        if line == "\r\n" {
            break;
        }
    }
    let mut body = vec![0; length];
    reader.read_exact(&mut body).ok()?;
    let request = ExportTraceServiceRequest::decode(&body[..]).unwrap();
    for of_resource in request.resource_spans {
        let attributes = of_resource.resource.map(|resource| resource.attributes);
        let name = attributes
            .into_iter()
            .flatten()
            .find(|found| found.key == "service.name");
        let service = match name.and_then(|found| found.value?.value) {
            Some(Value::StringValue(name)) => name,
            other => panic!("{other:?}"),
        };
        let spans = of_resource
            .scope_spans
            .into_iter()
            .flat_map(|scope| scope.spans);
        let collected = spans.map(|span| Collected {
            service: service.clone(),
            span,
        });
        kept.lock().unwrap().extend(collected);
    }
    let mut stream = stream;
    stream
        .write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n")
        .ok()
}
