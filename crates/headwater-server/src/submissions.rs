//! Submissions of facts as JSON.

use std::sync::Arc;

use axum::Json;
use axum::body::Body;
use axum::extract::{Path, State};
use axum::http::{HeaderMap, HeaderValue};
use axum::response::{IntoResponse, Response};
use headwater_engine::{Caller, DiagnosticView, DiagnosticsQuestion, DryRun, DryRunFacts, Receipt};
use headwater_model::{
    DomainName, Severity, Snapshot, SourceKey, SourceName, Statement, Submission,
};
use headwater_record::submission_from_json;
use serde::Serialize;
use tokio::sync::oneshot;
use tracing::Instrument as _;

use crate::body;
use crate::error::ApiError;
use crate::lineage::OFFSET;
use crate::parameters;
use crate::router::App;
use crate::trace;

/// The longest Idempotency-Key, in bytes.
const KEY_BYTES_MAX: usize = 256;
/// Findings that a receipt lists; the rest can be asked for.
const DIAGNOSTICS_MAX: usize = 1000;

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct ReceiptRecord {
    offset: Option<u64>,
    added_count: u64,
    removed_count: u64,
    unchanged_count: u64,
    diagnostics: Vec<DiagnosticRecord>,
    #[serde(flatten)]
    difference: Option<DifferenceRecord>,
}

#[derive(Serialize)]
struct DiagnosticRecord {
    severity: &'static str,
    code: String,
    message: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    artifact: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pointer: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    line: Option<u32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    column: Option<u32>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct DifferenceRecord {
    added: FactsRecord,
    removed: FactsRecord,
    is_cut: bool,
    downstream: Vec<AssetRecord>,
    downstream_count: usize,
}

#[derive(Serialize)]
struct FactsRecord {
    datasets: Vec<String>,
    jobs: Vec<String>,
    edges: Vec<EdgeRecord>,
    fields: Vec<String>,
}

#[derive(Serialize)]
struct EdgeRecord {
    kind: &'static str,
    from: String,
    to: String,
}

#[derive(Serialize)]
struct AssetRecord {
    reference: String,
    domain: String,
    hops: u32,
}

/// Accepts what a source says now; replies once it is durable and visible.
pub(crate) async fn post(
    State(app): State<App>,
    Path((domain, source)): Path<(String, String)>,
    parameters: parameters::Found,
    headers: HeaderMap,
    body: Body,
) -> Result<Response, ApiError> {
    let parameters = parameters::read(parameters)?;
    let source = source_key(&domain, &source)?;
    let key = idempotency_key(&headers)?;
    let max = app.limits.submission_bytes_max;
    let body = body::read("the submission", &headers, body, max, &app.bodies).await?;
    // Few are dealt with at a time: each may be large. One that is still arriving takes no place.
    let place = Arc::clone(&app.submission_places).acquire_owned().await;
    let (snapshot, share) = off_thread(move || {
        let mut snapshot = submission_from_json(&body)?;
        snapshot.idempotency_key = key;
        // What was parsed takes at least as much.
        Ok::<_, ApiError>((snapshot, body.into_share()))
    })
    .await??;
    // Both are held until the submission is dealt with, whether or not the client is still there.
    let held = (place, share);
    if parameters.dry_run {
        dry_run(app, source, snapshot, held).await
    } else {
        accept(app, source, snapshot, held).await
    }
}

async fn accept(
    app: App,
    source: SourceKey,
    snapshot: Snapshot,
    held: impl Send + 'static,
) -> Result<Response, ApiError> {
    let has_errors = snapshot
        .diagnostics
        .iter()
        .any(|found| found.severity == Severity::Error);
    let is_extracted = snapshot.extractor.is_some();
    let submission = Submission {
        source: source.clone(),
        principal: None,
        received_at: (app.clock)(),
        statement: Statement::Snapshot(Box::new(snapshot)),
    };
    // A large submission is encoded before it is queued: not on an async thread.
    let (sender, receiver) = oneshot::channel();
    let engine = Arc::clone(&app.engine);
    let span = trace::submission(&source);
    let entered = span.clone();
    off_thread(move || {
        let _entered = entered.enter();
        engine.submit(
            submission,
            Box::new(move |result| {
                drop(held);
                let _ = sender.send(result);
            }),
        )
    })
    .await??;
    let receipt = receiver
        .instrument(span)
        .await
        .map_err(|error| ApiError::internal(&error))??;
    if is_extracted && !receipt.is_repeat {
        app.metrics.count_extraction(has_errors);
    }
    let offset = HeaderValue::from(receipt.offset);
    let record = receipt_record(&app, &source, &receipt)?;
    Ok(([(OFFSET, offset)], Json(record)).into_response())
}

/// A repeat gets the receipt of the submission that it repeats.
fn receipt_record(
    app: &App,
    source: &SourceKey,
    receipt: &Receipt,
) -> Result<ReceiptRecord, ApiError> {
    let view = app.engine.view(Caller::everyone());
    let number = view.source(source).map(|source| source.number);
    let stored = match number {
        Some(number) => view.submission(number, receipt.offset)?,
        None => None,
    };
    let found = view.diagnostics(&[DiagnosticsQuestion {
        offset: receipt.offset,
        skip: 0,
        count: DIAGNOSTICS_MAX,
    }])?;
    let diagnostics = found.into_iter().flatten();
    let (added_count, removed_count, unchanged_count) = stored.map_or(
        (
            receipt.added_count,
            receipt.removed_count,
            receipt.unchanged_count,
        ),
        |stored| {
            let record = stored.record;
            (
                record.added_count,
                record.removed_count,
                record.unchanged_count,
            )
        },
    );
    Ok(ReceiptRecord {
        offset: Some(receipt.offset),
        added_count,
        removed_count,
        unchanged_count,
        diagnostics: diagnostics.map(diagnostic_record).collect(),
        difference: None,
    })
}

async fn dry_run(
    app: App,
    source: SourceKey,
    snapshot: Snapshot,
    held: impl Send + 'static,
) -> Result<Response, ApiError> {
    let received_at = (app.clock)();
    let (dry_run, diagnostics) = off_thread(move || {
        let view = app.engine.view(Caller::everyone());
        let dry_run = view.dry_run(&source, &snapshot, received_at)?;
        drop(held);
        Ok::<_, ApiError>((dry_run, snapshot.diagnostics))
    })
    .await??;
    let diagnostics = diagnostics
        .iter()
        .take(DIAGNOSTICS_MAX)
        .map(|found| DiagnosticRecord {
            severity: severity(found.severity as u8),
            code: found.code.to_string(),
            message: found.message.to_string(),
            artifact: found.at.as_ref().map(|at| at.artifact.to_string()),
            pointer: found
                .at
                .as_ref()
                .and_then(|at| at.pointer.as_ref().map(ToString::to_string)),
            line: found.at.as_ref().and_then(|at| at.line),
            column: found.at.as_ref().and_then(|at| at.column),
        });
    Ok(Json(difference_record(dry_run, diagnostics.collect())).into_response())
}

fn difference_record(dry_run: DryRun, diagnostics: Vec<DiagnosticRecord>) -> ReceiptRecord {
    ReceiptRecord {
        offset: None,
        added_count: dry_run.added_count,
        removed_count: dry_run.removed_count,
        unchanged_count: dry_run.unchanged_count,
        diagnostics,
        difference: Some(DifferenceRecord {
            added: facts_record(dry_run.added),
            removed: facts_record(dry_run.removed),
            is_cut: dry_run.is_cut,
            downstream: dry_run
                .downstream
                .into_iter()
                .map(|asset| AssetRecord {
                    reference: asset.reference,
                    domain: asset.domain,
                    hops: asset.hops,
                })
                .collect(),
            downstream_count: dry_run.downstream_count,
        }),
    }
}

fn facts_record(facts: DryRunFacts) -> FactsRecord {
    let edge = |edge: headwater_engine::DryRunEdge| EdgeRecord {
        kind: edge.kind.as_str(),
        from: edge.from,
        to: edge.to,
    };
    FactsRecord {
        datasets: facts.datasets,
        jobs: facts.jobs,
        edges: facts.edges.into_iter().map(edge).collect(),
        fields: facts.fields,
    }
}

fn diagnostic_record(found: DiagnosticView) -> DiagnosticRecord {
    let at = found.at;
    DiagnosticRecord {
        severity: severity(found.severity),
        code: found.code.to_string(),
        message: found.message.to_string(),
        artifact: at.as_ref().map(|at| at.artifact.to_string()),
        pointer: at
            .as_ref()
            .and_then(|at| at.pointer.as_ref().map(ToString::to_string)),
        line: at.as_ref().and_then(|at| at.line),
        column: at.as_ref().and_then(|at| at.column),
    }
}

fn severity(rank: u8) -> &'static str {
    match rank {
        0 => "INFO",
        1 => "WARNING",
        _ => "ERROR",
    }
}

pub(crate) fn source_key(domain: &str, source: &str) -> Result<SourceKey, ApiError> {
    let domain = DomainName::parse(domain)
        .map_err(|error| ApiError::invalid(format!("domain {domain:?} {error}")))?;
    let name = SourceName::parse(source)
        .map_err(|error| ApiError::invalid(format!("source {source:?} {error}")))?;
    Ok(SourceKey::new(domain, name))
}

fn idempotency_key(headers: &HeaderMap) -> Result<Option<Arc<str>>, ApiError> {
    let Some(value) = headers.get("idempotency-key") else {
        return Ok(None);
    };
    match value.to_str() {
        Ok(key) if !key.is_empty() && key.len() <= KEY_BYTES_MAX => Ok(Some(key.into())),
        _ => Err(ApiError::invalid(format!(
            "header Idempotency-Key must have 1 to {KEY_BYTES_MAX} characters of ASCII"
        ))),
    }
}

pub(crate) async fn off_thread<T: Send + 'static>(
    work: impl FnOnce() -> T + Send + 'static,
) -> Result<T, ApiError> {
    tokio::task::spawn_blocking(work)
        .await
        .map_err(|error| ApiError::internal(&error))
}
