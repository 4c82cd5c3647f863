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
    /// A TOML file with settings; environment variables take precedence.
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
    /// Check the invariants I1 to I8; exit status 1 if one does not hold.
    Verify,
    /// List every setting, its default and its meaning.
    Settings,
}

/// The sale of the demonstration.
#[derive(Debug, Args)]
pub struct DemoArgs {
    /// Number of buyers, who all arrive at the same time.
    #[arg(long, default_value_t = 5_000)]
    pub buyers: u32,
    /// Number of seats on sale.
    #[arg(long, default_value_t = 1_000)]
    pub seats: u32,
    /// Percentage of the buyers with reserved seats who never pay.
    #[arg(long, default_value_t = 15, value_parser = clap::value_parser!(u32).range(0..=100))]
    pub walk_away: u32,
    /// Maximum number of buyers whose requests are in progress at the same time.
    #[arg(long, default_value_t = 512, value_parser = clap::value_parser!(u32).range(1..=10_000))]
    pub at_once: u32,
    /// The random seed: it decides who wants how many seats, and who pays.
    #[arg(long, default_value_t = 1)]
    pub seed: u64,
    /// Time limit for the whole sale, in seconds.
    #[arg(long, default_value_t = 180)]
    pub time_limit: u64,
    /// The show, the session and the ticket tier to sell.
    #[arg(long, value_name = "SHOW,SESSION,TICKET", value_delimiter = ',', num_args = 3,
        default_values_t = [3001, 30_011, 300_111])]
    pub ticket: Vec<i64>,
    /// Start a separate server on a temporary file, even if a server is running.
    #[arg(long)]
    pub alone: bool,
    /// Run every function as a process of its own, on the broker that BUS names; its program must be in the folder of this
    /// program.
    #[arg(long)]
    pub programs: bool,
    /// Like --programs, but also kill each process in turn during the sale, as `kill -9` does, and start it again.
    #[arg(long)]
    pub kill_programs: bool,
}

/// One message.
#[derive(Debug, Args)]
pub struct SendArgs {
    /// The topic.
    #[arg(long, required_unless_present = "captured")]
    pub topic: Option<String>,
    /// The tag; by default it is taken from eventType, operation or channel of the payload.
    #[arg(long)]
    pub tag: Option<String>,
    /// The message key (KEYS); by default it is taken from orderNo of the payload.
    #[arg(long)]
    pub key: Option<String>,
    /// RocketMQ's system flag (sysFlag), which says how the body is compressed; 0 if it is not.
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
    /// Only letters of this consumer group.
    #[arg(long)]
    pub group: Option<String>,
    /// Only letters of this topic.
    #[arg(long)]
    pub topic: Option<String>,
    /// Only letters with this tag.
    #[arg(long)]
    pub tag: Option<String>,
    /// Only letters with this key.
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
        /// Maximum number of letters to list.
        #[arg(long, default_value_t = 50, value_parser = clap::value_parser!(u32).range(1..=500))]
        limit: u32,
    },
    /// Show one with its body.
    Show {
        /// The letter's id.
        id: String,
    },
    /// Deliver them again, each to the group that could not handle it.
    Redrive {
        /// Which.
        #[command(flatten)]
        filter: FilterArgs,
        /// Redrive every letter; required if no filter is given.
        #[arg(long)]
        all: bool,
        /// Maximum number of letters per second.
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
        /// Discard every letter; required if no filter is given.
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
        /// Its number of seats.
        total: u32,
    },
    /// Show the stock of a ticket, or of every ticket of the catalogue.
    Show {
        /// The ticket.
        ticket_id: Option<i64>,
    },
    /// Ask stock-management to compare the stock cache with the ledger and to repair it.
    Sync {
        /// The ticket; by default every ticket of the catalogue.
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
