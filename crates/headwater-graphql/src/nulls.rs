//! Where a field that may not be null fails, its object is null, up to what may be: as the GraphQL specification says
//! (section 6.4.4, Handling Execution Errors). The library leaves the failed field out instead.

use std::collections::HashMap;

use async_graphql::parser::parse_schema;
use async_graphql::parser::types::{
    BaseType, ExecutableDocument, OperationDefinition, OperationType, Selection, SelectionSet,
    Type, TypeKind, TypeSystemDefinition,
};
use async_graphql::{PathSegment, ServerError, Value};

/// The types of all fields, by the name of their object or interface and their own.
pub(crate) struct FieldTypes(HashMap<(String, String), Type>);

/// Selection sets of one object, each with the type that it is on.
type Sets<'d> = Vec<(&'d str, &'d SelectionSet)>;

impl FieldTypes {
    /// Reads them out of a schema that the library printed.
    pub(crate) fn of_sdl(sdl: &str) -> Self {
        let schema = parse_schema(sdl).expect("the library reads what it prints");
        let mut types = HashMap::new();
        for definition in schema.definitions {
            let TypeSystemDefinition::Type(definition) = definition else {
                continue;
            };
            let name = definition.node.name.node.to_string();
            let fields = match definition.node.kind {
                TypeKind::Object(object) => object.fields,
                TypeKind::Interface(interface) => interface.fields,
                _ => continue,
            };
            for field in fields {
                let key = (name.clone(), field.node.name.node.to_string());
                types.insert(key, field.node.ty.node);
            }
        }
        Self(types)
    }

    /// Makes null what the errors' paths say has failed.
    pub(crate) fn settle(
        &self,
        data: &mut Value,
        document: &ExecutableDocument,
        operation: &OperationDefinition,
        errors: &[ServerError],
    ) {
        let walk = Walk {
            types: self,
            document,
        };
        let root = match operation.ty {
            OperationType::Query => "Query",
            OperationType::Mutation => "Mutation",
            OperationType::Subscription => "Subscription",
        };
        let sets = vec![(root, &operation.selection_set.node)];
        for error in errors.iter().filter(|error| !error.path.is_empty()) {
            if walk.object(data, &sets, &error.path) == Outcome::Fails {
                *data = Value::Null;
                return;
            }
        }
    }
}

#[derive(PartialEq, Eq)]
enum Outcome {
    Holds,
    Fails,
}

struct Walk<'a> {
    types: &'a FieldTypes,
    document: &'a ExecutableDocument,
}

impl<'a> Walk<'a> {
    fn object(&self, value: &mut Value, sets: &Sets<'a>, path: &[PathSegment]) -> Outcome {
        let [PathSegment::Field(key), rest @ ..] = path else {
            return Outcome::Holds;
        };
        let Some((r#type, inner)) = self.field(sets, key) else {
            return Outcome::Holds;
        };
        // The library writes null for an object all of whose fields failed.
        if *value == Value::Null {
            *value = Value::Object(async_graphql::indexmap::IndexMap::default());
        }
        let Value::Object(fields) = value else {
            return Outcome::Holds;
        };
        let outcome = match fields.get_mut(key.as_str()) {
            None => Outcome::Fails,
            Some(_) if rest.is_empty() => Outcome::Holds,
            // Null already, by an earlier error at or under it.
            Some(Value::Null) if r#type.nullable => Outcome::Holds,
            Some(field) => self.value(field, &r#type.base, &inner, rest),
        };
        if outcome == Outcome::Fails && r#type.nullable {
            fields.insert(async_graphql::Name::new(key), Value::Null);
            return Outcome::Holds;
        }
        outcome
    }

    fn value(
        &self,
        value: &mut Value,
        base: &BaseType,
        sets: &Sets<'a>,
        path: &[PathSegment],
    ) -> Outcome {
        let BaseType::List(item) = base else {
            return self.object(value, sets, path);
        };
        let (Value::List(items), [PathSegment::Index(at), rest @ ..]) = (value, path) else {
            return Outcome::Fails;
        };
        let Some(found) = items.get_mut(*at) else {
            return Outcome::Fails;
        };
        let outcome = self.value(found, &item.base, sets, rest);
        if outcome == Outcome::Fails && item.nullable {
            *found = Value::Null;
            return Outcome::Holds;
        }
        outcome
    }

    /// The type of the field with that response key, and what is selected of it.
    fn field(&self, sets: &Sets<'a>, key: &str) -> Option<(&'a Type, Sets<'a>)> {
        let mut found: Option<(&'a Type, Sets<'a>)> = None;
        let mut waiting = sets.clone();
        while let Some((parent, set)) = waiting.pop() {
            for selection in &set.items {
                match &selection.node {
                    Selection::Field(field) if field.node.response_key().node == key => {
                        let name = (parent.to_owned(), field.node.name.node.to_string());
                        let Some(r#type) = self.types.0.get(&name) else {
                            continue;
                        };
                        let (_, inner) = found.get_or_insert((r#type, Vec::new()));
                        inner.push((named(&r#type.base), &field.node.selection_set.node));
                    }
                    Selection::Field(_) => {}
                    Selection::InlineFragment(fragment) => {
                        let on = fragment.node.type_condition.as_ref();
                        let on = on.map_or(parent, |on| on.node.on.node.as_str());
                        waiting.push((on, &fragment.node.selection_set.node));
                    }
                    Selection::FragmentSpread(spread) => {
                        let name = &spread.node.fragment_name.node;
                        if let Some(fragment) = self.document.fragments.get(name) {
                            let on = fragment.node.type_condition.node.on.node.as_str();
                            waiting.push((on, &fragment.node.selection_set.node));
                        }
                    }
                }
            }
        }
        found
    }
}

fn named(base: &BaseType) -> &str {
    match base {
        BaseType::Named(name) => name.as_str(),
        BaseType::List(item) => named(&item.base),
    }
}
