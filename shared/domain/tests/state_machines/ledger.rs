use std::collections::HashMap;

use boxoffice_domain::ledger::{Folded, fold};
use boxoffice_domain::{
    Counters, LedgerChange, LedgerEntry, LedgerOperation, LedgerOutcome, LedgerState, OrderNo,
};
use proptest::prelude::*;

use LedgerOperation::{Confirm, Deduct, Rollback};

/// A ledger of one ticket that applies batches as a store does.
#[derive(Debug, Clone, PartialEq)]
struct Ledger {
    counters: Counters,
    entries: HashMap<OrderNo, LedgerEntry>,
}

impl Ledger {
    fn of(total: u32) -> Self {
        Self { counters: Counters { total, locked: 0, sold: 0 }, entries: HashMap::new() }
    }

    fn apply(&mut self, batch: &[LedgerChange]) -> Vec<LedgerOutcome> {
        let Folded { counters, changed, outcomes } = fold(self.counters, &self.entries, batch);
        self.counters = counters;
        self.entries.extend(changed.into_iter().map(|entry| (entry.order_no.clone(), entry)));
        outcomes
    }

    fn state(&self, order: usize) -> Option<LedgerState> {
        self.entries.get(&order_no(order)).map(|entry| entry.state)
    }

    /// The counters that the records add up to.
    fn recount(&self) -> Counters {
        let seats = |state| {
            let of_state = self.entries.values().filter(|entry| entry.state == state);
            of_state.map(|entry| entry.quantity).sum()
        };
        Counters {
            total: self.counters.total,
            locked: seats(LedgerState::Deducted),
            sold: seats(LedgerState::Confirmed),
        }
    }
}

fn order_no(order: usize) -> OrderNo {
    OrderNo::new(format!("T{order}")).unwrap()
}

/// Order number n always asks for n + 1 seats, as one order has one quantity.
fn change(order: usize, operation: LedgerOperation) -> LedgerChange {
    LedgerChange { order_no: order_no(order), quantity: u32::try_from(order).unwrap() + 1, operation }
}

const ORDERS: usize = 4;
const ALL_SEATS: u32 = 1 + 2 + 3 + 4;

fn any_changes() -> impl Strategy<Value = Vec<LedgerChange>> {
    let operation = prop_oneof![Just(Deduct), Just(Confirm), Just(Rollback)];
    prop::collection::vec((0..ORDERS, operation).prop_map(|(order, what)| change(order, what)), 0..24)
}

/// What an order comes to whose seats suffice: the first of CONFIRM and ROLLBACK decides.
fn model(changes: &[LedgerChange], order: usize) -> Option<LedgerState> {
    let operations = || {
        changes.iter().filter(move |change| change.order_no == order_no(order)).map(|change| change.operation)
    };
    match operations().find(|operation| *operation != Deduct) {
        Some(Confirm) => Some(LedgerState::Confirmed),
        Some(_) => Some(LedgerState::RolledBack),
        None => operations().next().map(|_| LedgerState::Deducted),
    }
}

#[test]
fn a_late_deduction_after_a_rollback_does_nothing() {
    let mut ledger = Ledger::of(10);
    assert_eq!(ledger.apply(&[change(1, Rollback)]), [LedgerOutcome::Tombstoned]);
    assert_eq!(ledger.apply(&[change(1, Deduct)]), [LedgerOutcome::AlreadyApplied]);
    assert_eq!(ledger.counters, Counters { total: 10, locked: 0, sold: 0 });
}

#[test]
fn a_confirmation_that_comes_first_counts_as_deduct_and_confirm() {
    let mut ledger = Ledger::of(10);
    assert_eq!(ledger.apply(&[change(1, Confirm)]), [LedgerOutcome::Applied]);
    assert_eq!(ledger.apply(&[change(1, Deduct)]), [LedgerOutcome::AlreadyApplied]);
    assert_eq!(ledger.counters, Counters { total: 10, locked: 0, sold: 2 });
}

#[test]
fn a_contradiction_is_named_and_changes_nothing() {
    let mut ledger = Ledger::of(10);
    ledger.apply(&[change(0, Confirm), change(1, Rollback), change(2, Deduct)]);
    let before = ledger.clone();
    let other_quantity = LedgerChange { quantity: 9, ..change(2, Confirm) };
    let outcomes = ledger.apply(&[change(0, Rollback), change(1, Confirm), other_quantity]);
    let refused = [
        LedgerOutcome::SoldBefore,
        LedgerOutcome::RolledBackBefore,
        LedgerOutcome::QuantityDiffers { recorded: 3 },
    ];
    assert_eq!(outcomes, refused);
    assert_eq!(ledger, before);
}

#[test]
fn a_refused_change_leaves_its_neighbours_alone() {
    let mut ledger = Ledger::of(5);
    let outcomes = ledger.apply(&[change(3, Deduct), change(1, Deduct), change(0, Deduct)]);
    let expected =
        [LedgerOutcome::Applied, LedgerOutcome::Insufficient { available: 1 }, LedgerOutcome::Applied];
    assert_eq!(outcomes, expected);
    assert_eq!(ledger.counters, Counters { total: 5, locked: 5, sold: 0 });
    assert_eq!(ledger.state(1), None);
}

#[test]
fn every_order_of_every_subset_of_messages_of_one_order_agrees_with_the_model() {
    let operations = [Deduct, Confirm, Rollback];
    let mut sequences: Vec<Vec<LedgerOperation>> = vec![Vec::new()];
    let mut seen = 0;
    // Every sequence of up to five messages: all subsets, orders and repetitions.
    for _ in 0..5 {
        sequences = sequences
            .iter()
            .flat_map(|prefix| operations.map(|next| [prefix.as_slice(), &[next]].concat()))
            .collect();
        for sequence in &sequences {
            let changes: Vec<_> = sequence.iter().map(|operation| change(1, *operation)).collect();
            let mut ledger = Ledger::of(10);
            ledger.apply(&changes);
            assert_eq!(ledger.state(1), model(&changes, 1), "{sequence:?}");
            assert_eq!(ledger.counters, ledger.recount(), "{sequence:?}");
            seen += 1;
        }
    }
    assert_eq!(seen, 3 + 9 + 27 + 81 + 243);
}

proptest! {
    #[test]
    fn with_seats_enough_the_ledger_is_the_model(changes in any_changes()) {
        let mut ledger = Ledger::of(ALL_SEATS);
        ledger.apply(&changes);
        for order in 0..ORDERS {
            prop_assert_eq!(ledger.state(order), model(&changes, order));
        }
        prop_assert_eq!(ledger.counters, ledger.recount());
    }

    #[test]
    fn the_result_does_not_depend_on_order_or_repetition(
        (sent, arrived) in prop::collection::vec(prop_oneof![Just(Confirm), Just(Rollback), Just(Deduct)], ORDERS)
            // Each order is sent a deduction, and then only one of confirmation and rollback, if any.
            .prop_map(|ends| {
                let each = ends.into_iter().enumerate();
                each.flat_map(|(order, end)| [change(order, Deduct), change(order, end)]).collect::<Vec<_>>()
            })
            .prop_flat_map(|sent| {
                let twice = [sent.clone(), sent.clone()].concat();
                (Just(sent), Just(twice).prop_shuffle())
            })
    ) {
        let (mut in_order, mut shuffled) = (Ledger::of(ALL_SEATS), Ledger::of(ALL_SEATS));
        in_order.apply(&sent);
        shuffled.apply(&arrived);
        prop_assert_eq!(in_order, shuffled);
    }

    #[test]
    fn with_seats_short_nothing_is_oversold_and_the_records_add_up(
        total in 0..ALL_SEATS,
        changes in any_changes(),
    ) {
        let mut ledger = Ledger::of(total);
        for change in &changes {
            let before = ledger.clone();
            let outcomes = ledger.apply(std::slice::from_ref(change));
            prop_assert!(ledger.counters.locked + ledger.counters.sold <= total);
            prop_assert_eq!(ledger.counters, ledger.recount());
            let changed = matches!(outcomes[..], [LedgerOutcome::Applied | LedgerOutcome::Tombstoned]);
            prop_assert_eq!(changed, ledger != before);
        }
    }

    #[test]
    fn a_batch_comes_to_the_same_as_its_changes_one_by_one(
        total in 0..=ALL_SEATS,
        changes in any_changes(),
        cut in 0_usize..24,
    ) {
        let (mut whole, mut parts, mut singles) = (Ledger::of(total), Ledger::of(total), Ledger::of(total));
        let (head, tail) = changes.split_at(cut.min(changes.len()));
        let at_once = whole.apply(&changes);
        let in_two = [parts.apply(head), parts.apply(tail)].concat();
        let one_by_one: Vec<_> =
            changes.iter().flat_map(|change| singles.apply(std::slice::from_ref(change))).collect();
        prop_assert_eq!(&at_once, &in_two);
        prop_assert_eq!(&at_once, &one_by_one);
        prop_assert_eq!(&whole, &parts);
        prop_assert_eq!(&whole, &singles);
    }
}
