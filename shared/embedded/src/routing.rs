use std::collections::HashMap;
use std::sync::{Arc, PoisonError, RwLock};

use boxoffice_runtime::{Subscription, TopicFilter};

use crate::group::GroupState;

/// The tag that stands for every message of a topic, tagged or not.
pub(crate) const EVERY_TAG: &str = "*";

/// Which group takes what: the tables `groups` and `subscriptions` in memory.
#[derive(Debug, Default)]
struct Routing {
    groups: HashMap<String, Arc<GroupState>>,
    by_topic: HashMap<String, Vec<Taker>>,
}

#[derive(Debug)]
struct Taker {
    group: Arc<GroupState>,
    /// Empty: every message.
    tags: Vec<String>,
}

/// The routing that senders, workers and the writer share. Its locks are held for a look-up only.
#[derive(Debug, Default)]
pub(crate) struct SharedRouting(RwLock<Routing>);

impl SharedRouting {
    /// Takes a group in with what it subscribes to, instead of what it subscribed to before.
    pub(crate) fn set(&self, id: i64, name: &str, topics: &[(String, Vec<String>)]) -> Arc<GroupState> {
        let mut routing = self.0.write().unwrap_or_else(PoisonError::into_inner);
        let group = routing
            .groups
            .entry(name.to_owned())
            .or_insert_with(|| Arc::new(GroupState::new(id, name)))
            .clone();
        for takers in routing.by_topic.values_mut() {
            takers.retain(|taker| taker.group.id != id);
        }
        for (topic, tags) in topics {
            let taker = Taker { group: group.clone(), tags: tags.clone() };
            routing.by_topic.entry(topic.clone()).or_default().push(taker);
        }
        group
    }

    /// The groups that take a message.
    pub(crate) fn takers(&self, topic: &str, tag: Option<&str>) -> Vec<Arc<GroupState>> {
        let routing = self.0.read().unwrap_or_else(PoisonError::into_inner);
        let Some(takers) = routing.by_topic.get(topic) else { return Vec::new() };
        let wants =
            |taker: &&Taker| taker.tags.is_empty() || taker.tags.iter().any(|wanted| Some(&**wanted) == tag);
        takers.iter().filter(wants).map(|taker| taker.group.clone()).collect()
    }

    /// The group of a name.
    pub(crate) fn group(&self, name: &str) -> Option<Arc<GroupState>> {
        self.0.read().unwrap_or_else(PoisonError::into_inner).groups.get(name).cloned()
    }

    /// Every group.
    pub(crate) fn groups(&self) -> Vec<Arc<GroupState>> {
        self.0.read().unwrap_or_else(PoisonError::into_inner).groups.values().cloned().collect()
    }

    /// Whether a group takes exactly these topics and tags already.
    pub(crate) fn has(&self, name: &str, topics: &[(String, Vec<String>)]) -> bool {
        let routing = self.0.read().unwrap_or_else(PoisonError::into_inner);
        let Some(group) = routing.groups.get(name) else { return false };
        let mut known: Vec<(String, Vec<String>)> = Vec::new();
        for (topic, takers) in &routing.by_topic {
            for taker in takers.iter().filter(|taker| taker.group.id == group.id) {
                known.push((topic.clone(), taker.tags.clone()));
            }
        }
        known.sort();
        known == topics
    }
}

/// The topics and tags of a subscription in one order, each topic once; no tags means every message.
pub(crate) fn topics_of(subscription: &Subscription) -> Vec<(String, Vec<String>)> {
    let mut merged: HashMap<String, Vec<String>> = HashMap::new();
    for TopicFilter { topic, tags } in &subscription.topics {
        let known = merged.entry(topic.to_string()).or_default();
        if tags.is_empty() {
            known.push(EVERY_TAG.to_owned());
        }
        known.extend(tags.iter().map(ToString::to_string));
    }
    let mut topics: Vec<_> = merged.into_iter().collect();
    for (_, tags) in &mut topics {
        tags.sort();
        tags.dedup();
        if tags.iter().any(|tag| tag == EVERY_TAG) {
            tags.clear();
        }
    }
    topics.sort();
    topics
}
