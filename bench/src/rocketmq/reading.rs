//! What a consumer reads.

/// The part of the command line that every consumer has.
#[derive(Debug, clap::Args)]
pub struct Reading {
    #[arg(long)]
    pub namesrv: String,
    #[arg(long)]
    pub topic: String,
    /// Several are separated by `||`.
    #[arg(long)]
    pub tag: String,
    #[arg(long)]
    pub group: String,
    /// Messages that are measured.
    #[arg(long)]
    pub count: usize,
    /// Messages before them that are not.
    #[arg(long, default_value_t = 0)]
    pub warmup: usize,
    /// The most messages in one batch.
    #[arg(long, default_value_t = 32)]
    pub batch: u32,
    /// Ends after the last measured message, instead of when it is stopped.
    #[arg(long)]
    pub exit: bool,
}
