use std::sync::Arc;
use std::time::{Duration, Instant};

use indicatif::{ProgressBar, ProgressStyle};
use tokio::sync::Semaphore;
use tokio::task::JoinSet;

use super::buyer::{End, Intent, buy};
use super::outcome::Outcome;
use super::plan::Plan;
use super::report;
use super::sale_operator::{CommandError, Office};
use super::shop::{Shop, ShopError, Wish};
use super::tally::Tally;
use crate::admin::ClientError;
use crate::operator::{Answer, Command, Verification};
use crate::operator_access::ReachError;

/// A time to pay that a demonstration can wait for.
const WATCHABLE_WINDOW: Duration = Duration::from_secs(60);
/// How long nothing must arrive where the bus does not report messages that wait for a retry: longer than the first
/// delays.
const UNSEEN_RETRIES: Duration = Duration::from_secs(6);
/// The pause between two looks into all stores.
const LOOKING: Duration = Duration::from_secs(1);
/// Every buyer of a demonstration gives a telephone number and an address.
const NOTIFICATIONS_PER_ORDER: u64 = 2;
/// The seats one buyer may want.
const MAX_QUANTITY: u64 = 2;

/// Why the demonstration could not be made.
#[derive(Debug, thiserror::Error)]
pub enum SaleError {
    /// A command failed.
    #[error(transparent)]
    Command(#[from] CommandError),
    /// The public API failed.
    #[error("the sale could not continue: {0}")]
    Shop(String),
    /// The server answered something else than was asked.
    #[error("the server sent an unexpected answer")]
    WrongAnswer,
}

struct Sale {
    plan: Plan,
    shop: Shop,
    office: Office,
    tally: Arc<Tally>,
    bar: ProgressBar,
    taken_before: u64,
    before: Option<Verification>,
    /// Whether the bus reports messages that wait for a retry.
    sees_retries: bool,
    next_user: i64,
    random: u64,
    ends: Vec<Result<End, ShopError>>,
}

/// Runs the sale, prints the table, and returns whether all invariants hold.
///
/// `rush_is_over` is called once the outcome of every buyer is known; from then on the sale only waits until nothing is
/// being processed.
pub async fn run(
    plan: Plan,
    http: reqwest::Client,
    office: Office,
    rush_is_over: impl FnOnce(),
) -> Result<bool, SaleError> {
    let deadline = Instant::now() + plan.time_limit;
    let shop = Shop::new(format!("http://{}", office.api()), http, deadline);
    let random = plan.seed.wrapping_mul(0x9E37_79B9_7F4A_7C15) | 1;
    let bar = ProgressBar::new(u64::from(plan.buyers));
    if let Ok(style) = ProgressStyle::with_template("{elapsed_precise} {bar:40} {pos}/{len} buyers  {msg}") {
        bar.set_style(style);
    }
    let tally = Tally::new().map_err(|error| SaleError::Shop(error.to_string()))?;
    let mut sale = Sale {
        // Buyers of an earlier sale keep what they hold, so these are others.
        next_user: 1_000_000 + i64::from(std::process::id()) * 1_000_000,
        plan,
        shop,
        office,
        tally: Arc::new(tally),
        bar,
        taken_before: 0,
        before: None,
        sees_retries: true,
        random,
        ends: Vec::new(),
    };
    let begun = Instant::now();
    sale.open().await?;
    sale.rush().await;
    rush_is_over();
    sale.sell_what_came_back().await?;
    let verification = sale.settle().await?;
    sale.bar.finish_and_clear();
    let outcome = sale.outcome(begun.elapsed(), verification).await?;
    report::print(&outcome);
    // The answer is known, whatever comes of leaving.
    let _ = sale.office.close().await;
    Ok(outcome.is_good())
}

impl Sale {
    /// A small generator is enough to decide who wants what, and replays from the seed (xorshift64*).
    fn draw(&mut self, below: u64) -> u64 {
        self.random ^= self.random >> 12;
        self.random ^= self.random << 25;
        self.random ^= self.random >> 27;
        (self.random.wrapping_mul(0x2545_F491_4F6C_DD1D) >> 33) % below.max(1)
    }

    /// Puts the seats on sale, on top of what was sold before.
    async fn open(&mut self) -> Result<(), SaleError> {
        self.bar.set_message("the sale opens");
        let ticket_id = self.plan.ticket.2;
        let taken = match self.command(&Command::StockShow { ticket_id: Some(ticket_id) }).await {
            Ok(Answer::Stock(rows)) => rows.first().map_or(0, |row| row.locked + row.sold),
            Ok(_) => return Err(SaleError::WrongAnswer),
            Err(CommandError::Refused(
                ReachError::Client(ClientError::Operator(_)) | ReachError::Operator(_),
            )) => 0,
            Err(error) => return Err(error.into()),
        };
        self.taken_before = u64::from(taken);
        self.before = Some(self.verify().await?);
        let total = taken + self.plan.seats;
        self.command(&Command::StockLoad { ticket_id, total }).await?;
        loop {
            match self.command(&Command::StockShow { ticket_id: Some(ticket_id) }).await? {
                Answer::Stock(rows)
                    if rows.first().is_some_and(|row| row.cache_available == Some(self.plan.seats)) =>
                {
                    return Ok(());
                }
                _ if self.shop.is_over() => {
                    return Err(SaleError::Shop("the stock was not loaded in time".to_owned()));
                }
                _ => tokio::time::sleep(Duration::from_millis(50)).await,
            }
        }
    }

    async fn rush(&mut self) {
        let window = self.office.payment_window();
        let walk_away = if window <= WATCHABLE_WINDOW { Intent::WalkAway } else { Intent::WalkAwayUnseen };
        let wishes = (0..self.plan.buyers)
            .map(|_| {
                let quantity = u32::try_from(1 + self.draw(MAX_QUANTITY)).unwrap_or(1);
                let walks = self.draw(100) < u64::from(self.plan.walk_away_percent);
                (quantity, if walks { walk_away } else { Intent::Pay })
            })
            .collect::<Vec<_>>();
        self.wave(wishes).await;
    }

    /// Seats of orders that were not paid in time come back; buyers who found nothing try again for one seat each.
    async fn sell_what_came_back(&mut self) -> Result<(), SaleError> {
        while !self.shop.is_over() {
            self.settle().await?;
            let free = self.stock().await?.available;
            if free == 0 {
                return Ok(());
            }
            self.bar.inc_length(u64::from(free));
            self.wave((0..free).map(|_| (1, Intent::Pay)).collect()).await;
        }
        Ok(())
    }

    async fn wave(&mut self, wishes: Vec<(u32, Intent)>) {
        let (show_id, session_id, ticket_id) = self.plan.ticket;
        let places = Arc::new(Semaphore::new(self.plan.at_once.max(1) as usize));
        let mut buyers = JoinSet::new();
        for (quantity, intent) in wishes {
            self.next_user += 1;
            let wish = Wish { user_id: self.next_user, show_id, session_id, ticket_id, quantity };
            let key = format!("demo-{}-{}", self.plan.seed, wish.user_id);
            let (shop, tally, bar) = (self.shop.clone(), Arc::clone(&self.tally), self.bar.clone());
            let places = Arc::clone(&places);
            buyers.spawn(async move {
                // Closed never: the semaphore lives as long as its buyers.
                let _place = places.acquire_owned().await.ok();
                let end = buy(&shop, &tally, wish, key, intent).await;
                bar.inc(1);
                end
            });
        }
        self.bar.set_message("buyers race");
        while let Some(ended) = buyers.join_next().await {
            self.ends.push(ended.unwrap_or_else(|error| Err(ShopError::GaveUp(error.to_string()))));
        }
    }

    /// Waits until no message is due or in flight; returns what the stores then contain. A broker does not report messages that
    /// wait for a retry, so there nothing must arrive for a while, and every buyer must have been notified of the end of the
    /// order.
    async fn settle(&mut self) -> Result<Verification, SaleError> {
        self.bar.set_message("the functions finish");
        let mut at_rest_since = None;
        loop {
            let Answer::Groups(groups) = self.command(&Command::Status).await? else {
                return Err(SaleError::WrongAnswer);
            };
            let at_rest = groups.iter().all(|group| group.waiting == 0 && group.in_flight.unwrap_or(0) == 0);
            self.sees_retries = groups.iter().all(|group| group.delayed.is_some());
            let rest = if self.sees_retries { Duration::ZERO } else { UNSEEN_RETRIES };
            at_rest_since = at_rest.then(|| at_rest_since.unwrap_or_else(Instant::now));
            let rested = at_rest_since.is_some_and(|since: Instant| since.elapsed() >= rest);
            if rested || self.shop.is_over() {
                let verification = self.verify().await?;
                // Something may have become due since.
                let settled = verification.quiet && self.missing_notifications(&verification) == 0;
                if settled || self.shop.is_over() {
                    return Ok(verification);
                }
            }
            tokio::time::sleep(if rested { LOOKING } else { Duration::from_millis(100) }).await;
        }
    }

    /// Notifications that buyers of this sale did not get and that are not dead letters either. Where the bus reports
    /// messages that wait for a retry, I7 accounts for them.
    fn missing_notifications(&self, verification: &Verification) -> u64 {
        if self.sees_retries || verification.deliveries.is_none() {
            return 0;
        }
        let ended = self.tally.orders().saturating_sub(self.count(End::StillReserved));
        let told = self.since(verification, Verification::notified);
        let given_up = self.since(verification, |seen| seen.undelivered_notifications);
        (ended * NOTIFICATIONS_PER_ORDER).saturating_sub(told + given_up)
    }

    fn count(&self, wanted: End) -> u64 {
        self.ends.iter().filter(|end| matches!(end, Ok(end) if *end == wanted)).count() as u64
    }

    /// How much a figure grew in this sale.
    fn since(&self, verification: &Verification, figure: impl Fn(&Verification) -> u64) -> u64 {
        figure(verification).saturating_sub(self.before.as_ref().map_or(0, figure))
    }

    async fn stock(&self) -> Result<super::shop::SeenStock, SaleError> {
        self.shop.stock(self.plan.ticket.2).await.map_err(|error| SaleError::Shop(error.to_string()))
    }

    async fn verify(&mut self) -> Result<Verification, SaleError> {
        match self.command(&Command::Verify).await? {
            Answer::Verification(verification) => Ok(verification),
            _ => Err(SaleError::WrongAnswer),
        }
    }

    /// A command, repeated while a server restarts.
    async fn command(&mut self, command: &Command) -> Result<Answer, CommandError> {
        loop {
            match self.office.run(command).await {
                Err(CommandError::Away(_)) if !self.shop.is_over() => {
                    tokio::time::sleep(Duration::from_millis(200)).await;
                }
                answer => return answer,
            }
        }
    }

    async fn outcome(&mut self, took: Duration, verification: Verification) -> Result<Outcome, SaleError> {
        let stock = self.stock().await?;
        let failed = self.ends.iter().filter_map(|end| end.as_ref().err()).map(ToString::to_string);
        Ok(Outcome {
            plan: self.plan.clone(),
            took,
            accepted: self.tally.orders(),
            paid: self.count(End::Paid),
            sold_out: self.count(End::SoldOut),
            timed_out: self.count(End::TimedOut),
            still_reserved: self.count(End::StillReserved),
            failed: failed.collect(),
            illegal_moves: self.tally.illegal_moves(),
            repeated_numbers: self.tally.repeated_numbers(),
            create: self.tally.create(),
            process: self.tally.process(),
            pay: self.tally.pay(),
            seats_taken: u64::from(stock.locked + stock.sold).saturating_sub(self.taken_before),
            paid_then_refunded: self.since(&verification, |seen| seen.paid_then_refunded),
            missing_notifications: self.missing_notifications(&verification),
            verification,
        })
    }
}
