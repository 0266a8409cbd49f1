//! Names that rules make one, through the engine: two sources speak, one or two datasets are there.

use headwater_engine::{AskError, Reference};
use headwater_model::{
    AliasFact, AssetIndex, Coverage, DatasetFact, Digest, Facts, FieldEdgeFact, FieldEnd,
    FieldName, IdentityRule, IdentityRules, JobFact, Mesh, Name, Namespace, QualifiedName,
    Snapshot, Statement, Submission, Timestamp, TypeName,
};

use crate::support::{Fixture, SECOND, edge, source};

type Pair = (&'static str, &'static str);

pub(crate) fn name((namespace, name): Pair) -> QualifiedName {
    QualifiedName::new(
        Namespace::parse(namespace).expect("a namespace"),
        Name::parse(name).expect("a name"),
    )
}

pub(crate) fn fact(pair: Pair, is_declared: bool) -> DatasetFact {
    DatasetFact {
        name: name(pair),
        r#type: TypeName::dataset(),
        is_declared,
        description: None,
        fields: Vec::new(),
        evidence: None,
    }
}

pub(crate) fn states(key: &str, facts: Facts) -> Submission {
    let digest = Digest::of(format!("{key} {facts:?}").as_bytes());
    Submission {
        source: source(key),
        principal: None,
        received_at: Timestamp::from_micros(2_000_000 * SECOND),
        statement: Statement::Snapshot(Box::new(Snapshot {
            extractor: None,
            generated_at: Some(Timestamp::from_micros(SECOND)),
            covers: Coverage::ALL,
            facts,
            diagnostics: Vec::new(),
            digest,
            idempotency_key: None,
        })),
    }
}

pub(crate) fn declares(key: &str, pair: Pair) -> Submission {
    let datasets = vec![fact(pair, true)];
    states(
        key,
        Facts {
            datasets,
            ..Facts::default()
        },
    )
}

pub(crate) fn mentions(key: &str, pair: Pair) -> Submission {
    let datasets = vec![fact(pair, false)];
    states(
        key,
        Facts {
            datasets,
            ..Facts::default()
        },
    )
}

pub(crate) fn jobs(key: &str, namespace: &str, names: &[&str]) -> Submission {
    let jobs = names.iter().map(|text| JobFact {
        name: QualifiedName::new(
            Namespace::parse(namespace).expect("a namespace"),
            Name::parse(text).expect("a name"),
        ),
        r#type: TypeName::job(),
        description: None,
        sql: None,
        parent: None,
        evidence: None,
    });
    states(
        key,
        Facts {
            jobs: jobs.collect(),
            ..Facts::default()
        },
    )
}

fn rules(rules: Vec<IdentityRule>) -> Mesh {
    Mesh::default().with_identity(Some(IdentityRules {
        folds_jobs: true,
        rules,
    }))
}

pub(crate) fn set(fixture: &Fixture, rules: &[IdentityRule]) {
    let mesh = self::rules(rules.to_vec());
    fixture
        .engine
        .set_mesh(mesh, Timestamp::EPOCH)
        .expect("a mesh");
}

pub(crate) fn find(fixture: &Fixture, pair: Pair) -> Result<AssetIndex, AskError> {
    let asset = name(pair).dataset();
    fixture
        .view()
        .require(&Reference::Name { asset, field: None })
}

fn are_one(fixture: &Fixture, a: Pair, b: Pair) -> bool {
    find(fixture, a).expect("a is known") == find(fixture, b).expect("b is known")
}

/// In whatever order sources and operators speak, and after a restart, `a` and `b` are one or two.
#[track_caller]
fn check(given: &[IdentityRule], a: Pair, b: Pair, expected: bool) {
    let says = [declares("orders/a", a), mentions("growth/b", b)];
    for (first, rules_at) in [(0, 0), (1, 0), (0, 1), (1, 2)] {
        let fixture = Fixture::new();
        let mut order = vec![&says[first], &says[1 - first]];
        for at in 0..3 {
            if at == rules_at {
                set(&fixture, given);
            } else {
                fixture.submit(order.remove(0).clone());
            }
        }
        let found = are_one(&fixture, a, b);
        assert_eq!(found, expected, "{a:?} and {b:?}, order {first} {rules_at}");
        if found {
            let view = fixture.view();
            let asset = view
                .asset(find(&fixture, b).expect("known"))
                .expect("there");
            let is_a = (asset.namespace, asset.name) == (a.0, a.1);
            assert!(
                is_a || a.0.contains('?'),
                "the declared one stands for both: {}",
                asset.name
            );
            let details = view.details(asset.index).expect("details");
            assert!(
                details
                    .aliases
                    .iter()
                    .all(|alias| alias.reason.contains(": ")),
                "{:?}",
                details.aliases
            );
        }
        let edges = fixture.view().graph_size();
        let (log, state) = (fixture.log.clone(), fixture.state.clone());
        drop(fixture);
        let (again, _) = Fixture::over(log, state);
        assert_eq!(again.view().graph_size(), edges);
        assert_eq!(are_one(&again, a, b), expected, "after a restart");
    }
}

#[test]
fn case_1_snowflake_folds_and_bigquery_does_not() {
    let snowflake = "snowflake://acme-eu";
    check(
        &[],
        (snowflake, "prod.orders.orders"),
        (snowflake, "PROD.ORDERS.ORDERS"),
        true,
    );
    check(
        &[],
        ("bigquery", "p.d.AM100"),
        ("bigquery", "p.d.am100"),
        false,
    );
}

#[test]
fn case_2_an_account_has_a_host_and_a_locator() {
    let short = ("snowflake://acme-eu", "A.B.C");
    let locator = ("snowflake://xy12345.eu-central-1.aws", "A.B.C");
    check(
        &[],
        short,
        ("snowflake://acme-eu.snowflakecomputing.com", "A.B.C"),
        true,
    );
    check(&[], short, locator, false);
    let account = IdentityRule::Account {
        namespace: locator.0.into(),
        account: short.0.into(),
    };
    check(&[account], short, locator, true);
    let fixture = Fixture::new();
    fixture.submit(mentions("growth/b", locator));
    let asset = name(locator).dataset();
    let of = Reference::Name { asset, field: None };
    let steps = fixture.view().resolve(&of).expect("it is known").steps;
    assert!(
        steps.iter().any(|step| step.contains("account locator")),
        "a suggestion: {steps:?}"
    );
}

#[test]
fn case_3_a_bare_name_is_the_only_declared_candidate() {
    let snowflake = "snowflake://acme-eu";
    let quoted = (snowflake, "\"poc\".\"perf\".\"v\"");
    let upper = (snowflake, "POC.PERF.V");
    let bare = (snowflake, "poc.perf.v");
    check(&[], quoted, upper, false);
    check(&[], quoted, bare, true);
    check(&[], upper, bare, true);
    let says = [
        declares("orders/spark", quoted),
        declares("orders/airflow", upper),
        mentions("growth/dbt", bare),
    ];
    for order in [[0, 1, 2], [2, 1, 0], [1, 2, 0], [2, 0, 1]] {
        let fixture = Fixture::new();
        for at in order {
            fixture.submit(says[at].clone());
        }
        assert!(!are_one(&fixture, quoted, upper));
        match find(&fixture, bare) {
            Err(AskError::Ambiguous { candidates, .. }) => {
                assert_eq!(candidates.len(), 2, "{candidates:?}");
            }
            other => panic!("{order:?}: {other:?}"),
        }
        let text = format!("{}/{}", bare.0, bare.1);
        let found = fixture.view().require(&Reference::Text(text));
        assert!(
            matches!(found, Err(AskError::Ambiguous { .. })),
            "{found:?}"
        );
        // Once one of them is no longer declared, nothing is in doubt.
        fixture.submit(states("orders/spark", Facts::default()));
        assert!(are_one(&fixture, bare, upper), "{order:?}");
    }
}

#[test]
fn case_4_an_airflow_asset_has_slashes() {
    let dotted = ("postgres://db:5432", "shop.public.orders");
    check(
        &[],
        dotted,
        ("postgres://db:5432", "shop/public/orders"),
        true,
    );
    check(
        &[],
        dotted,
        ("airflow", "postgres://db:5432/shop/public/orders"),
        true,
    );
    check(&[], ("s3://lake", "a/b/c"), ("s3://lake", "a.b.c"), false);
}

#[test]
fn case_5_a_connection_string_is_its_database() {
    let plain = ("postgres://db:5432", "shop.public.orders");
    let service = ("postgres://db.prod.svc:5432", "shop.public.orders");
    check(
        &[],
        plain,
        ("jdbc:postgresql://DB/shop?user=u", "public.orders"),
        true,
    );
    check(&[], plain, service, false);
    let host = IdentityRule::Host {
        from: "db.prod.svc".into(),
        to: "db".into(),
    };
    check(&[host], plain, service, true);
}

#[test]
fn case_6_lake_glue_athena_and_trino_are_one() {
    let lake = ("s3a://lake", "wh/orders.db/daily");
    let plain = ("s3://lake", "wh/orders.db/daily");
    let glue = ("arn:aws:glue:eu-central-1:123", "table/orders/daily");
    let athena = (
        "awsathena://athena.eu-central-1.amazonaws.com",
        "AwsDataCatalog.orders.daily",
    );
    let trino = ("trino://t:8080", "hive.orders.daily");
    let fixture = Fixture::new();
    let alias = AliasFact {
        of: name(lake).dataset(),
        alias: name(glue),
        reason: "symlink".into(),
        evidence: None,
    };
    fixture.submit(states(
        "orders/spark",
        Facts {
            datasets: vec![fact(lake, true)],
            aliases: vec![alias],
            ..Facts::default()
        },
    ));
    for (key, pair) in [("a/a", athena), ("b/b", trino), ("c/c", plain)] {
        fixture.submit(mentions(key, pair));
    }
    assert!(are_one(&fixture, lake, glue) && are_one(&fixture, lake, plain));
    assert!(!are_one(&fixture, lake, athena) && !are_one(&fixture, lake, trino));
    set(
        &fixture,
        &[
            IdentityRule::Account {
                namespace: athena.0.into(),
                account: "123".into(),
            },
            IdentityRule::Catalog {
                namespace: trino.0.into(),
                catalog: "hive".into(),
                to: glue.0.into(),
            },
        ],
    );
    for other in [glue, athena, trino, plain] {
        assert!(are_one(&fixture, lake, other), "{other:?}");
    }
    // What operators no longer say parts the names again.
    set(&fixture, &[]);
    assert!(are_one(&fixture, lake, glue));
    assert!(!are_one(&fixture, lake, athena) && !are_one(&fixture, lake, trino));
}

#[test]
fn case_7_a_partition_is_its_dataset_in_field_lineage_too() {
    let files = ("s3://lake", "orders/dt=2026-11-21/*.parquet");
    let whole = ("s3://lake", "orders");
    check(&[], whole, files, true);
    let fixture = Fixture::new();
    fixture.submit(declares("orders/a", whole));
    let end = |pair: Pair, field: &str| FieldEnd {
        dataset: name(pair),
        field: FieldName::parse(field).ok(),
    };
    let target = ("s3://lake", "daily");
    fixture.submit(states(
        "growth/b",
        Facts {
            datasets: vec![fact(target, true)],
            field_edges: vec![FieldEdgeFact {
                from: end(files, "id"),
                to: end(target, "order_id"),
                via: None,
                transformations: Vec::new(),
                evidence: None,
            }],
            ..Facts::default()
        },
    ));
    let view = fixture.view();
    let of = view
        .require_root(&Reference::Text("s3://lake/orders#id".into()))
        .expect("the field is one of the dataset");
    assert_eq!(of.asset, find(&fixture, files).expect("known"));
}

#[test]
fn case_8_a_topic_is_never_its_table() {
    let table = ("postgres://db:5432", "shop.public.orders");
    for topic in ["dbserver1.public.orders", "orders", "shop.public.orders"] {
        check(&[], table, ("kafka://b1:9092", topic), false);
    }
}

#[test]
fn case_9_a_shared_broker_is_one_cluster() {
    let one = ("kafka://b1:9092", "t");
    let list = ("kafka://b2:9092,b1:9092", "t");
    check(&[], one, list, true);
    check(&[], one, ("kafka://b1:29092", "t"), false);
    let host = IdentityRule::Host {
        from: "b1:29092".into(),
        to: "b1:9092".into(),
    };
    check(&[host], one, ("kafka://b1:29092", "t"), true);
    // A list that is heard of later makes one of two that were apart, for all topics of the cluster.
    let fixture = Fixture::new();
    let (first, second) = (("kafka://b1:9092", "u"), ("kafka://b2:9092", "u"));
    fixture.submit(declares("orders/a", first));
    fixture.submit(mentions("growth/b", second));
    assert!(!are_one(&fixture, first, second));
    fixture.submit(mentions("crm/c", list));
    assert!(are_one(&fixture, first, second));
    let (log, state) = (fixture.log.clone(), fixture.state.clone());
    drop(fixture);
    let (again, _) = Fixture::over(log, state);
    assert!(are_one(&again, first, second));
}

#[test]
fn case_10_a_sink_is_the_table_of_its_connection_string_and_its_password_is_kept_nowhere() {
    let sink = (
        "jdbc:postgresql://sink-db:5432/sinkdb?currentSchema=inv&password=hunter2",
        "customers",
    );
    let dbt = (
        "postgres://sink-db:5432",
        "\"sinkdb\".\"inv\".\"customers\"",
    );
    let fixture = Fixture::new();
    fixture.submit(declares("orders/connect", sink));
    fixture.submit(declares("growth/dbt", dbt));
    assert!(are_one(&fixture, sink, dbt));
    let found = fixture.view().require(&Reference::Text(
        "postgres://sink-db:5432/sinkdb.inv.customers".into(),
    ));
    assert_eq!(
        found.expect("by rules"),
        find(&fixture, dbt).expect("known")
    );
    let secret = b"hunter2";
    let holds = |bytes: &[u8]| bytes.windows(secret.len()).any(|window| window == secret);
    let entries = fixture
        .log
        .read_after(headwater_store::Offset::ZERO, 100, 1 << 20)
        .expect("entries");
    assert!(entries.iter().all(|entry| !holds(&entry.payload.bytes)));
    for item in fixture.state.scan_prefix(b"") {
        let (key, value) = item.expect("the state is read");
        assert!(!holds(&key) && !holds(&value));
    }
}

#[test]
fn case_11_a_dashboards_database_is_mapped_by_its_uuid() {
    let chart = (
        "superset://bi/databases/a2dc77af-e654-49bb-b321-40f6b559a1ee",
        "orders",
    );
    let shop = ("postgres://db:5432", "shop.public.orders");
    let crm = ("postgres://db:5432", "crm.public.orders");
    check(&[], shop, chart, false);
    check(&[], crm, chart, false);
    let connection = IdentityRule::Connection {
        connection: "a2dc77af-e654-49bb-b321-40f6b559a1ee".into(),
        namespace: "postgres://db".into(),
        database: Some("shop".into()),
        schema: Some("public".into()),
    };
    check(std::slice::from_ref(&connection), shop, chart, true);
    check(&[connection], crm, chart, false);
}

#[test]
fn case_12_relative_paths_are_scoped_to_their_domain() {
    let own = ("duckdb://orders.duckdb", "orders.main.o");
    let attached = ("duckdb://mkt.duckdb", "orders.main.o");
    check(&[], own, attached, false);
    let database = IdentityRule::Database {
        namespace: attached.0.into(),
        database: "orders".into(),
        to: own.0.into(),
    };
    check(&[database], own, attached, true);
    let dev = ("duckdb://dev.duckdb", "dev.main.o");
    let fixture = Fixture::new();
    fixture.submit(declares("orders/dbt", dev));
    assert!(find(&fixture, dev).is_ok(), "one domain has it");
    fixture.submit(declares("growth/dbt", dev));
    let error = find(&fixture, dev).expect_err("two domains have it");
    let AskError::Ambiguous { candidates, .. } = error else {
        panic!("{error}");
    };
    assert_eq!(candidates.len(), 2);
    let view = fixture.view();
    let found: Vec<AssetIndex> = candidates
        .iter()
        .map(|id| view.require(&Reference::Text(id.clone())).expect("an id"))
        .collect();
    assert_ne!(found[0], found[1]);
    let domains: Vec<_> = found
        .iter()
        .map(|index| view.asset(*index).and_then(|asset| asset.domain))
        .collect();
    assert_eq!(domains, [Some("orders".into()), Some("growth".into())]);
}

#[test]
fn case_13_quotes_do_not_count_where_folding_makes_names_equal() {
    for namespace in ["postgres://db:5432", "trino://t:8080"] {
        check(
            &[],
            (namespace, "db.schema.t"),
            (namespace, "\"db\".\"schema\".\"t\""),
            true,
        );
    }
    let fixture = Fixture::new();
    let namespace = "duckdb://sushi.duckdb";
    let (output, input) = (
        (namespace, "db.schema.t"),
        (namespace, "\"db\".\"schema\".\"t\""),
    );
    fixture.submit(declares("orders/mesh", output));
    fixture.submit(mentions("orders/other", input));
    assert!(are_one(&fixture, output, input));
}

#[test]
fn case_14_jobs_of_one_model_are_one() {
    let names = [
        "jaffle_shop.main.jaffle_shop.customers",
        "jaffle_shop.main.jaffle_shop.customers.build.run",
        "model.jaffle_shop.customers",
        "model.jaffle_shop.customers.sql.1",
    ];
    let others = [
        "model.jaffle_shop.orders",
        "jaffle_shop.main.jaffle_shop.customers.build.test",
        "dbt-run-jaffle_shop",
    ];
    let fixture = Fixture::new();
    fixture.submit(jobs("orders/openlineage", "jaffle", &names));
    fixture.submit(jobs("orders/dbt", "jaffle", &others));
    let find = |fixture: &Fixture, text: &str| {
        let text = format!("job:jaffle/{text}");
        fixture
            .view()
            .require(&Reference::Text(text))
            .expect("known")
    };
    let one = find(&fixture, names[0]);
    assert!(names.iter().all(|text| find(&fixture, text) == one));
    assert!(others.iter().all(|text| find(&fixture, text) != one));
    let unfolded = Mesh::default().with_identity(Some(IdentityRules {
        folds_jobs: false,
        rules: Vec::new(),
    }));
    fixture
        .engine
        .set_mesh(unfolded, Timestamp::EPOCH)
        .expect("a mesh");
    let apart: std::collections::BTreeSet<_> =
        names.iter().map(|text| find(&fixture, text)).collect();
    assert_eq!(apart.len(), names.len(), "shown separately on request");
    // Two databases that build a model of that name are two jobs, and the bare model is neither.
    let fixture = Fixture::new();
    let variants = [
        "prod.main.shop.customers",
        "dev.main.shop.customers",
        "model.shop.customers",
    ];
    fixture.submit(jobs("orders/openlineage", "shop", &variants));
    let find = |text: &str| {
        let text = format!("job:shop/{text}");
        fixture
            .view()
            .require(&Reference::Text(text))
            .expect("known")
    };
    assert_ne!(find(variants[0]), find(variants[1]));
    assert_ne!(find(variants[0]), find(variants[2]));
}

#[test]
fn two_declared_datasets_merge_by_spelling_but_not_by_what_a_source_asserts() {
    let (a, b) = (
        ("postgres://db:5432", "shop.public.orders"),
        ("postgresql://DB", "SHOP.PUBLIC.ORDERS"),
    );
    let c = ("postgres://other:5432", "x.y.z");
    let fixture = Fixture::new();
    fixture.submit(declares("orders/a", a));
    fixture.submit(declares("growth/b", b));
    fixture.submit(declares("crm/c", c));
    assert!(are_one(&fixture, a, b));
    let alias = AliasFact {
        of: name(a).dataset(),
        alias: name(c),
        reason: "evil".into(),
        evidence: None,
    };
    fixture.submit(states(
        "evil/s",
        Facts {
            aliases: vec![alias],
            ..Facts::default()
        },
    ));
    assert!(are_one(&fixture, a, b), "spelling still holds");
    assert!(!are_one(&fixture, a, c));
}

#[test]
fn edges_of_both_names_are_edges_of_the_dataset() {
    let (a, b) = (
        ("postgres://db:5432", "shop.public.orders"),
        ("jdbc:postgresql://db/shop", "public.orders"),
    );
    let run = |name_of: &str| JobFact {
        name: QualifiedName::new(
            Namespace::parse("etl").expect("a namespace"),
            Name::parse(name_of).expect("a name"),
        ),
        r#type: TypeName::job(),
        description: None,
        sql: None,
        parent: None,
        evidence: None,
    };
    let fixture = Fixture::new();
    let (load, read) = (run("load"), run("read"));
    fixture.submit(states(
        "orders/a",
        Facts {
            datasets: vec![fact(a, true)],
            edges: vec![edge(load.name.clone().job(), name(a).dataset(), None)],
            jobs: vec![load],
            ..Facts::default()
        },
    ));
    fixture.submit(states(
        "growth/b",
        Facts {
            datasets: vec![fact(b, false)],
            edges: vec![edge(name(b).dataset(), read.name.clone().job(), None)],
            jobs: vec![read],
            ..Facts::default()
        },
    ));
    assert_eq!(
        fixture.edges(),
        "load -> shop.public.orders\nshop.public.orders -> read"
    );
}
