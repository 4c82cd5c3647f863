use std::collections::HashMap;
use std::ops::Range;
use std::path::Path;

use async_trait::async_trait;
use boxoffice_domain::ports::{Catalogue, StoreError, Tier};
use boxoffice_domain::{SessionId, ShowId, TicketId};
use jiff::civil::DateTime;
use toml::de::DeTable;

use crate::fields::{Fields, Findings};
use crate::{CatalogueError, Problem};

const MAX_SEATS: i64 = 10_000_000;
const IDS: std::ops::RangeInclusive<i64> = 1..=i64::MAX;

/// A catalogue read once from a TOML file: a changed file counts from the next start on.
#[derive(Debug, Clone)]
pub struct FileCatalogue {
    tiers: Vec<Tier>,
    by_ticket: HashMap<TicketId, usize>,
}

impl FileCatalogue {
    /// Reads and checks a file. Fails with every problem at once, each with its line, show, session and tier.
    pub fn load(path: &Path) -> Result<Self, CatalogueError> {
        let origin = path.display().to_string();
        match std::fs::read_to_string(path) {
            Ok(text) => Self::parse(&origin, &text),
            Err(error) => Err(CatalogueError::Unreadable { origin, reason: error.to_string() }),
        }
    }

    /// Reads and checks a text; `origin` is what errors call it. Fails as [`FileCatalogue::load`] does.
    pub fn parse(origin: &str, text: &str) -> Result<Self, CatalogueError> {
        match read(text) {
            Ok(tiers) => {
                let by_ticket =
                    tiers.iter().enumerate().map(|(index, tier)| (tier.ticket_id, index)).collect();
                Ok(Self { tiers, by_ticket })
            }
            Err(problems) => Err(CatalogueError::Invalid { origin: origin.to_owned(), problems }),
        }
    }

    /// Every tier, in the order of the file.
    pub fn all(&self) -> &[Tier] {
        &self.tiers
    }
}

#[async_trait]
impl Catalogue for FileCatalogue {
    async fn tier(&self, ticket_id: TicketId) -> Result<Option<Tier>, StoreError> {
        Ok(self.by_ticket.get(&ticket_id).map(|index| self.tiers[*index].clone()))
    }

    async fn tiers(&self) -> Result<Vec<Tier>, StoreError> {
        Ok(self.tiers.clone())
    }
}

fn read(text: &str) -> Result<Vec<Tier>, Vec<Problem>> {
    let mut findings = Findings::new(text);
    let (document, syntax_errors) = DeTable::parse_recoverable(text);
    for error in &syntax_errors {
        findings.add(&error.span().unwrap_or(0..0), "", error.message());
    }
    // Reading on in a broken text would only add false findings.
    if !syntax_errors.is_empty() {
        return Err(findings.into_problems());
    }
    let root = Fields::new(document.get_ref(), 0..0, String::new());
    let mut reader = Reader {
        findings,
        shows: Numbers::new("show"),
        sessions: Numbers::new("session"),
        tickets: Numbers::new("ticket"),
        tiers: Vec::new(),
    };
    reader.document(&root);
    let problems = reader.findings.into_problems();
    if problems.is_empty() { Ok(reader.tiers) } else { Err(problems) }
}

/// Numbers that must not be used twice in the whole file.
struct Numbers {
    kind: &'static str,
    first_lines: HashMap<i64, usize>,
}

impl Numbers {
    fn new(kind: &'static str) -> Self {
        Self { kind, first_lines: HashMap::new() }
    }

    fn take(&mut self, number: i64, span: &Range<usize>, place: &str, findings: &mut Findings<'_>) {
        let line = findings.line(span);
        if let Some(first) = self.first_lines.get(&number) {
            findings.add(span, place, format!("{} {number} is used twice, first on line {first}", self.kind));
        } else {
            self.first_lines.insert(number, line);
        }
    }
}

struct Reader<'t> {
    findings: Findings<'t>,
    shows: Numbers,
    sessions: Numbers,
    tickets: Numbers,
    tiers: Vec<Tier>,
}

/// What a tier needs from its show. An id of `None` was invalid and is reported already.
struct Show {
    id: Option<i64>,
    title: String,
    place: Option<String>,
}

impl Reader<'_> {
    fn document(&mut self, root: &Fields<'_>) {
        root.refuse_unknown_keys(&["show"], &mut self.findings);
        let shows = root.tables("show", &mut self.findings);
        let mut tier_count = 0;
        for fields in shows {
            tier_count += self.show(fields);
        }
        if tier_count == 0 {
            self.findings.add(
                &(0..0),
                "",
                "there is no tier to sell; a tier is [[show.session.tier]] within [[show.session]] within [[show]]",
            );
        }
    }

    fn show(&mut self, mut fields: Fields<'_>) -> usize {
        let id = fields.required_integer("id", IDS, &mut self.findings);
        if let Some(id) = id {
            fields.rename(format!("show {id}"));
            self.shows.take(id, &fields.span_of("id"), fields.place(), &mut self.findings);
        }
        fields.refuse_unknown_keys(&["id", "title", "place", "session"], &mut self.findings);
        let show = Show {
            id,
            title: fields.required_text("title", &mut self.findings).unwrap_or_default(),
            place: fields.text("place", &mut self.findings),
        };
        let sessions = fields.tables("session", &mut self.findings);
        sessions.into_iter().map(|session| self.session(session, &show, fields.place())).sum()
    }

    fn session(&mut self, mut fields: Fields<'_>, show: &Show, within: &str) -> usize {
        let id = fields.required_integer("id", IDS, &mut self.findings);
        if let Some(id) = id {
            fields.rename(format!("{within}, session {id}"));
            self.sessions.take(id, &fields.span_of("id"), fields.place(), &mut self.findings);
        }
        fields.refuse_unknown_keys(&["id", "start", "place", "tier"], &mut self.findings);
        let start = fields.required_local_time("start", &mut self.findings);
        let place = fields.text("place", &mut self.findings).or_else(|| show.place.clone());
        if place.is_none() {
            let what = "place is missing; set it on the show or on the session";
            self.findings.add(fields.span(), fields.place(), what);
        }
        let heading = heading(&show.title, place.as_deref(), start);
        let tiers = fields.tables("tier", &mut self.findings);
        let count = tiers.len();
        for tier in tiers {
            self.tier(tier, show.id, id, &heading, fields.place());
        }
        count
    }

    fn tier(
        &mut self,
        mut fields: Fields<'_>,
        show: Option<i64>,
        session: Option<i64>,
        heading: &str,
        within: &str,
    ) {
        let ticket = fields.required_integer("ticket", IDS, &mut self.findings);
        if let Some(ticket) = ticket {
            fields.rename(format!("{within}, ticket {ticket}"));
            self.tickets.take(ticket, &fields.span_of("ticket"), fields.place(), &mut self.findings);
        }
        fields
            .refuse_unknown_keys(&["ticket", "name", "price", "total", "per_user_limit"], &mut self.findings);
        let name = fields.required_text("name", &mut self.findings);
        let price = fields.required_price("price", &mut self.findings);
        let total = fields.required_integer("total", 1..=MAX_SEATS, &mut self.findings);
        let limit = fields.integer("per_user_limit", 1..=MAX_SEATS, &mut self.findings);
        let (Some(show), Some(session), Some(ticket)) = (show, session, ticket) else { return };
        let (Some(name), Some(price), Some(total)) = (name, price, total) else { return };
        self.tiers.push(Tier {
            ticket_id: TicketId(ticket),
            session_id: SessionId(session),
            show_id: ShowId(show),
            title: format!("{heading}, {name}"),
            price,
            total: seats(total),
            per_user_limit: limit.map(seats),
        });
    }
}

/// The ranges above keep every count far below the limit of `u32`.
fn seats(count: i64) -> u32 {
    u32::try_from(count).unwrap_or(u32::MAX)
}

fn heading(title: &str, place: Option<&str>, start: Option<DateTime>) -> String {
    let start = start.map(|start| start.strftime("%Y-%m-%d %H:%M").to_string());
    let parts = [Some(title), place, start.as_deref()];
    parts.into_iter().flatten().collect::<Vec<_>>().join(", ")
}
