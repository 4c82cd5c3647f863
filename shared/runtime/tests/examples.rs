//! The examples run: each checks its own answers.

#![allow(
    clippy::duplicate_mod,
    reason = "each example has the transport of its own, as it has when it is run"
)]

#[path = "../examples/batch_handler.rs"]
mod batch_handler;
#[path = "../examples/function.rs"]
mod function;
#[path = "../examples/guarded_effect.rs"]
mod guarded_effect;

#[test]
fn a_function_answers_each_message_by_itself() {
    function::main();
}

#[test]
fn a_batch_handler_covers_a_batch_with_one_write() {
    batch_handler::main();
}

#[test]
fn a_guarded_effect_happens_once_however_often_its_message_comes() {
    guarded_effect::main();
}
