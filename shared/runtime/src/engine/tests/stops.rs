use super::*;
use crate::{BatchEngine, BatchLimits, Deadline, Engine, Function, Shutdown};

fn after(seconds: u64) -> BatchLimits {
    let deadline = Deadline(Instant::now() + Duration::from_secs(seconds));
    BatchLimits { deadline: Some(deadline), shutdown: None }
}

fn until(shutdown: &Shutdown) -> BatchLimits {
    BatchLimits { deadline: None, shutdown: Some(shutdown.clone()) }
}

const DONE: Option<Outcome> = Some(Outcome::Done);

#[tokio::test(start_paused = true)]
async fn past_the_deadline_nothing_is_started_and_the_untouched_go_back_at_once() {
    let handler = Shared::default();
    let engine = Engine::new("test", handler.clone()).concurrency(1);
    let answers = Answers::new();
    engine.process(unkeyed(["slow 10"; 4]), after(15), &answers).await;

    assert_eq!(answers.in_order(4), [DONE, DONE, None, None]);
    // One after 10 s, the untouched two at the deadline, the one that was running then after 20 s.
    assert_eq!(answers.times(), [(10, 1), (15, 2), (20, 1)]);
    assert_eq!(handler.0.events().len(), 4);
}

#[tokio::test(start_paused = true)]
async fn a_stop_in_mid_batch_finishes_what_runs_and_hands_back_the_rest() {
    let handler = Shared::default();
    let shutdown = Shutdown::new();
    let engine = Engine::new("test", handler.clone()).concurrency(2);
    let answers = Answers::new();
    let batch = vec![
        keyed(Some("a"), "slow 10"),
        keyed(Some("a"), "done"),
        keyed(None, "slow 10"),
        keyed(None, "done"),
    ];
    let stop = async {
        tokio::time::sleep(Duration::from_secs(3)).await;
        shutdown.begin();
    };
    tokio::join!(engine.process(batch, until(&shutdown), &answers), stop);

    assert_eq!(answers.in_order(4), [DONE, None, DONE, None]);
    let starts = handler.0.events().iter().filter(|event| event.starts_with("start")).count();
    assert_eq!(starts, 2);
    // The second message of key a can be handed back without waiting for the first.
    assert_eq!(answers.times(), [(3, 2), (10, 2)]);
}

#[tokio::test(start_paused = true)]
async fn a_batch_that_comes_after_the_stop_goes_back_untouched() {
    let shutdown = Shutdown::new();
    shutdown.begin();
    let handler = Shared::default();
    let single = Engine::new("test", handler.clone());
    let batch = BatchEngine::new("test", handler.clone());
    for engine in [&single as &dyn Function, &batch] {
        let answers = Answers::new();
        engine.process(unkeyed(["done", "garbage"]), until(&shutdown), &answers).await;
        assert_eq!(answers.in_order(2), [None, None]);
    }
    assert!(handler.0.events().is_empty());
}

#[tokio::test(start_paused = true)]
async fn a_batch_handler_is_not_called_past_the_deadline() {
    let handler = Shared::default();
    let engine = BatchEngine::new("test", handler.clone());
    let answers = Answers::new();
    engine.process(unkeyed(["done"; 3]), after(0), &answers).await;
    assert_eq!(answers.in_order(3), [None, None, None]);
    assert!(handler.0.batches.lock().unwrap().is_empty());
}

#[tokio::test(start_paused = true)]
async fn a_stop_ends_the_handling_one_by_one_after_a_panic() {
    let handler = Shared::default();
    let shutdown = Shutdown::new();
    let engine = BatchEngine::new("test", handler.clone());
    let answers = Answers::new();
    let stop = async {
        tokio::time::sleep(Duration::from_secs(3)).await;
        shutdown.begin();
    };
    // The call with all of them panics at once; then the second takes 10 s by itself.
    let batch = unkeyed(["panic", "slow 10", "done"]);
    tokio::join!(engine.process(batch, until(&shutdown), &answers), stop);

    let outcomes = answers.in_order(3);
    assert!(outcomes[0].as_ref().is_some_and(|outcome| is_retry(outcome, "scripted panic")), "{outcomes:?}");
    assert_eq!(outcomes[1..], [DONE, None], "the neighbour of a panic loses no attempt to the stop");
    assert_eq!(*handler.0.batches.lock().unwrap(), [3, 1, 1], "nothing is started after the stop");
}
