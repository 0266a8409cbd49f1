//! `GET /graphiql`: a page to ask from, out of the binary.

use std::io::Read as _;

use axum::extract::Path;
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use flate2::read::GzDecoder;

use crate::error::ApiError;

mod files;

/// Nothing of another origin is loaded or asked. The editor writes styles into the page.
const POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self' 'unsafe-inline'; \
    font-src 'self' data:; img-src 'self' data:; connect-src 'self'; worker-src 'self'; \
    base-uri 'none'; form-action 'none'; frame-ancestors 'none'";
/// The page itself.
const INDEX: &str = "index.html";
/// Files in here have the digest of their content in their names.
const IMMUTABLE: &str = "assets/";

/// One file of the page.
#[derive(Debug)]
struct File {
    /// Below `/graphiql/`.
    path: &'static str,
    /// Its media type.
    kind: &'static str,
    /// Of its content: 128 bits of SHA-256, in hex.
    digest: &'static str,
    /// Its content, packed with gzip.
    packed: &'static [u8],
}

/// Answers with the page.
pub(crate) async fn page(headers: HeaderMap) -> Result<Response, ApiError> {
    serve(INDEX, &headers).await
}

/// Answers with a file that the page loads.
pub(crate) async fn file(
    Path(path): Path<String>,
    headers: HeaderMap,
) -> Result<Response, ApiError> {
    serve(&path, &headers).await
}

async fn serve(path: &str, headers: &HeaderMap) -> Result<Response, ApiError> {
    let Some(file) = files::FILES.iter().find(|file| file.path == path) else {
        let message = format!("nothing is served at /graphiql/{path}");
        return Err(ApiError::new(StatusCode::NOT_FOUND, "NOT_FOUND", message));
    };
    let is_packed = takes_gzip(headers);
    let etag = format!("\"{}{}\"", file.digest, if is_packed { "-gz" } else { "" });
    let mut response = if is_known(headers, &etag) {
        StatusCode::NOT_MODIFIED.into_response()
    } else if is_packed {
        ([(header::CONTENT_ENCODING, "gzip")], file.packed).into_response()
    } else {
        let unpacked = tokio::task::spawn_blocking(|| unpack(file.packed)).await;
        let unpacked = unpacked.map_err(|error| ApiError::internal(&error))?;
        unpacked
            .map_err(|error| ApiError::internal(&error))?
            .into_response()
    };
    let caching = if path.starts_with(IMMUTABLE) {
        "public, max-age=31536000, immutable"
    } else {
        "no-cache"
    };
    let told = response.headers_mut();
    let etag = HeaderValue::try_from(etag).map_err(|error| ApiError::internal(&error))?;
    told.insert(header::ETAG, etag);
    for (name, value) in [
        (header::CONTENT_TYPE, file.kind),
        (header::CACHE_CONTROL, caching),
        (header::VARY, "accept-encoding"),
        (header::CONTENT_SECURITY_POLICY, POLICY),
        (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
        (header::REFERRER_POLICY, "no-referrer"),
    ] {
        told.insert(name, HeaderValue::from_static(value));
    }
    Ok(response)
}

fn unpack(packed: &[u8]) -> std::io::Result<Vec<u8>> {
    let mut unpacked = Vec::new();
    GzDecoder::new(packed).read_to_end(&mut unpacked)?;
    Ok(unpacked)
}

/// Whether the client takes gzip: it is listed, and not with `q=0`.
fn takes_gzip(headers: &HeaderMap) -> bool {
    items(headers, &header::ACCEPT_ENCODING).any(|item| {
        let mut parts = item.split(';').map(str::trim);
        let is_gzip = parts
            .next()
            .is_some_and(|name| name.eq_ignore_ascii_case("gzip") || name == "*");
        let is_refused = parts.any(|part| {
            let quality = part
                .strip_prefix("q=")
                .and_then(|text| text.parse::<f32>().ok());
            quality == Some(0.0)
        });
        is_gzip && !is_refused
    })
}

/// Whether the client has it already.
fn is_known(headers: &HeaderMap, etag: &str) -> bool {
    items(headers, &header::IF_NONE_MATCH)
        .any(|item| item == "*" || item.trim_start_matches("W/") == etag)
}

fn items<'a>(
    headers: &'a HeaderMap,
    name: &'a header::HeaderName,
) -> impl Iterator<Item = &'a str> {
    let values = headers.get_all(name).iter();
    values
        .filter_map(|value| value.to_str().ok())
        .flat_map(|value| value.split(',').map(str::trim))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn with(name: header::HeaderName, value: &'static str) -> HeaderMap {
        HeaderMap::from_iter([(name, HeaderValue::from_static(value))])
    }

    #[test]
    fn gzip_is_sent_to_who_takes_it() {
        for (value, expected) in [
            ("gzip", true),
            ("br, GZIP;q=0.5", true),
            ("*", true),
            ("identity", false),
            ("gzip;q=0", false),
            ("", false),
        ] {
            let headers = with(header::ACCEPT_ENCODING, value);
            assert_eq!(takes_gzip(&headers), expected, "{value}");
        }
    }

    #[test]
    fn what_a_client_has_is_not_sent_again() {
        let known = |value| is_known(&with(header::IF_NONE_MATCH, value), "\"a\"");
        assert!(known("\"a\"") && known("\"b\", W/\"a\"") && known("*"));
        assert!(!known("\"b\""));
    }

    #[test]
    fn every_file_unpacks_and_the_page_is_among_them() {
        assert!(files::FILES.iter().any(|file| file.path == INDEX));
        for file in files::FILES {
            let unpacked = unpack(file.packed).expect(file.path);
            assert!(!unpacked.is_empty(), "{}", file.path);
        }
    }
}
