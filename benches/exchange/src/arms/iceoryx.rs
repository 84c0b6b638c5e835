//! Two blackboards with one entry each: observations, and actions. The data plane makes both.

use iceoryx2::{
    port::{
        reader::{BlackboardValue, EntryHandle, Reader},
        writer::{EntryHandleMut, Writer},
    },
    prelude::{NodeBuilder, ServiceName, ZeroCopySend, ipc},
    service::port_factory::blackboard::PortFactory,
};
use zenoh_pinned_exchange::{Action, Observation, bytemuck::Zeroable};

use super::{AgentSide, DataPlaneSide};
use crate::Outcome;

#[derive(Clone, Copy, Debug)]
#[repr(C)]
struct Seen(Observation);

#[derive(Clone, Copy, Debug)]
#[repr(C)]
struct Done(Action);

// SAFETY: plain bytes, without a pointer.
unsafe impl ZeroCopySend for Seen {}
// SAFETY: as above.
unsafe impl ZeroCopySend for Done {}

type Key = u64;
const ENTRY: Key = 0;
const OBSERVATIONS: &str = "observations";
const ACTIONS: &str = "actions";

type Service = PortFactory<ipc::Service, Key>;

trait Value: Copy + ZeroCopySend + std::fmt::Debug + 'static {}
impl Value for Seen {}
impl Value for Done {}

struct Writing<V: Value> {
    entry: EntryHandleMut<ipc::Service, Key, V>,
    _writer: Writer<ipc::Service, Key>,
}

struct Reading<V: Value> {
    entry: EntryHandle<ipc::Service, Key, V>,
    last: Option<BlackboardValue<V>>,
    _reader: Reader<ipc::Service, Key>,
}

pub struct DataPlane {
    observations: Writing<Seen>,
    actions: Reading<Done>,
}

pub struct Agent {
    observations: Reading<Seen>,
    actions: Writing<Done>,
}

fn service_name(name: &str, part: &str) -> Outcome<ServiceName> {
    Ok(format!("{name}/{part}").as_str().try_into()?)
}

fn create<V: Value>(name: &str, part: &str, first: V) -> Outcome<Service> {
    let node = NodeBuilder::new().create::<ipc::Service>()?;
    let service = node.service_builder(&service_name(name, part)?);
    Ok(service
        .blackboard_creator::<Key>()
        .add::<V>(ENTRY, first)
        .create()?)
}

fn open(name: &str, part: &str) -> Outcome<Service> {
    let node = NodeBuilder::new().create::<ipc::Service>()?;
    let service = node.service_builder(&service_name(name, part)?);
    Ok(service.blackboard_opener::<Key>().open()?)
}

impl<V: Value> Writing<V> {
    fn of(service: &Service) -> Outcome<Self> {
        let writer = service.writer_builder().create()?;
        Ok(Self {
            entry: writer.entry::<V>(&ENTRY)?,
            _writer: writer,
        })
    }
}

impl<V: Value> Reading<V> {
    fn of(service: &Service) -> Outcome<Self> {
        let reader = service.reader_builder().create()?;
        Ok(Self {
            entry: reader.entry::<V>(&ENTRY)?,
            last: None,
            _reader: reader,
        })
    }

    /// The newest value, if it is not the one that was read last.
    fn look(&mut self) -> Option<&V> {
        let last = self.last.as_ref();
        if last.is_some_and(|last| self.entry.is_up_to_date(last)) {
            return None;
        }
        Some(self.last.insert(self.entry.get()))
    }
}

impl DataPlane {
    pub fn create(name: &str) -> Outcome<Self> {
        let observations = create(name, OBSERVATIONS, Seen(Observation::zeroed()))?;
        let actions = create(name, ACTIONS, Done(Action::zeroed()))?;
        Ok(Self {
            observations: Writing::of(&observations)?,
            actions: Reading::of(&actions)?,
        })
    }
}

impl Agent {
    pub fn open(name: &str) -> Outcome<Self> {
        Ok(Self {
            observations: Reading::of(&open(name, OBSERVATIONS)?)?,
            actions: Writing::of(&open(name, ACTIONS)?)?,
        })
    }
}

impl DataPlaneSide for DataPlane {
    fn observe(&mut self, observation: &mut Observation) -> Outcome<()> {
        self.observations.entry.update_with_copy(Seen(*observation));
        Ok(())
    }

    fn answered(&mut self) -> Outcome<Option<u64>> {
        let answered = self.actions.look().map(|done| done.0.sequence_id);
        Ok(answered.filter(|number| *number != 0))
    }
}

impl AgentSide for Agent {
    fn look(&mut self) -> Outcome<Option<&Observation>> {
        // The value that the blackboard was made with has no time.
        let seen = self.observations.look().map(|seen| &seen.0);
        Ok(seen.filter(|seen| seen.timestamp_us != 0))
    }

    fn answer(&mut self, number: u64) -> Outcome<()> {
        let mut action = Action::zeroed();
        action.sequence_id = number;
        self.actions.entry.update_with_copy(Done(action));
        Ok(())
    }
}
