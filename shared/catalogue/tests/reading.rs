//! What a person sees who edits a catalogue file.

use boxoffice_catalogue::{CatalogueError, FileCatalogue};
use boxoffice_domain::ports::Catalogue;
use boxoffice_domain::{SessionId, ShowId, TicketId};

/// One valid tier whose price line is `price`.
fn with_price(price: &str) -> String {
    format!(
        "[[show]]\nid = 1\ntitle = \"Show\"\nplace = \"Hall\"\n\
         [[show.session]]\nid = 11\nstart = 2026-12-31T19:30:00\n\
         [[show.session.tier]]\nticket = 111\nname = \"Stalls\"\n{price}\ntotal = 10\n"
    )
}

/// The problems of a text that cannot be used, one per line as an operator reads them.
fn problems(text: &str) -> Vec<String> {
    match FileCatalogue::parse("test.toml", text) {
        Err(CatalogueError::Invalid { problems, .. }) => problems.iter().map(ToString::to_string).collect(),
        other => vec![format!("not rejected as expected: {other:?}")],
    }
}

#[tokio::test]
async fn the_demo_catalogue_sells_the_tier_of_the_examples() {
    let text = include_str!("../../../localstack/boxoffice/catalogue.toml");
    let catalogue = FileCatalogue::parse("demo", text).unwrap();

    let tier = catalogue.tier(TicketId(300_111)).await.unwrap().unwrap();
    assert_eq!((tier.show_id, tier.session_id), (ShowId(3001), SessionId(30011)));
    assert_eq!(tier.price.to_string(), "380.00");
    assert_eq!((tier.total, tier.per_user_limit), (1000, Some(4)));
    assert_eq!(tier.title, "Harbour Lights: The Farewell Tour, Pier Arena, 2026-12-31 19:30, Stalls");

    let tiers = catalogue.tiers().await.unwrap();
    assert_eq!(tiers.len(), 9);
    let shows: std::collections::HashSet<_> = tiers.iter().map(|tier| tier.show_id).collect();
    assert_eq!(shows.len(), 3);
    assert!(tiers.iter().any(|tier| tier.per_user_limit.is_none()));
    assert!(tiers.iter().any(|tier| tier.title.contains("Old Pump House")), "a session names its own place");
}

#[tokio::test]
async fn a_ticket_that_is_not_in_the_file_is_nothing_rather_than_an_error() {
    let catalogue = FileCatalogue::parse("test", &with_price("price = 1.00")).unwrap();
    assert_eq!(catalogue.tier(TicketId(999)).await, Ok(None));
}

#[test]
fn a_price_keeps_every_digit_it_was_written_with() {
    for (line, price) in [
        ("price = 380.00", "380.00"),
        ("price = \"380.00\"", "380.00"),
        ("price = 380", "380"),
        ("price = 0.1", "0.1"),
        ("price = 0", "0"),
        ("price = 123_456_789.0123", "123456789.0123"),
        ("price = \"1000000000\"", "1000000000"),
    ] {
        let catalogue = FileCatalogue::parse("test", &with_price(line)).unwrap();
        assert_eq!(catalogue.all()[0].price.to_string(), price, "{line}");
    }
}

#[test]
fn a_price_that_is_no_plain_amount_is_refused_with_its_line() {
    for line in [
        "price = -1.00",
        "price = 1e3",
        "price = inf",
        "price = nan",
        "price = 0x10",
        "price = \"\"",
        "price = \"3,80\"",
        "price = \"380.00 CNY\"",
        "price = 1.00001",
        "price = 1000000000.01",
        "price = \"123456789012345678901234567890\"",
        "price = true",
        "price = [1]",
    ] {
        let found = problems(&with_price(line));
        assert_eq!(found.len(), 1, "{line}: {found:?}");
        assert!(
            found[0].starts_with("line 11: show 1, session 11, ticket 111: price: found "),
            "{line}: {found:?}"
        );
        assert!(found[0].contains("expected an amount such as 380.00"), "{line}: {found:?}");
    }
}

#[test]
fn all_problems_are_named_at_once_in_the_order_of_the_file() {
    let text = r#"currency = "CNY"
[[show]]
id = 1
title = ""
place = "Hall"
colour = "red"

[[show.session]]
id = 11
start = 2026-12-31

[[show.session.tier]]
ticket = -4
name = "Stalls"
total = 0
per_user_limit = 2.5

[[show]]
id = 2
title = "No place"

[[show.session]]
id = 21
start = "2026-12-31T19:30:00+08:00"
"#;
    assert_eq!(
        problems(text),
        [
            "line 1: unknown key \"currency\"; allowed: show",
            "line 4: show 1: title: found \"\", expected a text of 1 to 200 characters on one line",
            "line 6: show 1: unknown key \"colour\"; allowed: id, title, place, session",
            "line 10: show 1, session 11: start: found 2026-12-31, expected a local date-time such as 2026-12-31T19:30:00",
            "line 12: show 1, session 11, tier number 1: price is missing",
            "line 13: show 1, session 11, tier number 1: ticket: found -4, expected a whole number from 1 to 9223372036854775807",
            "line 15: show 1, session 11, tier number 1: total: found 0, expected a whole number from 1 to 10000000",
            "line 16: show 1, session 11, tier number 1: per_user_limit: found 2.5, expected a whole number from 1 to 10000000",
            "line 22: show 2, session 21: place is missing; set it on the show or on the session",
            "line 24: show 2, session 21: start: found \"2026-12-31T19:30:00+08:00\", expected a local date-time such as 2026-12-31T19:30:00",
        ]
    );
}

#[test]
fn a_number_used_twice_names_the_line_of_its_first_use() {
    let first = with_price("price = 1.00");
    assert_eq!(
        problems(&format!("{first}{first}")),
        [
            "line 14: show 1: show 1 is used twice, first on line 2",
            "line 18: show 1, session 11: session 11 is used twice, first on line 6",
            "line 21: show 1, session 11, ticket 111: ticket 111 is used twice, first on line 9",
        ]
    );
}

#[test]
fn a_text_that_is_no_toml_names_the_line() {
    let found = problems("[[show]]\nid = 1\ntitle = \"open\nid = 2\n");
    assert!(found.iter().any(|problem| problem.starts_with("line 3: ")), "{found:?}");
}

#[test]
fn a_catalogue_that_sells_nothing_is_refused() {
    for text in ["", "[[show]]\nid = 1\ntitle = \"Show\"\n", "show = 5\n"] {
        let found = problems(text);
        assert!(
            found.iter().any(|problem| problem.contains("there is no tier to sell")),
            "{text}: {found:?}"
        );
    }
}

#[test]
fn a_file_that_cannot_be_read_is_named() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("none.toml");
    let error = FileCatalogue::load(&path).unwrap_err();
    assert!(matches!(error, CatalogueError::Unreadable { .. }), "{error}");
    assert!(error.to_string().contains("none.toml"), "{error}");

    std::fs::write(&path, with_price("price = 12.50")).unwrap();
    assert_eq!(FileCatalogue::load(&path).unwrap().all()[0].price.to_string(), "12.50");
}
