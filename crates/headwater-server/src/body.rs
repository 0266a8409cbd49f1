//! Reading bodies: bounded, packed or not.

use std::io::Read;

use axum::body::{Body, Bytes};
use axum::http::{HeaderMap, StatusCode, header};
use flate2::read::MultiGzDecoder;
use http_body_util::{BodyExt, LengthLimitError, Limited};

use crate::error::ApiError;

/// Reads a body of at most `bytes_max` bytes, packed and unpacked.
pub(crate) async fn read(
    what: &'static str,
    headers: &HeaderMap,
    body: Body,
    bytes_max: usize,
) -> Result<Bytes, ApiError> {
    let packing = packing(headers)?;
    let bytes = Limited::new(body, bytes_max)
        .collect()
        .await
        .map_err(|error| {
            if error.downcast_ref::<LengthLimitError>().is_some() {
                ApiError::too_large(what, bytes_max)
            } else {
                ApiError::invalid(format!("{what} broke off: {error}"))
            }
        })?;
    let bytes = bytes.to_bytes();
    match packing {
        Packing::None => Ok(bytes),
        Packing::Gzip => unpack(what, bytes, bytes_max).await,
    }
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

async fn unpack(what: &'static str, packed: Bytes, bytes_max: usize) -> Result<Bytes, ApiError> {
    if packed.len() <= UNPACK_INLINE_BYTES_MAX {
        return unpack_now(what, &packed, bytes_max.min(1 << 20)).or_else(|error| {
            // A small body that unpacks to a large one is rare enough to begin again.
            if bytes_max > 1 << 20 {
                unpack_now(what, &packed, bytes_max)
            } else {
                Err(error)
            }
        });
    }
    tokio::task::spawn_blocking(move || unpack_now(what, &packed, bytes_max))
        .await
        .map_err(|error| ApiError::internal(&error))?
}

fn unpack_now(what: &str, packed: &[u8], bytes_max: usize) -> Result<Bytes, ApiError> {
    let mut unpacked = Vec::with_capacity(packed.len().saturating_mul(4).min(bytes_max));
    let mut reader = MultiGzDecoder::new(packed).take(bytes_max as u64 + 1);
    reader
        .read_to_end(&mut unpacked)
        .map_err(|error| ApiError::invalid(format!("{what} is no gzip: {error}")))?;
    if unpacked.len() > bytes_max {
        return Err(ApiError::too_large(what, bytes_max));
    }
    Ok(unpacked.into())
}
