//! Reading one's own writes: a request may wait until an offset is visible.

use axum::extract::{Request, State};
use axum::http::{HeaderMap, HeaderName, StatusCode};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use headwater_engine::Caller;

use crate::error::{ApiError, Refusal};
use crate::graphql;
use crate::router::App;

/// Names the offset that must be visible before a request is dealt with.
const MIN_OFFSET: HeaderName = HeaderName::from_static("headwater-min-offset");
/// Offsets are below this: 2^53.
const OFFSET_END: u64 = 1 << 53;

/// Holds a request back until the offset that it names is visible, or for as long as one may wait.
pub(crate) async fn wait(State(app): State<App>, request: Request, next: Next) -> Response {
    let offset = match min_offset(request.headers()) {
        Ok(None) => return next.run(request).await,
        Ok(Some(offset)) => offset,
        Err(error) => return error.into_response(),
    };
    let patience = app.limits.min_offset_timeout;
    let visible = app.engine.visible(offset);
    if tokio::time::timeout(patience, visible).await.is_ok() {
        return next.run(request).await;
    }
    let newest = app.engine.view(Caller::everyone()).offset();
    let message = format!(
        "offset {offset} was not visible within {} ms; the newest is {newest}",
        patience.as_millis()
    );
    if request.uri().path() == "/graphql" {
        let response = app.api.not_yet_visible(&message);
        return graphql::response(&app, response);
    }
    ApiError::new(StatusCode::SERVICE_UNAVAILABLE, "NOT_YET_VISIBLE", message)
        .because(Refusal::NotYetVisible)
        .into_response()
}

fn min_offset(headers: &HeaderMap) -> Result<Option<u64>, ApiError> {
    let mut stated = headers.get_all(MIN_OFFSET).iter();
    let Some(value) = stated.next() else {
        return Ok(None);
    };
    if stated.next().is_some() {
        let message = "header Headwater-Min-Offset is given twice";
        return Err(ApiError::invalid(message));
    }
    let text = value.to_str().unwrap_or_default().trim();
    let is_number = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    let offset = is_number.then(|| text.parse::<u64>().ok()).flatten();
    offset
        .filter(|offset| *offset < OFFSET_END)
        .map(Some)
        .ok_or_else(|| {
            let shown = String::from_utf8_lossy(value.as_bytes());
            let shown: String = shown.chars().take(50).collect();
            ApiError::invalid(format!(
                "header Headwater-Min-Offset is {shown:?}, expected an offset: a number from 0 to {}",
                OFFSET_END - 1
            ))
        })
}

#[cfg(test)]
mod tests {
    use axum::http::{HeaderValue, header};

    use super::*;

    fn check(values: &[&str]) -> Result<Option<u64>, String> {
        let mut headers = HeaderMap::new();
        headers.insert(header::HOST, HeaderValue::from_static("here"));
        for value in values {
            headers.append(MIN_OFFSET, value.parse().expect("a header's value"));
        }
        min_offset(&headers).map_err(|error| error.to_string())
    }

    #[test]
    fn an_offset_is_a_number_below_two_to_the_fifty_three() {
        assert_eq!(check(&[]), Ok(None));
        assert_eq!(check(&["0"]), Ok(Some(0)));
        assert_eq!(check(&[" 12 "]), Ok(Some(12)));
        assert_eq!(check(&["9007199254740991"]), Ok(Some((1 << 53) - 1)));
        for wrong in ["", "x", "-1", "+1", "1.0", "0x1", "9007199254740992", "1 2"] {
            let error = check(&[wrong]).expect_err("no offset");
            assert!(error.contains("Headwater-Min-Offset"), "{error}");
        }
        assert!(check(&["1", "1"]).expect_err("two").contains("twice"));
    }
}
