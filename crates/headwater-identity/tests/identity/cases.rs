//! Pairs of names as tools write them, and whether they are one dataset.

use headwater_identity::{Resolver, job_form};
use headwater_model::{IdentityRule, IdentityRules, Name, Namespace, QualifiedName};

/// What two names are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Are {
    One,
    Two,
    /// One if the quoted name is the only candidate that is declared.
    Candidates,
}
use Are::{Candidates, One, Two};

struct Names {
    a: (&'static str, &'static str),
    b: (&'static str, &'static str),
    are: Are,
}

fn names(a: (&'static str, &'static str), b: (&'static str, &'static str), are: Are) -> Names {
    Names { a, b, are }
}

fn name((namespace, name): (&str, &str)) -> QualifiedName {
    QualifiedName::new(
        Namespace::parse(namespace).expect("a namespace"),
        Name::parse(name).expect("a name"),
    )
}

/// Each name is used by a domain of its own.
#[track_caller]
fn check_with(rules: Vec<IdentityRule>, cases: &[Names]) {
    let rules = IdentityRules {
        folds_jobs: true,
        rules,
    };
    let mut resolver = Resolver::new(&rules).expect("rules");
    for case in cases {
        for (namespace, _) in [case.a, case.b] {
            resolver.learn(namespace);
        }
    }
    for case in cases {
        let a = resolver.resolve(&name(case.a), "orders");
        let b = resolver.resolve(&name(case.b), "growth");
        let found = if a.form == b.form {
            One
        } else if a.quoted.as_ref() == Some(&b.form) || b.quoted.as_ref() == Some(&a.form) {
            Candidates
        } else {
            Two
        };
        assert_eq!(
            found, case.are,
            "{:?} is {}, {:?} is {}",
            case.a, a.form, case.b, b.form
        );
        if case.are == One && case.a != case.b {
            assert!(
                !a.steps.is_empty() || !b.steps.is_empty(),
                "a rule says why {:?} is {:?}",
                case.a,
                case.b
            );
        }
    }
}

#[track_caller]
fn check(cases: &[Names]) {
    check_with(Vec::new(), cases);
}

#[test]
fn case_1_snowflake_folds_what_is_not_quoted_and_bigquery_folds_nothing() {
    let snowflake = "snowflake://acme-eu";
    check(&[
        names(
            (snowflake, "prod.orders.orders"),
            (snowflake, "PROD.ORDERS.ORDERS"),
            One,
        ),
        names(("bigquery", "p.d.AM100"), ("bigquery", "p.d.am100"), Two),
    ]);
}

#[test]
fn case_2_an_account_has_a_host_and_a_locator_that_only_its_owner_knows() {
    let (short, long) = (
        ("snowflake://acme-eu", "a.b.c"),
        ("snowflake://acme-eu.snowflakecomputing.com", "a.b.c"),
    );
    let locator = ("snowflake://xy12345.eu-central-1.aws", "a.b.c");
    check(&[
        names(short, long, One),
        names(short, locator, Two),
        names(long, locator, Two),
    ]);
    let alias = IdentityRule::Account {
        namespace: locator.0.into(),
        account: long.0.into(),
    };
    check_with(
        vec![alias],
        &[names(short, locator, One), names(long, locator, One)],
    );
    let resolved = Resolver::default().resolve(&name(locator), "");
    assert!(
        resolved
            .hint
            .expect("a suggestion")
            .contains("account locator")
    );
}

#[test]
fn case_3_quoted_names_are_verbatim_and_a_bare_one_has_two_candidates() {
    let snowflake = "snowflake://acme-eu";
    let quoted = (snowflake, "\"poc\".\"perf\".\"v\"");
    let upper = (snowflake, "POC.PERF.V");
    let bare = (snowflake, "poc.perf.v");
    check(&[
        names(quoted, upper, Two),
        names(bare, quoted, Candidates),
        names(bare, upper, One),
        names((snowflake, "\"POC\".\"PERF\".\"V\""), upper, One),
    ]);
}

#[test]
fn case_4_slashes_are_dots_where_names_have_parts() {
    let dotted = ("postgres://db:5432", "shop.public.orders");
    check(&[
        names(("postgres://db:5432", "shop/public/orders"), dotted, One),
        names(("postgres://db:5432/shop/public", "orders"), dotted, One),
        names(("postgres://db:5432/shop", "public.orders"), dotted, One),
        names(
            ("airflow", "postgres://db:5432/shop/public/orders"),
            dotted,
            One,
        ),
        names(("s3://lake", "a/b/c"), ("s3://lake", "a.b.c"), Two),
        names(("s3://lake", "s3://lake/a/b"), ("s3://lake", "a/b"), One),
        names(("bigquery://p", "d/t"), ("bigquery", "p.d.t"), Two),
        names(("bigquery://p", "d.t"), ("bigquery", "p.d.t"), One),
    ]);
}

#[test]
fn case_5_a_connection_string_is_the_database_that_it_connects_to() {
    let jdbc = ("jdbc:postgresql://DB/shop?user=u", "public.orders");
    let plain = ("postgres://db:5432", "shop.public.orders");
    let service = ("postgres://db.prod.svc:5432", "shop.public.orders");
    check(&[
        names(jdbc, plain, One),
        names(jdbc, service, Two),
        names(plain, service, Two),
    ]);
    let alias = IdentityRule::Host {
        from: "db.prod.svc".into(),
        to: "db".into(),
    };
    check_with(
        vec![alias],
        &[names(jdbc, service, One), names(plain, service, One)],
    );
}

#[test]
fn case_6_athena_and_trino_show_what_glue_holds() {
    let glue = ("arn:aws:glue:eu-central-1:123", "table/orders/daily");
    let athena = (
        "awsathena://athena.eu-central-1.amazonaws.com",
        "AwsDataCatalog.orders.daily",
    );
    let trino = ("trino://t:8080", "hive.orders.daily");
    let lake = names(
        ("s3a://lake", "wh/orders.db/daily"),
        ("s3://lake", "wh/orders.db/daily"),
        One,
    );
    check(&[names(glue, athena, Two), names(glue, trino, Two), lake]);
    let account = IdentityRule::Account {
        namespace: athena.0.into(),
        account: "123".into(),
    };
    let catalog = IdentityRule::Catalog {
        namespace: trino.0.into(),
        catalog: "hive".into(),
        to: glue.0.into(),
    };
    check_with(
        vec![account, catalog],
        &[
            names(glue, athena, One),
            names(glue, trino, One),
            names(athena, trino, One),
            names(glue, (athena.0, "other.orders.daily"), Two),
            names(glue, (trino.0, "iceberg.orders.daily"), Two),
        ],
    );
}

#[test]
fn case_7_patterns_and_partitions_are_no_part_of_a_name() {
    check(&[
        names(
            ("s3://lake", "orders/dt=2026-11-21/*.parquet"),
            ("s3://lake", "orders"),
            One,
        ),
        names(
            ("s3://lake", "orders/dt=2026-11-21/a.parquet"),
            ("s3://lake", "orders"),
            Two,
        ),
        names(("s3://lake", "orders"), ("gs://lake", "orders"), Two),
    ]);
}

#[test]
fn case_8_a_topic_is_never_the_table_that_it_is_made_of() {
    let table = ("postgres://db:5432", "shop.public.orders");
    check(&[
        names(table, ("kafka://b1:9092", "dbserver1.public.orders"), Two),
        names(table, ("kafka://b1:9092", "shop.public.orders"), Two),
        names(table, ("kafka://b1:9092", "orders"), Two),
        names(table, ("kafka://db:5432", "shop.public.orders"), Two),
    ]);
}

#[test]
fn case_9_a_shared_broker_makes_one_cluster() {
    let list = "kafka://b2:9092,b1:9092";
    check(&[
        names(("kafka://b1:9092", "t"), (list, "t"), One),
        names(("kafka://b1:9092", "t"), ("kafka://b2:9092", "t"), One),
        names(("kafka://b1:9092", "t"), ("kafka://b1:29092", "t"), Two),
        names(("kafka://b1:9092", "t"), ("kafka://b1:9092", "T"), Two),
    ]);
    let alias = IdentityRule::Host {
        from: "b1:29092".into(),
        to: "b1:9092".into(),
    };
    check_with(
        vec![alias],
        &[names(
            ("kafka://b1:9092", "t"),
            ("kafka://b1:29092", "t"),
            One,
        )],
    );
}

#[test]
fn case_10_a_sink_names_its_table_in_its_connection_string() {
    let sink = (
        "jdbc:postgresql://sink-db:5432/sinkdb?currentSchema=inv&password=hunter2",
        "customers",
    );
    let dbt = (
        "postgres://sink-db:5432",
        "\"sinkdb\".\"inv\".\"customers\"",
    );
    check(&[names(sink, dbt, One)]);
    let resolved = Resolver::default().resolve(&name(sink), "");
    assert_eq!(resolved.form.name, "sinkdb.inv.customers");
    assert!(!format!("{resolved:?}").contains("hunter2"));
}

#[test]
fn case_11_a_dashboards_database_is_what_its_uuid_is_mapped_to() {
    let chart = (
        "superset://bi/databases/a2dc77af-e654-49bb-b321-40f6b559a1ee",
        "orders",
    );
    let shop = ("postgres://db:5432", "shop.public.orders");
    let crm = ("postgres://db:5432", "crm.public.orders");
    check(&[names(chart, shop, Two), names(chart, crm, Two)]);
    let connection = IdentityRule::Connection {
        connection: "a2dc77af-e654-49bb-b321-40f6b559a1ee".into(),
        namespace: "postgres://db".into(),
        database: Some("shop".into()),
        schema: Some("public".into()),
    };
    check_with(
        vec![connection],
        &[names(chart, shop, One), names(chart, crm, Two)],
    );
}

#[test]
fn case_12_an_attached_database_is_its_own_and_relative_paths_are_scoped() {
    let own = ("duckdb://orders.duckdb", "orders.main.o");
    let attached = ("duckdb://mkt.duckdb", "orders.main.o");
    let dev = ("duckdb://dev.duckdb", "dev.main.o");
    check(&[
        names(own, attached, Two),
        names(dev, dev, Two),
        names(
            ("duckdb:///data/dev.duckdb", "dev.main.o"),
            ("duckdb:///data/dev.duckdb", "dev.main.o"),
            One,
        ),
    ]);
    let database = IdentityRule::Database {
        namespace: attached.0.into(),
        database: "orders".into(),
        to: own.0.into(),
    };
    check_with(
        vec![database],
        &[
            names(own, attached, One),
            names(dev, dev, Two),
            names((attached.0, "mkt.main.o"), own, Two),
        ],
    );
}

#[test]
fn case_13_quotes_do_not_count_where_folding_makes_names_equal() {
    for namespace in [
        "postgres://db:5432",
        "duckdb:///db.duckdb",
        "trino://t:8080",
    ] {
        check(&[names(
            (namespace, "\"db\".\"schema\".\"t\""),
            (namespace, "db.schema.t"),
            One,
        )]);
    }
    let snowflake = "snowflake://acme-eu";
    check(&[
        names(
            (snowflake, "\"DB\".\"SCHEMA\".\"T\""),
            (snowflake, "db.schema.t"),
            One,
        ),
        names(
            (snowflake, "\"db\".\"schema\".\"t\""),
            (snowflake, "db.schema.t"),
            Candidates,
        ),
    ]);
}

#[test]
fn case_14_jobs_that_report_one_model_fold_under_it() {
    let form = |name: &str| job_form(name).map(|form| form.name);
    let model = form("model.jaffle_shop.customers");
    for name in [
        "jaffle_shop.main.jaffle_shop.customers",
        "jaffle_shop.main.jaffle_shop.customers.build.run",
        "model.jaffle_shop.customers.sql.1",
    ] {
        assert_eq!(form(name), model, "{name}");
    }
    for name in [
        "jaffle_shop.main.jaffle_shop.orders",
        "model.jaffle_shop.orders.sql.1",
        "jaffle_shop.main.jaffle_shop.customers.build.test",
        "dbt-run-jaffle_shop",
    ] {
        assert_ne!(form(name), model, "{name}");
    }
}
