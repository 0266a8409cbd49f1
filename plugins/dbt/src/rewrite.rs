//! Rewriting names of databases and schemas, so that one environment's relations stand for
//! another's.

use std::collections::BTreeMap;

use headwater_extractor::{Config, Diagnostic, ExtractError, Location, Severity};
use regex_lite::Regex;

use crate::place::diagnostic;

/// The parts of a name that can be rewritten, and their keys.
const DATABASE_KEY: &str = "rewrite.database";
const SCHEMA_KEY: &str = "rewrite.schema";

/// The rewrites that are configured.
#[derive(Debug, Default)]
pub(crate) struct Rewrites {
    database: Option<Rewrite>,
    schema: Option<Rewrite>,
}

/// One of them, and what it has met.
#[derive(Debug)]
struct Rewrite {
    key: &'static str,
    text: String,
    pattern: Regex,
    replacement: String,
    is_used: bool,
    known: BTreeMap<String, String>,
}

impl Rewrites {
    /// # Errors
    /// [`ExtractError::Malformed`] names the key, the pattern and what is wrong with it.
    pub(crate) fn parse(config: &Config) -> Result<Self, ExtractError> {
        Ok(Self {
            database: Rewrite::parse(config, DATABASE_KEY)?,
            schema: Rewrite::parse(config, SCHEMA_KEY)?,
        })
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.database.is_none() && self.schema.is_none()
    }

    /// What a database is called instead.
    pub(crate) fn database<'n>(&'n mut self, name: &'n str) -> &'n str {
        match &mut self.database {
            Some(rewrite) => rewrite.apply(name),
            None => name,
        }
    }

    /// What a schema is called instead.
    pub(crate) fn schema<'n>(&'n mut self, name: &'n str) -> &'n str {
        match &mut self.schema {
            Some(rewrite) => rewrite.apply(name),
            None => name,
        }
    }

    /// A warning for each rewrite that matched nothing.
    pub(crate) fn unused(&self) -> Vec<Diagnostic> {
        let rewrites = [&self.database, &self.schema].into_iter().flatten();
        rewrites
            .filter(|rewrite| !rewrite.is_used)
            .map(|rewrite| {
                let met: Vec<_> = rewrite
                    .known
                    .keys()
                    .map(|name| format!("`{name}`"))
                    .collect();
                diagnostic(
                    Severity::Warning,
                    "dbt/rewrite-unused",
                    format!(
                        "`{}` is configured as `{}`, but matches none of {}",
                        rewrite.key,
                        rewrite.text,
                        met.join(", ")
                    ),
                    None,
                )
            })
            .collect()
    }
}

impl Rewrite {
    fn parse(config: &Config, key: &'static str) -> Result<Option<Self>, ExtractError> {
        let Some(text) = config.get(key) else {
            return Ok(None);
        };
        let Some((pattern, replacement)) = text.rsplit_once('=') else {
            return Err(invalid(
                key,
                text,
                "has no `=` between pattern and replacement",
            ));
        };
        if pattern.is_empty() {
            return Err(invalid(key, text, "has no pattern before the last `=`"));
        }
        let regex = Regex::new(pattern).map_err(|error| {
            invalid(
                key,
                text,
                &format!("has the invalid pattern `{pattern}`: {error}"),
            )
        })?;
        if let Some(group) = unknown_group(&regex, replacement) {
            let why = format!(
                "replaces by group `{group}`, which pattern `{pattern}` does not have; \
                 write `${{1}}` where a letter, digit or underscore follows"
            );
            return Err(invalid(key, text, &why));
        }
        Ok(Some(Self {
            key,
            text: text.to_owned(),
            pattern: regex,
            replacement: replacement.to_owned(),
            is_used: false,
            known: BTreeMap::new(),
        }))
    }

    /// Each name is rewritten once: there are few, and many relations that have them.
    fn apply<'n>(&'n mut self, name: &'n str) -> &'n str {
        if !self.known.contains_key(name) {
            self.is_used |= self.pattern.is_match(name);
            let replaced = self.pattern.replace_all(name, self.replacement.as_str());
            self.known.insert(name.to_owned(), replaced.into_owned());
        }
        &self.known[name]
    }
}

/// The first group in `replacement` that `regex` does not have; it would be replaced by nothing.
fn unknown_group<'r>(regex: &Regex, replacement: &'r str) -> Option<&'r str> {
    let is_known = |group: &str| match group.parse::<usize>() {
        Ok(number) => number < regex.captures_len(),
        Err(_) => regex.capture_names().flatten().any(|name| name == group),
    };
    let mut rest = replacement;
    while let Some((_, after)) = rest.split_once('$') {
        if let Some(escaped) = after.strip_prefix('$') {
            rest = escaped;
            continue;
        }
        let is_part = |char: char| char.is_ascii_alphanumeric() || char == '_';
        let bare = &after[..after.find(|char| !is_part(char)).unwrap_or(after.len())];
        let braced = after
            .strip_prefix('{')
            .and_then(|inner| inner.split_once('}'));
        let group = braced.map_or(bare, |(group, _)| group);
        if !group.is_empty() && !is_known(group) {
            return Some(group);
        }
        rest = after;
    }
    None
}

fn invalid(key: &str, text: &str, why: &str) -> ExtractError {
    let at = Location {
        artifact: "configuration".into(),
        pointer: Some(format!("/{key}")),
        byte_offset: None,
        line: None,
        column: None,
    };
    let message = format!("the value `{text}` of configuration key `{key}` {why}");
    ExtractError::Malformed(diagnostic(
        Severity::Error,
        "config/invalid",
        message,
        Some(at),
    ))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::naming::KEYS;

    fn rewrites(value: &str) -> Result<Rewrites, String> {
        let config = serde_json::json!({ DATABASE_KEY: value }).to_string();
        let config = Config::parse(&config, KEYS).unwrap();
        match Rewrites::parse(&config) {
            Ok(rewrites) => Ok(rewrites),
            Err(ExtractError::Malformed(found)) => Err(found.message),
            Err(other) => panic!("{other:?}"),
        }
    }

    #[test]
    fn a_name_is_rewritten_by_the_pattern_before_the_last_equals_sign() {
        for (value, name, expected) in [
            (r"^dbt_pr_\d+$=prod", "dbt_pr_12", "prod"),
            (r"^dbt_pr_\d+$=prod", "dbt_pr_x", "dbt_pr_x"),
            (r"^(\w+)_dev$=$1", "shop_dev", "shop"),
            (r"^(\w+)_dev$=${1}_prod", "shop_dev", "shop_prod"),
            (r"^(?P<base>\w+)_dev$=$base", "shop_dev", "shop"),
            ("a=b=c", "a=b", "c"),
            ("^dev_=", "dev_shop", "shop"),
            ("x=$$", "x", "$"),
        ] {
            assert_eq!(rewrites(value).unwrap().database(name), expected, "{value}");
        }
    }

    #[test]
    fn what_is_no_rewrite_is_refused_with_its_key_and_pattern() {
        for (value, expected) in [
            ("prod", "has no `=`"),
            ("=prod", "has no pattern"),
            ("(dev=prod", "the invalid pattern `(dev`"),
            ("^(x)=$1_prod", "group `1_prod`"),
            ("x=${2}", "group `2`"),
        ] {
            let message = rewrites(value).unwrap_err();
            assert!(message.contains(expected), "{message}");
            assert!(message.contains("`rewrite.database`"), "{message}");
        }
    }
}
