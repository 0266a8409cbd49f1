//! Fetching artifacts: the host fetches, never the extractor, and only from where operators allow it.

mod bucket;
mod files;
mod http;

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;

use headwater_model::{InputPattern, SourceKey};

use crate::error::ExtractionError;
use crate::record::{ArtifactRecord, SourceRecord};
use crate::service::Shared;
use crate::upload::Upload;

/// How addresses begin that can be fetched.
const SCHEMES: [&str; 6] = ["file:///", "http://", "https://", "s3://", "gs://", "az://"];

/// Where sources may be fetched from, and what is sent along.
#[derive(Clone, PartialEq, Eq)]
pub struct FetchRule {
    /// Addresses that begin so may be fetched; ends with a slash, or is the whole address.
    pub prefix: String,
    /// Headers of requests, secrets among them.
    pub headers: Vec<(String, String)>,
    /// Of a bucket: how its store is opened, in the words of `object_store`, secrets among them.
    pub options: Vec<(String, String)>,
}

impl FetchRule {
    /// Checks the prefix and what is sent along.
    ///
    /// # Errors
    /// What is wrong with it.
    pub fn check(&self) -> Result<(), String> {
        let Self {
            prefix,
            headers,
            options,
        } = self;
        let scheme = SCHEMES.iter().find(|scheme| prefix.starts_with(**scheme));
        let Some(scheme) = scheme else {
            return Err(format!(
                "prefix {prefix:?} begins with none of {}",
                SCHEMES.join(", ")
            ));
        };
        if prefix.matches('/').count() < 3 {
            return Err(format!(
                "prefix {prefix:?} must end its host or bucket with a slash"
            ));
        }
        let takes_headers = scheme.starts_with("http");
        if !headers.is_empty() && !takes_headers {
            return Err(format!("prefix {prefix:?} takes no headers"));
        }
        if !bucket::is_bucket(prefix) {
            return match options.first() {
                Some(_) => Err(format!("prefix {prefix:?} takes no options")),
                None => Ok(()),
            };
        }
        bucket::check(self).map_err(|message| format!("prefix {prefix:?}: {message}"))
    }
}

impl fmt::Debug for FetchRule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let names = |all: &[(String, String)]| -> Vec<String> {
            all.iter().map(|(name, _)| name.clone()).collect()
        };
        f.debug_struct("FetchRule")
            .field("prefix", &self.prefix)
            .field("headers", &names(&self.headers))
            .field("options", &names(&self.options))
            .finish()
    }
}

/// Why nothing was fetched.
#[derive(Debug, thiserror::Error)]
pub enum FetchFailure {
    /// The address is none, or nobody allowed it.
    #[error("{0}")]
    Refused(String),
    /// It can't be had.
    #[error("{url}: {reason}")]
    Unreachable {
        /// The address.
        url: String,
        /// Why.
        reason: String,
    },
    /// What came can't be kept.
    #[error("{0}")]
    Kept(#[from] ExtractionError),
}

/// What is being fetched: the new content, and what the servers said of it.
pub(super) struct Fetching<'a> {
    upload: Upload,
    known: BTreeMap<&'a str, &'a ArtifactRecord>,
    seen_before: &'a BTreeMap<String, String>,
    seen: BTreeMap<String, String>,
    inputs: &'a [InputPattern],
}

impl Fetching<'_> {
    /// What the server said of an artifact's content, if that content is still here.
    fn seen_before(&self, name: &str) -> Option<&str> {
        self.known.get(name)?;
        self.seen_before.get(name).map(String::as_str)
    }

    /// The artifact is still what it was.
    fn keep(&mut self, name: &str) -> Result<(), ExtractionError> {
        if let Some(mark) = self.seen_before.get(name) {
            self.seen.insert(name.to_owned(), mark.clone());
        }
        match self.known.get(name) {
            Some(artifact) => self.upload.keep(artifact),
            None => Ok(()),
        }
    }
}

/// The rule that allows an address.
///
/// # Errors
/// If none does, or the address may leave what its rule allows.
pub(crate) fn rule_of<'a>(
    rules: &'a [FetchRule],
    url: &str,
) -> Result<&'a FetchRule, FetchFailure> {
    let refuse = |why: &str| Err(FetchFailure::Refused(format!("{url:?} {why}")));
    let lower = url.to_ascii_lowercase();
    let is_odd = |part: &str| {
        let plain = part.replace("%2e", ".");
        plain == "." || plain == ".."
    };
    if lower.contains('\\')
        || lower.contains('@')
        || lower.contains("%2f")
        || lower.contains("%5c")
        || url.chars().any(|c| c.is_control() || c == ' ')
        || lower.split(['/', '?', '#']).any(is_odd)
    {
        return refuse("is no plain address");
    }
    if !SCHEMES.iter().any(|scheme| lower.starts_with(scheme)) {
        return refuse(&format!("begins with none of {}", SCHEMES.join(", ")));
    }
    let mut allowing = rules.iter().filter(|rule| {
        url == rule.prefix || (rule.prefix.ends_with('/') && url.starts_with(&rule.prefix))
    });
    // The longest says most about it.
    let first = allowing.next();
    let longest = allowing.fold(first, |longest, rule| match longest {
        Some(found) if found.prefix.len() >= rule.prefix.len() => Some(found),
        _ => Some(rule),
    });
    match longest {
        Some(rule) => Ok(rule),
        None => refuse(
            "is allowed by nobody: the service's configuration lists in [[fetch]] what may be fetched",
        ),
    }
}

impl Shared {
    /// Fetches a source's artifacts and keeps them; the source as it is then, or none if nothing changed.
    pub(crate) fn fetch(
        &self,
        key: &SourceKey,
        source: &SourceRecord,
        inputs: &[InputPattern],
    ) -> Result<Option<SourceRecord>, FetchFailure> {
        let Some(record) = &source.fetch else {
            return Ok(None);
        };
        let upload = Upload::new(
            Arc::clone(&self.folder),
            self.options.upload_bytes_max,
            self.options.artifacts_max,
        );
        let known = source.artifacts.iter();
        let mut fetching = Fetching {
            upload,
            known: known.map(|artifact| (&*artifact.name, artifact)).collect(),
            seen_before: &record.seen,
            seen: BTreeMap::new(),
            inputs,
        };
        for url in &record.urls {
            let rule = rule_of(&self.options.fetch, url)?;
            if let Some(path) = url.strip_prefix("file://") {
                files::fetch(&mut fetching, rule, url, path)?;
            } else if bucket::is_bucket(url) {
                bucket::fetch(&mut fetching, rule, url)?;
            } else {
                http::fetch(&mut fetching, rule, url)?;
            }
        }
        let artifacts: Vec<ArtifactRecord> = fetching.upload.records().cloned().collect();
        if artifacts.is_empty() {
            return Err(FetchFailure::Refused(format!(
                "there is nothing that the extractor reads in {}",
                record.urls.join(", ")
            )));
        }
        let mut state = self.state.lock();
        let seen = std::mem::take(&mut fetching.seen);
        if artifacts == source.artifacts && seen == record.seen {
            return Ok(None);
        }
        self.adopt(&mut state, key, &fetching.upload, |state| {
            self.change(state, key, |record| {
                record.artifacts = artifacts;
                if let Some(fetch) = &mut record.fetch {
                    fetch.seen = seen;
                }
                Ok(())
            })
        })?;
        Ok(Some(state.source(key)?.clone()))
    }
}

/// What evidence calls a file that was fetched: its path below what the rule allows.
fn name_of(rule: &FetchRule, url: &str) -> String {
    let path = url.split(['?', '#']).next().unwrap_or(url);
    let below = path.strip_prefix(rule.prefix.as_str()).unwrap_or_default();
    if below.is_empty() {
        let last = path.trim_end_matches('/').rsplit('/').next();
        last.unwrap_or(path).to_owned()
    } else {
        below.to_owned()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rules() -> Vec<FetchRule> {
        let rule = |prefix: &str| FetchRule {
            prefix: prefix.to_owned(),
            headers: Vec::new(),
            options: Vec::new(),
        };
        [
            "file:///srv/dbt/",
            "https://ci.example/",
            "https://ci.example/orders/",
            "http://one/file",
        ]
        .map(rule)
        .into()
    }

    #[test]
    fn only_what_operators_list_is_fetched() {
        let rules = rules();
        for (url, prefix) in [
            ("file:///srv/dbt/target/", "file:///srv/dbt/"),
            ("https://ci.example/a.json", "https://ci.example/"),
            (
                "https://ci.example/orders/a.json",
                "https://ci.example/orders/",
            ),
            ("http://one/file", "http://one/file"),
        ] {
            assert_eq!(rule_of(&rules, url).expect(url).prefix, prefix);
        }
        for url in [
            "file:///srv/dbt",
            "file:///srv/dbt/../../etc/passwd",
            "file:///srv/dbt/%2e%2E/x",
            "file:///srv/dbt/%2e%2e%2fx",
            "file:///etc/passwd",
            "https://ci.example.evil/a.json",
            "https://ci.example@evil/a.json",
            "https://evil/https://ci.example/",
            "HTTPS://CI.example/a",
            "http://one/file2",
            "ftp://ci.example/",
            "/srv/dbt/target",
            "",
        ] {
            assert!(rule_of(&rules, url).is_err(), "{url}");
        }
        assert!(rule_of(&[], "https://ci.example/").is_err());
    }

    #[test]
    fn what_is_fetched_is_named_by_its_path() {
        let rules = rules();
        for (url, name) in [
            (
                "https://ci.example/x/target/manifest.json?a=1",
                "x/target/manifest.json",
            ),
            ("http://one/file", "file"),
        ] {
            let rule = rule_of(&rules, url).expect("allowed");
            assert_eq!(name_of(rule, url), name);
        }
    }

    #[test]
    fn headers_are_not_told() {
        let rule = FetchRule {
            prefix: "https://a/".to_owned(),
            headers: vec![("Authorization".to_owned(), "Bearer hunter2".to_owned())],
            options: vec![("aws_secret_access_key".to_owned(), "hunter2".to_owned())],
        };
        assert!(!format!("{rule:?}").contains("hunter2"));
    }
}
