//! Addresses that are fetched over HTTP.

use std::io::Read as _;
use std::time::Duration;

use ureq::http::header;

use super::{FetchFailure, FetchRule, Fetching, name_of};

/// How long one address may take.
const TIMEOUT: Duration = Duration::from_secs(300);
/// How long a server may take to answer.
const ANSWER_TIMEOUT: Duration = Duration::from_secs(30);
/// How much is read at once.
const CHUNK_BYTES: usize = 64 << 10;

/// Takes what is at an address, unless the server says that it is still what it was. Redirects are not followed: they
/// might lead out of what is allowed, and take secrets along.
pub(super) fn fetch(
    fetching: &mut Fetching<'_>,
    rule: &FetchRule,
    url: &str,
) -> Result<(), FetchFailure> {
    let unreachable = |reason: String| FetchFailure::Unreachable {
        url: url.to_owned(),
        reason,
    };
    let config = ureq::Agent::config_builder()
        .timeout_global(Some(TIMEOUT))
        .timeout_recv_response(Some(ANSWER_TIMEOUT))
        .timeout_connect(Some(ANSWER_TIMEOUT))
        .max_redirects(0)
        .max_redirects_will_error(false)
        .http_status_as_error(false)
        .build();
    let agent = ureq::Agent::new_with_config(config);
    let name = name_of(rule, url);
    let mut request = agent.get(url);
    for (key, value) in &rule.headers {
        request = request.header(key, value);
    }
    if let Some(mark) = fetching.seen_before(&name) {
        request = request.header(header::IF_NONE_MATCH, mark);
    }
    let mut response = request
        .call()
        .map_err(|error| unreachable(error.to_string()))?;
    let status = response.status().as_u16();
    match status {
        200 => {}
        304 => return Ok(fetching.keep(&name)?),
        300..=399 => {
            let target = response.headers().get(header::LOCATION);
            let target = target.and_then(|value| value.to_str().ok());
            let target = target.map_or_else(String::new, |target| format!(" to {target}"));
            return Err(unreachable(format!(
                "answers with a redirect{target}, which is not followed"
            )));
        }
        _ => return Err(unreachable(format!("answers with status {status}"))),
    }
    let mark = response.headers().get(header::ETAG);
    if let Some(mark) = mark.and_then(|value| value.to_str().ok()) {
        fetching.seen.insert(name.clone(), mark.to_owned());
    }
    let mut body = response.body_mut().as_reader();
    let mut file = fetching.upload.begin(&name)?;
    let mut chunk = vec![0; CHUNK_BYTES];
    loop {
        let count = body
            .read(&mut chunk)
            .map_err(|error| unreachable(error.to_string()))?;
        if count == 0 {
            break;
        }
        file.write(&chunk[..count])?;
    }
    Ok(file.finish()?)
}
