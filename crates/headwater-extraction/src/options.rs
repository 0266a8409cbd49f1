//! The bounds of extraction.

use std::collections::BTreeMap;
use std::time::Duration;

use headwater_model::ExtractorLimits;

use crate::fetch::FetchRule;

/// What bounds the extractions of a service.
#[derive(Clone, Debug)]
pub struct Options {
    /// Extractions that run at once. Default 2.
    pub workers_count: usize,
    /// Extractions that may wait. Default 1,000.
    pub queue_max: usize,
    /// Sources that may be bound. Default 10,000.
    pub sources_max: usize,
    /// Bytes of one upload or fetch. Default 512 MiB.
    pub upload_bytes_max: u64,
    /// Artifacts of one source. Default 20,000.
    pub artifacts_max: usize,
    /// Bytes of all artifacts that are kept. Default 20 GiB.
    pub store_bytes_max: u64,
    /// Versions that are installed of one extractor. Default 20.
    pub versions_max: usize,
    /// Failures in a row after which a source is paused. Default 5.
    pub failures_max: u32,
    /// Extractions that are remembered of a source. Default 50.
    pub history_max: usize,
    /// What calls of an extractor may use where it is not what the host gives.
    pub of_extractors: BTreeMap<String, LimitOverrides>,
    /// What calls for a domain may use at most.
    pub of_domains: BTreeMap<String, LimitOverrides>,
    /// Where sources may be fetched from; nowhere if there are none.
    pub fetch: Vec<FetchRule>,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            workers_count: 2,
            queue_max: 1000,
            sources_max: 10_000,
            upload_bytes_max: 512 << 20,
            artifacts_max: 20_000,
            store_bytes_max: 20 << 30,
            versions_max: 20,
            failures_max: 5,
            history_max: 50,
            of_extractors: BTreeMap::new(),
            of_domains: BTreeMap::new(),
            fetch: Vec::new(),
        }
    }
}

/// Some of the limits of a call.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct LimitOverrides {
    /// Memory of the guest, in bytes.
    pub memory_bytes_max: Option<u64>,
    /// Wall time of one call.
    pub timeout: Option<Duration>,
    /// Facts that one call may emit.
    pub facts_max: Option<u64>,
    /// Bytes of its artifacts that one call may read.
    pub read_bytes_max: Option<u64>,
}

impl Options {
    /// What a call of `extractor` for `domain` may use: the extractor's limits, or else the host's, and of these no more
    /// than the domain may.
    pub(crate) fn limits(
        &self,
        host: ExtractorLimits,
        extractor: &str,
        domain: &str,
    ) -> ExtractorLimits {
        let own = self
            .of_extractors
            .get(extractor)
            .copied()
            .unwrap_or_default();
        let cap = self.of_domains.get(domain).copied().unwrap_or_default();
        ExtractorLimits {
            memory_bytes_max: least(
                host.memory_bytes_max,
                own.memory_bytes_max,
                cap.memory_bytes_max,
            ),
            timeout: least(host.timeout, own.timeout, cap.timeout),
            facts_max: least(host.facts_max, own.facts_max, cap.facts_max),
            read_bytes_max: least(host.read_bytes_max, own.read_bytes_max, cap.read_bytes_max),
        }
    }
}

fn least<T: Ord + Copy>(host: T, own: Option<T>, cap: Option<T>) -> T {
    let given = own.unwrap_or(host);
    cap.map_or(given, |cap| given.min(cap))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_extractor_may_have_more_than_the_host_gives_and_a_domain_never_more_than_it_may() {
        let host = ExtractorLimits {
            memory_bytes_max: 512,
            timeout: Duration::from_secs(30),
            facts_max: 100,
            read_bytes_max: 1000,
        };
        let memory = |bytes| LimitOverrides {
            memory_bytes_max: Some(bytes),
            ..LimitOverrides::default()
        };
        let options = Options {
            of_extractors: [("dbt".to_owned(), memory(2048))].into(),
            of_domains: [("orders".to_owned(), memory(1024))].into(),
            ..Options::default()
        };
        for (extractor, domain, expected) in [
            ("sql", "finance", 512),
            ("sql", "orders", 512),
            ("dbt", "finance", 2048),
            ("dbt", "orders", 1024),
        ] {
            let limits = options.limits(host, extractor, domain);
            assert_eq!(limits.memory_bytes_max, expected, "{extractor} {domain}");
            assert_eq!(limits.timeout, host.timeout);
        }
    }
}
