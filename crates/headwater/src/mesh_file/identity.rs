//! The table `identity` of the mesh file.

use std::ops::Range;

use headwater_engine::check_identity;
use headwater_model::{IdentityRule, IdentityRules, RewrittenPart, Text};
use serde::Deserialize;
use toml::Spanned;

type Word = Spanned<String>;

/// The longest value, in bytes.
const VALUE_BYTES_MAX: usize = 4096;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct IdentityTable {
    fold_jobs: Option<bool>,
    #[serde(default)]
    host: Vec<Host>,
    #[serde(default)]
    account: Vec<Account>,
    #[serde(default)]
    catalog: Vec<CatalogRow>,
    #[serde(default)]
    database: Vec<DatabaseRow>,
    #[serde(default)]
    default: Vec<Defaults>,
    #[serde(default)]
    connection: Vec<ConnectionRow>,
    #[serde(default)]
    rewrite: Vec<Rewrite>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Host {
    from: Word,
    to: Word,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Account {
    namespace: Word,
    account: Word,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct CatalogRow {
    namespace: Word,
    catalog: Word,
    to: Word,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct DatabaseRow {
    namespace: Word,
    database: Word,
    to: Word,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Defaults {
    namespace: Word,
    database: Option<Word>,
    schema: Option<Word>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct ConnectionRow {
    connection: Word,
    namespace: Word,
    database: Option<Word>,
    schema: Option<Word>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Rewrite {
    name: Word,
    part: Word,
    namespace: Option<Word>,
    pattern: Word,
    replacement: Word,
}

/// Rules, and where in the file their values stand.
#[derive(Default)]
struct Rules<'a> {
    rules: Vec<IdentityRule>,
    places: Vec<Vec<(&'static str, &'a Word)>>,
}

impl<'a> Rules<'a> {
    fn add(&mut self, rule: IdentityRule, words: &[(&'static str, Option<&'a Word>)]) {
        let words = words
            .iter()
            .filter_map(|(key, word)| Some((*key, (*word)?)));
        self.places.push(words.collect());
        self.rules.push(rule);
    }
}

fn text(word: &Word) -> Text {
    word.get_ref().as_str().into()
}

fn optional(word: Option<&Word>) -> Option<Text> {
    word.map(text)
}

impl IdentityTable {
    /// The rules; `at` puts a place before a message.
    pub(super) fn rules(
        &self,
        at: &dyn Fn(Range<usize>, &str, &str) -> String,
    ) -> Result<IdentityRules, String> {
        let mut rules = Rules::default();
        self.maps(&mut rules);
        self.names(&mut rules, at)?;
        for (key, word) in rules.places.iter().flatten() {
            let bytes = word.get_ref().len();
            let reason = if bytes == 0 && *key != "replacement" {
                "is empty".to_owned()
            } else if bytes > VALUE_BYTES_MAX {
                format!("has {bytes} bytes, more than {VALUE_BYTES_MAX}")
            } else {
                continue;
            };
            return Err(at(word.span(), key, &reason));
        }
        let identity = IdentityRules {
            folds_jobs: self.fold_jobs.unwrap_or(true),
            rules: rules.rules,
        };
        check_identity(&identity).map_err(|error| {
            let words = rules.places.get(error.rule).into_iter().flatten();
            let place = words
                .clone()
                .find(|(key, _)| *key == error.key)
                .or_else(|| words.clone().next());
            let span = place.map_or(0..0, |(_, word)| word.span());
            at(span, error.key, &error.reason)
        })?;
        Ok(identity)
    }

    /// Rules about where things are.
    fn maps<'a>(&'a self, rules: &mut Rules<'a>) {
        for Host { from, to } in &self.host {
            let rule = IdentityRule::Host {
                from: text(from),
                to: text(to),
            };
            rules.add(rule, &[("from", Some(from)), ("to", Some(to))]);
        }
        for Account { namespace, account } in &self.account {
            let rule = IdentityRule::Account {
                namespace: text(namespace),
                account: text(account),
            };
            let words = [("namespace", Some(namespace)), ("account", Some(account))];
            rules.add(rule, &words);
        }
        for table in &self.catalog {
            let rule = IdentityRule::Catalog {
                namespace: text(&table.namespace),
                catalog: text(&table.catalog),
                to: text(&table.to),
            };
            let words = [
                ("namespace", Some(&table.namespace)),
                ("catalog", Some(&table.catalog)),
                ("to", Some(&table.to)),
            ];
            rules.add(rule, &words);
        }
        for table in &self.database {
            let rule = IdentityRule::Database {
                namespace: text(&table.namespace),
                database: text(&table.database),
                to: text(&table.to),
            };
            let words = [
                ("namespace", Some(&table.namespace)),
                ("database", Some(&table.database)),
                ("to", Some(&table.to)),
            ];
            rules.add(rule, &words);
        }
    }

    /// Rules about what names say and leave out.
    fn names<'a>(
        &'a self,
        rules: &mut Rules<'a>,
        at: &dyn Fn(Range<usize>, &str, &str) -> String,
    ) -> Result<(), String> {
        for table in &self.default {
            let rule = IdentityRule::Default {
                namespace: text(&table.namespace),
                database: optional(table.database.as_ref()),
                schema: optional(table.schema.as_ref()),
            };
            let words = [
                ("namespace", Some(&table.namespace)),
                ("database", table.database.as_ref()),
                ("schema", table.schema.as_ref()),
            ];
            rules.add(rule, &words);
        }
        for table in &self.connection {
            let rule = IdentityRule::Connection {
                connection: text(&table.connection),
                namespace: text(&table.namespace),
                database: optional(table.database.as_ref()),
                schema: optional(table.schema.as_ref()),
            };
            let words = [
                ("connection", Some(&table.connection)),
                ("namespace", Some(&table.namespace)),
                ("database", table.database.as_ref()),
                ("schema", table.schema.as_ref()),
            ];
            rules.add(rule, &words);
        }
        for table in &self.rewrite {
            let part = RewrittenPart::parse(table.part.get_ref()).ok_or_else(|| {
                let all = RewrittenPart::ALL.map(RewrittenPart::as_str).join(", ");
                let reason = format!("{:?} is none of {all}", table.part.get_ref());
                at(table.part.span(), "part", &reason)
            })?;
            let rule = IdentityRule::Rewrite {
                name: text(&table.name),
                part,
                namespace: optional(table.namespace.as_ref()),
                pattern: text(&table.pattern),
                replacement: text(&table.replacement),
            };
            let words = [
                ("name", Some(&table.name)),
                ("namespace", table.namespace.as_ref()),
                ("pattern", Some(&table.pattern)),
                ("replacement", Some(&table.replacement)),
            ];
            rules.add(rule, &words);
        }
        Ok(())
    }
}
