//! Native queries: SQL with holes that Metabase fills in.

use std::collections::BTreeSet;
use std::rc::Rc;

use bi::sql::{self, How};
use bi::template::{self, HOLE, Quotes};
use bi::tree::Node;
use headwater_extractor::{DatasetNode, ExtractError};
use sql_lineage::{Catalog, Direct, Indirect, Options, TableName};

use crate::mbql::{Column, Origin, Reading, Source, sql_of};

/// What stands for a card in SQL, before its number.
const CARD: &str = "headwater_card_";
/// Snippets in snippets.
const SNIPPETS_DEPTH_MAX: usize = 8;
/// Bytes of SQL, snippets filled in.
const SQL_BYTES_MAX: usize = 1 << 20;

/// SQL without holes, and the cards that it names.
#[derive(Debug, Default)]
struct Filled {
    text: String,
    cards: Vec<String>,
    notes: BTreeSet<(&'static str, String)>,
}

impl Reading<'_, '_, '_> {
    /// A native query: a text, or a mapping that has it.
    pub(crate) fn native(&mut self, native: &Node) -> Result<Source, ExtractError> {
        let Some(text) = sql_of(native) else {
            let code = "metabase/native";
            self.answer
                .notes
                .insert((code, "the query is no SQL".to_owned()));
            return self.collection(native);
        };
        if text.trim_start().starts_with('[') {
            let code = "metabase/native";
            self.answer
                .notes
                .insert((code, "the query is no SQL".to_owned()));
            return self.collection(native);
        }
        let mut filled = Filled::default();
        self.fill(text, &mut filled, 0);
        self.answer.notes.append(&mut filled.notes);
        self.field_filters(native)?;
        let connection = self.state.connection(self.database)?.0;
        let options = Options {
            dialect: connection.dialect,
            ..Options::default()
        };
        let mut catalog = self.state.catalog_of(self.database, &connection);
        let mut cards: Vec<(TableName, DatasetNode)> = Vec::new();
        for key in &filled.cards {
            let (dataset, columns) = self.state.card_node(key)?;
            let name = TableName::new([format!("{CARD}{key}")]);
            if !columns.is_empty() {
                Rc::make_mut(&mut catalog).add(&name, columns);
            }
            cards.push((name, dataset));
        }
        self.analysed(&filled.text, &options, &catalog, &cards)
    }

    /// The collection of a document store.
    fn collection(&mut self, native: &Node) -> Result<Source, ExtractError> {
        let Some(name) = native.said("collection").filter(|name| bi::is_name(name)) else {
            return Ok(Source::default());
        };
        let dataset = self
            .state
            .sql_table(self.database, &TableName::new([name]))?;
        self.answer.inputs.extend(dataset);
        Ok(Source::default())
    }

    fn analysed(
        &mut self,
        text: &str,
        options: &Options,
        catalog: &Catalog,
        cards: &[(TableName, DatasetNode)],
    ) -> Result<Source, ExtractError> {
        // One query that ends in a semicolon is one query.
        let text = text.trim_end().trim_end_matches(';');
        let query = sql::query(text, options, catalog);
        if let Some((problem, line)) = &query.problem {
            let message = format!("lineage of the query is missing: {problem} (line {line} of it)");
            self.answer.notes.insert(("metabase/sql", message));
        }
        let mut tables: Vec<(&TableName, DatasetNode)> = Vec::new();
        for input in &query.inputs {
            let card = cards.iter().find(|(name, _)| is_card(name, input));
            let dataset = match card {
                Some((_, dataset)) => Some(*dataset),
                None if template::is_hole(&input.to_string()) => {
                    let message = "a table is left out: its name is a parameter".to_owned();
                    self.answer.notes.insert(("metabase/template", message));
                    None
                }
                None => self.state.sql_table(self.database, input)?,
            };
            if let Some(dataset) = dataset {
                tables.push((input, dataset));
                if !self.answer.inputs.contains(&dataset) {
                    self.answer.inputs.push(dataset);
                }
            }
        }
        let mut source = Source::default();
        for name in query.columns.iter().flatten() {
            source.columns.push(Column {
                name: name.clone(),
                origins: Vec::new(),
            });
        }
        for origin in query.origins {
            let table = tables.iter().find(|(name, _)| **name == origin.table);
            let Some((_, dataset)) = table else { continue };
            if origin.column.as_deref().is_some_and(template::is_hole) {
                continue;
            }
            let from: Origin = (*dataset, origin.column, origin.how);
            match origin.to {
                Some(to) => match source.columns.iter_mut().find(|column| column.name == to) {
                    Some(column) => column.origins.push(from),
                    None => source.columns.push(Column {
                        name: to,
                        origins: vec![from],
                    }),
                },
                None if from.1.is_none() && from.2.direct.is_some() => source.star.push(from.0),
                None => self.answer.influences.push(from),
            }
        }
        Ok(source)
    }

    /// Variables that stand for a condition on a field.
    fn field_filters(&mut self, native: &Node) -> Result<(), ExtractError> {
        for (_, tag) in native.get("template-tags").entries() {
            let items = tag.get("dimension").items();
            let key = items.iter().skip(1).find(|item| !item.is_map());
            let Some(key) = key.and_then(crate::said::key_of) else {
                continue;
            };
            let Some((table, name)) = self.state.field_of(&key) else {
                continue;
            };
            if let Some((dataset, _)) = self.state.table_node(&table)? {
                let how = How::indirect(Indirect::Filter);
                self.answer.influences.push((dataset, Some(name), how));
            }
        }
        Ok(())
    }

    /// Fills in holes: optional parts stand, values are nothing, cards are queries, snippets are their text.
    fn fill(&self, text: &str, filled: &mut Filled, depth: usize) {
        let mut rest = text;
        let mut quotes = Quotes::default();
        loop {
            let next = ["{{", "[[", "]]"]
                .into_iter()
                .filter_map(|mark| rest.find(mark));
            let Some(at) = next.min() else { break };
            let (before, tag) = rest.split_at(at);
            quotes.pass(before);
            filled.text.push_str(before);
            rest = &tag[2..];
            if !tag.starts_with("{{") {
                // Elsewhere brackets are those of lists in lists.
                let is_optional =
                    tag.starts_with("[[") && tag.contains("{{") || tag.starts_with("]]");
                if quotes.is_open() || !is_optional {
                    filled.text.push_str(&tag[..2]);
                }
                continue;
            }
            let Some(end) = rest.find("}}") else {
                filled.text.push_str(tag);
                return;
            };
            let inside = rest[..end].trim();
            rest = &rest[end + 2..];
            self.hole(inside, rest, quotes, filled, depth);
            if filled.text.len() > SQL_BYTES_MAX {
                let message = format!("the query has more than {SQL_BYTES_MAX} bytes");
                filled.notes.insert(("metabase/template", message));
                return;
            }
        }
        filled.text.push_str(rest);
    }

    fn hole(&self, inside: &str, rest: &str, quotes: Quotes, filled: &mut Filled, depth: usize) {
        if let Some(card) = inside.strip_prefix('#') {
            // Behind the number the editor writes what the card is called.
            let key = card.split('-').next().unwrap_or(card).trim();
            let is_number = !key.is_empty() && key.bytes().all(|byte| byte.is_ascii_digit());
            let key = if is_number { key } else { card.trim() };
            let is_word = key
                .chars()
                .all(|char| char.is_alphanumeric() || char == '_');
            if is_word && !key.is_empty() {
                filled
                    .text
                    .push_str(&["(select * from ", CARD, key, ")"].concat());
                if !filled.cards.iter().any(|other| other == key) {
                    filled.cards.push(key.to_owned());
                }
                return;
            }
        }
        if let Some(name) = inside.strip_prefix("snippet:") {
            let found = self.state.said.snippets.get(name.trim());
            if let Some(text) = found.filter(|_| depth < SNIPPETS_DEPTH_MAX) {
                return self.fill(text, filled, depth + 1);
            }
            let message = format!("the snippet {} is not told", name.trim());
            filled
                .notes
                .insert(("metabase/unresolved-snippet", message));
        }
        let is_part = quotes.is_open() || template::is_joined(&filled.text, rest);
        filled.text.push_str(if is_part { HOLE } else { "(NULL)" });
    }
}

fn is_card(name: &TableName, input: &TableName) -> bool {
    let last = |name: &TableName| name.parts().last().map(|part| part.to_lowercase());
    last(name) == last(input)
}

/// A result that is known only by the names of its columns: those of the only thing that has them.
pub(crate) fn of_star(source: &Source, name: &str) -> Vec<Origin> {
    match &source.star[..] {
        [star] => vec![(*star, Some(name.to_owned()), How::direct(Direct::Identity))],
        _ => Vec::new(),
    }
}
