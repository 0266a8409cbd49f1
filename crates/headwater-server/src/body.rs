//! Reading bodies: bounded each and together, packed or not.

use std::io::Read;
use std::ops::Deref;

use axum::body::{Body, Bytes};
use axum::http::{HeaderMap, StatusCode, header};
use flate2::read::MultiGzDecoder;
use http_body_util::BodyExt;

use crate::budget::{ByteBudget, Share};
use crate::error::{ApiError, Refusal};

/// A body as it was meant, and its share of the memory for bodies: to be kept until what it says is dealt with.
#[derive(Debug)]
pub(crate) struct ReadBody {
    bytes: Vec<u8>,
    share: Share,
}

impl ReadBody {
    /// The share alone, once the bytes are read.
    pub(crate) fn into_share(self) -> Share {
        self.share
    }
}

impl Deref for ReadBody {
    type Target = [u8];

    fn deref(&self) -> &[u8] {
        &self.bytes
    }
}

/// Reads a body of at most `bytes_max` bytes, packed and unpacked, within `budget`.
pub(crate) async fn read(
    what: &'static str,
    headers: &HeaderMap,
    mut body: Body,
    bytes_max: usize,
    budget: &ByteBudget,
) -> Result<ReadBody, ApiError> {
    let packing = packing(headers)?;
    let mut read = ReadBody {
        bytes: Vec::new(),
        share: budget.share(),
    };
    while let Some(frame) = body.frame().await {
        let frame =
            frame.map_err(|error| ApiError::invalid(format!("{what} broke off: {error}")))?;
        // Trailers say nothing here.
        if let Ok(data) = frame.into_data() {
            read.extend(what, &data, bytes_max)?;
        }
    }
    match packing {
        Packing::None => Ok(read),
        Packing::Gzip => unpack(what, read, bytes_max).await,
    }
}

impl ReadBody {
    fn extend(&mut self, what: &str, data: &Bytes, bytes_max: usize) -> Result<(), ApiError> {
        if self.bytes.len() + data.len() > bytes_max {
            return Err(ApiError::too_large(what, bytes_max));
        }
        let share = &mut self.share;
        share.grow(data.len()).map_err(|_| exhausted())?;
        self.bytes.extend_from_slice(data);
        Ok(())
    }
}

fn exhausted() -> ApiError {
    let message = "the memory for bodies of requests is used up; try again";
    ApiError::new(StatusCode::SERVICE_UNAVAILABLE, "BUSY", message).because(Refusal::Memory)
}

enum Packing {
    None,
    Gzip,
}

fn packing(headers: &HeaderMap) -> Result<Packing, ApiError> {
    let Some(value) = headers.get(header::CONTENT_ENCODING) else {
        return Ok(Packing::None);
    };
    let text = value
        .to_str()
        .unwrap_or_default()
        .trim()
        .to_ascii_lowercase();
    match text.as_str() {
        "" | "identity" => Ok(Packing::None),
        "gzip" | "x-gzip" => Ok(Packing::Gzip),
        _ => Err(ApiError::new(
            StatusCode::UNSUPPORTED_MEDIA_TYPE,
            "INVALID_INPUT",
            format!("Content-Encoding is {text:?}; gzip and identity are understood"),
        )),
    }
}

/// Packed bytes above which unpacking leaves the async threads alone.
const UNPACK_INLINE_BYTES_MAX: usize = 16 << 10;
/// Unpacked bytes that an async thread is held for.
const INLINE_BYTES_MAX: usize = 1 << 20;
/// How much is unpacked before the budget is asked for more.
const STEP_BYTES: usize = 256 << 10;

async fn unpack(
    what: &'static str,
    packed: ReadBody,
    bytes_max: usize,
) -> Result<ReadBody, ApiError> {
    let packed = if packed.len() <= UNPACK_INLINE_BYTES_MAX {
        match unpack_now(what, packed, bytes_max, INLINE_BYTES_MAX)? {
            Unpacked::All(body) => return Ok(body),
            // A small body that unpacks to a large one is rare enough to begin again.
            Unpacked::TooMuch(packed) => packed,
        }
    } else {
        packed
    };
    let unpacked =
        tokio::task::spawn_blocking(move || unpack_now(what, packed, bytes_max, bytes_max))
            .await
            .map_err(|error| ApiError::internal(&error))??;
    match unpacked {
        Unpacked::All(body) => Ok(body),
        Unpacked::TooMuch(_) => Err(ApiError::too_large(what, bytes_max)),
    }
}

enum Unpacked {
    All(ReadBody),
    /// More than was to be unpacked; the body as it came.
    TooMuch(ReadBody),
}

fn unpack_now(
    what: &str,
    mut packed: ReadBody,
    bytes_max: usize,
    stop_bytes: usize,
) -> Result<Unpacked, ApiError> {
    let packed_bytes = packed.bytes.len();
    let stop_bytes = stop_bytes.min(bytes_max);
    let mut unpacked = Vec::new();
    let mut reader = MultiGzDecoder::new(&packed.bytes[..]).take(stop_bytes as u64 + 1);
    loop {
        let step = (&mut reader).take(STEP_BYTES as u64);
        let mut step = step;
        let read = step
            .read_to_end(&mut unpacked)
            .map_err(|error| ApiError::invalid(format!("{what} is no gzip: {error}")))?;
        if read == 0 {
            break;
        }
        packed.share.grow(read).map_err(|_| exhausted())?;
    }
    if unpacked.len() > stop_bytes {
        packed.share.shrink_to(packed_bytes);
        return if stop_bytes == bytes_max {
            Err(ApiError::too_large(what, bytes_max))
        } else {
            Ok(Unpacked::TooMuch(packed))
        };
    }
    packed.share.shrink_to(unpacked.len());
    packed.bytes = unpacked;
    Ok(Unpacked::All(packed))
}
