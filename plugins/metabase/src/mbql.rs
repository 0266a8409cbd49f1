//! Queries of Metabase's own language: nested, as until version 56, and in stages, as since then.

use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet};

use bi::sql::How;
use bi::tree::{Node, Value};
use headwater_extractor::{DatasetNode, ExtractError};
use sql_lineage::{Direct, Indirect};

use crate::said::key_of;
use crate::state::Stating;

/// How deep expressions may name each other, and queries stand in each other.
const DEPTH_MAX: usize = 64;
/// Columns of one result.
const COLUMNS_MAX: usize = 2_000;

/// Fields that one value is made of.
const ORIGINS_MAX: usize = 256;

/// A field of a dataset, and how it goes into something.
pub(crate) type Origin = (DatasetNode, Option<String>, How);

/// A column of a result.
#[derive(Clone, Debug, Default)]
pub(crate) struct Column {
    pub(crate) name: String,
    pub(crate) origins: Vec<Origin>,
}

/// What a stage reads from, or what comes out of it.
#[derive(Clone, Debug, Default)]
pub(crate) struct Source {
    pub(crate) columns: Vec<Column>,
    /// Datasets of which all columns are there, which are not known one by one.
    pub(crate) star: Vec<DatasetNode>,
}

/// What a query reads, as far as it was understood.
#[derive(Debug, Default)]
pub(crate) struct Answer {
    pub(crate) result: Source,
    pub(crate) inputs: Vec<DatasetNode>,
    /// What bears on all rows.
    pub(crate) influences: Vec<Origin>,
    /// What was not understood: a code and a message.
    pub(crate) notes: BTreeSet<(&'static str, String)>,
}

/// What a stage may name.
struct Scope<'n> {
    main: Source,
    joins: Vec<(String, Source)>,
    expressions: BTreeMap<String, &'n Node>,
    aggregations: &'n [Node],
    /// Origins of expressions that were looked at; none of those that are being looked at.
    seen: RefCell<BTreeMap<String, Vec<Origin>>>,
}

/// A clause: its operator, its options, its arguments.
struct Clause<'n> {
    operator: &'n str,
    options: Option<&'n Node>,
    arguments: Vec<&'n Node>,
}

fn clause(node: &Node) -> Option<Clause<'_>> {
    let (first, rest) = node.items().split_first()?;
    let options = rest.iter().find(|item| item.is_map());
    Some(Clause {
        operator: first.text()?,
        options,
        arguments: rest.iter().filter(|item| !item.is_map()).collect(),
    })
}

fn option<'n>(clause: &Clause<'n>, key: &str) -> Option<&'n str> {
    clause.options?.said(key)
}

fn add(origins: &mut Vec<Origin>, more: impl IntoIterator<Item = Origin>) {
    for origin in more {
        if origins.len() < ORIGINS_MAX && !origins.contains(&origin) {
            origins.push(origin);
        }
    }
}

fn each(origins: Vec<Origin>, how: &How) -> Vec<Origin> {
    let origins = origins.into_iter();
    origins
        .map(|(node, field, first)| (node, field, first.then(how)))
        .collect()
}

pub(crate) struct Reading<'q, 'a, 'b> {
    pub(crate) state: &'q mut Stating<'a, 'b>,
    /// What names the database that is asked.
    pub(crate) database: &'q str,
    /// Names of fields that this card's own results tell.
    pub(crate) answer: Answer,
}

impl Reading<'_, '_, '_> {
    /// A query of either form.
    pub(crate) fn query(&mut self, query: &Node) -> Result<Source, ExtractError> {
        let stages = query.get("stages").items();
        if !stages.is_empty() {
            return self.stages(stages, 0);
        }
        match query.said("type") {
            Some("native") => self.native(query.get("native")),
            _ => self.nested(query.get("query"), 0),
        }
    }

    fn note(&mut self, code: &'static str, message: String) {
        if self.answer.notes.len() < 100 {
            self.answer.notes.insert((code, message));
        }
    }

    fn input(&mut self, node: DatasetNode) {
        if !self.answer.inputs.contains(&node) {
            self.answer.inputs.push(node);
        }
    }

    fn bears(&mut self, origins: Vec<Origin>, how: Indirect) {
        let how = How::indirect(how);
        for (node, field, _) in origins {
            self.answer.influences.push((node, field, how.clone()));
        }
    }

    fn stages(&mut self, stages: &[Node], depth: usize) -> Result<Source, ExtractError> {
        let mut source = Source::default();
        for stage in stages {
            source = if stage.said("lib/type") == Some("mbql.stage/native")
                || !stage.get("native").is_null()
            {
                self.native(stage)?
            } else {
                self.stage(stage, source, depth)?
            };
        }
        Ok(source)
    }

    /// A nested query, from the inside out.
    fn nested(&mut self, query: &Node, depth: usize) -> Result<Source, ExtractError> {
        if depth > DEPTH_MAX {
            self.note(
                "metabase/too-deep",
                format!("queries nest more than {DEPTH_MAX} deep"),
            );
            return Ok(Source::default());
        }
        if !query.get("native").is_null() {
            return self.native(query);
        }
        let inner = query.get("source-query");
        let source = if inner.is_map() {
            self.nested(inner, depth + 1)?
        } else {
            Source::default()
        };
        self.stage(query, source, depth)
    }

    /// What a stage or a join reads from, if it says so itself.
    fn named_source(&mut self, node: &Node) -> Result<Option<Source>, ExtractError> {
        let table = node.get("source-table");
        let card = node.get("source-card");
        let of_card = |text: &str| text.strip_prefix("card__").map(str::to_owned);
        let card = card.text().map(str::to_owned).or_else(|| {
            let text = table.text()?;
            // Exports name a card by its entity id where the API says `card__1`.
            let is_number = text.bytes().all(|byte| byte.is_ascii_digit());
            of_card(text).or_else(|| (!is_number).then(|| text.to_owned()))
        });
        let (dataset, columns) = if let Some(card) = card {
            self.state.card_node(&card)?
        } else if let Some(key) = key_of(table) {
            if let Some(found) = self.state.table_node(&key)? {
                found
            } else {
                self.note(
                    "metabase/unresolved-table",
                    format!("table {} is not told", key.replace('\u{1}', ".")),
                );
                return Ok(Some(Source::default()));
            }
        } else {
            return Ok(None);
        };
        self.input(dataset);
        let same = How::direct(Direct::Identity);
        let star = if columns.is_empty() {
            vec![dataset]
        } else {
            Vec::new()
        };
        let columns = columns.into_iter().map(|name| Column {
            origins: vec![(dataset, Some(name.clone()), same.clone())],
            name,
        });
        Ok(Some(Source {
            columns: columns.collect(),
            star,
        }))
    }

    fn stage(
        &mut self,
        stage: &Node,
        before: Source,
        depth: usize,
    ) -> Result<Source, ExtractError> {
        let main = self.named_source(stage)?.unwrap_or(before);
        let mut joins = Vec::new();
        for join in stage.get("joins").items() {
            let source = if let Some(source) = self.named_source(join)? {
                source
            } else if !join.get("stages").items().is_empty() && depth < DEPTH_MAX {
                self.stages(join.get("stages").items(), depth + 1)?
            } else {
                self.nested(join.get("source-query"), depth + 1)?
            };
            joins.push((join.said("alias").unwrap_or("").to_owned(), source));
        }
        let aggregation = stage.get("aggregation");
        // Old queries have the only aggregation without a list around it.
        let is_one = aggregation
            .items()
            .first()
            .is_some_and(|first| first.text().is_some());
        let aggregations = if is_one {
            std::slice::from_ref(aggregation)
        } else {
            aggregation.items()
        };
        let scope = Scope {
            main,
            joins,
            expressions: expressions(stage.get("expressions")),
            aggregations,
            seen: RefCell::default(),
        };
        for join in stage.get("joins").items() {
            for key in ["condition", "conditions"] {
                let origins = self.all(join.get(key), &scope)?;
                self.bears(origins, Indirect::Join);
            }
        }
        for key in ["filter", "filters"] {
            let origins = self.all(stage.get(key), &scope)?;
            self.bears(origins, Indirect::Filter);
        }
        let origins = self.all(stage.get("order-by"), &scope)?;
        self.bears(origins, Indirect::Sort);
        self.result(stage, &scope)
    }

    /// What comes out of a stage. Source: Metabase's own `returned-columns` and the names that it gives to aggregates.
    fn result(&mut self, stage: &Node, scope: &Scope<'_>) -> Result<Source, ExtractError> {
        let mut result = Source::default();
        let breakouts = stage.get("breakout").items();
        if !breakouts.is_empty() || !scope.aggregations.is_empty() {
            for node in breakouts {
                let origins = self.value(node, scope, 0)?;
                self.bears(origins.clone(), Indirect::GroupBy);
                push(&mut result, &name_of(self.state, node), origins);
            }
            for node in scope.aggregations {
                let origins = self.aggregate(node, scope)?;
                push(&mut result, &aggregate_name(node), origins);
            }
            return Ok(result);
        }
        let fields = stage.get("fields").items();
        if fields.is_empty() {
            for column in &scope.main.columns {
                push(&mut result, &column.name, column.origins.clone());
            }
            result.star.clone_from(&scope.main.star);
            for (name, node) in &scope.expressions {
                let origins = self.expression(name, node, scope, 0)?;
                push(&mut result, name, origins);
            }
        } else {
            for node in fields {
                let origins = self.value(node, scope, 0)?;
                push(&mut result, &name_of(self.state, node), origins);
            }
        }
        for (at, join) in stage.get("joins").items().iter().enumerate() {
            let fields = join.get("fields");
            if fields.text() == Some("all") {
                let (_, source) = &scope.joins[at];
                for column in &source.columns {
                    push(&mut result, &column.name, column.origins.clone());
                }
                result.star.extend(&source.star);
            }
            for node in fields.items() {
                let origins = self.value(node, scope, 0)?;
                push(&mut result, &name_of(self.state, node), origins);
            }
        }
        Ok(result)
    }

    fn aggregate(&mut self, node: &Node, scope: &Scope<'_>) -> Result<Vec<Origin>, ExtractError> {
        let mut origins = Vec::new();
        if let Some(found) = self.reference(node, scope, 0)? {
            return Ok(found);
        }
        for item in node.items() {
            add(&mut origins, self.value(item, scope, 0)?);
        }
        Ok(each(origins, &How::direct(Direct::Aggregation)))
    }

    /// All that a clause, or a list of clauses, names.
    fn all(&mut self, node: &Node, scope: &Scope<'_>) -> Result<Vec<Origin>, ExtractError> {
        self.value(node, scope, 0)
    }

    /// Where a value comes from.
    fn value(
        &mut self,
        node: &Node,
        scope: &Scope<'_>,
        depth: usize,
    ) -> Result<Vec<Origin>, ExtractError> {
        if depth > DEPTH_MAX * 2 {
            self.note(
                "metabase/too-deep",
                "an expression nests too deep".to_owned(),
            );
            return Ok(Vec::new());
        }
        if let Some(found) = self.reference(node, scope, depth)? {
            return Ok(found);
        }
        let mut origins = Vec::new();
        for item in node.items() {
            add(&mut origins, self.value(item, scope, depth + 1)?);
        }
        Ok(each(origins, &How::direct(Direct::Transformation)))
    }

    /// The origins of a clause that names something; none if it is no such clause.
    fn reference(
        &mut self,
        node: &Node,
        scope: &Scope<'_>,
        depth: usize,
    ) -> Result<Option<Vec<Origin>>, ExtractError> {
        let Some(found) = clause(node) else {
            return Ok(None);
        };
        let first = found.arguments.first().copied();
        let last = found.arguments.last().copied();
        let origins = match (found.operator, first, last) {
            ("field", Some(key), _) => {
                let origins = self.field(key, &found, scope)?;
                let is_default =
                    |key: &str| option(&found, key).is_none_or(|unit| unit == "default");
                let is_binned = found
                    .options
                    .is_some_and(|options| !options.get("binning").is_null());
                if is_default("temporal-unit") && !is_binned {
                    origins
                } else {
                    each(origins, &How::direct(Direct::Transformation))
                }
            }
            ("field-id" | "field-literal", Some(key), _) => {
                let bare = Clause {
                    operator: "field",
                    options: None,
                    arguments: Vec::new(),
                };
                self.field(key, &bare, scope)?
            }
            ("joined-field", Some(alias), Some(field)) => {
                let mut found = Vec::new();
                let source = alias.text().and_then(|alias| joined(scope, alias));
                if let (Some(source), Some(name)) = (source, self.field_name(inner_key(field))) {
                    found = by_name(source, &name);
                }
                found
            }
            ("fk->", Some(key), Some(field)) => {
                let key = self.value(key, scope, depth + 1)?;
                self.bears(key, Indirect::Join);
                self.foreign(inner_key(field))?.unwrap_or_default()
            }
            ("datetime-field" | "binning-strategy", Some(field), _) => {
                let origins = self.value(field, scope, depth + 1)?;
                each(origins, &How::direct(Direct::Transformation))
            }
            ("expression", Some(name), _) => {
                let name = name.text().unwrap_or("");
                match scope.expressions.get(name) {
                    Some(node) => self.expression(name, node, scope, depth + 1)?,
                    None => by_name(&scope.main, name),
                }
            }
            ("aggregation", Some(which), _) => match named_aggregation(which, scope) {
                Some(node) => self.aggregate_at(node, scope, depth + 1)?,
                None => Vec::new(),
            },
            ("metric", Some(key), _) if key.text().is_some() => {
                self.metric(key.text().unwrap_or(""))?
            }
            ("segment" | "measure", Some(key), _) => {
                let message = format!(
                    "{} {} is not read",
                    found.operator,
                    key.text().unwrap_or("")
                );
                self.note("metabase/segment", message);
                Vec::new()
            }
            _ => return Ok(None),
        };
        Ok(Some(origins))
    }

    /// What orders by an aggregation is ordered by what that is made of.
    fn aggregate_at(
        &mut self,
        node: &Node,
        scope: &Scope<'_>,
        depth: usize,
    ) -> Result<Vec<Origin>, ExtractError> {
        if depth > DEPTH_MAX {
            return Ok(Vec::new());
        }
        let mut origins = Vec::new();
        for item in node.items() {
            // An aggregation does not name another one.
            if clause(item).is_none_or(|clause| clause.operator != "aggregation") {
                add(&mut origins, self.value(item, scope, depth + 1)?);
            }
        }
        Ok(each(origins, &How::direct(Direct::Aggregation)))
    }

    fn expression(
        &mut self,
        name: &str,
        node: &Node,
        scope: &Scope<'_>,
        depth: usize,
    ) -> Result<Vec<Origin>, ExtractError> {
        let seen = scope.seen.borrow().get(name).cloned();
        if let Some(origins) = seen {
            return Ok(origins);
        }
        // One that names itself has no more origins by that.
        scope.seen.borrow_mut().insert(name.to_owned(), Vec::new());
        let origins = self.value(node, scope, depth + 1)?;
        scope
            .seen
            .borrow_mut()
            .insert(name.to_owned(), origins.clone());
        Ok(origins)
    }

    /// A metric is a card that computes one column.
    fn metric(&mut self, key: &str) -> Result<Vec<Origin>, ExtractError> {
        let said = self.state.said;
        let card = said.cards.get(said.card_key(key));
        // Before version 50 a metric of this number is no card.
        if card.is_none_or(|card| card.node.said("type") != Some("metric")) {
            self.note("metabase/segment", format!("the metric {key} is not told"));
            return Ok(Vec::new());
        }
        let (dataset, columns) = self.state.card_node(key)?;
        self.input(dataset);
        let column = match &columns[..] {
            [.., last] => Some(last.clone()),
            [] => None,
        };
        Ok(vec![(dataset, column, How::direct(Direct::Identity))])
    }

    fn field(
        &mut self,
        key: &Node,
        found: &Clause<'_>,
        scope: &Scope<'_>,
    ) -> Result<Vec<Origin>, ExtractError> {
        if let Some(source_field) = found.options.map(|options| options.get("source-field"))
            && let Some(foreign) = key_of(source_field)
        {
            let name = self
                .state
                .said
                .fields
                .get(&foreign)
                .map(|field| field.name.clone());
            if let Some(name) =
                name.or_else(|| option(found, "source-field-name").map(str::to_owned))
            {
                let origins = by_name(&scope.main, &name);
                self.bears(origins, Indirect::Join);
            }
            if let Some(origins) = self.foreign(Some(key))? {
                return Ok(origins);
            }
        }
        let Some(name) = self.field_name(Some(key)) else {
            let key = key_of(key).unwrap_or_default().replace('\u{1}', ".");
            self.note(
                "metabase/unresolved-field",
                format!("field {key} is not told"),
            );
            return Ok(Vec::new());
        };
        let source = match option(found, "join-alias") {
            Some(alias) => joined(scope, alias).unwrap_or(&scope.main),
            None => &scope.main,
        };
        let mut origins = by_name(source, &name);
        if origins.is_empty() {
            // Without an alias, the only join that has it.
            let mut having = scope.joins.iter().map(|(_, source)| by_name(source, &name));
            origins = having
                .find(|origins| !origins.is_empty())
                .unwrap_or_default();
        }
        if origins.is_empty()
            && let Some(found) = self.foreign(Some(key))?
        {
            origins = found;
        }
        if origins.is_empty() && !source.columns.is_empty() {
            self.note(
                "metabase/unresolved-field",
                format!("what is read has no field {name}"),
            );
        }
        Ok(origins)
    }

    /// A field of its own table, which the query then reads by a foreign key.
    fn foreign(&mut self, key: Option<&Node>) -> Result<Option<Vec<Origin>>, ExtractError> {
        let Some(key) = key.and_then(key_of) else {
            return Ok(None);
        };
        let Some((table, name)) = self.state.field_of(&key) else {
            return Ok(None);
        };
        let Some((dataset, _)) = self.state.table_node(&table)? else {
            return Ok(None);
        };
        self.input(dataset);
        Ok(Some(vec![(
            dataset,
            Some(name),
            How::direct(Direct::Identity),
        )]))
    }

    fn field_name(&self, key: Option<&Node>) -> Option<String> {
        self.state.field_name(&key_of(key?)?)
    }
}

/// What a column is called in the result.
fn name_of(state: &Stating<'_, '_>, node: &Node) -> String {
    let Some(found) = clause(node) else {
        return String::new();
    };
    if let Some(name) = option(&found, "name").filter(|_| found.operator != "field") {
        return name.to_owned();
    }
    match found.arguments.first() {
        // Around a field: by what it is cut into steps comes last.
        Some(first) if matches!(found.operator, "datetime-field" | "binning-strategy") => {
            name_of(state, first)
        }
        Some(first) if first.items().is_empty() => key_of(first)
            .and_then(|key| state.field_name(&key))
            .or_else(|| first.text().map(str::to_owned))
            .unwrap_or_default(),
        Some(first) if found.operator == "field" => key_of(first)
            .and_then(|key| state.field_name(&key))
            .unwrap_or_default(),
        _ => found
            .arguments
            .last()
            .map_or(String::new(), |last| name_of(state, last)),
    }
}

/// What the columns of a result are called, as far as the query alone tells; for cards without results.
pub(crate) fn result_names(state: &Stating<'_, '_>, query: &Node) -> Vec<String> {
    let last = query
        .get("stages")
        .items()
        .last()
        .unwrap_or(query.get("query"));
    let aggregation = last.get("aggregation");
    let is_one = aggregation
        .items()
        .first()
        .is_some_and(|first| first.text().is_some());
    let aggregations = if is_one {
        std::slice::from_ref(aggregation)
    } else {
        aggregation.items()
    };
    let mut result = Source::default();
    for node in last.get("breakout").items() {
        push(&mut result, &name_of(state, node), Vec::new());
    }
    for node in aggregations {
        push(&mut result, &aggregate_name(node), Vec::new());
    }
    if result.columns.is_empty() {
        for node in last.get("fields").items() {
            push(&mut result, &name_of(state, node), Vec::new());
        }
        let is_all = result.columns.is_empty() && last.get("joins").items().is_empty();
        let table = key_of(last.get("source-table")).filter(|_| is_all);
        if let Some(table) = table.and_then(|key| state.said.tables.get(&key)) {
            let expressions = expressions(last.get("expressions")).into_keys();
            for name in table.fields.iter().cloned().chain(expressions) {
                push(&mut result, &name, Vec::new());
            }
        }
    }
    result
        .columns
        .into_iter()
        .map(|column| column.name)
        .filter(|name| bi::is_name(name))
        .collect()
}

/// The field in an old clause around it.
fn inner_key(node: &Node) -> Option<&Node> {
    match clause(node) {
        Some(clause) if matches!(clause.operator, "field" | "field-id" | "field-literal") => {
            clause.arguments.first().copied()
        }
        _ => Some(node),
    }
}

/// Expressions by name: a mapping, or clauses whose options name them.
fn expressions(node: &Node) -> BTreeMap<String, &Node> {
    let named = node
        .entries()
        .iter()
        .map(|(name, node)| (name.clone(), node));
    let listed = node.items().iter().filter_map(|node| {
        let clause = clause(node)?;
        let name = option(&clause, "lib/expression-name").or_else(|| option(&clause, "name"))?;
        Some((name.to_owned(), node))
    });
    named.chain(listed).collect()
}

fn joined<'s>(scope: &'s Scope<'_>, alias: &str) -> Option<&'s Source> {
    let found = scope.joins.iter().find(|(other, _)| other == alias);
    found.map(|(_, source)| source)
}

/// The aggregation that a number, or the id in its options, names.
fn named_aggregation<'n>(which: &Node, scope: &Scope<'n>) -> Option<&'n Node> {
    let which = which.text()?;
    if let Ok(at) = which.parse::<usize>() {
        return scope.aggregations.get(at);
    }
    scope.aggregations.iter().find(|node| {
        let clause = clause(node);
        clause.is_some_and(|clause| option(&clause, "lib/uuid") == Some(which))
    })
}

/// The columns of this name; of what is not known one by one, the one that must be it.
fn by_name(source: &Source, name: &str) -> Vec<Origin> {
    let exact = source.columns.iter().find(|column| column.name == name);
    let lower = name.to_lowercase();
    let column = exact.or_else(|| {
        source
            .columns
            .iter()
            .find(|column| column.name.to_lowercase() == lower)
    });
    match (column, &source.star[..]) {
        (Some(column), _) => column.origins.clone(),
        (None, [star]) => vec![(*star, Some(name.to_owned()), How::direct(Direct::Identity))],
        (None, _) => Vec::new(),
    }
}

/// The name that Metabase gives an aggregate.
fn aggregate_name(node: &Node) -> String {
    let Some(found) = clause(node) else {
        return String::new();
    };
    if let Some(name) = option(&found, "name") {
        return name.to_owned();
    }
    match found.operator {
        "aggregation-options" => found
            .arguments
            .first()
            .map_or(String::new(), |node| aggregate_name(node)),
        "distinct" | "cum-count" | "count-where" | "distinct-where" => {
            if found.operator == "count-where" {
                "count_where".into()
            } else {
                "count".into()
            }
        }
        "cum-sum" => "sum".into(),
        "sum-where" => "sum_where".into(),
        "+" | "-" | "*" | "/" => "expression".into(),
        other => other.to_owned(),
    }
}

/// Adds a column under its name, or under the next one that is free, as Metabase numbers them.
fn push(result: &mut Source, name: &str, origins: Vec<Origin>) {
    if name.is_empty() || result.columns.len() >= COLUMNS_MAX {
        return;
    }
    let is_free =
        |name: &str, result: &Source| !result.columns.iter().any(|other| other.name == name);
    let mut free = name.to_owned();
    let mut number = 2_usize;
    while !is_free(&free, result) && number < 20 {
        free = format!("{name}_{number}");
        number += 1;
    }
    result.columns.push(Column {
        name: free,
        origins,
    });
}

/// Whether a native query is SQL: that of document stores is a list of steps.
pub(crate) fn sql_of(native: &Node) -> Option<&str> {
    match &native.value {
        Value::Scalar(text) if !text.is_empty() => Some(text),
        _ => native.said("native").or(native.said("query")),
    }
}
