//! Dashboards: which cards they show, and what their filters ask.

use std::collections::BTreeSet;

use bi::sql::How;
use bi::tree::Node;
use headwater_extractor::{Dataset, DatasetNode, ExtractError};
use sql_lineage::{Direct, Indirect};

use crate::cards::unique_names;
use crate::said::{Item, key_of};
use crate::state::{Stating, known_name};

impl Stating<'_, '_> {
    pub(crate) fn all_dashboards(&mut self) -> Result<(), ExtractError> {
        let said = self.said;
        let unique = unique_names(&said.dashboards);
        for (key, item) in &said.dashboards {
            if !item.node.get("archived").is_true() {
                self.dashboard(key, item, &unique)?;
            }
        }
        Ok(())
    }

    fn dashboard(
        &mut self,
        key: &str,
        item: &Item,
        unique: &BTreeSet<&str>,
    ) -> Result<(), ExtractError> {
        self.at = bi::place(&item.artifact, &item.pointer, item.node.line);
        let (own, at) = (self.own.clone(), self.at.clone());
        let name = format!("dashboards/{key}");
        let node = self.out.dataset(&Dataset {
            namespace: &own,
            name: &name,
            kind: "DASHBOARD",
            declared: true,
            description: item.node.said("description"),
            fields: &[],
            evidence: Some(&at),
        })?;
        self.aliases(node, item, "dashboards", &name, unique)?;
        self.describe(node, item, "dashboard")?;
        self.facet(
            node,
            &[
                ("id", item.node.said("id")),
                ("entityId", item.node.said("entity_id")),
            ],
        )?;
        let mut seen = BTreeSet::new();
        for key in ["dashcards", "ordered_cards"] {
            for (at, dashcard) in item.node.get(key).items().iter().enumerate() {
                let pointer = format!("{}/{key}/{at}", item.pointer);
                let line = dashcard.line.or(item.node.get(key).line);
                self.at = bi::place(&item.artifact, &pointer, line);
                self.dashcard(node, dashcard, &mut seen)?;
            }
        }
        Ok(())
    }

    fn dashcard(
        &mut self,
        node: DatasetNode,
        dashcard: &Node,
        seen: &mut BTreeSet<(DatasetNode, Option<String>)>,
    ) -> Result<(), ExtractError> {
        let series = dashcard.get("series").items().iter();
        let series = series.map(|card| card.said("card_id").or(card.said("id")));
        let cards = std::iter::once(dashcard.said("card_id"))
            .chain(series)
            .flatten();
        for key in cards {
            let (card, _) = self.card_node(key)?;
            if seen.insert((card, None)) {
                let at = self.at.clone();
                self.out.derives(node, card, Some(&at))?;
                // All that a card has is shown.
                let how = How::direct(Direct::Identity);
                self.field_edge((card, None), (node, None), &how)?;
            }
        }
        for mapping in dashcard.get("parameter_mappings").items() {
            let key = mapping.said("card_id").or(dashcard.said("card_id"));
            let target = mapping.get("target").items();
            let field = match target {
                [kind, field, ..] if kind.text() == Some("dimension") => field,
                // A variable of a native query is not a field.
                _ => continue,
            };
            let named = field.items().iter().skip(1).find(|item| !item.is_map());
            let name = named.and_then(key_of).and_then(|key| self.field_name(&key));
            let (Some(key), Some(name)) = (
                key,
                name.filter(|_| field.items().first().and_then(Node::text) != Some("template-tag")),
            ) else {
                continue;
            };
            let (card, columns) = self.card_node(key)?;
            let is_there = columns
                .iter()
                .any(|column| column.eq_ignore_ascii_case(&name));
            // What a card filters by need not be in its result.
            if !columns.is_empty() && !is_there {
                continue;
            }
            let name = known_name(&columns, &name);
            if seen.insert((card, Some(name.clone()))) {
                let how = How::indirect(Indirect::Filter);
                self.field_edge((card, Some(&name)), (node, None), &how)?;
            }
        }
        Ok(())
    }
}
