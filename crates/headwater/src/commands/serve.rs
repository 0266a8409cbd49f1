//! `serve`: the service.

mod folder;

use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use anyhow::Context as _;
use clap::Args;
use headwater_engine::{Caller, Engine};
use headwater_extraction::Extractions;
use headwater_graphql::Api;
use headwater_model::Timestamp;
use headwater_server::webhooks::{Retries, Webhook};
use headwater_server::{App, Clock, EventMode, router};
use headwater_store::{OpeningState, SledState};
use serde::{Serialize, Serializer};
use tokio::net::TcpListener;
use tracing_subscriber::layer::SubscriberExt as _;
use tracing_subscriber::util::SubscriberInitExt as _;
use tracing_subscriber::{EnvFilter, Layer as _};

use crate::extractions;
use crate::failure::{Exit, Failure};
use crate::mesh_file;
use crate::output;
use crate::serve_config::{LimitsConfig, LogFormat, ServeConfig};
use crate::traces::Traces;

/// Run the service
#[derive(Debug, Args, Serialize)]
#[command(after_help = "\
Examples:
  headwater serve --data ./data
  headwater serve --data ./data --listen 127.0.0.1:0 --mesh mesh.toml
  headwater serve --config serve.toml --log-format json
  headwater serve --config serve.toml --limit walk_ms_max=2000 --print-config

Every flag can be set in the file, and as HEADWATER_<FLAG> in the environment; bounds stand in the file's
table [limits], or as HEADWATER_LIMITS__<NAME>. Flags count over environment, environment over file.")]
pub(crate) struct ServeArgs {
    /// Folder that holds the log, the state and the graph [default: headwater-data]
    #[arg(long, value_name = "DIR")]
    #[serde(skip_serializing_if = "Option::is_none")]
    data: Option<PathBuf>,

    /// Address to listen on; port 0 takes a free one [default: 127.0.0.1:8080]
    #[arg(long, value_name = "ADDR")]
    #[serde(skip_serializing_if = "Option::is_none")]
    listen: Option<SocketAddr>,

    /// Folder of extractors, which are checked at the start
    #[arg(long, value_name = "DIR")]
    #[serde(skip_serializing_if = "Option::is_none")]
    plugins: Option<PathBuf>,

    /// File that describes domains and what each claims
    #[arg(long, value_name = "FILE")]
    #[serde(skip_serializing_if = "Option::is_none")]
    mesh: Option<PathBuf>,

    /// Configuration file
    #[arg(long, value_name = "FILE")]
    #[serde(skip)]
    pub(crate) config: Option<PathBuf>,

    /// How log lines are written
    #[arg(long, value_enum, value_name = "FORMAT")]
    #[serde(skip_serializing_if = "Option::is_none")]
    log_format: Option<LogFormat>,

    /// Let other machines in though nobody is authenticated
    #[arg(long)]
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    allow_unauthenticated: bool,

    /// A further path at which clients post OpenLineage events; may be given again
    #[arg(long = "lineage-path", value_name = "PATH")]
    #[serde(skip_serializing_if = "Vec::is_empty")]
    lineage_paths: Vec<String>,

    /// Refuse events that break the specification
    #[arg(long)]
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    strict_events: bool,

    /// Address of an OpenTelemetry collector that gets traces, as OTLP over HTTP
    #[arg(long, value_name = "URL")]
    #[serde(skip_serializing_if = "Option::is_none")]
    otlp_endpoint: Option<String>,

    /// One bound, for example `walk_ms_max=2000`; may be given again
    #[arg(long = "limit", value_name = "NAME=N", value_parser = parse_limit)]
    #[serde(skip_serializing_if = "Vec::is_empty", serialize_with = "as_table")]
    limits: Vec<(String, u64)>,

    /// Print the configuration in force and who set each value, and end
    #[arg(long)]
    #[serde(skip)]
    print_config: bool,
}

fn parse_limit(text: &str) -> Result<(String, u64), String> {
    let (name, value) = text.split_once('=').ok_or("expected NAME=N")?;
    let value = value
        .parse()
        .map_err(|error| format!("{value:?}: {error}"))?;
    Ok((name.to_owned(), value))
}

fn as_table<S: Serializer>(limits: &[(String, u64)], serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_map(limits.iter().map(|(name, value)| (name, value)))
}

/// Serves until told to stop.
pub(crate) fn run(args: &ServeArgs) -> anyhow::Result<()> {
    let config = ServeConfig::of(args)?;
    if args.print_config {
        return output::print(&config.shown(&ServeConfig::figment(args)?));
    }
    let traces = config
        .otlp_endpoint
        .as_deref()
        .map(Traces::to)
        .transpose()?;
    start_logging(config.log_format, traces.as_ref());
    if !config.listen.ip().is_loopback() {
        tracing::warn!(listen = %config.listen, "other machines are let in, and nobody is authenticated");
    }
    let mesh = config.mesh.as_deref().map(mesh_file::read).transpose()?;
    let webhooks = crate::webhooks::read(&config.webhook, |name| std::env::var(name).ok())?;
    let (engine, state) = folder::open(&config)?;
    let engine = Arc::new(engine);
    if let Some(mesh) = mesh {
        engine
            .set_mesh(mesh, now())
            .context("the mesh file is not taken")?;
    }
    for source in engine.view(Caller::everyone()).silent_sources() {
        tracing::warn!(%source, "{source} promised to submit, and has not submitted yet");
    }
    let extractions = extractions::open(&config, &engine, now)?;
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
        .context("cannot start threads")?;
    let opening = Arc::clone(&state);
    let extracting = Arc::clone(&extractions);
    let served = serve(&config, Arc::clone(&engine), opening, extracting, webhooks);
    let served = runtime.block_on(served);
    // An extraction under way is begun again with the next start.
    extractions.stop();
    // What is queued is still committed, and the graph is written to its file.
    engine.shut_down();
    folder::close(engine, state, &config.data)?;
    if let Some(traces) = traces {
        traces.shut_down();
    }
    tracing::info!("stopped");
    served
}

async fn serve(
    config: &ServeConfig,
    engine: Arc<Engine>,
    state: Arc<OpeningState<SledState>>,
    extractions: Arc<Extractions>,
    webhooks: Vec<Webhook>,
) -> anyhow::Result<()> {
    let listener = TcpListener::bind(config.listen).await.map_err(|error| {
        Failure::new(Exit::Failed, format!("cannot listen on {}", config.listen))
            .because(error)
            .hint("choose another address with --listen; port 0 takes a free one")
    })?;
    let address = listener
        .local_addr()
        .context("the listener has no address")?;
    let clock: Clock = Arc::new(now);
    let mode = if config.strict_events {
        EventMode::Strict
    } else {
        EventMode::Lenient
    };
    let limits = server_limits(&config.limits);
    let api = Api::new(Arc::clone(&engine), graphql_limits(&config.limits));
    let api = api
        .with_extractions(Arc::clone(&extractions))
        .with_calendar(Arc::new(now));
    let mut app = App::new(engine, api, limits.clone(), clock, mode).extracting(extractions);
    if config.otlp_endpoint.is_some() {
        app = app.traced(Traces::tracer());
    }
    let stopper = app.stopper();
    let folder = headwater_server::webhooks::folder(&config.data);
    let retries = Retries::default();
    headwater_server::webhooks::start(&app, webhooks, &folder, &crate::webhooks::post(), retries);
    let routes = router(app, &config.lineage_paths);
    // Programs that start the service learn the port from this line.
    println!("listening on http://{address}");
    tracing::info!(%address, data = %config.data.display(), "listening on http://{address}");
    let mut opened = tokio::task::spawn_blocking(move || state.wait().map(|_| ()));
    let mut failure = None;
    let stop = async {
        failure = tokio::select! {
            () = stop_signal() => None,
            failure = folder::failed(&mut opened) => Some(failure),
        };
        stopper.stop();
    };
    let served = headwater_server::serve(listener, routes, &limits, stop).await;
    stopper.stopped().await;
    // Whoever stops the service at once: the state is closed only once it is open and nobody holds it.
    if !opened.is_finished() {
        let _ = opened.await;
    }
    if let Some(failure) = failure {
        return Err(Failure::new(Exit::Failed, "the state can't be opened")
            .because(failure)
            .hint(
                "start again: what is wrong with it is found then, and it is rebuilt from the log",
            )
            .into());
    }
    served.context("not every request could be answered before the end")
}

/// Ready when the process is asked to stop.
async fn stop_signal() {
    use tokio::signal::unix::{SignalKind, signal};
    let Ok(mut terminate) = signal(SignalKind::terminate()) else {
        return tokio::signal::ctrl_c().await.unwrap_or_default();
    };
    tokio::select! {
        _ = tokio::signal::ctrl_c() => {}
        _ = terminate.recv() => {}
    }
    tracing::info!("stopping: nothing new is accepted, what is under way is answered");
}

fn now() -> Timestamp {
    let since = SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .unwrap_or(Duration::ZERO);
    Timestamp::from_micros(i64::try_from(since.as_micros()).unwrap_or(i64::MAX))
}

fn start_logging(format: LogFormat, traces: Option<&Traces>) {
    let filter = EnvFilter::try_from_default_env().unwrap_or_else(|_| EnvFilter::new("info"));
    let lines = tracing_subscriber::fmt::layer()
        .with_writer(std::io::stderr)
        .with_target(false);
    let lines = match format {
        LogFormat::Text => {
            let is_terminal = std::io::IsTerminal::is_terminal(&std::io::stderr());
            lines.with_ansi(is_terminal).boxed()
        }
        LogFormat::Json => lines.json().flatten_event(true).boxed(),
    };
    let mut layers = vec![lines.with_filter(filter).boxed()];
    layers.extend(traces.map(|traces| traces.layer().boxed()));
    tracing_subscriber::registry().with(layers).init();
}

fn server_limits(limits: &LimitsConfig) -> headwater_server::Limits {
    headwater_server::Limits {
        event_bytes_max: limits.event_bytes_max,
        submission_bytes_max: limits.submission_bytes_max,
        graphql_bytes_max: limits.graphql_bytes_max,
        request_timeout: Duration::from_millis(limits.request_timeout_ms),
        min_offset_timeout: Duration::from_millis(limits.min_offset_timeout_ms),
        headers_timeout: Duration::from_millis(limits.headers_timeout_ms),
        shutdown_timeout: Duration::from_millis(limits.shutdown_timeout_ms),
        write_timeout: Duration::from_millis(limits.write_timeout_ms),
        websockets_max: limits.websockets_max,
        subscriptions_max: limits.subscriptions_max,
        websocket_buffer_max: limits.websocket_buffer_max,
        websocket_init_timeout: Duration::from_millis(limits.websocket_init_timeout_ms),
        websocket_ping: Duration::from_millis(limits.websocket_ping_ms),
        slow_consumer_timeout: Duration::from_millis(limits.slow_consumer_timeout_ms),
        bodies_bytes_max: limits.bodies_bytes_max,
        connections_max: limits.connections_max,
        questions_max: limits.questions_max,
        submissions_max: limits.submissions_max,
        uploads_max: limits.uploads_max,
    }
}

fn graphql_limits(limits: &LimitsConfig) -> headwater_graphql::Limits {
    headwater_graphql::Limits {
        depth_max: limits.graphql_depth_max,
        complexity_max: limits.graphql_complexity_max,
        aliases_max: limits.graphql_aliases_max,
        walk_ms_max: limits.walk_ms_max,
        ..headwater_graphql::Limits::default()
    }
}
