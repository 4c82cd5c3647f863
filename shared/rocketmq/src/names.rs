//! Names of topics and groups here, and at the broker.

use std::borrow::Cow;

/// What RocketMQ puts before a group to name its topic of redeliveries.
pub(crate) const RETRY: &str = "%RETRY%";
/// What RocketMQ puts before a group to name its topic of dead letters.
pub(crate) const DEAD_LETTERS: &str = "%DLQ%";

/// Puts a prefix before every name at the broker, so that several installations may share it.
#[derive(Debug, Clone, Default)]
pub(crate) struct Names {
    prefix: String,
}

impl Names {
    pub(crate) const fn new(prefix: String) -> Self {
        Self { prefix }
    }

    /// The topic's name at the broker. A topic of redeliveries or dead letters is named after its group.
    pub(crate) fn topic(&self, topic: &str) -> String {
        let kind = [RETRY, DEAD_LETTERS].into_iter().find(|kind| topic.starts_with(kind)).unwrap_or_default();
        format!("{kind}{}{}", self.prefix, &topic[kind.len()..])
    }

    /// The group's name at the broker.
    pub(crate) fn group(&self, group: &str) -> String {
        format!("{}{group}", self.prefix)
    }

    /// The broker's name of the topic of redeliveries of a group.
    pub(crate) fn retry_topic(&self, group: &str) -> String {
        format!("{RETRY}{}{group}", self.prefix)
    }

    /// The broker's name of the topic of dead letters of a group.
    pub(crate) fn dead_letter_topic(&self, group: &str) -> String {
        format!("{DEAD_LETTERS}{}{group}", self.prefix)
    }

    /// The name here of a topic at the broker.
    pub(crate) fn local<'a>(&self, topic: &'a str) -> Cow<'a, str> {
        let kind = [RETRY, DEAD_LETTERS].into_iter().find(|kind| topic.starts_with(kind)).unwrap_or_default();
        match topic[kind.len()..].strip_prefix(&self.prefix) {
            Some(name) if kind.is_empty() => Cow::Borrowed(name),
            Some(name) => Cow::Owned(format!("{kind}{name}")),
            None => Cow::Borrowed(topic),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_with_a_prefix_come_back_without_it() {
        let names = Names::new("test-".to_owned());
        for (here, there) in [
            ("ORDER_TOPIC", "test-ORDER_TOPIC"),
            ("%DLQ%order-group", "%DLQ%test-order-group"),
            ("%RETRY%order-group", "%RETRY%test-order-group"),
        ] {
            assert_eq!((names.topic(here), names.local(there)), (there.to_owned(), Cow::Borrowed(here)));
        }
        assert_eq!(names.group("order-group"), "test-order-group");
    }

    #[test]
    fn without_a_prefix_names_are_the_same_everywhere() {
        let names = Names::default();
        assert_eq!(
            (names.topic("%DLQ%g"), names.local("%DLQ%g")),
            ("%DLQ%g".to_owned(), Cow::Borrowed("%DLQ%g"))
        );
        assert_eq!(names.dead_letter_topic("g"), "%DLQ%g");
    }
}
