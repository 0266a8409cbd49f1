//! Which column comes from which, by the SQL that dbt has compiled.

use headwater_extractor::{
    DatasetNode, EmitError, FieldEdge, FieldEnd, JobNode, Location, Severity, Transformation,
};
use rustc_hash::FxHashMap;
use sql_lineage::{End, Options, Place, TableName, Transformations, analyze};

use super::Statement;
use crate::manifest::Node;
use crate::naming::is_name;
use crate::place::{Places, pointer};
use crate::relations::table_name;
use crate::text::Text;

/// What stands for the relation of a node while its query is analysed.
const RESULT: &str = "headwater_result";

/// A node that is built by SQL.
pub(super) struct Built<'m> {
    pub(super) id: &'m str,
    pub(super) node: &'m Node<'m>,
    pub(super) dataset: DatasetNode,
    pub(super) job: JobNode,
    pub(super) sql: Text<'m>,
    /// Where in the node it is.
    pub(super) key: &'static str,
    /// Whether places in it are places in the node's text.
    pub(super) has_places: bool,
}

impl<'m> Statement<'_, '_, '_, 'm> {
    /// States lineage between fields. What a node reads comes before it, so that its columns are known.
    pub(super) fn field_lineage(&mut self, built: &[Built<'m>]) -> Result<(), EmitError> {
        let options = Options {
            dialect: Some(self.known.naming.dialect()),
            ..Options::default()
        };
        for node in in_order(built) {
            self.fields_of(node, &options)?;
        }
        Ok(())
    }

    fn fields_of(&mut self, built: &Built<'m>, options: &Options) -> Result<(), EmitError> {
        // The prefix has a line of its own, which places do not count.
        let text = format!("create table {RESULT} as\n{}", &*built.sql);
        let script = analyze(&text, options, &self.known.relations.catalog);
        let result = |table: &Option<TableName>| {
            table
                .as_ref()
                .is_some_and(|table| table.to_string().eq_ignore_ascii_case(RESULT))
        };
        for statement in &script.statements {
            for edge in statement.edges.iter().filter(|edge| result(&edge.to.table)) {
                let to = edge.to.column.as_deref();
                self.field_edge(built, &edge.from, to, edge.how, edge.place)?;
            }
            for influence in statement
                .influences
                .iter()
                .filter(|influence| result(&influence.to))
            {
                self.field_edge(built, &influence.from, None, influence.how, influence.place)?;
            }
            if let Some((table, columns)) = &statement.created
                && result(&Some(table.clone()))
            {
                let name = table_name(built.node.relation());
                if self.known.relations.catalog.fields(&name).is_none() {
                    self.known
                        .relations
                        .catalog
                        .add(&name, columns.iter().cloned());
                }
            }
        }
        let problem = script
            .problems
            .iter()
            .find(|problem| problem.severity != sql_lineage::Severity::Info);
        if let Some(problem) = problem {
            let message = format!(
                "field lineage of {} is missing: {}",
                built.id, problem.message
            );
            let at = self.place_in_sql(built, problem.place);
            self.diagnose(Severity::Info, "dbt/sql", message, at)?;
        }
        Ok(())
    }

    fn field_edge(
        &mut self,
        built: &Built<'m>,
        from: &End,
        to: Option<&str>,
        how: Transformations,
        place: Place,
    ) -> Result<(), EmitError> {
        let known = &self.known.relations;
        let Some(origin) = from.table.as_ref().and_then(|table| known.dataset(table)) else {
            return Ok(());
        };
        let field = from
            .column
            .as_deref()
            .map(|column| known.field(origin, column).to_owned());
        let to = to.map(|column| known.field(built.dataset, column).to_owned());
        if field.iter().chain(&to).any(|name| !is_name(name)) {
            return Ok(());
        }
        let transformations: Vec<Transformation> = how
            .named()
            .map(|(is_direct, subtype)| Transformation {
                is_direct,
                subtype: Some(subtype),
                description: None,
                is_masking: how.is_masking(),
            })
            .collect();
        let at = self.place_in_sql(built, place);
        self.out.field_edge(&FieldEdge {
            from: FieldEnd {
                dataset: origin,
                field: field.as_deref(),
            },
            to: FieldEnd {
                dataset: built.dataset,
                field: to.as_deref(),
            },
            via: Some(built.job),
            transformations: &transformations,
            evidence: Some(&at),
        })
    }

    /// A place in the text of the node's SQL.
    fn place_in_sql(&self, built: &Built<'m>, place: Place) -> Location {
        let mut at = Places::pointer(
            self.known.artifact,
            pointer(&["nodes", built.id, built.key]),
        );
        if built.has_places {
            at.line = Some(place.line.saturating_sub(1).max(1));
            at.column = Some(place.column.max(1));
        }
        at
    }
}

/// Nodes after those that they depend on; those of a cycle come last.
fn in_order<'b, 'm>(built: &'b [Built<'m>]) -> Vec<&'b Built<'m>> {
    let places: FxHashMap<&str, usize> = built
        .iter()
        .enumerate()
        .map(|(at, node)| (node.id, at))
        .collect();
    let mut readers: Vec<Vec<usize>> = vec![Vec::new(); built.len()];
    let mut waits_for = vec![0_usize; built.len()];
    for (at, node) in built.iter().enumerate() {
        for dependency in node.node.depends_on() {
            if let Some(before) = places.get(&**dependency)
                && *before != at
            {
                readers[*before].push(at);
                waits_for[at] += 1;
            }
        }
    }
    let mut order: Vec<usize> = (0..built.len()).filter(|at| waits_for[*at] == 0).collect();
    let mut next = 0;
    while let Some(at) = order.get(next).copied() {
        next += 1;
        for reader in &readers[at] {
            waits_for[*reader] -= 1;
            if waits_for[*reader] == 0 {
                order.push(*reader);
            }
        }
    }
    order.extend((0..built.len()).filter(|at| waits_for[*at] > 0));
    order.into_iter().map(|at| &built[at]).collect()
}
