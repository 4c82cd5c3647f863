//! The suites on every backend, and the functions as programs of their own.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

/// Gives `$run!` every suite of the stores: which port it wants, and its name, which no other suite has.
macro_rules! every_store_suite {
    ($run:ident) => {
        $run! {
            orders: orders::an_order_is_read_as_it_was_saved,
            orders: orders::an_order_number_is_saved_once_however_many_try,
            orders: orders::orders_move_along_the_arrows,
            orders: orders::any_steps_end_as_the_state_machine_says,
            orders: orders::exactly_one_of_many_writers_moves_an_order,
            orders: orders::a_race_of_payment_and_cancellation_loses_no_payment,
            orders: orders::a_buyers_orders_are_paged_newest_first,
            orders: orders::overdue_orders_are_paged_by_their_expiry,
            orders: refunds::a_late_payment_is_a_refund_until_it_is_settled,
            orders: refunds::a_refund_of_a_paid_order_is_recorded_once,
            orders: refunds::an_unknown_order_has_no_refund,
            orders: refunds::open_refunds_are_paged_oldest_first,
            marking: outbox::a_remembered_message_is_kept_whole_until_it_is_cleared,
            marking: outbox::marks_come_oldest_first,
            marking: outbox::a_step_taken_before_remembers_nothing_again,
            marking: outbox::a_repeatable_message_comes_again_without_a_mark,
            marking: outbox::a_write_that_is_refused_remembers_nothing,
            stock: stock_cache::a_ticket_without_stock_says_so,
            stock: stock_cache::the_fast_stock_never_oversells,
            stock: stock_cache::a_sold_out_order_may_try_again,
            stock: stock_cache::a_buyer_never_holds_more_than_the_limit,
            stock: stock_cache::a_released_order_never_reserves_again,
            stock: stock_cache::reservations_are_paged_in_the_order_of_their_numbers,
            stock: stock_cache::a_repair_puts_a_ticket_right,
            stock: stock_cache::any_requests_are_answered_as_by_the_model,
            ledger: ledger::a_ticket_without_stock_refuses_every_change,
            ledger: ledger::seats_are_never_fewer_than_those_taken,
            ledger: ledger::each_change_of_a_batch_is_answered_by_itself,
            ledger: ledger::a_large_batch_is_applied_whole,
            ledger: ledger::any_batches_are_answered_as_by_the_model,
            ledger: ledger::the_order_of_messages_does_not_matter,
            ledger: ledger::racing_batches_lose_no_change,
            idempotency: idempotency::work_is_begun_and_done_once,
            idempotency: idempotency::a_late_owner_is_fenced_off,
            idempotency: idempotency::work_that_is_given_back_may_begin_at_once,
            idempotency: idempotency::a_key_names_one_effect,
            idempotency: idempotency::one_of_many_workers_starts,
            idempotency: idempotency::a_purge_deletes_only_what_has_expired,
            idempotency: idempotency::any_workers_are_answered_as_by_the_model,
            dead_letters: dead_letters::a_letter_is_kept_whole_and_once,
            dead_letters: dead_letters::a_letter_is_stored_once_however_many_put_it,
            dead_letters: dead_letters::letters_are_paged_oldest_first,
            dead_letters: dead_letters::letters_may_be_removed_while_they_are_paged,
            dead_letters: dead_letters::letters_are_found_by_every_filter,
            statistics: statistics::an_order_counts_once,
            statistics: statistics::racing_sales_all_count,
        }
    };
}

mod embedded;
mod fakes;
mod interop;
mod pipeline;
mod programs;
mod rocketmq;
mod rocketmq_faults;
