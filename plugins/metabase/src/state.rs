//! Stating what is said.

use std::collections::{BTreeMap, BTreeSet};
use std::rc::Rc;

use bi::connection::Connection;
use bi::sql::{self, How};
use headwater_extractor::{
    CatalogDataset, Config, DatasetNode, Emitter, ExtractError, FieldEdge, FieldEnd, Location,
    Severity,
};
use serde_json::{Map, Value, json};
use sql_lineage::{Catalog, TableName};

use crate::databases;
use crate::said::{Item, Said};

pub(crate) struct Stating<'a, 'b> {
    pub(crate) said: &'a Said,
    pub(crate) config: &'a Config,
    pub(crate) known: &'a [CatalogDataset],
    pub(crate) out: &'a mut Emitter<'b>,
    /// The namespace of what Metabase itself has.
    pub(crate) own: String,
    /// Cards by key, and what their results are called.
    pub(crate) cards: BTreeMap<String, (DatasetNode, Vec<String>)>,
    connections: BTreeMap<String, (Connection, bool)>,
    catalogs: BTreeMap<String, Rc<Catalog>>,
    /// Tables of a database by their bare name, in lower case.
    by_name: BTreeMap<(String, String), Vec<String>>,
    reported: BTreeSet<String>,
    /// The place of what is being stated.
    pub(crate) at: Location,
}

/// States all of it: cards, then the dashboards that show them.
pub(crate) fn state(
    said: &Said,
    config: &Config,
    known: &[CatalogDataset],
    out: &mut Emitter,
) -> Result<(), ExtractError> {
    let mut by_name: BTreeMap<(String, String), Vec<String>> = BTreeMap::new();
    for (key, table) in &said.tables {
        let name = (
            database_key(said, &table.database),
            table.name.to_lowercase(),
        );
        let same: &mut Vec<String> = by_name.entry(name).or_default();
        // An export and the API may tell of one table each.
        if !same
            .iter()
            .any(|other| said.tables[other].schema == table.schema)
        {
            same.push(key.clone());
        }
    }
    let mut stating = Stating {
        said,
        config,
        known,
        out,
        own: format!("metabase://{}", config.get("instance").unwrap_or("default")),
        cards: BTreeMap::new(),
        connections: BTreeMap::new(),
        catalogs: BTreeMap::new(),
        by_name,
        reported: BTreeSet::new(),
        at: bi::place("", "", None),
    };
    stating.all_cards()?;
    stating.all_dashboards()
}

/// One key for each database, whether a number or a name names it.
fn database_key(said: &Said, key: &str) -> String {
    let item = said.databases.get(key).map(|item| &item.node);
    let item = item.and_then(|node| node.said("name").or(node.said("id")));
    item.unwrap_or(key).to_owned()
}

impl Stating<'_, '_> {
    pub(crate) fn tell(
        &mut self,
        severity: Severity,
        code: &str,
        message: String,
    ) -> Result<(), ExtractError> {
        let found = bi::told(severity, code, message, self.at.clone());
        Ok(self.out.diagnose(found)?)
    }

    /// What a database connects to; reported once if nothing tells it.
    pub(crate) fn connection(&mut self, key: &str) -> Result<(Connection, bool), ExtractError> {
        let key = database_key(self.said, key);
        if let Some(found) = self.connections.get(&key) {
            return Ok(found.clone());
        }
        let found = databases::of_database(self.said, self.config, &self.own, &key)?;
        if !found.1 {
            let message = format!(
                "nothing tells what the database {key} connects to: its tables stay unresolved; set namespace.{key}"
            );
            self.tell(Severity::Warning, "metabase/database-unmapped", message)?;
        }
        self.connections.insert(key, found.clone());
        Ok(found)
    }

    fn mention(
        &mut self,
        connection: &Connection,
        name: &str,
        is_whole: bool,
    ) -> Result<Option<DatasetNode>, ExtractError> {
        if !bi::is_name(name) || !bi::is_name(&connection.namespace) {
            let message = "a table is left out: its name cannot be one".to_owned();
            self.tell(Severity::Warning, "metabase/unusable-name", message)?;
            return Ok(None);
        }
        if !is_whole
            && self
                .reported
                .insert(format!("{} {name}", connection.namespace))
        {
            let message = format!(
                "{name} lacks its database or schema: it stays unresolved; set database.… and schema.…"
            );
            self.tell(Severity::Info, "metabase/schema-unknown", message)?;
        }
        let at = self.at.clone();
        Ok(Some(self.out.mention(
            &connection.namespace,
            name,
            "",
            Some(&at),
        )?))
    }

    /// A table by what names it, and its fields as far as they are known.
    pub(crate) fn table_node(
        &mut self,
        key: &str,
    ) -> Result<Option<(DatasetNode, Vec<String>)>, ExtractError> {
        let said = self.said;
        let (database, schema, name, fields) = if let Some(table) = said.tables.get(key) {
            (
                &*table.database,
                table.schema.as_deref(),
                &*table.name,
                table.fields.clone(),
            )
        } else {
            let mut parts = key.split('\u{1}');
            let (Some(database), Some(schema), Some(name)) =
                (parts.next(), parts.next(), parts.next())
            else {
                return Ok(None);
            };
            (
                database,
                Some(schema).filter(|schema| !schema.is_empty()),
                name,
                Vec::new(),
            )
        };
        let (connection, _) = self.connection(database)?;
        let named = connection.name(None, schema, name);
        let node = self.mention(&connection, &named.name, named.is_whole)?;
        Ok(node.map(|node| (node, fields)))
    }

    /// A table that SQL names. One that says no schema is the only one of that name, where there is only one.
    pub(crate) fn sql_table(
        &mut self,
        database: &str,
        table: &TableName,
    ) -> Result<Option<DatasetNode>, ExtractError> {
        if let [name] = table.parts() {
            let key = (database_key(self.said, database), name.to_lowercase());
            if let Some([only]) = self.by_name.get(&key).map(Vec::as_slice) {
                let only = only.clone();
                return Ok(self.table_node(&only)?.map(|(node, _)| node));
            }
        }
        let (connection, _) = self.connection(database)?;
        let named = connection.table(table);
        self.mention(&connection, &named.name, named.is_whole)
    }

    /// The fields of tables of a database, for SQL.
    pub(crate) fn catalog_of(&mut self, database: &str, connection: &Connection) -> Rc<Catalog> {
        let key = database_key(self.said, database);
        if let Some(catalog) = self.catalogs.get(&key) {
            return Rc::clone(catalog);
        }
        let mut catalog = Catalog::default();
        for known in self
            .known
            .iter()
            .filter(|known| known.namespace == connection.namespace)
        {
            catalog.add(
                &TableName::new(known.name.split('.')),
                known.fields.iter().cloned(),
            );
        }
        for table in self.said.tables.values() {
            if !table.fields.is_empty() && database_key(self.said, &table.database) == key {
                let named = connection.name(None, table.schema.as_deref(), &table.name);
                catalog.add(
                    &TableName::new(named.name.split('.')),
                    table.fields.iter().cloned(),
                );
            }
        }
        let catalog = Rc::new(catalog);
        self.catalogs.insert(key, Rc::clone(&catalog));
        catalog
    }

    /// A card by what names it, and the columns of its result as far as they are known.
    pub(crate) fn card_node(
        &mut self,
        key: &str,
    ) -> Result<(DatasetNode, Vec<String>), ExtractError> {
        let key = self.said.card_key(key).to_owned();
        if let Some(found) = self.cards.get(&key) {
            return Ok(found.clone());
        }
        let name = format!("cards/{key}");
        let name = if bi::is_name(&name) {
            name
        } else {
            "cards/unnamed".to_owned()
        };
        let message = format!("the card {key} is not told: it is only mentioned");
        self.tell(Severity::Warning, "metabase/unresolved-card", message)?;
        let (own, at) = (self.own.clone(), self.at.clone());
        let found = (self.out.mention(&own, &name, "", Some(&at))?, Vec::new());
        self.cards.insert(key, found.clone());
        Ok(found)
    }

    /// The table and the name of a field.
    pub(crate) fn field_of(&self, key: &str) -> Option<(String, String)> {
        if let Some(field) = self.said.fields.get(key) {
            return Some((field.table.clone(), field.name.clone()));
        }
        let (table, name) = key.rsplit_once('\u{1}')?;
        Some((table.to_owned(), name.to_owned()))
    }

    /// The name of a field: exports and stages may name it right away.
    pub(crate) fn field_name(&self, key: &str) -> Option<String> {
        let known = self.field_of(key).map(|(_, name)| name);
        let known = known.or_else(|| self.said.field_names.get(key).cloned());
        let is_number = key.bytes().all(|byte| byte.is_ascii_digit());
        known.or_else(|| (!is_number).then(|| key.to_owned()))
    }

    pub(crate) fn field_edge(
        &mut self,
        from: (DatasetNode, Option<&str>),
        to: (DatasetNode, Option<&str>),
        how: &How,
    ) -> Result<(), ExtractError> {
        if [from.1, to.1]
            .into_iter()
            .flatten()
            .any(|name| !bi::is_name(name))
        {
            return Ok(());
        }
        let end = |(dataset, field)| FieldEnd { dataset, field };
        let at = self.at.clone();
        self.out.field_edge(&FieldEdge {
            from: end(from),
            to: end(to),
            via: None,
            transformations: &how.transformations(),
            evidence: Some(&at),
        })?;
        Ok(())
    }

    /// What cards and dashboards have: a title, people, a collection, a link.
    pub(crate) fn describe(
        &mut self,
        node: DatasetNode,
        item: &Item,
        folder: &str,
    ) -> Result<(), ExtractError> {
        let thing = &item.node;
        if let Some(title) = thing.said("name") {
            self.out.attribute(node, None, "label", title)?;
        }
        let creator = thing.get("creator");
        let email = creator
            .said("email")
            .or(thing.said("creator_id").filter(|id| id.contains('@')));
        let name = creator.said("common_name").or(email);
        if let Some(name) = name {
            self.out.attribute(node, None, "owner", name)?;
        }
        if let Some(email) = email.filter(|email| Some(*email) != name) {
            self.out.attribute(node, None, "owner-email", email)?;
        }
        let collection = thing.said("collection_id");
        let collection =
            collection.and_then(|id| self.said.collections.get(id).map(String::as_str));
        if let Some(name) = collection.or(thing.get("collection").said("name")) {
            self.out.attribute(node, None, "collection", name)?;
        }
        let reviews = thing.get("moderation_reviews").items().iter();
        let is_verified = |review: &&bi::tree::Node| {
            review.said("status") == Some("verified") && review.said("most_recent") != Some("false")
        };
        if reviews.filter(is_verified).count() > 0 {
            self.out.attribute(node, None, "verified", "true")?;
        }
        if let (Some(url), Some(id)) = (self.config.get("url"), thing.said("id")) {
            let url = format!("{}/{folder}/{id}", url.trim_end_matches('/'));
            self.out.attribute(node, None, "url", &url)?;
        }
        Ok(())
    }

    /// A facet of what is said; what is not said is left out.
    pub(crate) fn facet(
        &mut self,
        node: DatasetNode,
        said: &[(&str, Option<&str>)],
    ) -> Result<(), ExtractError> {
        let members: Map<String, Value> = said
            .iter()
            .filter_map(|(key, value)| Some(((*key).to_owned(), json!(*value.as_ref()?))))
            .collect();
        let json = Value::Object(members).to_string();
        Ok(self.out.facet(node, "metabase", &json)?)
    }
}

/// The field of this name: exactly, else in another case.
pub(crate) fn known_name(names: &[String], name: &str) -> String {
    let borrowed: Vec<&str> = names.iter().map(String::as_str).collect();
    sql::known(&borrowed, name).unwrap_or(name).to_owned()
}
