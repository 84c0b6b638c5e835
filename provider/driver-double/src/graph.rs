//! Graphs: captured work that is executed once for each launch, and the user objects that live as long.

use std::collections::BTreeMap;
use std::ffi::{c_int, c_uint, c_ulonglong};
use std::sync::Arc;
use std::thread;

use crate::call::{Out, exports};
use crate::state::{Double, State};
use crate::status::{INVALID_HANDLE, INVALID_VALUE, Status};
use crate::stream::{HostFunction, Operation, Point};

const NO_DESTRUCTOR_SYNC: c_uint = 1;
const MOVE: c_uint = 1;
const FIRST_HANDLE: usize = 0x96_0000;
const HANDLE_STEP: usize = 0x10;

/// Work in the order in which it was captured, and what it keeps.
#[derive(Clone, Default)]
pub(crate) struct Graph {
    work: Vec<Arc<Operation>>,
    kept: Vec<Arc<Kept>>,
    /// The last launch, where it is executable.
    launched: Vec<Point>,
    is_executable: bool,
}

/// What a user object calls when its last reference has gone.
struct Kept {
    function: HostFunction,
    data: usize,
}

impl Drop for Kept {
    fn drop(&mut self) {
        let (function, data) = (self.function, self.data);
        // As the driver does, on a thread of its own: the function may not call back.
        let _ = thread::Builder::new()
            .name("cuda-double-user".to_owned())
            .spawn(move || {
                let data = std::ptr::with_exposed_provenance_mut(data);
                // SAFETY: the interface obliges the caller of `cuUserObjectCreate` to keep function and data until
                // this call, which is the only one.
                unsafe { function(data) };
            });
    }
}

#[derive(Default)]
pub(crate) struct Graphs {
    made: usize,
    by_handle: BTreeMap<usize, Graph>,
    objects: BTreeMap<usize, Arc<Kept>>,
}

impl Graphs {
    fn handle(&mut self) -> usize {
        self.made += 1;
        FIRST_HANDLE + HANDLE_STEP * self.made
    }

    pub(crate) fn insert(&mut self, graph: Graph) -> usize {
        let handle = self.handle();
        self.by_handle.insert(handle, graph);
        handle
    }

    pub(crate) fn add(&mut self, graph: usize, operation: Operation) {
        if let Some(graph) = self.by_handle.get_mut(&graph) {
            graph.work.push(Arc::new(operation));
        }
    }

    pub(crate) fn destroy(&mut self, graph: usize) -> Result<(), Status> {
        self.by_handle
            .remove(&graph)
            .map(drop)
            .ok_or(INVALID_HANDLE)
    }

    fn keep(&mut self, graph: usize, object: usize) -> Result<(), Status> {
        let kept = self.objects.get(&object).cloned().ok_or(INVALID_HANDLE)?;
        let graph = self.by_handle.get_mut(&graph).ok_or(INVALID_HANDLE)?;
        graph.kept.push(kept);
        Ok(())
    }
}

impl State {
    fn instantiate(&mut self, graph: usize) -> Result<usize, Status> {
        let graph = self.graphs.by_handle.get(&graph).ok_or(INVALID_HANDLE)?;
        let executable = Graph {
            is_executable: true,
            ..graph.clone()
        };
        Ok(self.graphs.insert(executable))
    }
}

impl Double {
    fn launch_graph(&'static self, executable: usize, stream: usize) -> Result<(), Status> {
        let mut state = self.lock();
        let stream = self.stream_of(&mut state, stream)?;
        let found = state.graphs.by_handle.get(&executable);
        let graph = found.filter(|graph| graph.is_executable).cloned();
        let graph = graph.ok_or(INVALID_HANDLE)?;
        let mut points = Vec::new();
        for operation in &graph.work {
            let work = operation.work.again();
            points.push(self.enqueue(&mut state, stream, Vec::new(), work)?);
        }
        if let Some(graph) = state.graphs.by_handle.get_mut(&executable) {
            graph.launched = points;
        }
        Ok(())
    }

    /// What is running is executed to its end, and kept so long.
    fn destroy_executable(&'static self, executable: usize) -> Result<(), Status> {
        let mut state = self.lock();
        let removed = state.graphs.by_handle.remove(&executable);
        let graph = removed.ok_or(INVALID_HANDLE)?;
        if state.streams.have_reached(&graph.launched) {
            return Ok(());
        }
        drop(state);
        let later = thread::Builder::new().name("cuda-double-graph".to_owned());
        let _ = later.spawn(move || {
            let launched = graph.launched.clone();
            drop(self.wait_while(self.lock(), |state| !state.streams.have_reached(&launched)));
            drop(graph);
        });
        Ok(())
    }
}

exports! {
    [Context] fn cuGraphInstantiateWithFlags(executable: Out<usize>, graph: usize, _flags: c_ulonglong) |double| {
        let made = double.lock().instantiate(graph)?;
        executable.set(made)
    };
    [Context] fn cuGraphLaunch(executable: usize, stream: usize) |double| double.launch_graph(executable, stream);
    [Context] fn cuGraphDestroy(graph: usize) |double| double.lock().graphs.destroy(graph);
    [Context] fn cuGraphExecDestroy(executable: usize) |double| double.destroy_executable(executable);
    [Init] fn cuUserObjectCreate(
        object: Out<usize>, data: usize, destroy: Option<HostFunction>, references: c_uint, flags: c_uint,
    ) |double| {
        let function = destroy.ok_or(INVALID_VALUE)?;
        if references != 1 || flags != NO_DESTRUCTOR_SYNC {
            return Err(INVALID_VALUE);
        }
        let mut state = double.lock();
        let handle = state.graphs.handle();
        state.graphs.objects.insert(handle, Arc::new(Kept { function, data }));
        drop(state);
        object.set(handle)
    };
    [Init] fn cuUserObjectRelease(object: usize, count: c_uint) |double| {
        if count != 1 {
            return Err(INVALID_VALUE);
        }
        let removed = double.lock().graphs.objects.remove(&object);
        removed.map(drop).ok_or(INVALID_HANDLE)
    };
    [Context] fn cuGraphRetainUserObject(graph: usize, object: usize, count: c_uint, flags: c_int) |double| {
        if count != 1 {
            return Err(INVALID_VALUE);
        }
        let mut state = double.lock();
        state.graphs.keep(graph, object)?;
        if flags as c_uint == MOVE {
            state.graphs.objects.remove(&object);
        }
        Ok(())
    };
}
