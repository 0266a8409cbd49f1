//! Stating what was found.

use std::collections::BTreeMap;

use headwater_extractor::{
    Dataset, DatasetNode, Emitter, ExtractError, Field, FieldEdge, FieldEnd, Job, JobNode,
    Severity, Transformation,
};
use sql_lineage::{Edge, Place, Statement, TableName, Transformations};

use crate::naming::Naming;
use crate::{File, location, told};

struct Stating<'a, 'b> {
    naming: &'a Naming<'a>,
    out: &'a mut Emitter<'b>,
    datasets: BTreeMap<TableName, DatasetNode>,
}

/// States all files: a job for each, and one below it for each statement that reads or writes anything.
pub(crate) fn state(
    files: &[File],
    naming: &Naming<'_>,
    out: &mut Emitter,
) -> Result<(), ExtractError> {
    let mut stating = Stating {
        naming,
        out,
        datasets: BTreeMap::new(),
    };
    stating.created(files)?;
    let mut is_local = false;
    for file in files {
        is_local |= stating.file(file)?;
    }
    if is_local && !naming.is_configured() {
        let message = format!(
            "no namespace is configured: tables are named in {}, which no other source does",
            naming.local()
        );
        out.diagnose(told(
            Severity::Warning,
            "sql/namespace",
            message,
            "config",
            None,
        ))?;
    }
    Ok(())
}

impl Stating<'_, '_> {
    /// Declares what the files create, with its columns.
    fn created(&mut self, files: &[File]) -> Result<(), ExtractError> {
        // What was altered has other columns in the end than it began with.
        let statements = files.iter().flat_map(|file| &file.script.statements);
        let in_the_end: BTreeMap<&TableName, &Vec<String>> = statements
            .filter_map(|statement| statement.created.as_ref())
            .map(|(table, fields)| (table, fields))
            .collect();
        for file in files {
            for statement in &file.script.statements {
                let Some((table, fields)) = &statement.created else {
                    continue;
                };
                let fields = in_the_end.get(table).copied().unwrap_or(fields);
                if self.datasets.contains_key(table) || !statement.outputs.contains(table) {
                    continue;
                }
                let (namespace, name) = self.naming.dataset(table);
                let fields: Vec<Field> = fields
                    .iter()
                    .map(|name| Field {
                        name,
                        ..Field::default()
                    })
                    .collect();
                let kind = if statement.kind.contains("VIEW") {
                    "VIEW"
                } else {
                    "TABLE"
                };
                let at = location(&file.name, Some(statement.place));
                let node = self.out.dataset(&Dataset {
                    declared: true,
                    fields: &fields,
                    evidence: Some(&at),
                    ..Dataset::named(&namespace, &name, kind)
                })?;
                self.datasets.insert(table.clone(), node);
            }
        }
        Ok(())
    }

    /// True if any table is named.
    fn file(&mut self, file: &File) -> Result<bool, ExtractError> {
        let at = location(&file.name, None);
        let namespace = self.naming.job_namespace().to_owned();
        let parent = self.out.job(&Job {
            namespace: &namespace,
            name: &file.name,
            kind: "SCRIPT",
            evidence: Some(&at),
            ..Job::default()
        })?;
        for problem in &file.script.problems {
            let severity = match problem.severity {
                sql_lineage::Severity::Info => Severity::Info,
                // A statement that is not understood costs itself, not what the others say.
                sql_lineage::Severity::Warning | sql_lineage::Severity::Error => Severity::Warning,
            };
            let code = format!("sql/{}", problem.code);
            let message = problem.message.clone();
            self.out.diagnose(told(
                severity,
                &code,
                message,
                &file.name,
                Some(problem.place),
            ))?;
        }
        let mut is_any = false;
        for (position, statement) in file.script.statements.iter().enumerate() {
            if statement.inputs.is_empty() && statement.outputs.is_empty() {
                continue;
            }
            is_any = true;
            let name = format!("{}:{}", file.name, position + 1);
            let at = location(&file.name, Some(statement.place));
            let job = self.out.job(&Job {
                namespace: &namespace,
                name: &name,
                kind: "QUERY",
                sql: Some(&statement.text)
                    .filter(|text| !text.is_empty())
                    .map(String::as_str),
                parent: Some(parent),
                evidence: Some(&at),
                ..Job::default()
            })?;
            self.statement(file, statement, job)?;
        }
        Ok(is_any)
    }

    fn dataset(
        &mut self,
        table: &TableName,
        file: &File,
        place: Place,
    ) -> Result<DatasetNode, ExtractError> {
        if let Some(node) = self.datasets.get(table) {
            return Ok(*node);
        }
        let (namespace, name) = self.naming.dataset(table);
        let at = location(&file.name, Some(place));
        let kind = if table.is_path() { "FILE" } else { "TABLE" };
        let node = self.out.mention(&namespace, &name, kind, Some(&at))?;
        self.datasets.insert(table.clone(), node);
        Ok(node)
    }

    fn statement(
        &mut self,
        file: &File,
        statement: &Statement,
        job: JobNode,
    ) -> Result<(), ExtractError> {
        let at = location(&file.name, Some(statement.place));
        for table in &statement.inputs {
            let dataset = self.dataset(table, file, statement.place)?;
            self.out.reads(job, dataset, Some(&at))?;
        }
        for table in &statement.outputs {
            let dataset = self.dataset(table, file, statement.place)?;
            self.out.writes(job, dataset, Some(&at))?;
        }
        let result = match self.naming.result() {
            Some(name) if statement.outputs.is_empty() => {
                let (namespace, name) = self.naming.dataset(&TableName::new([name]));
                let result = self.out.mention(&namespace, &name, "RESULT", Some(&at))?;
                self.out.writes(job, result, Some(&at))?;
                Some(result)
            }
            _ => None,
        };
        let mut unresolved = BTreeMap::new();
        for edge in &statement.edges {
            let to = match &edge.to.table {
                Some(table) => Some(self.dataset(table, file, edge.place)?),
                None => result,
            };
            let Some(to) = to else { continue };
            match &edge.from.table {
                Some(table) => {
                    let from = self.dataset(table, file, edge.place)?;
                    self.field_edge(file, edge, (from, to), job)?;
                }
                None => {
                    unresolved.entry(&edge.from.column).or_insert(edge.place);
                }
            }
        }
        for (column, place) in unresolved {
            let column = column.as_deref().unwrap_or("*");
            let message =
                format!("which of the tables has `{column}` is not known without their columns");
            let told = told(
                Severity::Info,
                "sql/ambiguous-column",
                message,
                &file.name,
                Some(place),
            );
            self.out.diagnose(told)?;
        }
        for influence in &statement.influences {
            let (Some(from), Some(to)) = (&influence.from.table, &influence.to) else {
                continue;
            };
            let from = self.dataset(from, file, influence.place)?;
            let to = self.dataset(to, file, influence.place)?;
            let at = location(&file.name, Some(influence.place));
            let field = influence.from.column.as_deref();
            self.out.field_edge(&FieldEdge {
                from: FieldEnd {
                    dataset: from,
                    field,
                },
                to: FieldEnd {
                    dataset: to,
                    field: None,
                },
                via: Some(job),
                transformations: &transformations(influence.how),
                evidence: Some(&at),
            })?;
        }
        Ok(())
    }

    fn field_edge(
        &mut self,
        file: &File,
        edge: &Edge,
        (from, to): (DatasetNode, DatasetNode),
        job: JobNode,
    ) -> Result<(), ExtractError> {
        let at = location(&file.name, Some(edge.place));
        self.out.field_edge(&FieldEdge {
            from: FieldEnd {
                dataset: from,
                field: edge.from.column.as_deref(),
            },
            to: FieldEnd {
                dataset: to,
                field: edge.to.column.as_deref(),
            },
            via: Some(job),
            transformations: &transformations(edge.how),
            evidence: Some(&at),
        })?;
        Ok(())
    }
}

/// The subtypes of `OpenLineage`'s column lineage facet.
fn transformations(how: Transformations) -> Vec<Transformation<'static>> {
    let is_masking = how.is_masking();
    how.named()
        .map(|(is_direct, subtype)| Transformation {
            is_direct,
            subtype: Some(subtype),
            description: None,
            is_masking,
        })
        .collect()
}
