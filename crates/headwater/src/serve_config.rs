//! Configuration of the service: flags over environment over file over defaults.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use figment::Figment;
use figment::providers::{Env, Format as _, Serialized, Toml};
use headwater_plugin::HostConfig;
use serde::{Deserialize, Serialize};

use crate::commands::serve::ServeArgs;
use crate::extractions::{ExtractorLimitsConfig, FetchConfig};
use crate::failure::{Exit, Failure};
use crate::webhooks::WebhookConfig;

/// How log lines are written.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, clap::ValueEnum)]
#[serde(rename_all = "lowercase")]
pub(crate) enum LogFormat {
    /// For a person.
    #[default]
    Text,
    /// One JSON object a line.
    Json,
}

/// Everything that can be configured.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct ServeConfig {
    /// Folder that holds the log, the state and the graph.
    pub(crate) data: PathBuf,
    /// Address to listen on.
    pub(crate) listen: SocketAddr,
    /// Folder of extractors.
    pub(crate) plugins: Option<PathBuf>,
    /// The mesh file.
    pub(crate) mesh: Option<PathBuf>,
    /// How log lines are written.
    pub(crate) log_format: LogFormat,
    /// Listen beyond this machine though nobody is authenticated.
    pub(crate) allow_unauthenticated: bool,
    /// Further paths at which clients post OpenLineage events.
    pub(crate) lineage_paths: Vec<String>,
    /// Refuse events that break the specification, where otherwise they are accepted with a warning.
    pub(crate) strict_events: bool,
    /// Address of an OpenTelemetry collector that gets traces, as OTLP over HTTP.
    pub(crate) otlp_endpoint: Option<String>,
    /// Who is told what changed.
    pub(crate) webhook: Vec<WebhookConfig>,
    /// From where sources may be fetched.
    pub(crate) fetch: Vec<FetchConfig>,
    /// What calls of some extractors may use, or calls for some domains.
    pub(crate) extractor_limits: Vec<ExtractorLimitsConfig>,
    /// Bounds.
    pub(crate) limits: LimitsConfig,
}

/// Bounds, in the file's table `[limits]`.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct LimitsConfig {
    /// Bytes of one OpenLineage event, unpacked.
    pub(crate) event_bytes_max: usize,
    /// Bytes of one submission of facts, unpacked.
    pub(crate) submission_bytes_max: usize,
    /// Facts in one submission, fields counted each.
    pub(crate) submission_facts_max: usize,
    /// Bytes of one GraphQL request.
    pub(crate) graphql_bytes_max: usize,
    /// Milliseconds that a request may take, its body included.
    pub(crate) request_timeout_ms: u64,
    /// Milliseconds that the headers of a request may take.
    pub(crate) headers_timeout_ms: u64,
    /// Milliseconds that a request waits for the offset that it names to become visible.
    pub(crate) min_offset_timeout_ms: u64,
    /// Websockets at a time.
    pub(crate) websockets_max: usize,
    /// Subscriptions at a time on one websocket.
    pub(crate) subscriptions_max: usize,
    /// Messages that wait for the client of one websocket before its subscriptions wait.
    pub(crate) websocket_buffer_max: usize,
    /// Milliseconds that the client of a websocket gets to introduce itself.
    pub(crate) websocket_init_timeout_ms: u64,
    /// Milliseconds between pings on a websocket.
    pub(crate) websocket_ping_ms: u64,
    /// Milliseconds that the client of a websocket may take none of what it is sent.
    pub(crate) slow_consumer_timeout_ms: u64,
    /// Milliseconds that requests under way get to end when the service stops.
    pub(crate) shutdown_timeout_ms: u64,
    /// Milliseconds that a client may take none of what it is sent.
    pub(crate) write_timeout_ms: u64,
    /// Bytes of the bodies of all requests under way.
    pub(crate) bodies_bytes_max: usize,
    /// Connections at a time.
    pub(crate) connections_max: usize,
    /// Questions answered at a time.
    pub(crate) questions_max: usize,
    /// Submissions of facts dealt with at a time.
    pub(crate) submissions_max: usize,
    /// Submissions that may wait for the writer.
    pub(crate) queue_submissions_max: usize,
    /// Submissions in one commit.
    pub(crate) commit_submissions_max: usize,
    /// Uploads of artifacts at a time.
    pub(crate) uploads_max: usize,
    /// Bytes of one upload or fetch of artifacts.
    pub(crate) artifacts_upload_bytes_max: u64,
    /// Artifacts of one source.
    pub(crate) artifacts_max: usize,
    /// Bytes of all artifacts that are kept.
    pub(crate) artifacts_kept_bytes_max: u64,
    /// Extractions that run at a time.
    pub(crate) extraction_workers_count: usize,
    /// Extractions that may wait.
    pub(crate) extraction_queue_max: usize,
    /// Sources that may be bound to extractors.
    pub(crate) extraction_sources_max: usize,
    /// Failures in a row after which a source is paused.
    pub(crate) extraction_failures_max: u32,
    /// Extractions that are remembered of a source.
    pub(crate) extraction_history_max: usize,
    /// Mebibytes of memory of one call of an extractor.
    pub(crate) extractor_memory_mebibytes_max: u64,
    /// Milliseconds that one call of an extractor may take.
    pub(crate) extractor_timeout_ms: u64,
    /// Facts that one call of an extractor may emit.
    pub(crate) extractor_facts_max: u64,
    /// Mebibytes of artifacts that one call of an extractor may read, each as often as it reads it.
    pub(crate) extractor_read_mebibytes_max: u64,
    /// Depth of a GraphQL query.
    pub(crate) graphql_depth_max: usize,
    /// Complexity of a GraphQL query: fields, times the pages they stand in.
    pub(crate) graphql_complexity_max: usize,
    /// Aliases in a GraphQL query.
    pub(crate) graphql_aliases_max: usize,
    /// Milliseconds that one walk of the graph may take.
    pub(crate) walk_ms_max: u64,
    /// Bytes of memory for the state's cache.
    pub(crate) state_cache_bytes: u64,
    /// Bytes of one segment file of the log.
    pub(crate) log_segment_bytes: u64,
    /// Bytes that writing to the log leaves free on the disk.
    pub(crate) disk_reserve_bytes: u64,
}

impl Default for LimitsConfig {
    fn default() -> Self {
        let server = headwater_server::Limits::default();
        let engine = headwater_engine::EngineOptions::default();
        let graphql = headwater_graphql::Limits::default();
        let extraction = headwater_extraction::Options::default();
        let extractor = headwater_plugin::HostConfig::default().default_limits;
        let millis = |time: Duration| u64::try_from(time.as_millis()).unwrap_or(u64::MAX);
        Self {
            event_bytes_max: server.event_bytes_max,
            submission_bytes_max: server.submission_bytes_max,
            submission_facts_max: engine.submission_facts_max,
            graphql_bytes_max: server.graphql_bytes_max,
            request_timeout_ms: millis(server.request_timeout),
            headers_timeout_ms: millis(server.headers_timeout),
            min_offset_timeout_ms: millis(server.min_offset_timeout),
            websockets_max: server.websockets_max,
            subscriptions_max: server.subscriptions_max,
            websocket_buffer_max: server.websocket_buffer_max,
            websocket_init_timeout_ms: millis(server.websocket_init_timeout),
            websocket_ping_ms: millis(server.websocket_ping),
            slow_consumer_timeout_ms: millis(server.slow_consumer_timeout),
            shutdown_timeout_ms: millis(server.shutdown_timeout),
            write_timeout_ms: millis(server.write_timeout),
            bodies_bytes_max: server.bodies_bytes_max,
            connections_max: server.connections_max,
            questions_max: server.questions_max,
            submissions_max: server.submissions_max,
            queue_submissions_max: engine.queue_submissions_max,
            commit_submissions_max: engine.commit_submissions_max,
            uploads_max: server.uploads_max,
            artifacts_upload_bytes_max: extraction.upload_bytes_max,
            artifacts_max: extraction.artifacts_max,
            artifacts_kept_bytes_max: extraction.store_bytes_max,
            extraction_workers_count: extraction.workers_count,
            extraction_queue_max: extraction.queue_max,
            extraction_sources_max: extraction.sources_max,
            extraction_failures_max: extraction.failures_max,
            extraction_history_max: extraction.history_max,
            extractor_memory_mebibytes_max: extractor.memory_bytes_max >> 20,
            extractor_timeout_ms: millis(extractor.timeout),
            extractor_facts_max: extractor.facts_max,
            extractor_read_mebibytes_max: extractor.read_bytes_max >> 20,
            graphql_depth_max: graphql.depth_max,
            graphql_complexity_max: graphql.complexity_max,
            graphql_aliases_max: graphql.aliases_max,
            walk_ms_max: graphql.walk_ms_max,
            state_cache_bytes: headwater_store::SledOptions::default().cache_bytes,
            log_segment_bytes: headwater_store::SegmentOptions::default().segment_bytes,
            disk_reserve_bytes: headwater_store::SegmentOptions::default().reserve_bytes,
        }
    }
}

impl Default for ServeConfig {
    fn default() -> Self {
        Self {
            data: PathBuf::from("headwater-data"),
            listen: SocketAddr::from(([127, 0, 0, 1], 8080)),
            plugins: None,
            mesh: None,
            log_format: LogFormat::Text,
            allow_unauthenticated: false,
            lineage_paths: Vec::new(),
            strict_events: false,
            otlp_endpoint: None,
            webhook: Vec::new(),
            fetch: Vec::new(),
            extractor_limits: Vec::new(),
            limits: LimitsConfig::default(),
        }
    }
}

/// Variables of the environment that configure the service; `HEADWATER_LIMITS__…` are the bounds. The data folder is
/// not among them: `HEADWATER_DATA` is where the project's tests read recorded input.
const VARIABLES: &[&str] = &[
    "listen",
    "plugins",
    "mesh",
    "log_format",
    "allow_unauthenticated",
    "lineage_paths",
    "strict_events",
    "otlp_endpoint",
];

impl ServeConfig {
    /// Puts together what flags, environment and file say.
    ///
    /// # Errors
    /// A [`Failure`] with [`Exit::Input`] that names the key and where it was set.
    pub(crate) fn of(args: &ServeArgs) -> Result<Self, Failure> {
        let config: Self = Self::figment(args)?
            .extract()
            .map_err(|error| Failure::new(Exit::Input, format!("configuration: {error}")))?;
        config.check()?;
        Ok(config)
    }

    /// What flags, environment, file and defaults say, the stronger ones over the weaker ones.
    ///
    /// # Errors
    /// A [`Failure`] with [`Exit::Input`] if there is no such file.
    pub(crate) fn figment(args: &ServeArgs) -> Result<Figment, Failure> {
        let mut figment = Figment::from(Serialized::defaults(Self::default()));
        if let Some(file) = &args.config {
            if !file.is_file() {
                let message = format!("there is no configuration file {}", file.display());
                return Err(Failure::new(Exit::Input, message));
            }
            figment = figment.merge(Toml::file_exact(file));
        }
        Ok(figment
            .merge(Env::prefixed("HEADWATER_").only(VARIABLES))
            .merge(Env::prefixed("HEADWATER_LIMITS__").map(|key| format!("limits.{key}").into()))
            .merge(Serialized::defaults(args)))
    }

    fn check(&self) -> Result<(), Failure> {
        if !self.listen.ip().is_loopback() && !self.allow_unauthenticated {
            let message = format!(
                "{} can be reached from other machines, and nobody is authenticated",
                self.listen
            );
            return Err(Failure::new(Exit::Usage, message)
                .hint("listen on 127.0.0.1, or allow it with --allow-unauthenticated"));
        }
        if let Some(path) = self.lineage_paths.iter().find(|path| !is_plain_path(path)) {
            let message = format!(
                "lineage_paths: {path:?} must begin with / and hold no braces, and not be a path that is served already"
            );
            return Err(Failure::new(Exit::Input, message));
        }
        let mut paths: Vec<&String> = self.lineage_paths.iter().collect();
        paths.sort();
        let mut pairs = paths.iter().zip(paths.iter().skip(1));
        if let Some((twice, _)) = pairs.find(|(path, next)| path == next) {
            let message = format!("lineage_paths: {twice:?} is listed twice");
            return Err(Failure::new(Exit::Input, message));
        }
        self.limits.check()
    }
}

impl LimitsConfig {
    /// A bound of 0 would refuse or hold everything; one beyond what can be counted is a mistake.
    fn check(&self) -> Result<(), Failure> {
        /// More places than any machine has use for.
        const PLACES_MAX: usize = 1 << 20;
        for (name, value) in [
            ("connections_max", self.connections_max),
            ("websockets_max", self.websockets_max),
            ("subscriptions_max", self.subscriptions_max),
            ("websocket_buffer_max", self.websocket_buffer_max),
            ("questions_max", self.questions_max),
            ("submissions_max", self.submissions_max),
            ("queue_submissions_max", self.queue_submissions_max),
            ("commit_submissions_max", self.commit_submissions_max),
            ("uploads_max", self.uploads_max),
            ("artifacts_max", self.artifacts_max),
            ("extraction_queue_max", self.extraction_queue_max),
            ("extraction_sources_max", self.extraction_sources_max),
            ("extraction_history_max", self.extraction_history_max),
        ] {
            if value == 0 || value > PLACES_MAX {
                let message = format!("limits.{name} is {value}, must be from 1 to {PLACES_MAX}");
                return Err(Failure::new(Exit::Input, message));
            }
        }
        let workers_max = HostConfig::CONCURRENT_CALLS_MAX as usize;
        let memory_max = HostConfig::MEMORY_BYTES_MAX >> 20;
        let read_max = u64::MAX >> 20;
        for (name, value, max) in [
            (
                "extraction_workers_count",
                self.extraction_workers_count as u64,
                workers_max as u64,
            ),
            (
                "extraction_failures_max",
                u64::from(self.extraction_failures_max),
                u64::MAX,
            ),
            (
                "extractor_memory_mebibytes_max",
                self.extractor_memory_mebibytes_max,
                memory_max,
            ),
            ("extractor_timeout_ms", self.extractor_timeout_ms, u64::MAX),
            (
                "extractor_read_mebibytes_max",
                self.extractor_read_mebibytes_max,
                read_max,
            ),
        ] {
            if value == 0 || value > max {
                let message = format!("limits.{name} is {value}, must be from 1 to {max}");
                return Err(Failure::new(Exit::Input, message));
            }
        }
        let largest = self.submission_bytes_max.max(self.event_bytes_max);
        if self.bodies_bytes_max < largest {
            let message = format!(
                "limits.bodies_bytes_max is {}, less than the {largest} that one body may have",
                self.bodies_bytes_max
            );
            return Err(Failure::new(Exit::Input, message));
        }
        for (name, millis) in [
            ("write_timeout_ms", self.write_timeout_ms),
            ("websocket_ping_ms", self.websocket_ping_ms),
        ] {
            if millis == 0 {
                let message = format!("limits.{name} is 0, must be at least 1");
                return Err(Failure::new(Exit::Input, message));
            }
        }
        Ok(())
    }
}

fn is_plain_path(path: &str) -> bool {
    let is_taken = ["/api/", "/graphql", "/graphiql", "/health/", "/metrics"]
        .iter()
        .any(|taken| path.starts_with(taken));
    path.len() > 1
        && path.starts_with('/')
        && !path.contains(['{', '}', '?', '#', '*', ':'])
        && !is_taken
}

#[cfg(test)]
mod tests {
    use clap::Parser as _;

    use super::*;

    #[derive(clap::Parser)]
    struct Line {
        #[command(flatten)]
        args: ServeArgs,
    }

    fn config(line: &str) -> Result<ServeConfig, Failure> {
        let words = std::iter::once("serve").chain(line.split_whitespace());
        ServeConfig::of(&Line::parse_from(words).args)
    }

    #[test]
    fn flags_count_over_the_file_and_the_file_over_defaults() {
        let folder = tempfile::tempdir().expect("a folder");
        let file = folder.path().join("headwater.toml");
        let text = "listen = \"127.0.0.1:1\"\nmesh = \"file.toml\"\n[limits]\nwalk_ms_max = 7\n";
        std::fs::write(&file, text).expect("written");
        let config = config(&format!(
            "--config {} --data d --mesh flag.toml",
            file.display()
        ));
        let config = config.expect("a configuration");
        assert_eq!(config.listen.port(), 1);
        assert_eq!(config.mesh, Some("flag.toml".into()));
        assert_eq!(config.limits.walk_ms_max, 7);
        assert_eq!(
            config.limits.event_bytes_max,
            LimitsConfig::default().event_bytes_max
        );
    }

    #[test]
    fn a_key_that_does_not_exist_is_named() {
        let folder = tempfile::tempdir().expect("a folder");
        let file = folder.path().join("headwater.toml");
        std::fs::write(&file, "[limits]\nwalk_max = 7\n").expect("written");
        let error = config(&format!("--config {}", file.display())).expect_err("a typo");
        assert!(error.to_string().contains("walk_max"), "{error}");
    }

    #[test]
    fn other_machines_are_let_in_only_on_request() {
        let error = config("--listen 0.0.0.0:80").expect_err("nobody is authenticated");
        assert!(error.to_string().contains("0.0.0.0:80"), "{error}");
        assert!(config("--listen 0.0.0.0:80 --allow-unauthenticated").is_ok());
        assert!(config("--listen [::1]:80").is_ok());
    }

    #[test]
    fn paths_for_events_are_plain_and_free() {
        assert!(config("--lineage-path /custom/endpoint").is_ok());
        for path in [
            "custom",
            "/",
            "/graphql",
            "/api/v1/lineage",
            "/a/{b}",
            "/a --lineage-path /a",
        ] {
            assert!(config(&format!("--lineage-path {path}")).is_err(), "{path}");
        }
    }

    #[test]
    fn a_bound_can_be_set_by_a_flag_and_makes_sense() {
        let two = config("--limit walk_ms_max=9 --limit questions_max=3").expect("a configuration");
        assert_eq!((two.limits.walk_ms_max, two.limits.questions_max), (9, 3));
        for (line, part) in [
            ("--limit walks_max=9", "walks_max"),
            ("--limit questions_max=0", "questions_max"),
            ("--limit write_timeout_ms=0", "write_timeout_ms"),
            ("--limit bodies_bytes_max=1000", "bodies_bytes_max"),
        ] {
            let error = config(line).expect_err("no such bound");
            assert!(error.to_string().contains(part), "{error}");
        }
    }
}
