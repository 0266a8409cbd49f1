//! Cards: questions, models and metrics.

use std::collections::{BTreeMap, BTreeSet};

use headwater_extractor::{Alias, Dataset, DatasetNode, ExtractError, Field, Severity};

use crate::mbql::{Answer, Reading, Source, result_names, sql_of};
use crate::native::of_star;
use crate::said::Item;
use crate::state::{Stating, known_name};

/// Names that only one thing has, so that they may stand for it.
pub(crate) fn unique_names(items: &BTreeMap<String, Item>) -> BTreeSet<&str> {
    let mut counts: BTreeMap<&str, usize> = BTreeMap::new();
    for name in items.values().filter_map(|item| item.node.said("name")) {
        *counts.entry(name).or_default() += 1;
    }
    let unique = counts.into_iter().filter(|(_, count)| *count == 1);
    unique.map(|(name, _)| name).collect()
}

impl Stating<'_, '_> {
    pub(crate) fn all_cards(&mut self) -> Result<(), ExtractError> {
        let said = self.said;
        let unique = unique_names(&said.cards);
        // All are declared before any is read: they may read each other.
        let is_kept = |item: &Item| !item.node.get("archived").is_true();
        for (key, item) in said.cards.iter().filter(|(_, item)| is_kept(item)) {
            self.declare_card(key, item, &unique)?;
        }
        for (key, item) in said.cards.iter().filter(|(_, item)| is_kept(item)) {
            let (node, columns) = self.cards[key].clone();
            self.card(item, node, &columns)?;
        }
        Ok(())
    }

    fn declare_card(
        &mut self,
        key: &str,
        item: &Item,
        unique: &BTreeSet<&str>,
    ) -> Result<(), ExtractError> {
        let card = &item.node;
        self.at = bi::place(&item.artifact, &item.pointer, card.line);
        let kind = match card.said("type") {
            Some("model") => "MODEL",
            Some("metric") => "METRIC",
            // Before version 49 models are marked so.
            None if card.get("dataset").is_true() => "MODEL",
            _ => "QUESTION",
        };
        let mut names = BTreeSet::new();
        let columns = card
            .get("result_metadata")
            .items()
            .iter()
            .filter_map(|column| {
                let name = column.said("name").filter(|name| bi::is_name(name))?;
                names.insert(name).then_some((name, column))
            });
        let fields: Vec<Field> = columns
            .map(|(name, column)| Field {
                name,
                data_type: column.said("base_type"),
                description: column.said("description"),
            })
            .collect();
        let of_query = if fields.is_empty() {
            result_names(self, &card.get("dataset_query").or_json())
        } else {
            Vec::new()
        };
        let of_query = of_query.iter().map(|name| Field {
            name,
            ..Field::default()
        });
        let fields: Vec<Field> = fields.into_iter().chain(of_query).collect();
        let (own, at) = (self.own.clone(), self.at.clone());
        let name = format!("cards/{key}");
        let node = self.out.dataset(&Dataset {
            namespace: &own,
            name: &name,
            kind,
            declared: true,
            description: card.said("description"),
            fields: &fields,
            evidence: Some(&at),
        })?;
        let columns = fields.iter().map(|field| field.name.to_owned()).collect();
        self.cards.insert(key.to_owned(), (node, columns));
        self.aliases(node, item, "cards", &name, unique)?;
        let folder = match kind {
            "MODEL" => "model",
            "METRIC" => "metric",
            _ => "question",
        };
        self.describe(node, item, folder)?;
        let query = card.get("dataset_query");
        let stages = query.get("stages").items().iter();
        let mut natives = stages.chain([query.get("native")]);
        let sql = natives.find_map(sql_of);
        self.facet(
            node,
            &[
                ("id", card.said("id")),
                ("entityId", card.said("entity_id")),
                ("display", card.said("display")),
                (
                    "database",
                    query.said("database").or(card.said("database_id")),
                ),
                ("sql", sql),
            ],
        )
    }

    /// The number beside the entity id, and a name that nothing else of its kind has.
    pub(crate) fn aliases(
        &mut self,
        node: DatasetNode,
        item: &Item,
        folder: &str,
        name: &str,
        unique: &BTreeSet<&str>,
    ) -> Result<(), ExtractError> {
        let (own, at) = (self.own.clone(), self.at.clone());
        let title = item
            .node
            .said("name")
            .filter(|title| unique.contains(title));
        // A title that is a number would be taken for one.
        let title = title.filter(|title| title.parse::<u64>().is_err());
        for (alias, reason) in [
            (item.node.said("id"), "its number in Metabase"),
            (
                title,
                "its name in Metabase, which nothing else of its kind has",
            ),
        ] {
            let alias = alias.map(|alias| format!("{folder}/{alias}"));
            if let Some(alias) = alias.filter(|alias| alias != name && bi::is_name(alias)) {
                self.out.alias(
                    node,
                    &Alias {
                        namespace: &own,
                        name: &alias,
                        reason,
                        evidence: Some(&at),
                    },
                )?;
            }
        }
        Ok(())
    }

    fn card(
        &mut self,
        item: &Item,
        node: DatasetNode,
        columns: &[String],
    ) -> Result<(), ExtractError> {
        let query = item.node.get("dataset_query").or_json();
        let pointer = format!("{}/dataset_query", item.pointer);
        let line = item.node.get("dataset_query").line.or(item.node.line);
        self.at = bi::place(&item.artifact, &pointer, line);
        let database = query
            .said("database")
            .or(item.node.said("database_id"))
            .unwrap_or("");
        let mut reading = Reading {
            state: self,
            database,
            answer: Answer::default(),
        };
        let result = reading.query(&query)?;
        let mut answer = reading.answer;
        answer.result = result;
        for (code, message) in std::mem::take(&mut answer.notes) {
            let is_lost = matches!(code, "metabase/sql" | "metabase/unresolved-table");
            let severity = if is_lost {
                Severity::Warning
            } else {
                Severity::Info
            };
            self.tell(severity, code, message)?;
        }
        let at = self.at.clone();
        for input in &answer.inputs {
            if *input != node {
                self.out.derives(node, *input, Some(&at))?;
            }
        }
        self.field_lineage(node, columns, &answer)
    }

    fn field_lineage(
        &mut self,
        node: DatasetNode,
        columns: &[String],
        answer: &Answer,
    ) -> Result<(), ExtractError> {
        let mut stated = BTreeSet::new();
        let mut named = BTreeSet::new();
        for column in &answer.result.columns {
            let to = known_name(columns, &column.name);
            for (from, field, how) in &column.origins {
                if stated.insert((*from, field.clone(), Some(to.clone()), how.clone())) {
                    self.field_edge((*from, field.as_deref()), (node, Some(&to)), how)?;
                }
            }
            named.insert(to);
        }
        self.of_stars(node, columns, &answer.result, &named)?;
        for (from, field, how) in &answer.influences {
            if stated.insert((*from, field.clone(), None, how.clone())) {
                self.field_edge((*from, field.as_deref()), (node, None), how)?;
            }
        }
        Ok(())
    }

    /// Columns of the result that a star stands for: those of the only thing that has one, else nobody knows whose.
    fn of_stars(
        &mut self,
        node: DatasetNode,
        columns: &[String],
        result: &Source,
        named: &BTreeSet<String>,
    ) -> Result<(), ExtractError> {
        if result.star.len() == 1 && !columns.is_empty() {
            for column in columns.iter().filter(|column| !named.contains(*column)) {
                for (from, field, how) in of_star(result, column) {
                    self.field_edge((from, field.as_deref()), (node, Some(column)), &how)?;
                }
            }
            return Ok(());
        }
        let same = bi::sql::How::direct(sql_lineage::Direct::Identity);
        for star in &result.star {
            self.field_edge((*star, None), (node, None), &same)?;
        }
        Ok(())
    }
}
