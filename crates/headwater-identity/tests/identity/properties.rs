//! What holds of every name.

use headwater_identity::Resolver;
use headwater_model::{Name, Namespace, QualifiedName};
use proptest::prelude::*;

fn qualified(namespace: &str, name: &str) -> Option<QualifiedName> {
    Some(QualifiedName::new(
        Namespace::parse(namespace).ok()?,
        Name::parse(name).ok()?,
    ))
}

fn namespaces() -> impl Strategy<Value = String> {
    prop_oneof![
        "(postgres|postgresql|mysql|snowflake|trino|mssql|oracle)://[a-zA-Z0-9.]{1,8}(:[0-9]{2,4})?(/[a-z]{1,4})?",
        "(s3|s3a|gs|hdfs|file|abfss)://[a-zA-Z0-9.@]{1,8}(/[a-z]{1,4})?",
        "kafka://[a-c]:9092(,[a-c]:9092)?",
        "duckdb://(/|./)?[a-z]{1,4}\\.duckdb",
        "(bigquery|file|pubsub|dbt://shop|jaffle)",
        "jdbc:(postgresql|mysql|sqlserver)://[a-zA-Z]{1,4}(:[0-9]{2,4})?/[a-z]{1,4}(\\?[a-z]{1,4}=[a-z]{1,4})?",
        "\\PC{1,20}",
    ]
}

fn names() -> impl Strategy<Value = String> {
    prop_oneof![
        "([a-cA-C]{1,3}|\"[a-cA-C.]{1,3}\")(\\.([a-cA-C]{1,3}|\"[a-cA-C.]{1,3}\")){0,3}",
        "/?[a-c=*]{1,4}(/[a-c=*]{1,4}){0,3}/?",
        "\\PC{1,20}",
    ]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(512))]

    /// Resolving never panics, and says the same each time.
    #[test]
    fn resolving_is_a_function(namespace in namespaces(), name in names()) {
        if let Some(name) = qualified(&namespace, &name) {
            let resolver = Resolver::default();
            prop_assert_eq!(resolver.resolve(&name, "a"), resolver.resolve(&name, "a"));
        }
    }

    /// The quoted reading of a bare name is what the same name means with quotes around each part.
    #[test]
    fn a_bare_name_may_be_the_quoted_one(parts in prop::collection::vec("[a-cA-C]{1,3}", 3)) {
        let bare = qualified("snowflake://acme", &parts.join(".")).expect("a name");
        let quoted = format!("\"{}\"", parts.join("\".\""));
        let quoted = qualified("snowflake://acme", &quoted).expect("a name");
        let resolver = Resolver::default();
        let of_bare = resolver.resolve(&bare, "");
        let of_quoted = resolver.resolve(&quoted, "").form;
        prop_assert_eq!(of_bare.quoted.unwrap_or(of_bare.form), of_quoted);
    }

    /// Names in different known databases are different, whatever their spelling.
    #[test]
    fn platforms_are_never_mixed(
        name in "[a-c]{1,3}\\.[a-c]{1,3}\\.[a-c]{1,3}",
    ) {
        let resolver = Resolver::default();
        let spaces = ["postgres://h:1", "redshift://h:1", "mssql://h:1", "trino://h:1", "kafka://h:1", "s3://h"];
        let mut forms: Vec<String> = spaces
            .iter()
            .map(|space| resolver.resolve(&qualified(space, &name).expect("a name"), "").form.to_string())
            .collect();
        forms.sort();
        forms.dedup();
        prop_assert_eq!(forms.len(), spaces.len());
    }
}
