//! Operators' rules, and what can't be one.

use headwater_identity::{RULES, Resolver, SCHEMES};
use headwater_model::{IdentityRule, IdentityRules, Name, Namespace, QualifiedName, RewrittenPart};

fn rules(rules: Vec<IdentityRule>) -> IdentityRules {
    IdentityRules {
        folds_jobs: true,
        rules,
    }
}

fn form(resolver: &Resolver, namespace: &str, name: &str) -> String {
    let name = QualifiedName::new(
        Namespace::parse(namespace).expect("a namespace"),
        Name::parse(name).expect("a name"),
    );
    resolver.resolve(&name, "orders").form.to_string()
}

fn check(rule: IdentityRule, names: &[(&str, &str, &str)]) {
    let resolver = Resolver::new(&rules(vec![rule])).expect("rules");
    for (namespace, name, expected) in names {
        assert_eq!(
            form(&resolver, namespace, name),
            *expected,
            "{namespace} {name}"
        );
    }
}

#[test]
fn a_host_alias_holds_for_one_port_or_for_all() {
    let host = |from: &str, to: &str| IdentityRule::Host {
        from: from.into(),
        to: to.into(),
    };
    check(
        host("db.prod.svc", "db"),
        &[
            (
                "postgres://DB.prod.svc",
                "a.b.c",
                "postgres://db:5432/a.b.c",
            ),
            ("mysql://db.prod.svc:3307", "a.b", "mysql://db:3307/a.b"),
        ],
    );
    check(
        host("db.prod.svc:5432", "db:6432"),
        &[
            (
                "postgres://db.prod.svc",
                "a.b.c",
                "postgres://db:6432/a.b.c",
            ),
            (
                "postgres://db.prod.svc:5433",
                "a.b.c",
                "postgres://db.prod.svc:5433/a.b.c",
            ),
        ],
    );
}

#[test]
fn a_rewrite_replaces_what_matches_in_its_part() {
    let rewrite = |part, namespace: Option<&str>| IdentityRule::Rewrite {
        name: "pull requests".into(),
        part,
        namespace: namespace.map(Into::into),
        pattern: r"^dbt_pr_\d+$".into(),
        replacement: "prod".into(),
    };
    check(
        rewrite(RewrittenPart::Schema, None),
        &[
            (
                "postgres://db",
                "shop.dbt_pr_12.a",
                "postgres://db:5432/shop.prod.a",
            ),
            (
                "snowflake://acme",
                "shop.dbt_pr_12.a",
                "snowflake://acme/SHOP.PROD.A",
            ),
            (
                "postgres://db",
                "dbt_pr_12.x.a",
                "postgres://db:5432/dbt_pr_12.x.a",
            ),
            ("s3://lake", "dbt_pr_12/a", "s3://lake/dbt_pr_12/a"),
        ],
    );
    check(
        rewrite(RewrittenPart::Schema, Some("postgresql://OTHER")),
        &[
            (
                "postgres://db",
                "shop.dbt_pr_1.a",
                "postgres://db:5432/shop.dbt_pr_1.a",
            ),
            (
                "postgres://other",
                "shop.dbt_pr_1.a",
                "postgres://other:5432/shop.prod.a",
            ),
        ],
    );
}

#[test]
fn defaults_complete_names() {
    check(
        IdentityRule::Default {
            namespace: "postgres://db".into(),
            database: Some("shop".into()),
            schema: Some("public".into()),
        },
        &[
            (
                "postgres://db:5432",
                "orders",
                "postgres://db:5432/shop.public.orders",
            ),
            (
                "postgres://db:5432",
                "crm.orders",
                "postgres://db:5432/shop.crm.orders",
            ),
            ("postgres://db:5432", "a.b.c", "postgres://db:5432/a.b.c"),
            (
                "jdbc:postgresql://db/crm",
                "orders",
                "postgres://db:5432/crm.public.orders",
            ),
        ],
    );
}

#[test]
fn a_database_that_is_known_and_a_schema_that_is_not_still_tell_names_apart() {
    let resolver = Resolver::default();
    assert_ne!(
        form(&resolver, "jdbc:postgresql://db/shop", "orders"),
        form(&resolver, "jdbc:postgresql://db/crm", "orders")
    );
}

#[test]
fn a_rule_that_cannot_be_used_is_named() {
    let host = |from: &str, to: &str| IdentityRule::Host {
        from: from.into(),
        to: to.into(),
    };
    let catalog = |to: &str| IdentityRule::Catalog {
        namespace: "trino://t:8080".into(),
        catalog: "hive".into(),
        to: to.into(),
    };
    for (given, rule, expected) in [
        (vec![host("a/b", "c")], 0, "from: \"a/b\" is no host"),
        (
            vec![host("a:1", "c")],
            0,
            "to: a:1 and c have to have a port both",
        ),
        (
            vec![host("a", "b"), host("A", "c")],
            1,
            "from: a is b already",
        ),
        (
            vec![catalog("nowhere")],
            0,
            "to: \"nowhere\" is no namespace of a known platform",
        ),
        (
            vec![IdentityRule::Account {
                namespace: "awsathena://athena.eu-central-1.amazonaws.com".into(),
                account: "prod".into(),
            }],
            0,
            "account: \"prod\" is no number",
        ),
        (
            vec![
                host("a", "b"),
                IdentityRule::Rewrite {
                    name: "x".into(),
                    part: RewrittenPart::Name,
                    namespace: None,
                    pattern: "(".into(),
                    replacement: "y".into(),
                },
            ],
            1,
            "pattern: unclosed group",
        ),
    ] {
        let error = Resolver::new(&rules(given)).expect_err("no rules");
        assert_eq!(error.rule, rule, "{error}");
        assert!(error.to_string().starts_with(expected), "{error}");
    }
}

#[test]
fn a_host_that_leads_back_to_itself_is_named() {
    let host = |from: &str, to: &str| IdentityRule::Host {
        from: from.into(),
        to: to.into(),
    };
    let check = |given: Vec<IdentityRule>| {
        let resolver = Resolver::new(&rules(given)).expect("rules");
        let checked = resolver.check_hosts();
        checked.map_err(|error| (error.rule, error.to_string()))
    };
    assert_eq!(check(vec![host("a", "b"), host("b", "c")]), Ok(()));
    let found = check(vec![host("x", "a"), host("a", "b"), host("B", "A")]);
    assert_eq!(found, Err((1, "to: b leads back to a".to_owned())));
    let found = check(vec![host("a", "a")]);
    assert_eq!(found, Err((0, "to: a leads back to a".to_owned())));
}

#[test]
fn every_platform_has_one_row() {
    let mut names: Vec<&str> = SCHEMES
        .iter()
        .flat_map(|scheme| scheme.spellings.iter().chain([&scheme.name]))
        .copied()
        .collect();
    let count = names.len();
    names.sort_unstable();
    names.dedup();
    assert_eq!(names.len(), count);
    assert!(
        RULES
            .iter()
            .all(|rule| !rule.when.is_empty() && !rule.does.is_empty())
    );
}
