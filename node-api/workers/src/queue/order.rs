//! Answers of one source in the order of their requests, whichever came first.
//!
//! Holds: for each source the requests that are under way, in order, and what became of those that have to wait for an
//! earlier one. Pure.

use std::{
    collections::{HashMap, VecDeque},
    sync::Arc,
};

#[derive(Debug)]
pub(super) struct Order<T> {
    sources: HashMap<Arc<str>, VecDeque<(u64, Option<T>)>>,
}

impl<T> Default for Order<T> {
    fn default() -> Self {
        Self {
            sources: HashMap::new(),
        }
    }
}

impl<T> Order<T> {
    /// A request of this source was accepted.
    pub(super) fn begin(&mut self, source: &Arc<str>, number: u64) {
        let under_way = self.sources.entry(source.clone()).or_default();
        under_way.push_back((number, None));
    }

    /// It has its outcome: gives those that can be told now, in order.
    pub(super) fn end(&mut self, source: &Arc<str>, number: u64, outcome: T) -> Vec<T> {
        let mut told = Vec::new();
        let Some(under_way) = self.sources.get_mut(source) else {
            return vec![outcome];
        };
        if let Some((_, place)) = under_way.iter_mut().find(|(known, _)| *known == number) {
            *place = Some(outcome);
        }
        while let Some((_, outcome @ Some(_))) = under_way.front_mut() {
            told.extend(outcome.take());
            under_way.pop_front();
        }
        if under_way.is_empty() {
            self.sources.remove(source);
        }
        told
    }

    #[cfg(test)]
    pub(super) fn is_empty(&self) -> bool {
        self.sources.is_empty()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_answer_waits_for_those_of_earlier_requests_of_its_source_alone() {
        let (left, right): (Arc<str>, Arc<str>) = ("left".into(), "right".into());
        let mut order = Order::default();
        for number in [1, 2, 3] {
            order.begin(&left, number);
        }
        order.begin(&right, 4);
        assert!(order.end(&left, 3, "third").is_empty());
        assert_eq!(order.end(&right, 4, "other"), ["other"]);
        assert!(order.end(&left, 2, "second").is_empty());
        assert_eq!(order.end(&left, 1, "first"), ["first", "second", "third"]);
        assert!(order.is_empty());
    }
}
