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
            marking: outbox::marks_come_page_by_page,
            marking: outbox::a_step_taken_before_remembers_nothing_again,
            marking: outbox::a_repeatable_message_comes_again_without_a_mark,
            marking: outbox::a_write_that_is_refused_remembers_nothing,
            stock_cache: stock_cache::a_ticket_without_stock_says_so,
            stock_cache: stock_cache::the_stock_cache_never_oversells,
            stock_cache: stock_cache::a_sold_out_order_may_try_again,
            stock_cache: stock_cache::a_buyer_never_holds_more_than_the_limit,
            stock_cache: stock_cache::a_released_order_never_reserves_again,
            stock_cache: stock_cache::reservations_are_listed_page_by_page,
            stock_cache: stock_cache::a_repair_puts_a_ticket_right,
            stock_cache: stock_cache::a_long_repair_promises_no_seat_that_a_later_page_brings,
            stock_cache: stock_cache::a_repair_ends_right_while_buyers_race,
            stock_cache: stock_cache::a_repair_ends_right_whatever_is_asked_between_its_pages,
            stock_cache: stock_cache::any_requests_are_answered_as_by_the_model,
            ledger: ledger::a_ticket_without_stock_refuses_every_change,
            ledger: ledger::seats_are_never_fewer_than_those_taken,
            ledger: ledger::each_change_of_a_batch_is_answered_by_itself,
            ledger: ledger::a_large_batch_is_applied_whole,
            ledger: ledger::a_large_batch_that_was_applied_in_part_ends_the_same,
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
            dead_letters: dead_letters::a_rare_letter_is_found_among_many,
            dead_letters: dead_letters::letters_are_counted_by_group,
            statistics: statistics::an_order_counts_once,
            statistics: statistics::racing_sales_all_count,
            audited: audit::every_order_is_listed_once_with_its_records,
            audited: audit::orders_that_come_while_others_are_listed_disturb_nothing,
            audited: audit::every_ticket_is_listed_with_its_counters,
            audited: audit::marks_are_counted_however_many_there_are,
            audited: audit::sales_are_counted_over_all_tickets,
            audited: audit::uncertain_effects_are_those_of_one_function,
        }
    };
}

/// Gives `$run!` every suite that all buses must pass without a restart.
macro_rules! every_bus_suite {
    ($run:ident) => {
        $run! {
            routing::a_group_gets_its_tags_and_nothing_else,
            routing::a_message_arrives_as_it_was_sent,
            routing::every_group_gets_a_message_once,
            routing::a_group_that_was_not_running_finds_its_messages,
            timing::a_delayed_message_waits_for_its_time,
            timing::due_messages_come_in_the_order_of_their_times,
            timing::a_delay_of_any_length_is_taken,
            timing::retries_are_counted_and_wait_longer_each_time,
            timing::a_retry_keeps_to_the_delay_it_asks_for,
            timing::the_lag_tells_how_much_waits_and_since_when,
            timing::a_failing_message_does_not_hold_up_the_next,
            batches::one_bad_message_in_a_batch_costs_its_neighbours_nothing,
            batches::a_panic_is_retried_and_costs_its_neighbours_nothing,
            batches::messages_of_one_key_are_handled_in_the_order_of_their_batch,
            bodies::compressed_and_plain_bodies_mix_and_none_is_lost,
            bodies::a_corrupt_body_is_poison_and_its_neighbours_are_handled,
            consumers::competing_consumers_handle_every_message_once,
            consumers::ten_thousand_messages_of_eight_senders_are_handled_once_each,
            consumers::a_stop_in_mid_batch_loses_nothing_and_repeats_nothing,
            consumers::a_stop_in_the_middle_of_a_start_leaves_no_consumer_behind,
            consumers::a_stop_gives_up_what_does_not_end_and_it_comes_again,
            consumers::the_messages_of_a_consumer_that_dies_come_to_another,
            dead_letters::a_message_that_keeps_failing_is_a_dead_letter_in_the_end,
            dead_letters::poison_is_a_dead_letter_at_once,
            dead_letters::every_group_that_gives_up_leaves_a_letter,
            dead_letters::a_redrive_reaches_only_the_group_that_failed,
            audit::every_message_is_in_the_account_of_its_group,
        }
    };
}

mod any_order;
mod certificates;
mod clusters;
mod embedded;
mod fake_broker;
mod fakes;
mod interop;
mod machine;
mod payment_windows;
mod pipeline;
mod programs;
mod rocketmq;
mod rocketmq_faults;
mod stops;
