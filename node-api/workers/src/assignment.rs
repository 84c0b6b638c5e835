//! What a supervisor tells the process that it starts, in an environment variable.

use crate::os::placement::{Placement, listed, parsed};

/// Its name.
pub(crate) const VARIABLE: &str = "ZENOH_PINNED_WORKER";
/// The protocol's, so that a worker of another version says so instead of hearing nothing.
const VERSION: &str = "2";

/// Whose worker it is, and what it is to have.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Assignment {
    pub(crate) endpoint: String,
    pub(crate) pool: String,
    pub(crate) instance: String,
    pub(crate) worker: String,
    pub(crate) placement: Placement,
}

impl Assignment {
    pub(crate) fn write(&self) -> String {
        let Placement {
            processors,
            node,
            huge_pages,
        } = &self.placement;
        let node = node.map(|node| node.to_string()).unwrap_or_default();
        let Self {
            endpoint,
            pool,
            instance,
            worker,
            ..
        } = self;
        format!(
            "{VERSION};{endpoint};{pool};{instance};{worker};{};{node};{}",
            listed(processors),
            u8::from(*huge_pages)
        )
    }

    pub(crate) fn read(text: &str) -> Option<Self> {
        let parts: Vec<_> = text.split(';').collect();
        let [
            VERSION,
            endpoint,
            pool,
            instance,
            worker,
            processors,
            node,
            huge_pages,
        ] = parts[..]
        else {
            return None;
        };
        let node = match node {
            "" => None,
            node => Some(node.parse().ok()?),
        };
        Some(Self {
            endpoint: endpoint.to_owned(),
            pool: pool.to_owned(),
            instance: instance.to_owned(),
            worker: worker.to_owned(),
            placement: Placement {
                processors: parsed(processors)?,
                node,
                huge_pages: huge_pages == "1",
            },
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_assignment_reads_back_and_anything_else_is_none() {
        let assignment = Assignment {
            endpoint: String::from("unixsock-stream//tmp/zpin-workers-1-0/s"),
            pool: String::from("ocr"),
            instance: String::from("a1"),
            worker: String::from("3-7"),
            placement: Placement {
                processors: vec![0, 1, 5],
                node: Some(1),
                huge_pages: true,
            },
        };
        let text = assignment.write();
        assert_eq!(Assignment::read(&text), Some(assignment));
        assert_eq!(VERSION, crate::protocol::VERSION.to_string());
        for bad in ["", "1;a;b;c;d;;;0", "2;a;b;c;d;x;;0", &text[..20]] {
            assert_eq!(Assignment::read(bad), None, "{bad}");
        }
    }
}
