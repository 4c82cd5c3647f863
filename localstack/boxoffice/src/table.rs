//! Tables for people.

use comfy_table::{ContentArrangement, Table, presets};

use crate::operator::Verification;

/// An empty table with these headings.
pub fn new(headings: &[&str]) -> Table {
    let mut table = Table::new();
    table.load_preset(presets::NOTHING);
    table.set_style(comfy_table::TableComponent::HeaderLines, '─');
    table.set_style(comfy_table::TableComponent::MiddleHeaderIntersections, ' ');
    table.set_content_arrangement(ContentArrangement::Disabled);
    table.set_header(headings.to_vec());
    table
}

/// The invariants, a row each.
pub fn invariants(verification: &Verification) -> Table {
    let mut table = new(&["invariant", "holds", "what must hold", "figures"]);
    for invariant in &verification.invariants {
        let holds = match invariant.holds {
            Some(true) => "yes",
            Some(false) => "NO",
            None => "open",
        };
        table.add_row([invariant.name.as_str(), holds, &invariant.statement, &invariant.figures]);
    }
    table
}
