use super::outcome::Outcome;
use super::tally::Latency;
use crate::table;

/// Prints the table of a sale.
pub(super) fn print(outcome: &Outcome) {
    let plan = &outcome.plan;
    let seconds = outcome.took.as_secs_f64();
    println!(
        "\nThe sale: {} buyers, {} seats, seed {}, {seconds:.1} s\n",
        plan.buyers, plan.seats, plan.seed
    );
    let verification = &outcome.verification;
    let mut figures = table::new(&["what", "count"]);
    let deliveries = verification.deliveries.map_or_else(|| "unknown".to_owned(), |count| count.to_string());
    let rows = [
        ("orders accepted", outcome.accepted.to_string()),
        ("orders paid", outcome.paid.to_string()),
        ("paid, but the seats were gone", outcome.paid_then_refunded.to_string()),
        ("sold out", outcome.sold_out.to_string()),
        ("cancelled by timeout", outcome.timed_out.to_string()),
        ("reserved, payment window still open", outcome.still_reserved.to_string()),
        ("buyers who got no response", outcome.failed.len().to_string()),
        ("seats locked or sold in this sale", format!("{} of {}", outcome.seats_taken, plan.seats)),
        ("notifications sent", deliveries),
        ("notifications missing", outcome.missing_notifications.to_string()),
        ("dead letters", verification.dead_letters.to_string()),
    ];
    for (what, count) in rows {
        figures.add_row([what, &count]);
    }
    println!("{figures}\n");

    let mut latencies = table::new(&["as buyers saw it, ms", "count", "p50", "p90", "p99", "max"]);
    for (name, latency) in [
        ("order accepted", outcome.create),
        ("accepted to reserved or sold out (polled every 150 ms)", outcome.process),
        ("payment accepted", outcome.pay),
    ] {
        latencies.add_row(latency_row(name, latency));
    }
    println!("{latencies}\n");

    println!("{}", table::invariants(verification));
    for failure in outcome.failed.iter().take(5) {
        println!("a buyer gave up: {failure}");
    }
    if outcome.illegal_moves > 0 || outcome.repeated_numbers > 0 {
        println!(
            "buyers saw {} invalid state changes and {} duplicate order numbers",
            outcome.illegal_moves, outcome.repeated_numbers
        );
    }
    println!("\n{}", if outcome.is_good() { "All invariants hold." } else { "INVARIANT VIOLATED" });
}

fn latency_row(name: &str, latency: Latency) -> Vec<String> {
    let mut row = vec![name.to_owned(), latency.count.to_string()];
    row.extend([latency.p50, latency.p90, latency.p99, latency.max].map(|millis| format!("{millis:.1}")));
    row
}
