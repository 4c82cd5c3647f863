//! The command line.

use std::path::PathBuf;

use clap::{Args, Parser, Subcommand};

/// Boxoffice: takes ticket orders and completes each of them, whatever fails on the way.
#[derive(Debug, Parser)]
#[command(name = "boxoffice", version)]
pub struct Cli {
    /// What to do.
    #[command(subcommand)]
    pub command: Action,
    /// Print JSON instead of tables.
    #[arg(long, global = true)]
    pub json: bool,
    /// A TOML file with settings; environment variables win over it.
    #[arg(long, global = true, value_name = "FILE")]
    pub config: Option<PathBuf>,
}

/// What the program can do.
#[derive(Debug, Subcommand)]
pub enum Action {
    /// Run the API and every function in this process.
    Serve,
    /// Open a sale with many buyers and few seats, and check the invariants afterwards.
    Demo(DemoArgs),
    /// Put one message on the bus.
    Send(SendArgs),
    /// Dead letters: messages that could not be handled.
    #[command(subcommand)]
    Dlq(DlqAction),
    /// The stock of tickets.
    #[command(subcommand)]
    Stock(StockAction),
    /// Orders.
    #[command(subcommand)]
    Order(OrderAction),
    /// Money owed to buyers.
    #[command(subcommand)]
    Refund(RefundAction),
    /// What waits on the bus, per consumer group.
    #[command(visible_alias = "lag")]
    Status,
    /// Check the invariants from the stores; exit status 1 if one does not hold.
    Verify,
    /// List every setting, its default and its meaning.
    Settings,
}

/// The sale of the demonstration.
#[derive(Debug, Args)]
pub struct DemoArgs {
    /// Buyers who arrive at once.
    #[arg(long, default_value_t = 5_000)]
    pub buyers: u32,
    /// Seats on sale.
    #[arg(long, default_value_t = 1_000)]
    pub seats: u32,
    /// How many of a hundred buyers with reserved seats never pay.
    #[arg(long, default_value_t = 15, value_parser = clap::value_parser!(u32).range(0..=100))]
    pub walk_away: u32,
    /// Buyers whose requests are under way at the same time.
    #[arg(long, default_value_t = 512, value_parser = clap::value_parser!(u32).range(1..=10_000))]
    pub at_once: u32,
    /// The random seed: who wants how many seats, and who pays.
    #[arg(long, default_value_t = 1)]
    pub seed: u64,
    /// The longest the whole sale may take, in seconds.
    #[arg(long, default_value_t = 180)]
    pub time_limit: u64,
    /// The show, the session and the ticket tier to sell.
    #[arg(long, value_name = "SHOW,SESSION,TICKET", value_delimiter = ',', num_args = 3,
        default_values_t = [3001, 30_011, 300_111])]
    pub ticket: Vec<i64>,
    /// Start a server of its own on a scratch file even if one is running.
    #[arg(long)]
    pub alone: bool,
    /// Run every function as a process of its own, on the broker that BUS names; their programs are in this program's folder.
    #[arg(long)]
    pub programs: bool,
    /// The same, and kill each of them in turn during the sale, as `kill -9` does, and start it again.
    #[arg(long)]
    pub kill_programs: bool,
}

/// One message.
#[derive(Debug, Args)]
pub struct SendArgs {
    /// The topic.
    #[arg(long, required_unless_present = "captured")]
    pub topic: Option<String>,
    /// The tag. Without one it is taken from the payload's eventType, operation or channel.
    #[arg(long)]
    pub tag: Option<String>,
    /// KEYS. Without one it is taken from the payload's orderNo.
    #[arg(long)]
    pub key: Option<String>,
    /// RocketMQ's system flag, when the body is compressed.
    #[arg(long, default_value_t = 0)]
    pub sys_flag: i32,
    /// The file is a captured RocketMQ message: JSON with topic, tag, keys, properties, sysFlag and wireBodyBase64.
    #[arg(long)]
    pub captured: bool,
    /// The body; `-` reads standard input.
    pub file: PathBuf,
}

/// Which dead letters.
#[derive(Debug, Args)]
pub struct FilterArgs {
    /// Only this letter.
    #[arg(long)]
    pub id: Option<String>,
    /// Only of this consumer group.
    #[arg(long)]
    pub group: Option<String>,
    /// Only of this topic.
    #[arg(long)]
    pub topic: Option<String>,
    /// Only with this tag.
    #[arg(long)]
    pub tag: Option<String>,
    /// Only with this key.
    #[arg(long)]
    pub key: Option<String>,
}

impl FilterArgs {
    /// True when nothing narrows it.
    pub fn is_empty(&self) -> bool {
        [&self.id, &self.group, &self.topic, &self.tag, &self.key].iter().all(|field| field.is_none())
    }
}

/// What to do with dead letters.
#[derive(Debug, Subcommand)]
pub enum DlqAction {
    /// List them, oldest first.
    List {
        /// Which.
        #[command(flatten)]
        filter: FilterArgs,
        /// The most to list.
        #[arg(long, default_value_t = 50, value_parser = clap::value_parser!(u32).range(1..=500))]
        limit: u32,
    },
    /// Show one with its body.
    Show {
        /// The letter's id.
        id: String,
    },
    /// Deliver them once more, each to the group that could not handle it.
    Redrive {
        /// Which.
        #[command(flatten)]
        filter: FilterArgs,
        /// Needed to redrive every letter.
        #[arg(long)]
        all: bool,
        /// The most letters a second.
        #[arg(long, value_parser = clap::value_parser!(u32).range(1..))]
        rate: Option<u32>,
        /// Only report what would be done.
        #[arg(long)]
        dry_run: bool,
    },
    /// Delete them.
    Discard {
        /// Which.
        #[command(flatten)]
        filter: FilterArgs,
        /// Needed to discard every letter.
        #[arg(long)]
        all: bool,
    },
}

/// What to do with stock.
#[derive(Debug, Subcommand)]
pub enum StockAction {
    /// Set the number of seats of a ticket.
    Load {
        /// The ticket.
        ticket_id: i64,
        /// Its seats.
        total: u32,
    },
    /// Show the stock of a ticket, or of every ticket of the catalogue.
    Show {
        /// The ticket.
        ticket_id: Option<i64>,
    },
    /// Have the stock cache compared with the ledger and repaired.
    Sync {
        /// The ticket; without one every ticket of the catalogue.
        ticket_id: Option<i64>,
    },
}

/// What to do with orders.
#[derive(Debug, Subcommand)]
pub enum OrderAction {
    /// Show one.
    Show {
        /// The order number.
        order_no: String,
    },
}

/// What to do with refunds.
#[derive(Debug, Subcommand)]
pub enum RefundAction {
    /// List the open ones, oldest first.
    List,
    /// Mark one as settled: the money was given back.
    Settle {
        /// The order number.
        order_no: String,
    },
}
