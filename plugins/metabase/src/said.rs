//! What files say: of an export, or of answers of the API.

use std::collections::{BTreeMap, btree_map::Entry};

use bi::tree::{self, Node};
use headwater_extractor::{Emitter, ExtractError, Input, Severity};

/// Fields of a table that are read.
pub(crate) const FIELDS_MAX: usize = 5_000;

/// One thing, and where it is described.
#[derive(Clone, Debug)]
pub(crate) struct Item {
    pub(crate) artifact: String,
    pub(crate) pointer: String,
    pub(crate) node: Node,
}

/// A field of a table.
#[derive(Clone, Debug)]
pub(crate) struct Field {
    pub(crate) name: String,
    pub(crate) table: String,
}

/// A table, by whatever names it.
#[derive(Clone, Debug, Default)]
pub(crate) struct Table {
    /// What names its database: a number, or its name.
    pub(crate) database: String,
    pub(crate) schema: Option<String>,
    pub(crate) name: String,
    pub(crate) fields: Vec<String>,
}

/// All that is said. Things of an export are named by paths of names, those of the API by numbers.
#[derive(Clone, Debug, Default)]
pub(crate) struct Said {
    pub(crate) databases: BTreeMap<String, Item>,
    pub(crate) tables: BTreeMap<String, Table>,
    pub(crate) fields: BTreeMap<String, Field>,
    /// Names of fields of which the table is not told: results tell them.
    pub(crate) field_names: BTreeMap<String, String>,
    pub(crate) cards: BTreeMap<String, Item>,
    /// Cards by their other name, the number.
    pub(crate) card_keys: BTreeMap<String, String>,
    pub(crate) dashboards: BTreeMap<String, Item>,
    pub(crate) collections: BTreeMap<String, String>,
    /// Snippets of SQL by name and by entity id.
    pub(crate) snippets: BTreeMap<String, String>,
}

/// What names a thing: a number or a name, or the path of one.
pub(crate) fn key_of(node: &Node) -> Option<String> {
    if let Some(text) = node.text() {
        return Some(text.to_owned());
    }
    let parts = node.items();
    // A schema may be nothing.
    let is_path = parts.len() >= 3
        && parts
            .iter()
            .all(|part| part.text().is_some() || part.is_null());
    let parts = parts.iter().map(|part| part.text().unwrap_or(""));
    is_path.then(|| parts.collect::<Vec<_>>().join("\u{1}"))
}

/// Reads files in the order of their names; what one of them lacks costs only that file.
pub(crate) fn read(inputs: &[Input], out: &mut Emitter) -> Result<Said, ExtractError> {
    if inputs.is_empty() {
        let message = "expected files of a Metabase export or of its API, found none";
        return Err(ExtractError::Unsupported(message.into()));
    }
    let mut inputs: Vec<&Input> = inputs.iter().collect();
    inputs.sort_by(|a, b| a.name().cmp(b.name()));
    let mut said = Said::default();
    for input in inputs {
        let bytes = input.read_all()?;
        let parsed = match std::str::from_utf8(&bytes) {
            Ok(text) => {
                let text = text.trim_start_matches('\u{feff}');
                let is_json = text.trim_start().starts_with(['{', '[']);
                if is_json {
                    tree::json(text)
                } else {
                    tree::yaml(text)
                }
            }
            Err(_) => Err(tree::Fault {
                line: 1,
                message: "expected UTF-8".into(),
            }),
        };
        let is_known = match parsed {
            Ok(node) => said.file(input.name(), &node, out)?,
            Err(fault) => {
                let at = bi::place(input.name(), "", Some(fault.line));
                let message = format!("the file is left out: {}", fault.message);
                out.diagnose(bi::told(Severity::Error, "metabase/syntax", message, at))?;
                continue;
            }
        };
        if !is_known && !input.name().ends_with("settings.yaml") {
            let message = "the file is left out: it is nothing of Metabase that is read";
            let at = bi::place(input.name(), "", None);
            out.diagnose(bi::told(
                Severity::Warning,
                "metabase/unknown-file",
                message.into(),
                at,
            ))?;
        }
    }
    said.name_fields();
    Ok(said)
}

impl Said {
    /// A file with one thing, or with a list of them; false if it is neither.
    fn file(
        &mut self,
        artifact: &str,
        node: &Node,
        out: &mut Emitter,
    ) -> Result<bool, ExtractError> {
        let list = if node.is_map() && !node.get("data").items().is_empty() {
            (node.get("data").items(), "/data")
        } else {
            (node.items(), "")
        };
        if list.0.is_empty() {
            let is_empty_list = matches!(&node.value, tree::Value::List(_));
            return Ok(self.thing(artifact, "", node, out)? || is_empty_list);
        }
        let mut is_known = false;
        for (at, thing) in list.0.iter().enumerate() {
            is_known |= self.thing(artifact, &format!("{}/{at}", list.1), thing, out)?;
        }
        Ok(is_known)
    }

    fn thing(
        &mut self,
        artifact: &str,
        pointer: &str,
        node: &Node,
        out: &mut Emitter,
    ) -> Result<bool, ExtractError> {
        let model = node.get("serdes/meta").items().last();
        let model = model.and_then(|meta| meta.said("model")).unwrap_or("");
        let has = |key: &str| !node.get(key).is_null();
        let item = || Item {
            artifact: artifact.to_owned(),
            pointer: pointer.to_owned(),
            node: node.clone(),
        };
        if has("dataset_query") {
            self.card(item(), out)?;
        } else if model == "Dashboard" || has("dashcards") || has("ordered_cards") {
            self.dashboard(item(), out)?;
        } else if model == "Database" || has("engine") && has("name") {
            self.database(&item());
        } else if model == "Table" || has("db_id") && has("name") {
            self.table(node);
        } else if model == "Field" || has("table_id") && has("base_type") && has("name") {
            self.field(node, None);
        } else if model == "NativeQuerySnippet" || has("content") && has("name") {
            for key in ["name", "entity_id"] {
                if let (Some(key), Some(text)) = (node.said(key), node.said("content")) {
                    self.snippets.insert(key.to_owned(), text.to_owned());
                }
            }
        } else if model == "Collection" || has("slug") && has("name") {
            for key in ["entity_id", "id"] {
                if let (Some(key), Some(name)) = (node.said(key), node.said("name")) {
                    self.collections.insert(key.to_owned(), name.to_owned());
                }
            }
        } else {
            // Other things of Metabase bear on no lineage: items of collections, people, settings.
            let is_other = has("model") || has("common_name") || has("is_personal");
            return Ok(!model.is_empty() || is_other);
        }
        Ok(true)
    }

    fn database(&mut self, item: &Item) {
        let node = &item.node;
        for table in node.get("tables").items() {
            self.table_of(table, node.said("id").or(node.said("name")));
        }
        for key in ["id", "name"] {
            if let Some(key) = node.said(key) {
                let known = self.databases.entry(key.to_owned());
                // One with details tells more than one without.
                match known {
                    Entry::Occupied(mut known)
                        if known.get().node.get("details").is_null()
                            && !node.get("details").is_null() =>
                    {
                        known.insert(item.clone());
                    }
                    Entry::Occupied(_) => {}
                    Entry::Vacant(free) => {
                        free.insert(item.clone());
                    }
                }
            }
        }
    }

    fn table(&mut self, node: &Node) {
        let database = node.get("db");
        if database.is_map() {
            self.database(&Item {
                artifact: String::new(),
                pointer: String::new(),
                node: database.clone(),
            });
        }
        self.table_of(node, None);
    }

    fn table_of(&mut self, node: &Node, database: Option<&str>) {
        let database = node.said("db_id").or(database);
        let (Some(database), Some(name)) = (database, node.said("name")) else {
            return;
        };
        let schema = node.said("schema");
        let path = [database, schema.unwrap_or(""), name].join("\u{1}");
        let key = node.said("id").map_or(path, str::to_owned);
        let table = self.tables.entry(key.clone()).or_default();
        database.clone_into(&mut table.database);
        table.schema = schema.map(str::to_owned);
        name.clone_into(&mut table.name);
        for field in node.get("fields").items().iter().take(FIELDS_MAX) {
            self.field(field, Some(&key));
        }
    }

    fn field(&mut self, node: &Node, table: Option<&str>) {
        let table = table
            .map(str::to_owned)
            .or_else(|| key_of(node.get("table_id")));
        let (Some(table), Some(name)) = (table, node.said("name")) else {
            return;
        };
        let key = node
            .said("id")
            .map_or_else(|| format!("{table}\u{1}{name}"), str::to_owned);
        self.fields.insert(
            key,
            Field {
                name: name.to_owned(),
                table,
            },
        );
    }

    /// Tables know their fields once all files are read.
    fn name_fields(&mut self) {
        for field in self.fields.values() {
            let table = self.tables.entry(field.table.clone()).or_insert_with(|| {
                let mut parts = field.table.split('\u{1}');
                let mut next = || parts.next().unwrap_or("").to_owned();
                let (database, schema) = (next(), next());
                Table {
                    database,
                    schema: (!schema.is_empty()).then_some(schema),
                    name: next(),
                    fields: Vec::new(),
                }
            });
            if table.fields.len() < FIELDS_MAX {
                table.fields.push(field.name.clone());
            }
        }
    }

    fn card(&mut self, item: Item, out: &mut Emitter) -> Result<(), ExtractError> {
        for column in item.node.get("result_metadata").items() {
            if let (Some(key), Some(name)) = (key_of(column.get("id")), column.said("name")) {
                self.field_names
                    .entry(key)
                    .or_insert_with(|| name.to_owned());
            }
        }
        let (number, entity) = (item.node.said("id"), item.node.said("entity_id"));
        let key = entity.or(number).filter(|key| bi::is_name(key));
        let Some(key) = key.map(str::to_owned) else {
            let message = "the card is left out: it has no entity id and no number".to_owned();
            let at = bi::place(&item.artifact, &item.pointer, item.node.line);
            out.diagnose(bi::told(Severity::Error, "metabase/no-id", message, at))?;
            return Ok(());
        };
        if let Some(number) = number {
            self.card_keys
                .entry(number.to_owned())
                .or_insert_with(|| key.clone());
        }
        match self.cards.entry(key) {
            Entry::Occupied(first) => {
                let is_same =
                    first.get().node.get("dataset_query") == item.node.get("dataset_query");
                if !is_same {
                    let artifact = &first.get().artifact;
                    let message = format!("a card is left out: {artifact} has it, too");
                    let at = bi::place(&item.artifact, &item.pointer, item.node.line);
                    out.diagnose(bi::told(Severity::Info, "metabase/twice", message, at))?;
                }
            }
            Entry::Vacant(free) => {
                free.insert(item);
            }
        }
        Ok(())
    }

    fn dashboard(&mut self, item: Item, out: &mut Emitter) -> Result<(), ExtractError> {
        let number = item.node.said("id");
        let key = item
            .node
            .said("entity_id")
            .or(number)
            .filter(|key| bi::is_name(key));
        let Some(key) = key.map(str::to_owned) else {
            let message = "the dashboard is left out: it has no entity id and no number".to_owned();
            let at = bi::place(&item.artifact, &item.pointer, item.node.line);
            out.diagnose(bi::told(Severity::Error, "metabase/no-id", message, at))?;
            return Ok(());
        };
        // Answers of the API have the cards whole.
        for key in ["dashcards", "ordered_cards"] {
            for (at, dashcard) in item.node.get(key).items().iter().enumerate() {
                let card = (format!("/{key}/{at}/card"), dashcard.get("card"));
                let series = dashcard.get("series").items().iter().enumerate();
                let series =
                    series.map(|(place, card)| (format!("/{key}/{at}/series/{place}"), card));
                for (pointer, card) in std::iter::once(card).chain(series) {
                    let is_new = card
                        .said("id")
                        .is_some_and(|id| !self.card_keys.contains_key(id));
                    if is_new && !card.get("dataset_query").is_null() {
                        let artifact = item.artifact.clone();
                        let pointer = format!("{}{pointer}", item.pointer);
                        self.card(
                            Item {
                                artifact,
                                pointer,
                                node: card.clone(),
                            },
                            out,
                        )?;
                    }
                }
            }
        }
        self.dashboards.entry(key).or_insert(item);
        Ok(())
    }

    /// The card that a number or an entity id names.
    pub(crate) fn card_key<'k>(&'k self, key: &'k str) -> &'k str {
        self.card_keys.get(key).map_or(key, String::as_str)
    }
}
