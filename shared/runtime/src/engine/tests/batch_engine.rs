use super::*;
use crate::{BatchEngine, BatchLimits, Function};

async fn process<'a>(handler: &Shared, bodies: impl IntoIterator<Item = &'a str>) -> Vec<Outcome> {
    let batch = unkeyed(bodies);
    let count = batch.len();
    let answers = Answers::new();
    BatchEngine::new("test", handler.clone()).process(batch, BatchLimits::default(), &answers).await;
    answers.outcomes(count)
}

#[tokio::test(start_paused = true)]
async fn a_batch_is_one_call_and_each_message_gets_its_own_answer() {
    let handler = Shared::default();
    let outcomes = process(&handler, ["done", "retry", "duplicate", "poison"]).await;
    let expected = [Outcome::Done, Outcome::retry("not now"), Outcome::Duplicate, Outcome::poison("never")];
    assert_eq!(outcomes, expected);
    assert_eq!(*handler.0.batches.lock().unwrap(), [4]);
}

#[tokio::test(start_paused = true)]
async fn the_handler_never_sees_what_cannot_be_decoded() {
    let handler = Shared::default();
    let outcomes = process(&handler, ["garbage", "retry", "decode panic", "done"]).await;
    let kinds: Vec<_> = outcomes.iter().map(Outcome::as_str).collect();
    assert_eq!(kinds, ["poison", "retry", "retry", "done"]);
    assert!(is_retry(&outcomes[2], "the decoder gave up"), "{outcomes:?}");
    assert_eq!(*handler.0.batches.lock().unwrap(), [2]);

    assert_eq!(process(&handler, ["garbage"]).await[0].as_str(), "poison");
    assert_eq!(*handler.0.batches.lock().unwrap(), [2], "a batch of nothing was handled");
}

#[tokio::test(start_paused = true)]
async fn one_message_in_32_that_panics_fails_alone() {
    let handler = Shared::default();
    let outcomes = process(&handler, (0..32).map(|index| if index == 13 { "panic" } else { "done" })).await;
    for (index, outcome) in outcomes.iter().enumerate() {
        if index == 13 {
            assert!(is_retry(outcome, "scripted panic"), "{outcome:?}");
        } else {
            assert_eq!(*outcome, Outcome::Done, "{index}");
        }
    }
    let batches = handler.0.batches.lock().unwrap();
    assert_eq!((batches.len(), batches[0], batches[1]), (33, 32, 1));
}

#[tokio::test(start_paused = true)]
async fn messages_without_an_answer_are_retried() {
    let outcomes = process(&Shared::default(), ["done", "missing", "done"]).await;
    assert_eq!(outcomes[0], Outcome::Done);
    for outcome in &outcomes[1..] {
        assert!(is_retry(outcome, "no answer"), "{outcome:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_slow_batch_is_given_up_and_what_cannot_be_decoded_does_not_wait_for_it() {
    let answers = Answers::new();
    let engine = BatchEngine::new("test", Shared::default()).handler_timeout(Duration::from_secs(5));
    engine.process(unkeyed(["slow 60", "garbage", "done"]), BatchLimits::default(), &answers).await;
    let outcomes = answers.outcomes(3);
    assert!(is_retry(&outcomes[0], "took longer than 5s"), "{outcomes:?}");
    assert!(is_retry(&outcomes[2], "took longer than 5s"), "{outcomes:?}");
    assert_eq!(answers.times(), [(0, 1), (5, 2)]);
}

#[tokio::test(start_paused = true)]
async fn an_empty_batch_settles_nothing() {
    let answers = Answers::new();
    BatchEngine::new("test", Shared::default()).process(Vec::new(), BatchLimits::default(), &answers).await;
    assert!(answers.times().is_empty());
}
