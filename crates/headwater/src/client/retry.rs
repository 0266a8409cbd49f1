//! Trying again, within bounds.

use std::time::Duration;

use super::Reply;

/// How often a request is sent at most.
const ATTEMPTS_MAX: u32 = 6;
/// The first wait; each further one is twice as long.
const WAIT_FIRST: Duration = Duration::from_millis(200);
/// The longest that one wait may be, whatever the service asks for.
const WAIT_MAX: Duration = Duration::from_secs(30);

/// True if the same request may succeed later: the service is busy, or something before it is.
pub(crate) fn is_worth_repeating(status: u16) -> bool {
    matches!(status, 429 | 502 | 503 | 504)
}

/// True if the exchange broke on the way, rather than being senseless.
pub(super) fn is_connection(error: &ureq::Error) -> bool {
    matches!(
        error,
        ureq::Error::Io(_)
            | ureq::Error::Timeout(_)
            | ureq::Error::ConnectionFailed
            | ureq::Error::HostNotFound
            | ureq::Error::ConnectProxyFailed(_)
            | ureq::Error::Protocol(_)
    )
}

/// Runs `attempt` until it succeeds, fails for good, or was made [`ATTEMPTS_MAX`] times; `wait` passes the time.
///
/// # Errors
/// The last attempt's.
pub(super) fn repeat(
    mut attempt: impl FnMut() -> Result<Reply, ureq::Error>,
    mut wait: impl FnMut(Duration),
) -> Result<Reply, ureq::Error> {
    let mut pause = WAIT_FIRST;
    for _ in 1..ATTEMPTS_MAX {
        let asked = match attempt() {
            Ok(reply) if is_worth_repeating(reply.status) => reply.retry_after,
            Err(error) if is_connection(&error) => None,
            done => return done,
        };
        wait(asked.unwrap_or(pause).min(WAIT_MAX));
        pause *= 2;
    }
    attempt()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn broken() -> Result<Reply, ureq::Error> {
        answered(0, None)
    }

    /// An answer with that status; none came if it is 0.
    fn answered(status: u16, retry_after: Option<u64>) -> Result<Reply, ureq::Error> {
        let retry_after = retry_after.map(Duration::from_secs);
        (status > 0)
            .then(|| Reply {
                status,
                retry_after,
                ..Reply::default()
            })
            .ok_or(ureq::Error::ConnectionFailed)
    }

    fn check(answers: Vec<Result<Reply, ureq::Error>>, status: Option<u16>, waits_ms: &[u128]) {
        let mut answers = answers.into_iter();
        let mut waited = Vec::new();
        let reply = repeat(
            || answers.next().expect("no more attempts than answers"),
            |pause| waited.push(pause.as_millis()),
        );
        assert_eq!(reply.ok().map(|reply| reply.status), status);
        assert_eq!(waited, waits_ms);
        assert!(answers.next().is_none(), "every answer was asked for");
    }

    #[test]
    fn a_broken_connection_is_tried_again_after_longer_and_longer_waits() {
        check(
            vec![broken(), broken(), answered(200, None)],
            Some(200),
            &[200, 400],
        );
        check(
            (0..6).map(|_| broken()).collect(),
            None,
            &[200, 400, 800, 1600, 3200],
        );
    }

    #[test]
    fn a_busy_service_says_how_long_to_wait_within_a_bound() {
        check(
            vec![
                answered(503, Some(2)),
                answered(503, Some(3600)),
                answered(201, None),
            ],
            Some(201),
            &[2000, 30_000],
        );
        check(
            (0..6).map(|_| answered(503, Some(0))).collect(),
            Some(503),
            &[0, 0, 0, 0, 0],
        );
    }

    #[test]
    fn what_is_refused_is_not_sent_again() {
        check(vec![answered(400, Some(1))], Some(400), &[]);
        check(vec![Err(ureq::Error::BadUri("x".to_owned()))], None, &[]);
    }
}
