use std::path::PathBuf;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use boxoffice_domain::ports::{DeadLetter, DeadLetterFilter, Outgoing, Ports, SendError};
use boxoffice_domain::{OrderNo, TicketId};
use boxoffice_flow::MessageWriter;
use boxoffice_host::Backends;
use jiff::tz::TimeZone;

use super::audit::Audit;
use super::command::{LetterFilter, RefundView, SyncView};
use super::{
    Answer, Command, DeadLetterView, GroupView, OperatorError, OrderView, RedriveView, StockView, verify,
};
use crate::text::counted;

/// The most dead letters or refunds that one call answers with.
const ITEMS_PER_CALL: u32 = 500;

/// Carries out commands on the ports of this process.
pub struct Operations {
    ports: Ports,
    /// The zone of times in messages.
    zone: TimeZone,
    audit: Audit,
}

impl Operations {
    /// Works on the opened backends; `deliveries` is the file where log providers write what they delivered.
    pub fn new(opened: &Backends, deliveries: Option<PathBuf>) -> Self {
        let zone = opened.functions.rules.zone.clone();
        Self { ports: opened.ports.clone(), zone, audit: Audit::new(opened, deliveries) }
    }

    /// Carries out one command.
    pub async fn run(&self, command: Command) -> Result<Answer, OperatorError> {
        match command {
            Command::Ping => Ok(Answer::Done("boxoffice is running".to_owned())),
            Command::Send { topic, tag, key, body_base64, sys_flag, properties } => {
                let body = STANDARD.decode(body_base64).map_err(|error| {
                    OperatorError::Invalid(format!("the body is not valid base64: {error}"))
                })?;
                self.send(topic, tag, key, body, sys_flag, properties).await
            }
            Command::DlqList { filter, limit, cursor } => {
                let (letters, next) = self.letters(&filter, limit, cursor).await?;
                Ok(Answer::DeadLetters {
                    letters: letters.into_iter().map(DeadLetterView::from).collect(),
                    next,
                })
            }
            Command::DlqShow { id } => match self.ports.dead_letters.get(&id).await? {
                Some(letter) => Ok(Answer::DeadLetter(Box::new(letter.into()))),
                None => Err(OperatorError::NotFound(format!("dead letter {id} does not exist"))),
            },
            Command::DlqRedrive { filter, limit, cursor, before, dry_run } => {
                self.redrive(&filter, limit, cursor, before, dry_run).await
            }
            Command::DlqDiscard { filter, before } => self.discard(&filter, before).await,
            Command::StockLoad { ticket_id, total } => self.load_stock(TicketId(ticket_id), total).await,
            Command::StockShow { ticket_id } => self.show_stock(ticket_id).await,
            Command::StockSync { ticket_id } => self.sync_stock(ticket_id).await,
            Command::OrderShow { order_no } => self.show_order(&order_no).await,
            Command::RefundList { limit } => self.refunds(limit).await,
            Command::RefundSettle { order_no } => self.settle(&order_no).await,
            Command::Status => self.status().await,
            Command::Verify => Ok(Answer::Verification(verify::verify(&self.ports, &self.audit).await?)),
        }
    }

    async fn send(
        &self,
        topic: String,
        tag: Option<String>,
        key: Option<String>,
        body: Vec<u8>,
        sys_flag: i32,
        properties: Vec<(String, String)>,
    ) -> Result<Answer, OperatorError> {
        let message = Outgoing {
            topic: topic.clone().into(),
            tag: tag.clone().map(Into::into),
            key,
            body: body.into(),
            sys_flag,
            deliver_at: None,
            properties,
        };
        let id = self.ports.bus.send(message).await.map_err(|error| match error {
            SendError::Rejected(_) => OperatorError::Invalid(error.to_string()),
            SendError::Unavailable(_) | SendError::OutcomeUnknown(_) => {
                OperatorError::Unavailable(error.to_string())
            }
        })?;
        let tag = tag.map_or_else(|| "without a tag".to_owned(), |tag| format!("tag {tag}"));
        Ok(Answer::Done(format!("sent to {topic}, {tag}, as message {}", id.0)))
    }

    /// The next letters that are meant, as many as `limit` unless there are fewer, and where to go on.
    async fn letters(
        &self,
        filter: &LetterFilter,
        limit: u32,
        cursor: Option<String>,
    ) -> Result<(Vec<DeadLetter>, Option<String>), OperatorError> {
        let meant = DeadLetterFilter::from(filter);
        if let Some(id) = &filter.id {
            let letter = self.ports.dead_letters.get(id).await?;
            return Ok((letter.into_iter().filter(|letter| meant.matches(letter)).collect(), None));
        }
        // A page may be short although more follow.
        let (mut letters, mut cursor) = (Vec::new(), cursor);
        loop {
            let page =
                self.ports.dead_letters.list(&meant, still(limit, &letters), cursor.as_deref()).await?;
            letters.extend(page.items);
            cursor = page.next;
            if cursor.is_none() || still(limit, &letters) == 0 {
                return Ok((letters, cursor));
            }
        }
    }

    async fn redrive(
        &self,
        filter: &LetterFilter,
        limit: u32,
        cursor: Option<String>,
        before: jiff::Timestamp,
        dry_run: bool,
    ) -> Result<Answer, OperatorError> {
        let (letters, next) = self.letters(filter, limit, cursor).await?;
        let mut view = RedriveView { dry_run, next, ..RedriveView::default() };
        for letter in letters.into_iter().filter(|letter| letter.stored_at < before) {
            let sent = if dry_run { Ok(()) } else { self.redrive_one(&letter).await };
            match sent {
                Ok(()) => {
                    view.redriven += 1;
                    view.ids.push(letter.id);
                }
                Err(error) => view.failed.push((letter.id, error)),
            }
        }
        Ok(Answer::Redrive(view))
    }

    async fn redrive_one(&self, letter: &DeadLetter) -> Result<(), String> {
        self.ports.redeliver.redeliver(letter).await.map_err(|error| error.to_string())?;
        // A bus that keeps the letters beside its messages has removed it already.
        let removed = self.ports.dead_letters.remove(&letter.id).await;
        removed.map(drop).map_err(|error| format!("it was delivered again, but is still listed: {error}"))
    }

    async fn discard(&self, filter: &LetterFilter, before: jiff::Timestamp) -> Result<Answer, OperatorError> {
        let mut discarded = 0_u64;
        let mut cursor = None;
        loop {
            let (letters, next) = self.letters(filter, ITEMS_PER_CALL, cursor).await?;
            for letter in letters.iter().filter(|letter| letter.stored_at < before) {
                discarded += u64::from(self.ports.dead_letters.remove(&letter.id).await?);
            }
            match next {
                next @ Some(_) => cursor = next,
                None => return Ok(Answer::Done(format!("discarded {}", counted(discarded, "dead letter")))),
            }
        }
    }

    async fn load_stock(&self, ticket_id: TicketId, total: u32) -> Result<Answer, OperatorError> {
        let counters = self.ports.ledger.load(ticket_id, total).await?;
        if !self.ports.stock_cache.load(ticket_id, counters.available()).await? {
            // Buyers race on what is there; the synchronisation raises or lowers it without losing a reservation.
            self.send_sync(ticket_id).await?;
        }
        Ok(Answer::Done(format!(
            "ticket {ticket_id} has {total} seats, {} of them free",
            counters.available()
        )))
    }

    async fn show_stock(&self, ticket_id: Option<i64>) -> Result<Answer, OperatorError> {
        let mut rows = Vec::new();
        for id in self.tickets(ticket_id).await? {
            let Some(counters) = self.ports.ledger.counters(id).await? else { continue };
            let cache = self.ports.stock_cache.stock(id).await?;
            rows.push(StockView {
                ticket_id: id.0,
                title: self.ports.catalogue.tier(id).await?.map(|tier| tier.title),
                total: counters.total,
                available: counters.available(),
                locked: counters.locked,
                sold: counters.sold,
                cache_available: cache.map(|cache| cache.available),
            });
        }
        match ticket_id {
            Some(id) if rows.is_empty() => {
                Err(OperatorError::NotFound(format!("no stock was loaded for ticket {id}")))
            }
            _ => Ok(Answer::Stock(rows)),
        }
    }

    async fn sync_stock(&self, ticket_id: Option<i64>) -> Result<Answer, OperatorError> {
        let mut ticket_ids = Vec::new();
        for id in self.tickets(ticket_id).await? {
            self.send_sync(id).await?;
            ticket_ids.push(id.0);
        }
        Ok(Answer::Sync(SyncView { ticket_ids }))
    }

    async fn tickets(&self, ticket_id: Option<i64>) -> Result<Vec<TicketId>, OperatorError> {
        match ticket_id {
            Some(id) => Ok(vec![TicketId(id)]),
            None => Ok(self.ports.catalogue.tiers().await?.into_iter().map(|tier| tier.ticket_id).collect()),
        }
    }

    async fn send_sync(&self, ticket_id: TicketId) -> Result<(), OperatorError> {
        let message = MessageWriter::new(self.ports.clock.now(), &self.zone).stock_sync(ticket_id);
        self.ports.bus.send(message).await.map_err(|error| OperatorError::Unavailable(error.to_string()))?;
        Ok(())
    }

    async fn show_order(&self, order_no: &str) -> Result<Answer, OperatorError> {
        let order_no = parse(order_no)?;
        let Some(order) = self.ports.orders.get(&order_no).await? else {
            return Err(OperatorError::NotFound(format!("order {order_no} does not exist")));
        };
        let entry = self.ports.ledger.entry(order.ticket_id, &order_no).await?;
        Ok(Answer::Order(Box::new(OrderView::new(order, entry.map(|entry| format!("{:?}", entry.state))))))
    }

    async fn refunds(&self, limit: u32) -> Result<Answer, OperatorError> {
        let (mut orders, mut cursor) = (Vec::new(), None::<String>);
        loop {
            let page = self.ports.orders.refunds_due(still(limit, &orders), cursor.as_deref()).await?;
            orders.extend(page.items);
            cursor = page.next;
            if cursor.is_none() || still(limit, &orders) == 0 {
                break;
            }
        }
        let view = |order: boxoffice_domain::Order| {
            let refund = order.refund_due?;
            Some(RefundView {
                order_no: order.order_no.into(),
                user_id: order.user_id.0,
                amount: order.total_amount.map(|amount| amount.to_string()),
                since: refund.since.to_string(),
                because: refund.because,
            })
        };
        Ok(Answer::Refunds(orders.into_iter().filter_map(view).collect()))
    }

    async fn settle(&self, order_no: &str) -> Result<Answer, OperatorError> {
        let order_no = parse(order_no)?;
        if self.ports.orders.settle_refund(&order_no, self.ports.clock.now()).await? {
            Ok(Answer::Done(format!("the refund of order {order_no} is settled")))
        } else {
            Err(OperatorError::NotFound(format!("no refund is open for order {order_no}")))
        }
    }

    async fn status(&self) -> Result<Answer, OperatorError> {
        let now = self.ports.clock.now();
        let accounts = self.audit.bus.accounts(&self.audit.groups).await?;
        Ok(Answer::Groups(accounts.into_iter().map(|account| GroupView::new(account, now)).collect()))
    }
}

/// How many more items an answer may hold that holds these.
fn still<T>(limit: u32, items: &[T]) -> u32 {
    let most = limit.clamp(1, ITEMS_PER_CALL);
    most.saturating_sub(u32::try_from(items.len()).unwrap_or(most))
}

fn parse(order_no: &str) -> Result<OrderNo, OperatorError> {
    OrderNo::new(order_no).map_err(|error| OperatorError::Invalid(error.to_string()))
}
