//! `boxoffice`: see `boxoffice --help`.

use std::process::ExitCode;
use std::time::Duration;

use anyhow::Context as _;
use boxoffice::cli::{
    Action, Cli, DemoArgs, DlqAction, FilterArgs, OrderAction, RefundAction, SendArgs, StockAction,
};
use boxoffice::demo::{self, Office, Plan, Scratch};
use boxoffice::operator::{Answer, Command, LetterFilter, RedriveView};
use boxoffice::operator_access::{Reach, running_server};
use boxoffice::serve::Server;
use boxoffice::{DEMO_CATALOGUE, print, send_file};
use boxoffice_host::{CatalogueSource, HostError, HostSettings, QUIET_TARGETS};
use boxoffice_runtime::config::settings_table;
use boxoffice_runtime::{Shutdown, shutdown, telemetry};
use clap::Parser as _;
use jiff::Timestamp;

/// How long a connection to the server of this machine may take.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(2);
/// Letters that one call redrives where no rate is given.
const REDRIVE_CALL: u32 = 500;

fn main() -> ExitCode {
    match start(Cli::parse()) {
        Ok(status) => status,
        Err(error) => {
            eprintln!("boxoffice: {error:#}");
            let status = error.downcast_ref::<HostError>().map_or(1, HostError::exit_status);
            ExitCode::from(status)
        }
    }
}

fn start(cli: Cli) -> anyhow::Result<ExitCode> {
    let file = cli.config.clone().or_else(|| std::env::var_os("BOXOFFICE_CONFIG").map(Into::into));
    let mut settings = HostSettings::load(file.as_deref()).map_err(HostError::from)?;
    if settings.catalogue.is_none() {
        settings.catalogue = Some(CatalogueSource::Text(DEMO_CATALOGUE));
    }
    boxoffice_host::runtime(settings.threads)?.block_on(run(cli, settings))
}

async fn run(cli: Cli, settings: HostSettings) -> anyhow::Result<ExitCode> {
    match cli.command {
        Action::Serve => serve(settings).await.map(|()| ExitCode::SUCCESS),
        Action::Demo(args) => demo(settings, args).await,
        Action::Settings => {
            print!("{}", settings_table(settings.described()));
            Ok(ExitCode::SUCCESS)
        }
        Action::Dlq(DlqAction::Redrive { filter, all, rate, dry_run }) => {
            redrive(&settings, filter, all, rate, dry_run, cli.json).await
        }
        other => operate(&settings, command(other)?, cli.json).await,
    }
}

async fn serve(settings: HostSettings) -> anyhow::Result<()> {
    let telemetry =
        telemetry::init(settings.log_format, &settings.log_filter, QUIET_TARGETS).map_err(HostError::from)?;
    let shutdown = Shutdown::new();
    shutdown::on_signals(shutdown.clone())?;
    let store = settings.backends.store.to_string();
    let server = Server::start(settings, Some(telemetry), shutdown).await?;
    let url = format!("http://{}", server.api);
    println!("Boxoffice is listening on {url}; its stores are in {store}. Try:\n");
    println!(
        "  curl -s {url}/orders -H 'Content-Type: application/json' -H 'Idempotency-Key: first' \\\n       -d '{{\"userId\":1,\"showId\":3001,\"sessionId\":30011,\"ticketId\":300111,\"quantity\":2}}'"
    );
    println!("  curl -s '{url}/orders?userId=1'");
    println!("  curl -s {url}/tickets/300111/stock\n");
    server.run().await?;
    tracing::info!("stopped");
    Ok(())
}

/// The command of every action that is one call.
fn command(action: Action) -> anyhow::Result<Command> {
    Ok(match action {
        Action::Send(args) => send(&args)?,
        Action::Dlq(DlqAction::List { filter, limit }) => {
            Command::DlqList { filter: letter_filter(filter), limit, cursor: None }
        }
        Action::Dlq(DlqAction::Show { id }) => Command::DlqShow { id },
        Action::Dlq(DlqAction::Discard { filter, all }) => {
            meant(&filter, all, "discard")?;
            Command::DlqDiscard { filter: letter_filter(filter), before: Timestamp::now() }
        }
        Action::Stock(StockAction::Load { ticket_id, total }) => Command::StockLoad { ticket_id, total },
        Action::Stock(StockAction::Show { ticket_id }) => Command::StockShow { ticket_id },
        Action::Stock(StockAction::Sync { ticket_id }) => Command::StockSync { ticket_id },
        Action::Order(OrderAction::Show { order_no }) => Command::OrderShow { order_no },
        Action::Refund(RefundAction::List) => Command::RefundList { limit: 500 },
        Action::Refund(RefundAction::Settle { order_no }) => Command::RefundSettle { order_no },
        Action::Status => Command::Status,
        Action::Verify => Command::Verify,
        Action::Serve | Action::Demo(_) | Action::Settings | Action::Dlq(DlqAction::Redrive { .. }) => {
            anyhow::bail!("expected exactly one command")
        }
    })
}

fn send(args: &SendArgs) -> anyhow::Result<Command> {
    send_file::command(args).context("nothing was sent")
}

/// Refuses to touch every letter unless that was said.
fn meant(filter: &FilterArgs, all: bool, what: &str) -> anyhow::Result<()> {
    match (filter.is_empty(), all) {
        (true, false) => {
            anyhow::bail!(
                "no dead letters selected; give a filter such as --group, or --all to {what} every one"
            )
        }
        (false, true) => anyhow::bail!("--all and a filter cannot be combined"),
        _ => Ok(()),
    }
}

fn letter_filter(args: FilterArgs) -> LetterFilter {
    let FilterArgs { id, group, topic, tag, key } = args;
    LetterFilter { id, group, topic, tag, key }
}

async fn operate(settings: &HostSettings, command: Command, json: bool) -> anyhow::Result<ExitCode> {
    let reach = Reach::find(settings, http()?).await?;
    let answer = reach.run(&command).await;
    reach.close().await?;
    let answer = answer?;
    print::answer(&answer, json)?;
    let broken = matches!(&answer, Answer::Verification(verification) if verification.is_broken());
    Ok(if broken { ExitCode::FAILURE } else { ExitCode::SUCCESS })
}

async fn redrive(
    settings: &HostSettings,
    filter: FilterArgs,
    all: bool,
    rate: Option<u32>,
    dry_run: bool,
    json: bool,
) -> anyhow::Result<ExitCode> {
    meant(&filter, all, "redrive")?;
    let filter = letter_filter(filter);
    let reach = Reach::find(settings, http()?).await?;
    // One that fails again during this command is stored later, and waits for the next command.
    let before = Timestamp::now();
    let mut total = RedriveView { dry_run, ..RedriveView::default() };
    let mut cursor = None;
    let result = loop {
        let limit = rate.unwrap_or(REDRIVE_CALL).min(REDRIVE_CALL);
        let command = Command::DlqRedrive { filter: filter.clone(), limit, cursor, before, dry_run };
        let view = match reach.run(&command).await {
            Ok(Answer::Redrive(view)) => view,
            Ok(_) => break Err(anyhow::anyhow!("the server sent an unexpected answer")),
            Err(error) => break Err(error.into()),
        };
        total.redriven += view.redriven;
        total.ids.extend(view.ids);
        total.failed.extend(view.failed);
        cursor = view.next;
        if cursor.is_none() {
            break Ok(());
        }
        if rate.is_some() && !dry_run {
            tokio::time::sleep(Duration::from_secs(1)).await;
        }
    };
    reach.close().await?;
    print::answer(&Answer::Redrive(total.clone()), json)?;
    result?;
    Ok(if total.failed.is_empty() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

fn http() -> anyhow::Result<reqwest::Client> {
    Ok(reqwest::Client::builder()
        .no_proxy()
        .connect_timeout(CONNECT_TIMEOUT)
        .pool_max_idle_per_host(1_024)
        .build()?)
}

async fn demo(settings: HostSettings, args: DemoArgs) -> anyhow::Result<ExitCode> {
    let &[show_id, session_id, ticket_id] = args.ticket.as_slice() else {
        anyhow::bail!("--ticket expects a show, a session and a ticket, such as 3001,30011,300111");
    };
    let plan = Plan {
        buyers: args.buyers,
        seats: args.seats,
        walk_away_percent: args.walk_away,
        at_once: args.at_once,
        seed: args.seed,
        ticket: (show_id, session_id, ticket_id),
        time_limit: Duration::from_secs(args.time_limit),
    };
    let programs = args.programs || args.kill_programs;
    if !args.alone
        && !programs
        && let Some(admin) = running_server(&settings, http()?).await?
    {
        println!("The sale uses the running server, http://{}", admin.endpoint().api);
        let good = demo::run(plan, http()?, Office::of_server(admin), || {}).await?;
        return Ok(if good { ExitCode::SUCCESS } else { ExitCode::FAILURE });
    }
    let mut scratch = Scratch::new(&settings)?;
    let good = if programs {
        demo::on_programs(plan, http()?, &mut scratch, args.kill_programs).await
    } else {
        demo::on_server(plan, http()?, &mut scratch).await
    };
    if !matches!(good, Ok(true)) {
        println!(
            "The orders, the messages and the logs of this sale are kept in {}",
            scratch.keep().display()
        );
    }
    Ok(if good? { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}
