//! Jobs that report one dbt model under several names.

/// The normal form of a job's name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct JobForm {
    /// What all names of it have in common.
    pub name: String,
    /// The database and the schema that a name tells besides. Names that tell different ones are different jobs, and
    /// then one that tells none is neither.
    pub variant: Option<String>,
    /// What was done, in words.
    pub step: String,
}

/// Kinds of dbt nodes that build something, or check it, and so have jobs.
const KINDS: [&str; 5] = ["model", "seed", "snapshot", "test", "unit_test"];
/// Of these, those that have a dataset, whose database and schema a name may tell.
const BUILDING: [&str; 3] = ["model", "seed", "snapshot"];

/// The dbt node that a job's name reports a part of, or a way to build; none if the name is of no such form.
///
/// `model.<project>.<name>` is what dbt calls a model; `….sql.<n>` is one statement of it, and
/// `<database>.<schema>.<project>.<name>` and `….build.run` are what OpenLineage's client for dbt calls the job that
/// builds it, by the command that was run. Source: openlineage-dbt 1.54.
pub fn job_form(name: &str) -> Option<JobForm> {
    if let Some((node, number)) = name.rsplit_once(".sql.")
        && !number.is_empty()
        && number.bytes().all(|b| b.is_ascii_digit())
        && let Some(form) = node_form(node)
    {
        return Some(JobForm {
            step: format!("{name} is one statement of the dbt node {node}"),
            ..form
        });
    }
    if let Some(form) = node_form(name) {
        return Some(form);
    }
    let (relation, command) = match name.strip_suffix(".build.run") {
        Some(relation) => (relation, "build"),
        None => (name, "run"),
    };
    let parts: Vec<&str> = relation.split('.').collect();
    let [database, schema, project, model] = parts[..] else {
        return None;
    };
    if parts.iter().any(|part| part.is_empty()) {
        return None;
    }
    Some(JobForm {
        name: format!("{project}.{model}"),
        variant: Some(format!("{database}.{schema}")),
        step: format!(
            "{name} is how dbt {command} reports the node {model} of the project {project}"
        ),
    })
}

fn node_form(name: &str) -> Option<JobForm> {
    let (kind, rest) = name.split_once('.')?;
    let (project, node) = rest.split_once('.')?;
    if !KINDS.contains(&kind) || project.is_empty() || node.is_empty() {
        return None;
    }
    let is_built = BUILDING.contains(&kind) && !node.contains('.');
    Some(JobForm {
        name: if is_built {
            format!("{project}.{node}")
        } else {
            name.to_owned()
        },
        variant: None,
        step: format!("{name} is a dbt node"),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_of_one_model_have_one_form() {
        for name in [
            "jaffle_shop.main.jaffle_shop.customers",
            "jaffle_shop.main.jaffle_shop.customers.build.run",
            "model.jaffle_shop.customers",
            "model.jaffle_shop.customers.sql.1",
        ] {
            let form = job_form(name).expect(name);
            assert_eq!(form.name, "jaffle_shop.customers", "{name}");
        }
    }

    #[test]
    fn other_jobs_are_left_alone() {
        for name in [
            "orders_etl.count_orders",
            "dbt-run-jaffle_shop",
            "jaffle_shop.main.jaffle_shop.customers.build.test",
            "app.execute_insert.mydb_table",
            "a..b.c",
        ] {
            assert_eq!(job_form(name), None, "{name}");
        }
    }

    #[test]
    fn statements_of_a_test_are_the_test() {
        let form = job_form("test.shop.not_null_a.81cf.sql.1").expect("a form");
        assert_eq!(form.name, "test.shop.not_null_a.81cf");
        assert_eq!(
            job_form("test.shop.not_null_a.81cf").expect("one").name,
            form.name
        );
    }
}
