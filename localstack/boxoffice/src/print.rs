//! Prints answers: tables for people, JSON for programs.

use comfy_table::Table;

use crate::operator::{Answer, DeadLetterView, GroupView, OrderView, RedriveView};
use crate::table;
use crate::text::{counted, shortened};

/// The most of an error or a title that a table shows, in characters.
const CELL: usize = 60;

/// Prints one answer to standard output.
pub fn answer(answer: &Answer, json: bool) -> Result<(), serde_json::Error> {
    if json {
        println!("{}", serde_json::to_string_pretty(answer)?);
        return Ok(());
    }
    match answer {
        Answer::Done(line) => println!("{line}"),
        Answer::DeadLetters { letters, next } => dead_letters(letters, next.as_deref()),
        Answer::DeadLetter(letter) => dead_letter(letter),
        Answer::Redrive(view) => redrive(view),
        Answer::Stock(rows) => {
            let mut stock =
                table::new(&["ticket", "title", "total", "available", "locked", "sold", "stock cache"]);
            for row in rows {
                stock.add_row([
                    row.ticket_id.to_string(),
                    row.title.clone().unwrap_or_else(|| "not in the catalogue".to_owned()),
                    row.total.to_string(),
                    row.available.to_string(),
                    row.locked.to_string(),
                    row.sold.to_string(),
                    row.cache_available.map_or_else(|| "not loaded".to_owned(), |seats| seats.to_string()),
                ]);
            }
            println!("{stock}");
        }
        Answer::Sync(view) => println!(
            "asked stock-management to compare and repair the stock cache of {}; drift is reported in its log and as \
             an alert",
            counted(view.ticket_ids.len() as u64, "ticket")
        ),
        Answer::Order(order) => order_table(order),
        Answer::Refunds(refunds) if refunds.is_empty() => println!("no refund is due"),
        Answer::Refunds(refunds) => {
            let mut rows = table::new(&["order", "buyer", "amount", "since", "why"]);
            for refund in refunds {
                rows.add_row([
                    refund.order_no.clone(),
                    refund.user_id.to_string(),
                    refund.amount.clone().unwrap_or_else(|| "unknown".to_owned()),
                    refund.since.clone(),
                    refund.because.clone(),
                ]);
            }
            println!("{rows}");
        }
        Answer::Groups(groups) => {
            println!("{}", group_table(groups));
        }
        Answer::Verification(verification) => {
            println!("{}", table::invariants(verification));
            if !verification.quiet {
                println!("Messages are still being handled, so some checks are open. Run this again later.");
            }
        }
    }
    Ok(())
}

/// The consumer groups, a row each; "unknown" is what the bus does not count.
fn group_table(groups: &[GroupView]) -> Table {
    let headings =
        ["consumer group", "waiting", "delayed", "in progress", "oldest", "sent", "handled", "dead letters"];
    let mut rows = table::new(&headings);
    let known = |count: Option<u64>| count.map_or_else(|| "unknown".to_owned(), |count| count.to_string());
    for group in groups {
        let oldest = group.oldest_seconds.map_or_else(String::new, |seconds| format!("{seconds:.1} s"));
        rows.add_row([
            group.group.clone(),
            group.waiting.to_string(),
            known(group.delayed),
            known(group.in_flight),
            oldest,
            known(group.sent),
            known(group.handled),
            known(group.dead_lettered),
        ]);
    }
    rows
}

fn dead_letters(letters: &[DeadLetterView], next: Option<&str>) {
    if letters.is_empty() {
        println!("no dead letters match");
        return;
    }
    let mut rows = table::new(&["id", "stored", "group", "tag", "key", "tries", "why"]);
    for letter in letters {
        rows.add_row([
            letter.id.clone(),
            letter.stored_at.clone(),
            letter.group.clone(),
            letter.tag.clone().unwrap_or_default(),
            letter.key.clone().unwrap_or_default(),
            letter.attempts.to_string(),
            shortened(&letter.error, CELL),
        ]);
    }
    println!("{rows}");
    if next.is_some() {
        println!("there are more; narrow the filter or raise --limit");
    }
}

fn dead_letter(letter: &DeadLetterView) {
    let mut rows = table::new(&["dead letter", &letter.id]);
    for (name, value) in [
        ("group", letter.group.as_str()),
        ("topic", &letter.topic),
        ("tag", letter.tag.as_deref().unwrap_or("none")),
        ("key", letter.key.as_deref().unwrap_or("none")),
        ("message id", &letter.message_id),
        ("tries", &letter.attempts.to_string()),
        ("earlier redrives", &letter.generation.to_string()),
        ("stored", &letter.stored_at),
        ("why", &letter.error),
    ] {
        rows.add_row([name, value]);
    }
    println!("{rows}");
    match &letter.body {
        Some(body) => println!("{body}"),
        None => println!("the body is not text; in base64:\n{}", letter.body_base64),
    }
}

/// Prints what a redrive did.
pub fn redrive(view: &RedriveView) {
    let verb = if view.dry_run { "would redrive" } else { "redrove" };
    println!("{verb} {}", counted(view.redriven, "dead letter"));
    for id in view.ids.iter().take(20) {
        println!("  {id}");
    }
    if view.ids.len() > 20 {
        println!("  and {} more", view.ids.len() - 20);
    }
    for (id, why) in &view.failed {
        println!("  {id} stays: {why}");
    }
}

fn order_table(order: &OrderView) {
    let none = || "none".to_owned();
    let mut rows = table::new(&["order", &order.order_no]);
    for (name, value) in [
        ("state", format!("{} (status {})", order.state, order.status)),
        ("buyer", order.user_id.to_string()),
        ("show, session, ticket", format!("{}, {}, {}", order.show_id, order.session_id, order.ticket_id)),
        ("quantity", order.quantity.to_string()),
        ("amount", order.total_amount.clone().unwrap_or_else(none)),
        ("pay type", order.pay_type.map_or_else(none, |pay_type| pay_type.to_string())),
        ("remark", order.remark.clone().unwrap_or_else(none)),
        ("accepted", order.created_at.clone()),
        ("paid", order.paid_at.clone().unwrap_or_else(none)),
        ("expires unpaid", order.expires_at.clone()),
        ("refund due", order.refund_due.clone().unwrap_or_else(none)),
        ("stock", order.stock.clone().unwrap_or_else(none)),
    ] {
        rows.add_row([name, &value]);
    }
    println!("{rows}");
}
