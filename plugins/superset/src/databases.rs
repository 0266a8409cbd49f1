//! Which namespace the tables of a database are in.

use std::collections::{BTreeMap, BTreeSet};

use bi::connection::{self, Connection};
use headwater_extractor::{Config, Diagnostic, ExtractError, Location, Severity};

use crate::export::Export;

/// Databases by UUID.
pub(crate) struct Databases<'a> {
    config: &'a Config,
    instance: &'a str,
    names: BTreeMap<&'a str, &'a str>,
    urls: BTreeMap<&'a str, Option<Connection>>,
    reported: BTreeSet<String>,
}

impl<'a> Databases<'a> {
    pub(crate) fn new(export: &'a Export, config: &'a Config) -> Self {
        let databases = export.databases.iter();
        let (mut names, mut urls) = (BTreeMap::new(), BTreeMap::new());
        for (uuid, item) in databases {
            names.insert(uuid.as_str(), item.node.said("database_name").unwrap_or(""));
            let url = item.node.said("sqlalchemy_uri");
            urls.insert(uuid.as_str(), url.and_then(connection::of_url));
        }
        Self {
            config,
            instance: config.get("instance").unwrap_or("default"),
            names,
            urls,
            reported: BTreeSet::new(),
        }
    }

    /// The namespace of what Superset itself has.
    pub(crate) fn own_namespace(&self) -> String {
        format!("superset://{}", self.instance)
    }

    /// What people call a database.
    pub(crate) fn title(&self, uuid: &str) -> Option<&'a str> {
        self.names
            .get(uuid)
            .copied()
            .filter(|name| !name.is_empty())
    }

    /// What is configured for a database, by UUID before name.
    fn configured(&self, key: &str, uuid: &str) -> Option<&'a str> {
        let by_id = self.config.get(&format!("{key}.{uuid}"));
        by_id.or_else(|| self.config.get(&format!("{key}.{}", self.title(uuid)?)))
    }

    /// What a database connects to. The first time that nobody tells its namespace, that is reported.
    pub(crate) fn connection(
        &mut self,
        uuid: &str,
        at: &Location,
    ) -> Result<(Connection, Option<Diagnostic>), ExtractError> {
        let of_url = self.urls.get(uuid).cloned().flatten();
        let mut found = None;
        let mut connection = if let Some(namespace) = self.configured("namespace", uuid) {
            let named = Connection::of_namespace(namespace);
            match of_url {
                // Another name of the same: database and schema are those of the export.
                Some(of_url) => Connection {
                    namespace: named.namespace,
                    dialect: named.dialect.or(of_url.dialect),
                    ..of_url
                },
                None => named,
            }
        } else if let Some(connection) = of_url {
            connection
        } else if let Some(namespace) = self.config.get("namespace") {
            Connection::of_namespace(namespace)
        } else {
            if self.reported.insert(uuid.to_owned()) {
                let title = self
                    .title(uuid)
                    .unwrap_or("of which the export tells nothing");
                let message = format!(
                    "nothing tells what the database {uuid} ({title}) connects to: its tables stay unresolved; \
                     set namespace.{uuid}"
                );
                let code = "superset/database-unmapped";
                found = Some(bi::told(Severity::Warning, code, message, at.clone()));
            }
            let instance = self.instance;
            Connection::of_namespace(&format!("superset://{instance}/databases/{uuid}"))
        };
        if let Some(database) = self.configured("database", uuid) {
            connection.database = Some(database.to_owned());
        }
        if let Some(schema) = self.configured("schema", uuid) {
            connection.schema = Some(schema.to_owned());
        }
        if let Some(dialect) = self.configured("dialect", uuid) {
            let parsed = dialect.parse().map_err(|error| {
                let message = format!("dialect.{uuid}: {error}");
                let at = bi::place("configuration", "", None);
                ExtractError::Malformed(bi::told(Severity::Error, "config/value", message, at))
            })?;
            connection.dialect = Some(parsed);
        }
        Ok((connection, found))
    }
}
