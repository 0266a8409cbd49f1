//! What operators do with a running service: for this machine only, whoever else is let in.

use std::io::{self, Write};
use std::net::SocketAddr;
use std::sync::Arc;

use axum::Json;
use axum::body::{Body, Bytes};
use axum::extract::{Request, State};
use axum::http::{HeaderName, HeaderValue, StatusCode, header};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use headwater_model::Timestamp;
use headwater_record::Prune;
use serde::{Deserialize, Serialize};
use tokio::sync::mpsc::{self, Sender};

use crate::error::ApiError;
use crate::lineage::OFFSET;
use crate::router::App;

/// Bytes of segments in a backup; the archive is a little longer.
const BACKUP_BYTES: HeaderName = HeaderName::from_static("headwater-backup-bytes");
/// Bytes that are sent at once, and how many of these may wait for a slow client.
const CHUNK_BYTES: usize = 256 << 10;
const CHUNKS_MAX: usize = 8;

/// Who is at the other end of the connection.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Peer(pub(crate) SocketAddr);

impl Peer {
    /// True if it is a program of this machine.
    pub(crate) fn is_this_machine(self) -> bool {
        self.0.ip().to_canonical().is_loopback()
    }
}

/// Lets nobody in but programs of this machine.
pub(crate) async fn only_this_machine(request: Request, next: Next) -> Response {
    let peer = request.extensions().get::<Peer>();
    if peer.is_some_and(|peer| peer.is_this_machine()) {
        return next.run(request).await;
    }
    let message = "this is for programs on the machine of the service only";
    ApiError::new(StatusCode::FORBIDDEN, "FORBIDDEN", message).into_response()
}

/// Streams the log as it is now, see [`headwater_engine::Engine::backup`].
pub(crate) async fn backup(State(app): State<App>) -> Result<Response, ApiError> {
    let Some(backup) = app.engine.backup() else {
        let message = "the log of this service is not in files: back it up where it is";
        return Err(ApiError::new(
            StatusCode::NOT_IMPLEMENTED,
            "INVALID_INPUT",
            message,
        ));
    };
    let report = backup.report();
    let (sender, receiver) = mpsc::channel(CHUNKS_MAX);
    tokio::task::spawn_blocking(move || {
        let mut out = Chunks {
            sender,
            chunk: Vec::with_capacity(CHUNK_BYTES),
        };
        if let Err(error) = backup.write_to(&mut out, &mut |_| {}) {
            tracing::warn!(%error, "a backup was not finished: {error}");
            // The connection breaks, so that nobody takes what was sent for a backup.
            let _ = out.sender.blocking_send(Err(io::Error::other(error)));
        }
    });
    let chunks = futures_util::stream::unfold(receiver, |mut receiver| async {
        receiver.recv().await.map(|chunk| (chunk, receiver))
    });
    let mut response = Response::new(Body::from_stream(chunks));
    let headers = response.headers_mut();
    let kind = HeaderValue::from_static("application/x-tar");
    headers.insert(header::CONTENT_TYPE, kind);
    headers.insert(OFFSET, report.last_offset.get().into());
    headers.insert(BACKUP_BYTES, report.bytes.into());
    Ok(response)
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct PruneRecord {
    before: String,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct PrunedRecord {
    offset: u64,
    segments_count: usize,
    freed_bytes: u64,
    is_busy: bool,
}

/// Forgets what is older than a time, see [`headwater_engine::Engine::prune`]; replies once that is done.
pub(crate) async fn prune(State(app): State<App>, body: Bytes) -> Result<Response, ApiError> {
    let asked: PruneRecord = serde_json::from_slice(&body)
        .map_err(|error| ApiError::invalid(format!("expected {{\"before\": a time}}: {error}")))?;
    let (before, _) =
        Timestamp::parse(&asked.before).map_err(|error| ApiError::invalid(error.to_string()))?;
    let received_at = (app.clock)();
    if before > received_at {
        return Err(ApiError::invalid(format!("{before} is in the future")));
    }
    let prune = Prune {
        before,
        received_at,
    };
    let engine = Arc::clone(&app.engine);
    let pruned = tokio::task::spawn_blocking(move || engine.prune(prune, None)).await;
    let (receipt, report) = pruned.map_err(|error| ApiError::internal(&error))??;
    let record = PrunedRecord {
        offset: receipt.offset,
        segments_count: report.segments_count,
        freed_bytes: report.bytes_before - report.bytes_after,
        is_busy: report.is_busy,
    };
    let mut response = Json(record).into_response();
    response.headers_mut().insert(OFFSET, receipt.offset.into());
    Ok(response)
}

/// Hands over what is written in pieces; waits while a slow client has not taken those before.
struct Chunks {
    sender: Sender<io::Result<Bytes>>,
    chunk: Vec<u8>,
}

impl Write for Chunks {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.chunk.extend_from_slice(bytes);
        if self.chunk.len() >= CHUNK_BYTES {
            self.flush()?;
        }
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        if self.chunk.is_empty() {
            return Ok(());
        }
        let chunk = std::mem::replace(&mut self.chunk, Vec::with_capacity(CHUNK_BYTES));
        self.sender
            .blocking_send(Ok(chunk.into()))
            .map_err(|_| io::ErrorKind::BrokenPipe.into())
    }
}
