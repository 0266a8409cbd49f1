//! Kafka clusters, by the brokers that lists of bootstrap servers name together.

use std::collections::BTreeMap;

/// Which brokers are one cluster, by every list that was heard of.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Clusters {
    /// A broker, and the one that stands for its cluster: the first in byte order. Brokers that only stand for
    /// themselves are not here.
    first: BTreeMap<String, String>,
}

impl Clusters {
    /// Takes brokers that one list names together for one cluster; true if that is news.
    pub(crate) fn learn(&mut self, brokers: &[String]) -> bool {
        // What a machine calls itself says nothing of other machines.
        let shared: Vec<&String> = brokers.iter().filter(|b| !is_local(b)).collect();
        if shared.len() < 2 {
            return false;
        }
        let firsts: Vec<String> = shared.iter().map(|broker| self.first_of(broker)).collect();
        let Some(first) = firsts.iter().min().cloned() else {
            return false;
        };
        let is_known = |broker: &&&String| self.first.get(**broker) == Some(&first);
        if shared.iter().all(|broker| is_known(&broker)) {
            return false;
        }
        for of in self.first.values_mut() {
            if firsts.contains(of) {
                of.clone_from(&first);
            }
        }
        for broker in shared {
            self.first.insert(broker.clone(), first.clone());
        }
        true
    }

    fn first_of(&self, broker: &str) -> String {
        let first = self.first.get(broker).map(String::as_str);
        first.unwrap_or(broker).to_owned()
    }

    /// The broker that stands for the cluster of `brokers`.
    pub(crate) fn representative(&self, brokers: &[String]) -> Option<String> {
        let shared = brokers.iter().filter(|b| !is_local(b));
        let first = shared.map(|broker| self.first_of(broker)).min();
        first.or_else(|| brokers.iter().min().cloned())
    }
}

fn is_local(broker: &str) -> bool {
    let (host, _) = crate::location::host_and_port(broker);
    host == "localhost" || host.starts_with("127.") || matches!(host, "[::1]" | "0.0.0.0")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn list(text: &str) -> Vec<String> {
        text.split(',').map(ToOwned::to_owned).collect()
    }

    #[test]
    fn a_shared_broker_makes_one_cluster() {
        let mut clusters = Clusters::default();
        assert!(clusters.learn(&list("b2:9092,b3:9092")));
        assert!(clusters.learn(&list("b3:9092,b1:9092")));
        assert!(!clusters.learn(&list("b1:9092,b2:9092")));
        let one = clusters.representative(&list("b2:9092"));
        assert_eq!(one.as_deref(), Some("b1:9092"));
        assert_eq!(
            clusters.representative(&list("b1:29092")).as_deref(),
            Some("b1:29092")
        );
    }

    #[test]
    fn localhost_is_no_shared_broker() {
        let mut clusters = Clusters::default();
        assert!(!clusters.learn(&list("localhost:9092,b1:9092")));
        assert!(clusters.learn(&list("localhost:9092,b1:9092,b2:9092")));
        assert_eq!(
            clusters.representative(&list("localhost:9092")).as_deref(),
            Some("localhost:9092")
        );
    }
}
