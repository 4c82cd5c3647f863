use super::*;
use crate::{BatchLimits, Engine, Function};

/// Runs a batch through an engine to its end.
async fn process(engine: &Engine<Shared>, batch: Vec<Delivery>) -> Vec<Outcome> {
    let count = batch.len();
    let answers = Answers::new();
    engine.process(batch, BatchLimits::default(), &answers).await;
    answers.outcomes(count)
}

fn engine() -> (Engine<Shared>, Shared) {
    let handler = Shared::default();
    (Engine::new("test", handler.clone()), handler)
}

#[tokio::test(start_paused = true)]
async fn each_message_gets_the_outcome_of_its_own_handling() {
    let (engine, _) = engine();
    let outcomes = process(&engine, unkeyed(["done", "duplicate", "retry", "poison"])).await;
    let expected = [Outcome::Done, Outcome::Duplicate, Outcome::retry("not now"), Outcome::poison("never")];
    assert_eq!(outcomes, expected);
}

#[tokio::test(start_paused = true)]
async fn one_bad_message_in_32_fails_alone() {
    for bad in ["panic", "garbage", "decode panic", "poison", "retry", "slow 100"] {
        let (engine, _) = engine();
        let bodies = (0..32).map(|index| if index == 13 { bad } else { "done" });
        let outcomes = process(&engine, unkeyed(bodies)).await;
        for (index, outcome) in outcomes.iter().enumerate() {
            assert_eq!(*outcome == Outcome::Done, index != 13, "{bad}: {index} is {outcome:?}");
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_panic_is_a_retry_that_tells_what_the_panic_said() {
    let (engine, _) = engine();
    let outcomes = process(&engine, unkeyed(["panic", "decode panic"])).await;
    assert!(is_retry(&outcomes[0], "panicked: scripted panic"), "{outcomes:?}");
    assert!(is_retry(&outcomes[1], "the decoder gave up"), "{outcomes:?}");
}

#[tokio::test(start_paused = true)]
async fn an_undecodable_body_is_poison_with_the_reason_and_the_handler_never_sees_it() {
    let (engine, handler) = engine();
    let outcomes = process(&engine, unkeyed(["garbage"])).await;
    assert_eq!(outcomes, [Outcome::poison("the body cannot be read: Script: invalid UTF-8 at byte 3")]);
    assert!(handler.0.events().is_empty());
}

#[tokio::test(start_paused = true)]
async fn a_slow_handler_is_given_up_and_its_neighbours_do_not_wait_for_it() {
    let handler = Shared::default();
    let engine = Engine::new("test", handler).handler_timeout(Duration::from_secs(5));
    let answers = Answers::new();
    engine.process(unkeyed(["slow 60", "done", "slow 2"]), BatchLimits::default(), &answers).await;

    let outcomes = answers.outcomes(3);
    assert!(is_retry(&outcomes[0], "took longer than 5s"), "{outcomes:?}");
    assert_eq!(outcomes[1..], [Outcome::Done, Outcome::Done]);
    assert_eq!(answers.times(), [(0, 1), (2, 1), (5, 1)]);
}

#[tokio::test(start_paused = true)]
async fn messages_with_one_key_run_in_order_and_other_keys_beside_them() {
    let (engine, handler) = engine();
    let batch = vec![
        keyed(Some("a"), "slow 3"),
        keyed(Some("b"), "slow 2"),
        keyed(Some("a"), "slow 1"),
        keyed(None, "slow 1"),
    ];
    process(&engine, batch).await;
    assert_eq!(
        handler.0.events(),
        [
            "start a slow 3",
            "start b slow 2",
            "start - slow 1",
            "end - slow 1",
            "end b slow 2",
            "end a slow 3",
            "start a slow 1",
            "end a slow 1",
        ]
    );
}

#[tokio::test(start_paused = true)]
async fn a_message_that_fails_does_not_hold_up_later_ones_with_its_key() {
    for first in ["retry", "panic", "garbage", "slow 100"] {
        let (engine, _) = engine();
        let outcomes = process(&engine, vec![keyed(Some("a"), first), keyed(Some("a"), "done")]).await;
        assert_ne!(outcomes[0], Outcome::Done, "{first}");
        assert_eq!(outcomes[1], Outcome::Done, "{first}");
    }
}

#[tokio::test(start_paused = true)]
async fn no_more_messages_run_at_a_time_than_allowed() {
    let handler = Shared::default();
    let engine = Engine::new("test", handler.clone()).concurrency(4);
    let begun = Instant::now();
    process(&engine, unkeyed(["slow 1"; 20])).await;
    assert_eq!(handler.0.most_running.load(Ordering::SeqCst), 4);
    assert_eq!(begun.elapsed().as_secs(), 5);
}

#[tokio::test(start_paused = true)]
async fn answers_that_are_ready_together_are_settled_together() {
    let (engine, _) = engine();
    let answers = Answers::new();
    engine.process(unkeyed(["done"; 32]), BatchLimits::default(), &answers).await;
    assert_eq!(answers.times(), [(0, 32)]);
}

#[tokio::test(start_paused = true)]
async fn slow_settling_does_not_hold_up_the_handlers() {
    let handler = Shared::default();
    let engine = Engine::new("test", handler).concurrency(1);
    let answers = Answers::taking(Duration::from_secs(10));
    engine.process(unkeyed(["slow 1"; 5]), BatchLimits::default(), &answers).await;
    // The first answer is being settled from second 1 to 11; the other four gather meanwhile.
    assert_eq!(answers.times(), [(1, 1), (11, 4)]);
    assert_eq!(answers.outcomes(5), vec![Outcome::Done; 5]);
}

#[tokio::test(start_paused = true)]
async fn every_message_is_settled_exactly_once_whatever_the_mix() {
    const BODIES: [&str; 8] =
        ["done", "retry", "poison", "panic", "garbage", "decode panic", "slow 1", "slow 40"];
    let mut seed = 20_261_122_u64;
    let mut draw = |below: u64| {
        seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        usize::try_from((seed >> 33) % below).unwrap()
    };
    for _ in 0..200 {
        let count = draw(40);
        let batch: Vec<_> =
            (0..count).map(|_| keyed([None, Some("a"), Some("b")][draw(3)], BODIES[draw(8)])).collect();
        let handler = Shared::default();
        let engine = Engine::new("test", handler).concurrency(1 + draw(8));
        let answers = Answers::taking(Duration::from_secs(u64::try_from(draw(3)).unwrap()));
        engine.process(batch.clone(), BatchLimits::default(), &answers).await;
        for (delivery, outcome) in batch.iter().zip(answers.outcomes(count)) {
            let expected = match &delivery.body[..] {
                b"done" | b"slow 1" => "done",
                b"poison" | b"garbage" => "poison",
                _ => "retry",
            };
            assert_eq!(outcome.as_str(), expected, "{delivery:?}");
        }
    }
}

#[tokio::test(start_paused = true)]
async fn an_empty_batch_settles_nothing() {
    let (engine, _) = engine();
    let answers = Answers::new();
    engine.process(Vec::new(), BatchLimits::default(), &answers).await;
    assert!(answers.times().is_empty());
}

#[tokio::test(start_paused = true)]
async fn outcomes_durations_and_lag_are_counted() {
    let recorder = metrics_exporter_prometheus::PrometheusBuilder::new().build_recorder();
    let _installed = metrics::set_default_local_recorder(&recorder);
    let (engine, _) = engine();
    let mut batch = unkeyed(["done", "done", "retry", "garbage"]);
    batch[0].available_at = Some(jiff::Timestamp::now() - Duration::from_secs(60));
    process(&engine, batch).await;

    let text = recorder.handle().render();
    for line in [
        "mq_message_outcome{consumer_group=\"test-group\",outcome=\"done\"} 2",
        "mq_message_outcome{consumer_group=\"test-group\",outcome=\"retry\"} 1",
        "mq_message_outcome{consumer_group=\"test-group\",outcome=\"poison\"} 1",
        "mq_message_consumed_count{topic=\"TEST_TOPIC\",consumer_group=\"test-group\"} 4",
        "mq_lag_count{consumer_group=\"test-group\"} 1",
    ] {
        assert!(text.contains(line), "{line} is missing in\n{text}");
    }
}
