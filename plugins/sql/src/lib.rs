//! Reads SQL files: which tables and columns each statement reads and writes.
//!
//! `docs/sql.md` says what it reads and how it is configured, `docs/sql-lineage.md` what counts as lineage.

mod naming;
mod state;

use std::collections::BTreeMap;

use headwater_extractor::{
    Config, ConfigKey, Coverage, Description, Diagnostic, Emitter, ExtractError, Extraction,
    Extractor, FieldCatalog, Input, InputPattern, Location, Severity,
};
use sql_lineage::{Catalog, Dialect, Options, Script, TableName, analyze};

use naming::Naming;

/// The extractor.
#[derive(Debug)]
pub struct Sql;

const KEYS: &[ConfigKey] = &[
    ConfigKey {
        name: "dialect",
        description: "the SQL that is spoken, for example postgres; auto takes the one that parses",
    },
    ConfigKey {
        name: "namespace",
        description: "OpenLineage namespace of the tables, for example postgres://db:5432",
    },
    ConfigKey {
        name: "namespace.",
        description: "OpenLineage namespace of the tables of one database, as the SQL writes the database's name",
    },
    ConfigKey {
        name: "job_namespace",
        description: "OpenLineage namespace of the jobs; sql if absent",
    },
    ConfigKey {
        name: "database",
        description: "the database of names that say none",
    },
    ConfigKey {
        name: "result",
        description: "name of a dataset that stands for the results of queries that write nothing; none if absent",
    },
    ConfigKey {
        name: "schema",
        description: "the schema of names that say none",
    },
];

/// A file and what was found in it.
struct File {
    name: String,
    script: Script,
}

impl Extractor for Sql {
    fn describe() -> Description {
        let scripts = InputPattern {
            glob: "**/*.sql".into(),
            media_type: "application/sql".into(),
            required: false,
        };
        Description {
            name: "sql".into(),
            version: env!("CARGO_PKG_VERSION").into(),
            summary: "Reads SQL files: which tables and columns each statement reads and writes"
                .into(),
            inputs: vec![scripts, FieldCatalog::input()],
            config_schema: Config::schema(KEYS),
        }
    }

    fn extract(
        config: &str,
        inputs: Vec<Input>,
        out: &mut Emitter,
    ) -> Result<Extraction, ExtractError> {
        let config = Config::parse(config, KEYS)?;
        let options = options(&config)?;
        let naming = Naming::new(&config, options.dialect);
        let (catalogs, scripts): (Vec<_>, Vec<_>) =
            inputs.into_iter().partition(FieldCatalog::is_catalog);
        if scripts.is_empty() {
            let message = "expected a file with SQL, found none";
            return Err(ExtractError::Unsupported(message.into()));
        }
        let mut known = Catalog::default();
        for input in &catalogs {
            // Only those in namespaces that the SQL may name.
            for dataset in FieldCatalog::read(input, "sql/catalog")?.datasets {
                if naming.has_namespace(&dataset.namespace) {
                    known.add(&TableName::new(dataset.name.split('.')), dataset.fields);
                }
            }
        }
        let mut texts = Vec::with_capacity(scripts.len());
        for input in &scripts {
            texts.push((input.name().to_owned(), text_of(input)?));
        }
        let files = analyzed(&texts, &options, &mut known);
        if options.dialect.is_none() {
            for file in &files {
                let message = format!("read as {}", file.script.dialect);
                out.diagnose(told(
                    Severity::Info,
                    "sql/dialect",
                    message,
                    &file.name,
                    None,
                ))?;
            }
        }
        state::state(&files, &naming, out)?;
        Ok(Extraction {
            covers: Coverage::DATASETS
                | Coverage::FIELDS
                | Coverage::JOBS
                | Coverage::EDGES
                | Coverage::FIELD_EDGES,
            generated: None,
        })
    }
}

/// Rounds in which files may go on to learn from each other which columns tables have.
const ROUNDS_MAX: usize = 16;

/// All files. What one of them creates, the others know: later ones at once, earlier ones in the next round. A catalog
/// that is given knows better.
fn analyzed(texts: &[(String, String)], options: &Options, known: &mut Catalog) -> Vec<File> {
    let mut files = Vec::new();
    let mut before = BTreeMap::new();
    for _ in 0..ROUNDS_MAX {
        files.clear();
        let mut created: BTreeMap<TableName, Vec<String>> = BTreeMap::new();
        for (name, text) in texts {
            let script = analyze(text, options, known);
            for statement in &script.statements {
                if let Some((table, fields)) = &statement.created
                    && (before.contains_key(table)
                        || created.contains_key(table)
                        || known.fields(table).is_none())
                {
                    created.insert(table.clone(), fields.clone());
                    if texts.len() > 1 {
                        known.add(table, fields.iter().cloned());
                    }
                }
            }
            files.push(File {
                name: name.clone(),
                script,
            });
        }
        if texts.len() == 1 || created == before {
            break;
        }
        before = created;
    }
    files
}

fn options(config: &Config) -> Result<Options, ExtractError> {
    let dialect = match config.get("dialect").unwrap_or("auto") {
        "auto" => None,
        name => {
            let parsed: Result<Dialect, _> = name.parse();
            Some(parsed.map_err(|error| {
                ExtractError::Malformed(told(
                    Severity::Error,
                    "config/value",
                    format!("dialect: {error}"),
                    "config",
                    None,
                ))
            })?)
        }
    };
    Ok(Options {
        dialect,
        database: config.get("database").map(str::to_owned),
        schema: config.get("schema").map(str::to_owned),
    })
}

/// A script's text. Encodings are told by their marks; what is neither UTF-8 nor marked is refused.
fn text_of(input: &Input) -> Result<String, ExtractError> {
    let bytes = input.read_all()?;
    let wide = |from: fn([u8; 2]) -> u16| {
        let units: Vec<u16> = bytes[2..]
            .chunks_exact(2)
            .map(|pair| from([pair[0], pair[1]]))
            .collect();
        String::from_utf16(&units).ok()
    };
    let text = match &bytes[..] {
        [0xff, 0xfe, ..] => wide(u16::from_le_bytes),
        [0xfe, 0xff, ..] => wide(u16::from_be_bytes),
        [0xef, 0xbb, 0xbf, rest @ ..] => std::str::from_utf8(rest).ok().map(str::to_owned),
        _ => String::from_utf8(bytes.clone()).ok(),
    };
    text.ok_or_else(|| {
        let message = "expected UTF-8, or UTF-16 with a byte order mark".to_owned();
        ExtractError::Malformed(told(
            Severity::Error,
            "sql/encoding",
            message,
            input.name(),
            None,
        ))
    })
}

fn told(
    severity: Severity,
    code: &str,
    message: String,
    artifact: &str,
    place: Option<sql_lineage::Place>,
) -> Diagnostic {
    Diagnostic {
        severity,
        code: code.into(),
        message,
        at: Some(location(artifact, place)),
    }
}

fn location(artifact: &str, place: Option<sql_lineage::Place>) -> Location {
    Location {
        artifact: artifact.into(),
        pointer: None,
        byte_offset: None,
        line: place.map(|place| place.line),
        column: place.map(|place| place.column),
    }
}

headwater_extractor::export!(Sql);
