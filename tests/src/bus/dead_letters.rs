//! Messages that cannot be handled.

use boxoffice_domain::ports::Outgoing;
use boxoffice_messages::{group, tag, topic};
use boxoffice_runtime::{DEAD_LETTER_NO_GROUP, DEAD_LETTER_PREFIX, Outcome, Subscription};

use super::{Backend, audit, created, order};
use crate::support::{done, recorder};

/// A system flag that says how a body is compressed: the body must be kept together with it.
const COMPRESSED: i32 = 0x201;

/// A message whose attempts are used up is a dead letter with all that is known about it.
pub async fn a_message_that_keeps_failing_is_a_dead_letter_in_the_end(backend: &dyn Backend) {
    let letters = backend.letters();
    let function = recorder(created(), |_| Outcome::retry("the shop is closed"));
    let running = backend.run(function.clone());
    let mut sent = order("T1");
    sent.body = vec![0, 159, 146, 150].into();
    sent.sys_flag = COMPRESSED;
    sent.properties = vec![("traceparent".to_owned(), "00-1-2-01".to_owned())];
    let id = backend.bus().send(sent.clone()).await.unwrap();
    let letters = letters.wait_for(1).await;
    running.stop().await;
    let attempts: Vec<u32> = function.seen().iter().map(|seen| seen.attempt).collect();
    assert_eq!(attempts, (1..=backend.settings().retry.max_attempts).collect::<Vec<_>>());
    let letter = &letters[0];
    assert!(letter.error.contains("the shop is closed"), "{}", letter.error);
    assert_eq!((letter.attempts, letter.generation), (backend.settings().retry.max_attempts, 0));
    assert_eq!((letter.group.as_str(), letter.topic.as_str()), (group::ORDER_PROCESS, topic::ORDER));
    assert_eq!((letter.tag.as_deref(), letter.key.as_deref()), (Some(tag::ORDER_CREATED), Some("T1")));
    assert_eq!(
        (&letter.body, letter.sys_flag, &letter.properties),
        (&sent.body, COMPRESSED, &sent.properties)
    );
    assert_eq!(letter.message_id, id.0);
    backend.nothing_is_left(created()).await;
}

/// Poison burns no retries.
pub async fn poison_is_a_dead_letter_at_once(backend: &dyn Backend) {
    let letters = backend.letters();
    let function = recorder(created(), |_| Outcome::poison("no such ticket"));
    let running = backend.run(function.clone());
    backend.send(order("T1")).await;
    let letters = letters.wait_for(1).await;
    running.stop().await;
    assert_eq!((letters[0].attempts, letters[0].error.as_str()), (1, "no such ticket"));
    assert_eq!(function.count(), 1);
    backend.nothing_is_left(created()).await;
}

/// Each group that gives a message up leaves a letter of its own.
pub async fn every_group_that_gives_up_leaves_a_letter(backend: &dyn Backend) {
    backend.subscribe(audit()).await;
    let letters = backend.letters();
    let give_up = |subscription| recorder(subscription, |_| Outcome::poison("bad"));
    let running = [backend.run(give_up(created())), backend.run(give_up(audit()))];
    backend.send(order("T1")).await;
    let letters = letters.wait_for(2).await;
    for running in running {
        running.stop().await;
    }
    let mut groups: Vec<&str> = letters.iter().map(|letter| letter.group.as_str()).collect();
    groups.sort_unstable();
    assert_eq!(groups, ["audit", group::ORDER_PROCESS]);
}

/// A redrive reaches the group that failed and no other, as the next generation, with attempts counted from 1.
pub async fn a_redrive_reaches_only_the_group_that_failed(backend: &dyn Backend) {
    backend.subscribe(audit()).await;
    let letters = backend.letters();
    let failing =
        recorder(
            created(),
            |delivery| {
                if delivery.generation < 2 { Outcome::retry("away") } else { Outcome::Done }
            },
        );
    let all = done(audit());
    let running = [backend.run(failing.clone()), backend.run(all.clone())];
    let mut sent = order("T1");
    sent.properties = vec![("traceparent".to_owned(), "00-1-2-01".to_owned())];
    sent.sys_flag = COMPRESSED;
    backend.send(sent.clone()).await;
    let first = letters.wait_for(1).await.remove(0);
    let letters = backend.letters();
    backend.redeliver().redeliver(&first).await.unwrap();
    let second = letters.wait_for(1).await.remove(0);
    assert_eq!((second.generation, second.group.as_str()), (1, group::ORDER_PROCESS));
    assert_ne!(second.id, first.id, "it would not be stored beside the first");
    backend.redeliver().redeliver(&second).await.unwrap();
    let most = backend.settings().retry.max_attempts as usize;
    failing.has_seen(2 * most + 1).await;
    for running in running {
        running.stop().await;
    }
    let last = failing.seen().pop().unwrap();
    assert_eq!((last.generation, last.attempt, last.sys_flag), (2, 1, COMPRESSED));
    assert_eq!((&last.body, &*last.topic, last.key.as_deref()), (&sent.body, topic::ORDER, Some("T1")));
    assert_eq!(last.tag.as_deref(), Some(tag::ORDER_CREATED));
    assert!(last.properties.iter().all(|(name, _)| !name.starts_with(DEAD_LETTER_PREFIX)), "{last:?}");
    assert_eq!(last.property("traceparent"), Some("00-1-2-01"));
    assert_eq!(all.keys(), ["T1"], "the other group got it again");
    backend.nothing_is_left(audit()).await;
    backend.nothing_is_left(created()).await;
}

/// A message that no group takes is not lost: it is a dead letter, and a redrive sends it to its topic again.
pub async fn a_message_to_nobody_is_a_dead_letter(backend: &dyn Backend) {
    let letters = backend.letters();
    backend.send(Outgoing { topic: "NOBODYS_TOPIC".into(), ..order("T1") }).await;
    let letters = letters.wait_for(1).await;
    let letter = &letters[0];
    assert_eq!((letter.group.as_str(), letter.topic.as_str()), (DEAD_LETTER_NO_GROUP, "NOBODYS_TOPIC"));
    assert!(letter.error.contains("NOBODYS_TOPIC"), "{}", letter.error);
    let late = Subscription::new("audit", "NOBODYS_TOPIC", &[]);
    backend.subscribe(late.clone()).await;
    let function = done(late);
    let running = backend.run(function.clone());
    backend.redeliver().redeliver(letter).await.unwrap();
    function.has_seen(1).await;
    running.stop().await;
    assert_eq!(function.keys(), ["T1"]);
}
