//! Artifacts that the service extracts, and components of extractors.

use std::sync::Arc;

use axum::Json;
use axum::body::{Body, Bytes};
use axum::extract::multipart::{Field, MultipartError, MultipartRejection};
use axum::extract::rejection::QueryRejection;
use axum::extract::{Multipart, Path, Query, State};
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse, Response};
use headwater_extraction::{ExtractionError, ExtractionRecord, Extractions, Upload};
use headwater_model::SourceKey;
use serde::{Deserialize, Serialize};
use tokio::sync::mpsc::{self, Receiver, Sender};

use crate::body;
use crate::error::{ApiError, Refusal};
use crate::router::App;
use crate::submissions::{off_thread, source_key};

/// Pieces that wait for the disk.
const PIECES_MAX: usize = 8;
/// The largest component that is sent.
const COMPONENT_BYTES_MAX: usize = 64 << 20;
/// A part of this name is named by its file; any other part's name is the artifact's.
const FILE_PART: &str = "file";

/// How artifacts are taken.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(crate) struct Parameters {
    /// The extractor that an unbound source is bound to.
    plugin: Option<String>,
    /// Artifacts that are not sent stay.
    #[serde(default)]
    partial: bool,
}

/// Something that is received.
enum Piece {
    Begin(String),
    Bytes(Bytes),
    End,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct ExtractionReply {
    domain: String,
    source: String,
    number: u64,
    state: &'static str,
    artifacts_count: usize,
    paused: Option<String>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct ComponentReply {
    name: String,
    version: String,
    digest: String,
    bytes: u64,
    api_version: String,
    summary: String,
    is_active: bool,
}

impl From<ExtractionError> for ApiError {
    fn from(error: ExtractionError) -> Self {
        let message = error.to_string();
        match error {
            ExtractionError::NotFound(_) => Self::new(StatusCode::NOT_FOUND, "NOT_FOUND", message),
            ExtractionError::Invalid(_) => Self::invalid(message),
            ExtractionError::TooLarge(_) => {
                Self::new(StatusCode::PAYLOAD_TOO_LARGE, "LIMIT_EXCEEDED", message)
                    .because(Refusal::TooLarge)
            }
            ExtractionError::Busy(_) => Self::new(StatusCode::SERVICE_UNAVAILABLE, "BUSY", message)
                .because(Refusal::QueueFull),
            ExtractionError::DiskFull(_) => {
                Self::new(StatusCode::INSUFFICIENT_STORAGE, "BUSY", message)
                    .because(Refusal::DiskFull)
            }
            ExtractionError::Io(_) => Self::internal(&error),
        }
    }
}

/// Takes artifacts of a source, and queues their extraction; replies once both are durable.
pub(crate) async fn post(
    State(app): State<App>,
    Path((domain, source)): Path<(String, String)>,
    parameters: Result<Query<Parameters>, QueryRejection>,
    headers: HeaderMap,
    parts: Result<Multipart, MultipartRejection>,
) -> Result<Response, ApiError> {
    let Query(parameters) = parameters
        .map_err(|error| ApiError::invalid(format!("query string: {}", error.body_text())))?;
    let key = source_key(&domain, &source)?;
    let extractions = extractions(&app)?;
    if headers.contains_key(header::CONTENT_ENCODING) {
        let message = "artifacts are sent as they are, without Content-Encoding";
        let status = StatusCode::UNSUPPORTED_MEDIA_TYPE;
        return Err(ApiError::new(status, "INVALID_INPUT", message));
    }
    let parts = parts.map_err(|error| {
        ApiError::invalid(format!(
            "the artifacts are no multipart/form-data: {}",
            error.body_text()
        ))
    })?;
    let place = Arc::clone(&app.upload_places).acquire_owned().await;
    let plugin = parameters.plugin;
    let (receiving, of) = (Arc::clone(&extractions), key.clone());
    let upload = off_thread(move || receiving.receive(&of, plugin.as_deref())).await??;
    let upload = receive(parts, upload).await?;
    let count = upload.files_count();
    let (accepting, of) = (Arc::clone(&extractions), key.clone());
    let is_partial = parameters.partial;
    let queued = off_thread(move || {
        let queued = accepting.accept(&of, upload, is_partial);
        drop(place);
        queued
    })
    .await??;
    let reply = reply(&extractions, &key, &queued, count);
    Ok((StatusCode::ACCEPTED, Json(reply)).into_response())
}

fn reply(
    extractions: &Extractions,
    key: &SourceKey,
    queued: &ExtractionRecord,
    artifacts_count: usize,
) -> ExtractionReply {
    ExtractionReply {
        domain: key.domain.to_string(),
        source: key.name.to_string(),
        number: queued.number,
        state: "QUEUED",
        artifacts_count,
        paused: extractions.source(key).and_then(|source| source.paused),
    }
}

fn extractions(app: &App) -> Result<Arc<Extractions>, ApiError> {
    app.extractions.clone().ok_or_else(|| {
        let message = "this service extracts nothing";
        ApiError::new(StatusCode::NOT_IMPLEMENTED, "INVALID_INPUT", message)
    })
}

/// Receives all parts, each into a file.
async fn receive(mut parts: Multipart, upload: Upload) -> Result<Upload, ApiError> {
    let (sender, receiver) = mpsc::channel(PIECES_MAX);
    let writing = tokio::task::spawn_blocking(move || write(upload, receiver));
    let sent = send(&mut parts, &sender).await;
    drop(sender);
    let written = writing.await.map_err(|error| ApiError::internal(&error))?;
    // What the writer refused explains why nothing more could be sent to it.
    let upload = written?;
    sent?;
    Ok(upload)
}

async fn send(parts: &mut Multipart, sender: &Sender<Piece>) -> Result<(), ApiError> {
    while let Some(mut part) = parts.next_field().await.map_err(broken)? {
        let name = name_of(&part)?;
        if sender.send(Piece::Begin(name)).await.is_err() {
            return Ok(());
        }
        while let Some(bytes) = part.chunk().await.map_err(broken)? {
            if sender.send(Piece::Bytes(bytes)).await.is_err() {
                return Ok(());
            }
        }
        if sender.send(Piece::End).await.is_err() {
            return Ok(());
        }
    }
    Ok(())
}

#[allow(
    clippy::needless_pass_by_value,
    reason = "a mapping of errors gets them by value"
)]
fn broken(error: MultipartError) -> ApiError {
    ApiError::invalid(format!("the artifacts broke off: {}", error.body_text()))
}

fn name_of(part: &Field<'_>) -> Result<String, ApiError> {
    let name = part.name().unwrap_or_default();
    if name != FILE_PART && !name.is_empty() {
        return Ok(name.to_owned());
    }
    let file_name = part.file_name().map(str::to_owned);
    file_name.ok_or_else(|| {
        ApiError::invalid("a part has no name: name it by the artifact's path, or give a filename")
    })
}

/// Writes what comes; what broke off is removed.
fn write(mut upload: Upload, mut receiver: Receiver<Piece>) -> Result<Upload, ExtractionError> {
    'parts: while let Some(Piece::Begin(name)) = receiver.blocking_recv() {
        let mut file = upload.begin(&name)?;
        loop {
            match receiver.blocking_recv() {
                Some(Piece::Bytes(bytes)) => file.write(&bytes)?,
                Some(Piece::End) => {
                    file.finish()?;
                    break;
                }
                // The sender says why.
                Some(Piece::Begin(_)) | None => break 'parts,
            }
        }
    }
    Ok(upload)
}

/// Takes a component, to be installed by the mutation installPlugin.
pub(crate) async fn post_component(
    State(app): State<App>,
    headers: HeaderMap,
    body: Body,
) -> Result<Response, ApiError> {
    let extractions = extractions(&app)?;
    let what = "the component";
    let body = body::read(what, &headers, body, COMPONENT_BYTES_MAX, &app.bodies).await?;
    let staged = off_thread(move || extractions.stage(&body)).await??;
    let reply = ComponentReply {
        name: staged.name,
        version: staged.version.version,
        digest: staged.version.digest,
        bytes: staged.version.bytes,
        api_version: staged.version.api_version,
        summary: staged.version.summary,
        is_active: staged.is_active,
    };
    Ok((StatusCode::CREATED, Json(reply)).into_response())
}
