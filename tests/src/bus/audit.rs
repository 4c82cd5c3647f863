//! What an operator sees of the messages of a group.

use std::time::Duration;

use boxoffice_domain::ports::{AuditedGroup, GroupAccount};
use boxoffice_runtime::Outcome;
use jiff::Timestamp;

use super::{Backend, audit, created, order};
use crate::support::{eventually_async, recorder};

/// The account of a group adds up as far as its bus knows: a message that was sent is handled, given up or waits.
pub async fn every_message_is_in_the_account_of_its_group(backend: &dyn Backend) {
    backend.subscribe(created()).await;
    let groups = [AuditedGroup::from(&created()), AuditedGroup::from(&audit())];
    let bus = backend.audit();
    let account = async || -> GroupAccount {
        let mut accounts = bus.accounts(&groups).await.expect("the bus can be asked");
        let names: Vec<&str> = accounts.iter().map(|account| account.group.as_str()).take(2).collect();
        assert_eq!(names, [created().group, audit().group], "in the order asked for");
        accounts.remove(0)
    };
    let letters = backend.letters();
    let function = recorder(created(), |delivery| match delivery.key.as_deref() {
        Some(key) if key.starts_with("bad") => Outcome::poison("bad"),
        _ => Outcome::Done,
    });
    let running = backend.run(function.clone());
    let good = (0..16).map(|number| order(&format!("good-{number}")));
    backend.send_all(good.chain([order("bad-1"), order("bad-2")]).collect()).await;
    function.has_seen(18).await;
    letters.wait_for(2).await;
    running.stop().await;
    eventually_async("everything is handled", async || account().await.unhandled() == 0).await;
    let handled = account().await;
    assert_eq!((handled.waiting, handled.oldest), (0, None), "{handled:?}");
    assert!(handled.sent.is_none_or(|sent| sent >= 18), "{handled:?}");
    assert!(handled.done.is_none_or(|done| done == 16), "{handled:?}");
    assert!(handled.dead.is_none_or(|dead| dead == 2), "{handled:?}");
    assert!(handled.unaccounted().is_none_or(|unaccounted| unaccounted == 0), "{handled:?}");

    let before = Timestamp::now() - Duration::from_millis(1);
    backend.send_all((0..5).map(|number| order(&format!("waits-{number}"))).collect()).await;
    let after = Timestamp::now();
    eventually_async("five wait", async || account().await.waiting == 5).await;
    let waiting = account().await;
    assert_eq!((waiting.due(), waiting.unhandled()), (5, 5), "{waiting:?}");
    assert!(waiting.oldest.is_none_or(|oldest| before <= oldest && oldest <= after), "{waiting:?}");
    assert_eq!(waiting.sent, handled.sent.map(|sent| sent + 5));
    assert_eq!((waiting.done, waiting.dead), (handled.done, handled.dead));
    assert!(waiting.unaccounted().is_none_or(|unaccounted| unaccounted == 0), "{waiting:?}");
}
