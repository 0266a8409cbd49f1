//! Tables to and from files: COPY, UNLOAD.

use std::rc::Rc;

use sqlparser::ast::helpers::stmt_data_loading::StageLoadSelectItemKind;
use sqlparser::ast::{CopySource, CopyTarget, Statement as Tree};

use crate::intern::Symbol;
use crate::model::{Place, Transformations as T};
use crate::name::TableName;
use crate::origin::Origin;
use crate::parse::Reader;
use crate::query::{Analysis, View};
use crate::scope::{Column, Item, Output, Relation, Scope};

impl Analysis<'_, '_> {
    pub(crate) fn copy<'a>(
        &mut self,
        source: &'a CopySource,
        to: bool,
        target: &CopyTarget,
        view: View<'_, 'a>,
    ) {
        let file = match target {
            CopyTarget::File { filename } => {
                Some(self.session.number(TableName::new([filename.clone()])))
            }
            CopyTarget::Stdin | CopyTarget::Stdout | CopyTarget::Program { .. } => None,
        };
        match source {
            CopySource::Table {
                table_name,
                columns,
            } if to => {
                let Some(table) = self.session.table_named(table_name) else {
                    return;
                };
                self.read(table);
                let mut output = (*self.session.output_of(table, Place::default())).clone();
                if !columns.is_empty() {
                    let parts: Vec<Symbol> = columns
                        .iter()
                        .map(|column| self.session.symbol(column))
                        .collect();
                    output.items = parts
                        .into_iter()
                        .map(|column| {
                            let how = T(T::IDENTITY);
                            let origin = Origin {
                                table: Some(table),
                                column: Some(column),
                                how,
                                place: self.base.place(),
                            };
                            Item::Column(Column {
                                name: Some(column),
                                origins: vec![origin],
                            })
                        })
                        .collect();
                }
                if let Some(file) = file {
                    self.write_to(file, &[], &output);
                }
            }
            CopySource::Table { table_name, .. } => {
                if let Some(file) = file {
                    self.read(file);
                }
                self.touch(table_name);
            }
            CopySource::Query(query) => {
                let output = self.query(query, view, None);
                if let Some(file) = file {
                    self.write_to(file, &[], &output);
                }
            }
        }
    }

    /// Snowflake's COPY INTO, both ways.
    pub(crate) fn copy_into<'a>(&mut self, tree: &'a Tree, view: View<'_, 'a>) {
        let Tree::CopyIntoSnowflake {
            into,
            into_columns,
            from_obj,
            from_obj_alias,
            from_transformations,
            from_query,
            ..
        } = tree
        else {
            return;
        };
        let mut output = Output::default();
        if let Some(name) = from_obj {
            let Some(source) = self.session.table_named(name) else {
                return;
            };
            self.read(source);
            output = (*self.session.output_of(source, Place::default())).clone();
            if let Some(items) = from_transformations {
                let mut scope = Scope::default();
                let alias = from_obj_alias
                    .as_ref()
                    .map(|alias| self.session.folded(alias));
                scope.relations.push(Relation {
                    alias,
                    name: Vec::new(),
                    output: Rc::new(output.clone()),
                    is_hidden: false,
                });
                output.items = self.stage_items(items, source, &scope, view);
            }
        }
        if let Some(query) = from_query {
            output = self.query(query, view, None);
        }
        let columns: Vec<_> = into_columns
            .iter()
            .flatten()
            .map(|column| self.session.symbol(column))
            .collect();
        self.write(into, &columns, &output);
    }

    fn stage_items<'a>(
        &mut self,
        items: &'a [StageLoadSelectItemKind],
        source: u32,
        scope: &Scope<'_>,
        view: View<'_, 'a>,
    ) -> Vec<Item> {
        let mut made = Vec::new();
        for item in items {
            match item {
                StageLoadSelectItemKind::SelectItem(item) => {
                    made.extend(self.select_list(std::slice::from_ref(item), scope, view));
                }
                StageLoadSelectItemKind::StageLoadSelectItem(item) => {
                    let column = match &item.element {
                        Some(element) => format!("${}:{}", item.file_col_num, element.value),
                        None => format!("${}", item.file_col_num),
                    };
                    let column = self.session.names.intern(&column);
                    let name = item
                        .item_as
                        .as_ref()
                        .map_or(column, |name| self.session.symbol(name));
                    let origin = Origin {
                        table: Some(source),
                        column: Some(column),
                        how: T(T::IDENTITY),
                        place: self.base.place(),
                    };
                    made.push(Item::Column(Column {
                        name: Some(name),
                        origins: vec![origin],
                    }));
                }
            }
        }
        made
    }

    /// A query that stands in a string, of which the parser does not tell the place: what is in it is where the
    /// statement is.
    pub(crate) fn unloaded(&mut self, text: &str, target: u32) {
        let place = self.base.place();
        let mut kept = Vec::new();
        let mut take = |parsed| kept.push(parsed);
        let mut reader = Reader::new(self.session.dialect, &mut take);
        reader.read(text, place);
        let problems_before = self.session.problems.len();
        self.session.problems.append(&mut reader.problems);
        self.effects.outputs.push(target);
        for parsed in &kept {
            if let Tree::Query(query) = &parsed.tree {
                let output = self.query(query, View::NONE, None);
                self.write_to(target, &[], &output);
            }
        }
        let problems = self.session.problems[problems_before..].iter_mut();
        let edges = self.effects.edges.iter_mut().map(|edge| &mut edge.place);
        let influences = self.effects.influences.iter_mut();
        let influences = influences.map(|influence| &mut influence.place);
        let places = problems.map(|problem| &mut problem.place);
        places
            .chain(edges)
            .chain(influences)
            .for_each(|of| *of = place);
    }
}
