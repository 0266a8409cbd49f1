//! What `GET /metrics` says, read at one moment.

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::Ordering;

use headwater_engine::{Reading, Stats};
use headwater_extraction::ExtractionStats;
use prometheus_client::collector::Collector;
use prometheus_client::encoding::{
    DescriptorEncoder, EncodeCounterValue, EncodeGaugeValue, EncodeMetric,
};
use prometheus_client::metrics::counter::ConstCounter;
use prometheus_client::metrics::gauge::ConstGauge;
use prometheus_client::metrics::{MetricType, TypedMetric};
use prometheus_client::registry::Unit;

use super::{CODES, LABELS, Metrics, OUTCOMES, STATUSES};
use crate::error::Refusal;
use crate::router::App;
use crate::webhooks::Counts;

/// All that is told, gathered before it is written.
#[derive(Debug)]
pub(super) struct Exposition {
    metrics: Arc<Metrics>,
    stats: Stats,
    bodies_bytes: u64,
    bodies_bytes_max: u64,
    websockets: u64,
    /// None where the service does not extract.
    extraction: Option<ExtractionStats>,
    webhooks: Arc<Counts>,
    resident_bytes: Option<u64>,
}

impl Exposition {
    pub(super) fn new(app: &App) -> Self {
        let places = app.websocket_places.available_permits();
        let open = app.limits.websockets_max.saturating_sub(places);
        Self {
            metrics: Arc::clone(&app.metrics),
            stats: app.engine.stats(),
            bodies_bytes: app.bodies.used() as u64,
            bodies_bytes_max: app.limits.bodies_bytes_max as u64,
            websockets: open as u64,
            extraction: app.extractions.as_ref().map(|found| found.stats()),
            webhooks: Arc::clone(&app.webhook_counts),
            resident_bytes: resident_bytes(),
        }
    }
}

/// Memory of the process as Linux tells it; none elsewhere.
fn resident_bytes() -> Option<u64> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find(|line| line.starts_with("VmRSS:"))?;
    let kibibytes: u64 = line.split_whitespace().nth(1)?.parse().ok()?;
    Some(kibibytes << 10)
}

impl Collector for Exposition {
    fn encode(&self, mut out: DescriptorEncoder) -> Result<(), fmt::Error> {
        let out = &mut Out(&mut out);
        self.encode_requests(out)?;
        self.encode_writes(out)?;
        if let Some(extraction) = &self.extraction {
            encode_extraction(extraction, out)?;
        }
        self.encode_sizes(out)
    }
}

impl Exposition {
    fn encode_requests(&self, out: &mut Out<'_, '_>) -> fmt::Result {
        let requests = &self.metrics.requests;
        let mut by_status = Vec::new();
        for (label, counted) in LABELS.iter().zip(requests) {
            let known = STATUSES.iter().map(ToString::to_string);
            let named = known.chain(["other".to_owned()]);
            for (status, count) in named.zip(&counted.by_status) {
                let count = count.load(Ordering::Relaxed);
                // Most pairs never happen.
                if count > 0 {
                    let labels = [("endpoint", (*label).to_owned()), ("status", status)];
                    by_status.push((labels, count));
                }
            }
        }
        out.counters("requests", "Requests answered", by_status)?;
        let of_endpoints = LABELS.iter().zip(requests);
        let seconds = of_endpoints
            .map(|(label, counted)| ([("endpoint", (*label).to_owned())], counted.seconds.read()));
        out.histograms(
            "request_duration",
            "Time from the headers of a request to those of its answer",
            Some(&Unit::Seconds),
            seconds.filter(|(_, reading)| reading.count() > 0),
        )?;
        let in_flight = self.metrics.in_flight.load(Ordering::Relaxed);
        out.gauge("requests_in_flight", "Requests under way", None, in_flight)?;
        out.gauge(
            "websockets",
            "Websockets that are open",
            None,
            self.websockets,
        )?;
        out.counter(
            "slow_consumers",
            "Websockets closed because their clients took too little of what they were sent",
            self.metrics.slow_consumers.load(Ordering::Relaxed),
        )?;
        let counters = [
            (
                "webhook_deliveries",
                "Deliveries that webhooks took",
                &self.webhooks.delivered,
            ),
            (
                "webhook_failures",
                "Attempts of deliveries that webhooks did not take",
                &self.webhooks.failed_attempts,
            ),
            (
                "webhook_given_up",
                "Deliveries that webhooks never took",
                &self.webhooks.given_up,
            ),
        ];
        for (name, help, count) in counters {
            out.counter(name, help, count.load(Ordering::Relaxed))?;
        }
        let errors = CODES.iter().zip(&self.metrics.graphql_errors);
        out.counters(
            "graphql_errors",
            "Errors in answers to GraphQL requests, by extensions.code",
            errors.map(|(code, count)| {
                (
                    [("code", (*code).to_owned())],
                    count.load(Ordering::Relaxed),
                )
            }),
        )
    }

    fn encode_writes(&self, out: &mut Out<'_, '_>) -> fmt::Result {
        let stats = &self.stats;
        let extractions = OUTCOMES.iter().zip(&self.metrics.extractions);
        out.counters(
            "extractions",
            "Accepted submissions that an extractor made, by whether it found errors",
            extractions.map(|(outcome, count)| {
                (
                    [("outcome", (*outcome).to_owned())],
                    count.load(Ordering::Relaxed),
                )
            }),
        )?;
        let refused = Refusal::ALL.iter().zip(&self.metrics.refused);
        out.counters(
            "submissions_refused",
            "Events and submissions that were refused, by reason",
            refused.map(|(reason, count)| {
                (
                    [("reason", reason.as_str().to_owned())],
                    count.load(Ordering::Relaxed),
                )
            }),
        )?;
        out.counter(
            "submissions_repeated",
            "Events and submissions that repeat an earlier one and changed nothing",
            stats.repeats_count,
        )?;
        let queue = stats.queue_count as u64;
        out.gauge(
            "queue_depth",
            "Submissions that wait for the writer",
            None,
            queue,
        )?;
        let capacity = stats.queue_max as u64;
        out.gauge(
            "queue_capacity",
            "Submissions that may wait",
            None,
            capacity,
        )?;
        out.gauge(
            "bodies",
            "Bodies of requests under way",
            Some(&Unit::Bytes),
            self.bodies_bytes,
        )?;
        out.gauge(
            "bodies_capacity",
            "What bodies of requests may take together",
            Some(&Unit::Bytes),
            self.bodies_bytes_max,
        )?;
        out.histogram(
            "commit_duration",
            "Time from taking a commit out of the queue until it is visible",
            Some(&Unit::Seconds),
            &stats.commit_seconds,
        )?;
        out.histogram(
            "commit_entries",
            "Entries of a commit",
            None,
            &stats.commit_entries,
        )
    }

    fn encode_sizes(&self, out: &mut Out<'_, '_>) -> fmt::Result {
        let stats = &self.stats;
        let bytes = Some(&Unit::Bytes);
        out.gauge("offset", "The newest visible offset", None, stats.offset)?;
        out.gauge("log", "Segment files of the log", bytes, stats.log_bytes)?;
        let segments = stats.log_segments_count as u64;
        out.gauge("log_segments", "Segment files of the log", None, segments)?;
        if let Some(state) = stats.state_bytes {
            out.gauge("state", "Files of the state", bytes, state)?;
        }
        let assets = stats.assets_count as u64;
        out.gauge(
            "graph_assets",
            "Datasets and jobs in the graph",
            None,
            assets,
        )?;
        let edges = stats.edges_count as u64;
        out.gauge("graph_edges", "Edges between them", None, edges)?;
        let fields = stats.fields_count as u64;
        out.gauge("graph_fields", "Fields in the graph", None, fields)?;
        let field_edges = stats.field_edges_count as u64;
        out.gauge(
            "graph_field_edges",
            "Edges between fields",
            None,
            field_edges,
        )?;
        out.gauge(
            "graph_overlay",
            "Changed edges as a share of all; at 0.01 the graph is compacted",
            Some(&Unit::Ratios),
            stats.overlay_ratio,
        )?;
        out.counter(
            "compactions",
            "Compactions of the graph",
            stats.compactions_count,
        )?;
        let is_accepting = u64::from(!stats.has_failed);
        out.gauge(
            "accepting",
            "1 while submissions are accepted, else 0",
            None,
            is_accepting,
        )?;
        match self.resident_bytes {
            Some(resident) => out.gauge(
                "process_resident_memory",
                "Memory of the process",
                bytes,
                resident,
            ),
            None => Ok(()),
        }
    }
}

fn encode_extraction(stats: &ExtractionStats, out: &mut Out<'_, '_>) -> fmt::Result {
    let ended = &stats.ended;
    let outcomes = [
        ("succeeded", ended.succeeded_count),
        ("unchanged", ended.unchanged_count),
        ("failed", ended.failed_count),
    ];
    out.counters(
        "source_extractions",
        "Extractions by the service that ended, by how",
        outcomes.map(|(outcome, count)| ([("outcome", outcome.to_owned())], count)),
    )?;
    out.counter(
        "source_extractions_milliseconds",
        "How long they ran, all together",
        u64::try_from(stats.ran.as_millis()).unwrap_or(u64::MAX),
    )?;
    for (name, help, count) in [
        (
            "source_extractions_queued",
            "Sources that wait to be extracted",
            stats.queued_count,
        ),
        (
            "source_extractions_running",
            "Extractions under way",
            stats.running_count,
        ),
        (
            "sources_paused",
            "Sources that are paused",
            stats.paused_count,
        ),
    ] {
        out.gauge(name, help, None, count)?;
    }
    Ok(())
}

/// Writes one metric after the other.
struct Out<'a, 'b>(&'a mut DescriptorEncoder<'b>);

impl Out<'_, '_> {
    fn gauge<V>(&mut self, name: &str, help: &str, unit: Option<&Unit>, value: V) -> fmt::Result
    where
        V: EncodeGaugeValue + Clone,
        ConstGauge<V>: EncodeMetric,
    {
        let encoder = self
            .0
            .encode_descriptor(name, help, unit, MetricType::Gauge)?;
        ConstGauge::new(value).encode(encoder)
    }

    fn counter(&mut self, name: &str, help: &str, value: u64) -> fmt::Result {
        let kind = ConstCounter::<u64>::TYPE;
        let encoder = self.0.encode_descriptor(name, help, None, kind)?;
        ConstCounter::new(value).encode(encoder)
    }

    fn counters<const N: usize, V>(
        &mut self,
        name: &str,
        help: &str,
        values: impl IntoIterator<Item = ([(&'static str, String); N], V)>,
    ) -> fmt::Result
    where
        V: EncodeCounterValue + Clone,
        ConstCounter<V>: EncodeMetric,
    {
        let mut family = self
            .0
            .encode_descriptor(name, help, None, MetricType::Counter)?;
        for (labels, value) in values {
            ConstCounter::new(value).encode(family.encode_family(&labels)?)?;
        }
        Ok(())
    }

    fn histogram(
        &mut self,
        name: &str,
        help: &str,
        unit: Option<&Unit>,
        reading: &Reading,
    ) -> fmt::Result {
        let kind = MetricType::Histogram;
        let mut encoder = self.0.encode_descriptor(name, help, unit, kind)?;
        encoder.encode_histogram::<[(&str, &str); 0]>(
            reading.sum,
            reading.count(),
            &reading.buckets,
            None,
        )
    }

    fn histograms(
        &mut self,
        name: &str,
        help: &str,
        unit: Option<&Unit>,
        readings: impl IntoIterator<Item = ([(&'static str, String); 1], Reading)>,
    ) -> fmt::Result {
        let kind = MetricType::Histogram;
        let mut family = self.0.encode_descriptor(name, help, unit, kind)?;
        for (labels, reading) in readings {
            family
                .encode_family(&labels)?
                .encode_histogram::<[(&str, &str); 0]>(
                    reading.sum,
                    reading.count(),
                    &reading.buckets,
                    None,
                )?;
        }
        Ok(())
    }
}
