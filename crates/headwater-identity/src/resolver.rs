//! From raw names to normal forms.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use headwater_model::{Digest, IdentityRule, IdentityRules, QualifiedName};

use crate::brokers::Clusters;
use crate::location::{Location, host_and_port};
use crate::maps::{Defaults, Rewrite, Target};
use crate::rules::{FIRST_OF_NAMES, RULES};
use crate::work::{Work, brokers_of};

/// How often one name may stand instead of another.
const REDIRECTIONS_MAX: usize = 4;
/// How many aliases of aliases a host may have.
const HOSTS_MAX: usize = 8;
/// The most bytes that a compiled rewrite takes.
const REWRITE_BYTES_MAX: usize = 1 << 20;

/// Why operators' rules can't be used.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{key}: {reason}")]
pub struct RuleError {
    /// Position of the rule.
    pub rule: usize,
    /// What of it is wrong, as the mesh file calls it.
    pub key: &'static str,
    /// Why.
    pub reason: String,
}

/// What a rule did.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Step {
    /// The rule's name.
    pub rule: &'static str,
    /// What it did, in words.
    pub words: String,
}

impl fmt::Display for Step {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.rule, self.words)
    }
}

/// The normal form of a name: names whose forms are equal are one dataset.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Form {
    /// The namespace.
    pub namespace: String,
    /// The name in it.
    pub name: String,
    /// The domain in which the name means something; none if everywhere.
    pub scope: Option<String>,
}

impl Form {
    /// 128 bits that stand for the form.
    pub fn key(&self) -> [u8; 16] {
        Digest::of_parts([
            b"form".as_slice(),
            self.namespace.as_bytes(),
            self.name.as_bytes(),
            self.scope.as_deref().unwrap_or_default().as_bytes(),
        ])
        .half()
    }
}

impl fmt::Display for Form {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.namespace, self.name)
    }
}

/// What a name means, and how that was found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Resolved {
    /// The normal form.
    pub form: Form,
    /// What the name means if whoever wrote it dropped quotes; none where that would be the same.
    pub quoted: Option<Form>,
    /// True if quotes count in names of that platform.
    pub may_be_quoted: bool,
    /// True if the platform is known: other names are one with themselves only.
    pub is_known: bool,
    /// The rules that applied, in order.
    pub steps: Vec<Step>,
    /// What an operator might add so that the name finds others of its dataset.
    pub hint: Option<String>,
}

/// The rules, with what operators configured.
#[derive(Clone, Debug, Default)]
pub struct Resolver {
    rules: IdentityRules,
    hosts: BTreeMap<String, String>,
    pub(crate) accounts: BTreeMap<String, String>,
    pub(crate) catalogs: BTreeMap<(String, String), String>,
    pub(crate) databases: BTreeMap<(String, String), String>,
    pub(crate) defaults: BTreeMap<String, Defaults>,
    connections: Vec<Target>,
    pub(crate) rewrites: Vec<Rewrite>,
    /// Namespaces that a map names.
    pub(crate) named: BTreeSet<String>,
    pub(crate) clusters: Clusters,
}

impl Resolver {
    /// Makes operators' rules ready.
    ///
    /// # Errors
    /// [`RuleError`] names the rule that can't be used.
    pub fn new(rules: &IdentityRules) -> Result<Self, RuleError> {
        let mut resolver = Self {
            rules: rules.clone(),
            ..Self::default()
        };
        if rules.rules.len() > IdentityRules::RULES_MAX {
            return Err(RuleError {
                rule: IdentityRules::RULES_MAX,
                key: "identity",
                reason: format!("there are more than {} rules", IdentityRules::RULES_MAX),
            });
        }
        // Namespaces in rules are compared in their normal form, for which hosts have to be known.
        for (at, rule) in rules.rules.iter().enumerate() {
            if let IdentityRule::Host { from, to } = rule {
                resolver.add_host(at, from, to)?;
            }
        }
        for (at, rule) in rules.rules.iter().enumerate() {
            resolver.add(at, rule)?;
        }
        Ok(resolver)
    }

    /// The rules that operators configured.
    pub fn rules(&self) -> &IdentityRules {
        &self.rules
    }

    fn add_host(&mut self, rule: usize, from: &str, to: &str) -> Result<(), RuleError> {
        for (key, text) in [("from", from), ("to", to)] {
            let is_host = !text.is_empty() && !text.contains(['/', '@', ',', ' ']);
            if !is_host {
                return Err(RuleError {
                    rule,
                    key,
                    reason: format!("{text:?} is no host and no host with its port"),
                });
            }
        }
        let (from, to) = (from.to_lowercase(), to.to_lowercase());
        let ports = (host_and_port(&from).1, host_and_port(&to).1);
        if ports.0.is_some() != ports.1.is_some() {
            return Err(RuleError {
                rule,
                key: "to",
                reason: format!("{from} and {to} have to have a port both, or neither"),
            });
        }
        match self.hosts.insert(from.clone(), to.clone()) {
            Some(other) if other != to => Err(RuleError {
                rule,
                key: "from",
                reason: format!("{from} is {other} already"),
            }),
            _ => Ok(()),
        }
    }

    /// Checks that no host is an alias of itself, by way of others or at once: such rules unite nothing.
    ///
    /// # Errors
    /// [`RuleError`] names the first rule that leads back to its host.
    pub fn check_hosts(&self) -> Result<(), RuleError> {
        for (rule, of) in self.rules.rules.iter().enumerate() {
            let IdentityRule::Host { from, to } = of else {
                continue;
            };
            let (from, mut is) = (from.to_lowercase(), to.to_lowercase());
            for _ in 0..=self.hosts.len() {
                if is == from {
                    return Err(RuleError {
                        rule,
                        key: "to",
                        reason: format!("{to} leads back to {from}"),
                    });
                }
                match self.hosts.get(&is) {
                    Some(next) => is.clone_from(next),
                    None => break,
                }
            }
        }
        Ok(())
    }

    fn add(&mut self, at: usize, rule: &IdentityRule) -> Result<(), RuleError> {
        let failed = |key, reason: String| RuleError {
            rule: at,
            key,
            reason,
        };
        match rule {
            IdentityRule::Host { .. } => {}
            IdentityRule::Account { namespace, account } => {
                let from = self.known(at, "namespace", namespace)?;
                let is_athena = from.starts_with("awsathena://");
                let to = if is_athena {
                    if account.is_empty() || !account.bytes().all(|b| b.is_ascii_digit()) {
                        let reason = format!("{account:?} is no number of an AWS account");
                        return Err(failed("account", reason));
                    }
                    account.to_string()
                } else {
                    self.known(at, "account", account)?
                };
                once(&mut self.accounts, from, to).map_err(|e| failed("namespace", e))?;
            }
            IdentityRule::Catalog {
                namespace,
                catalog,
                to,
            } => {
                let key = (
                    self.known(at, "namespace", namespace)?,
                    catalog.to_lowercase(),
                );
                self.known(at, "to", to)?;
                once(&mut self.catalogs, key, to.to_string()).map_err(|e| failed("catalog", e))?;
            }
            IdentityRule::Database {
                namespace,
                database,
                to,
            } => {
                let key = (
                    self.known(at, "namespace", namespace)?,
                    database.to_lowercase(),
                );
                let to = self.known(at, "to", to)?;
                once(&mut self.databases, key, to).map_err(|e| failed("database", e))?;
            }
            IdentityRule::Default { .. }
            | IdentityRule::Connection { .. }
            | IdentityRule::Rewrite { .. } => self.add_of_names(at, rule)?,
        }
        Ok(())
    }

    /// Adds a rule about what names say and leave out.
    fn add_of_names(&mut self, at: usize, rule: &IdentityRule) -> Result<(), RuleError> {
        let failed = |key, reason: String| RuleError {
            rule: at,
            key,
            reason,
        };
        match rule {
            IdentityRule::Default {
                namespace,
                database,
                schema,
            } => {
                let key = self.known(at, "namespace", namespace)?;
                if self.defaults.contains_key(&key) {
                    return Err(failed(
                        "namespace",
                        format!("{key} has its defaults already"),
                    ));
                }
                let defaults = Defaults {
                    database: database.as_deref().map(ToOwned::to_owned),
                    schema: schema.as_deref().map(ToOwned::to_owned),
                };
                self.defaults.insert(key, defaults);
            }
            IdentityRule::Connection {
                connection,
                namespace,
                database,
                schema,
            } => {
                self.known(at, "namespace", namespace)?;
                if self
                    .connections
                    .iter()
                    .any(|t| t.connection == **connection)
                {
                    return Err(failed(
                        "connection",
                        format!("{connection} is described twice"),
                    ));
                }
                self.connections.push(Target {
                    connection: connection.to_string(),
                    namespace: namespace.to_string(),
                    database: database.as_deref().map(ToOwned::to_owned),
                    schema: schema.as_deref().map(ToOwned::to_owned),
                });
            }
            IdentityRule::Rewrite {
                name,
                part,
                namespace,
                pattern,
                replacement,
            } => {
                let compiled = regex::RegexBuilder::new(pattern)
                    .size_limit(REWRITE_BYTES_MAX)
                    .build()
                    .map_err(|error| {
                        let text = error.to_string();
                        let last = text.lines().last().unwrap_or_default();
                        failed("pattern", last.trim_start_matches("error: ").to_owned())
                    })?;
                let namespace = namespace.as_deref().map(|text| self.namespace(text));
                self.rewrites.push(Rewrite {
                    name: name.clone(),
                    part: *part,
                    namespace,
                    pattern: compiled,
                    replacement: replacement.clone(),
                });
            }
            IdentityRule::Host { .. }
            | IdentityRule::Account { .. }
            | IdentityRule::Catalog { .. }
            | IdentityRule::Database { .. } => {}
        }
        Ok(())
    }

    /// The normal form of a namespace that a rule names, which has to be of a known platform.
    fn known(&mut self, rule: usize, key: &'static str, text: &str) -> Result<String, RuleError> {
        let namespace = self.namespace(text);
        let Some(mut location) = Location::parse(&namespace) else {
            return Err(RuleError {
                rule,
                key,
                reason: format!("{text:?} is no namespace of a known platform"),
            });
        };
        self.named.insert(namespace.clone());
        location.path.clear();
        self.named.insert(location.text());
        Ok(namespace)
    }

    /// The normal form of a namespace by itself.
    fn namespace(&self, text: &str) -> String {
        let mut work = Work::new(self, text, "", "");
        for rule in RULES.iter().take_while(|rule| rule.name != FIRST_OF_NAMES) {
            (rule.apply)(&mut work);
        }
        work.namespace()
    }

    /// Takes brokers that a namespace names together for one cluster; true if that is news, and names of other
    /// namespaces may have other forms now.
    pub fn learn(&mut self, namespace: &str) -> bool {
        let Some(brokers) = self.broker_list(namespace) else {
            return false;
        };
        self.clusters.learn(&brokers)
    }

    /// True if [`Self::learn`] would be news.
    pub fn has_news(&self, namespace: &str) -> bool {
        self.broker_list(namespace)
            .is_some_and(|brokers| self.clusters.clone().learn(&brokers))
    }

    /// True if the form of names in that namespace, or of that name, may depend on what was learned.
    pub fn depends_on_brokers(&self, text: &str) -> bool {
        is_kafka(text) || !self.rules.rules.is_empty()
    }

    fn broker_list(&self, namespace: &str) -> Option<Vec<String>> {
        if !namespace.contains(',') || !is_kafka(namespace) {
            return None;
        }
        let mut work = Work::new(self, namespace, "", "");
        for rule in RULES.iter().take_while(|rule| rule.name != "brokers") {
            (rule.apply)(&mut work);
        }
        work.location.as_ref().map(brokers_of)
    }

    pub(crate) fn host(&self, authority: &str) -> String {
        let mut is = authority.to_owned();
        for _ in 0..HOSTS_MAX {
            let (host, port) = host_and_port(&is);
            let next = match (self.hosts.get(&is), self.hosts.get(host), port) {
                (None, Some(to), Some(port)) => format!("{to}:{port}"),
                (Some(to), _, _) | (None, Some(to), None) => to.clone(),
                (None, None, _) => break,
            };
            is = next;
        }
        is
    }

    pub(crate) fn connection(&self, namespace: &str) -> Option<&Target> {
        self.connections.iter().find(|target| target.is(namespace))
    }

    /// What a dataset's name means where a source of `domain` uses it.
    pub fn resolve(&self, name: &QualifiedName, domain: &str) -> Resolved {
        let mut steps = Vec::new();
        let (mut namespace, mut text) = (
            name.namespace.as_str().to_owned(),
            name.name.as_str().to_owned(),
        );
        let mut left = REDIRECTIONS_MAX;
        loop {
            let mut work = Work::new(self, &namespace, &text, domain);
            for rule in RULES {
                if let Some(words) = (rule.apply)(&mut work) {
                    let rule = rule.name;
                    steps.push(Step { rule, words });
                }
                if work.instead.is_some() {
                    break;
                }
            }
            left -= 1;
            match work.instead.take() {
                Some(instead) if left > 0 => (namespace, text) = instead,
                _ => return finish(work, steps),
            }
        }
    }
}

fn finish(work: Work<'_>, steps: Vec<Step>) -> Resolved {
    let namespace = work.namespace();
    let quoted = work.quoted.as_ref().map(|parts| Form {
        namespace: namespace.clone(),
        name: crate::parts::join(parts.iter().map(String::as_str)),
        scope: work.scope.clone(),
    });
    let fold = work.location.as_ref().map(|location| location.scheme.fold);
    let hint = hint(&work);
    Resolved {
        form: Form {
            name: work.name(),
            namespace,
            scope: work.scope,
        },
        quoted,
        is_known: fold.is_some(),
        may_be_quoted: fold.is_some_and(|fold| fold.bare != fold.quoted),
        steps,
        hint,
    }
}

fn hint(work: &Work<'_>) -> Option<String> {
    let location = work.location.as_ref()?;
    if location.scheme.name == "snowflake" && location.authority.contains('.') {
        return Some(format!(
            "{} is an account locator: which organisation and account it is, only a rule of identity.account can say",
            location.authority
        ));
    }
    None
}

/// Puts what has to be there once.
fn once<K: Ord + fmt::Debug>(
    map: &mut BTreeMap<K, String>,
    key: K,
    value: String,
) -> Result<(), String> {
    let words = format!("{key:?}");
    match map.insert(key, value) {
        Some(other) => Err(format!("{words} is {other} already")),
        None => Ok(()),
    }
}

/// True for namespaces of Kafka.
pub(crate) fn is_kafka(namespace: &str) -> bool {
    namespace
        .get(..8)
        .is_some_and(|start| start.eq_ignore_ascii_case("kafka://"))
}
