use super::keys::{Sort, sort};
use super::*;

#[test]
fn keys_that_name_secrets_are_told_from_those_that_do_not() {
    for key in [
        "password",
        "Password",
        "db.password",
        "database_password",
        "connectionPassword",
        "PGPASSWORD2",
        "passwd",
        "pwd",
        "ssl.keystore.password",
        "password_hash",
        "secret",
        "client_secret",
        "clientSecret",
        "AWS_SECRET_ACCESS_KEY",
        "aws.secretAccessKey",
        "accessKey",
        "access_key_id",
        "aws_key_id",
        "apiKey",
        "API-KEY",
        "api key",
        "APIKey",
        "private_key",
        "privateKey",
        "ssh.private-key",
        "token",
        "accessToken",
        "sas_token",
        "sas",
        "credentials",
        "Authorization",
        "basic.auth.user.info",
        "accountKey",
        "db_pass",
        "pass",
        "SharedAccessSignature",
    ] {
        assert_ne!(sort(key), Sort::Harmless, "{key}");
    }
    for key in [
        "tokens_count",
        "keyColumns",
        "primaryKey",
        "primary_key",
        "foreign_key",
        "secretary",
        "partition_key",
        "key",
        "tokenizer",
        "token_uri",
        "password_policy",
        "secretName",
        "nextPageToken",
        "user_info",
        "max_tokens",
        "passenger",
        "compass",
        "passed",
        "sasl.mechanism",
        "author",
        "authority",
        "sort_key",
        "public_key",
        "credit",
        "keys",
    ] {
        assert_eq!(sort(key), Sort::Harmless, "{key}");
    }
}

/// All spellings of a key of these words.
fn spellings(words: &[&str]) -> Vec<String> {
    let capital = |word: &&str| word[..1].to_uppercase() + &word[1..];
    let mut spellings: Vec<String> = ["_", "-", ".", " ", "__"]
        .into_iter()
        .flat_map(|joint| [words.join(joint), words.join(joint).to_uppercase()])
        .collect();
    let pascal = words.iter().map(capital).collect::<String>();
    spellings.push(pascal[..1].to_lowercase() + &pascal[1..]);
    spellings.push(pascal);
    spellings
}

#[test]
fn every_key_that_names_a_secret_gets_past_the_quick_look_in_every_spelling() {
    let words = super::keys::WORDS.into_iter().map(|word| vec![word]);
    let pairs = super::keys::PAIRS.into_iter().map(|(a, b)| vec![a, b]);
    let others = [
        vec!["aws", "key", "id"],
        vec!["access", "key", "id"],
        vec!["auth", "user", "info"],
        vec!["shared", "access", "signature"],
    ];
    for words in words.chain(pairs).chain(others) {
        for key in spellings(&words) {
            assert_ne!(sort(&key), Sort::Harmless, "{key}");
            let json = format!(r#"{{"{key}":"x1"}}"#);
            let clean = format!(r#"{{"{key}":"[redacted]"}}"#);
            assert_eq!(redact_json(&json), Some(clean), "{key}");
        }
    }
    assert!(!may_hold_secrets(
        br#"{"primary_key":"order","api":"v1","users":3}"#
    ));
    check_text(
        "sent Basic dXNlcjpwYXNzd29yZDE= to it",
        "sent Basic [redacted] to it",
    );
    check_text(
        "basic_auth=u1 hmacKey=x2",
        "basic_auth=[redacted] hmacKey=[redacted]",
    );
}

#[track_caller]
fn check_json(json: &str, expected: &str) {
    let clean = redact_json(json);
    assert_eq!(clean.as_deref().unwrap_or(json), expected);
    assert_eq!(redact_json(expected), None, "what is clean stays as it is");
}

#[test]
fn values_of_secret_keys_go_and_all_else_is_verbatim() {
    check_json(
        r#"{ "b":1.00, "password" : "hunter2","a": [1e3 ,{"token":"x\"y"}] }"#,
        r#"{ "b":1.00, "password" : "[redacted]","a": [1e3 ,{"token":"[redacted]"}] }"#,
    );
    check_json(
        r#"{"password":1234,"token":null,"secret":"","tokens":3,"apiKey":true}"#,
        r#"{"password":"[redacted]","token":null,"secret":"","tokens":3,"apiKey":true}"#,
    );
    check_json(
        r#"{"secrets":["a","b"],"credentials":{"user":"u","more":{"x":"y"}}}"#,
        r#"{"secrets":["[redacted]","[redacted]"],"credentials":{"user":"[redacted]","more":{"x":"[redacted]"}}}"#,
    );
    check_json(
        r#"{"p\u0061ssword":"hunter2"}"#,
        r#"{"p\u0061ssword":"[redacted]"}"#,
    );
    check_json(
        r#"[{"name":"database.password","value":"hunter2"},{"key":"topic","value":"orders"}]"#,
        r#"[{"name":"database.password","value":"[redacted]"},{"key":"topic","value":"orders"}]"#,
    );
}

#[test]
fn all_within_the_value_of_a_secret_key_goes() {
    for (json, expected) in [
        (
            r#"{"password":{"prod":"x"}}"#,
            r#"{"password":{"prod":"[redacted]"}}"#,
        ),
        (
            r#"{"password":[{"v":"x"}]}"#,
            r#"{"password":[{"v":"[redacted]"}]}"#,
        ),
        (
            r#"{"api_key":{"v":"x"},"b":"x"}"#,
            r#"{"api_key":{"v":"[redacted]"},"b":"x"}"#,
        ),
        (
            r#"{"token":{"value":"x","n":[7]}}"#,
            r#"{"token":{"value":"[redacted]","n":["[redacted]"]}}"#,
        ),
        (
            r#"{"pwd":[[{"a":{"fields":{"b":12}}}]]}"#,
            r#"{"pwd":[[{"a":{"fields":{"b":"[redacted]"}}}]]}"#,
        ),
        (
            r#"{"tokens":{"read":3,"x":"y"}}"#,
            r#"{"tokens":{"read":3,"x":"[redacted]"}}"#,
        ),
    ] {
        check_json(json, expected);
    }
}

#[test]
fn names_of_columns_stay() {
    for json in [
        r#"{"schema":{"fields":[{"name":"password","type":"string"},{"name":"token","type":"string","description":"a token"}]}}"#,
        r#"{"columnLineage":{"fields":{"password":{"inputFields":[{"namespace":"a","name":"b","field":"token"}]}}}}"#,
        r#"{"columnMetrics":{"token":{"nullCount":3},"password":{"distinctCount":4}}}"#,
        r#"{"fields":[{"name":"a","type":"struct<password:string>"}]}"#,
        r#"{"columns":{"password":"varchar","secret":"text"}}"#,
        r#"{"tokens_count":3,"keyColumns":["a"],"primaryKey":"id","foreign_key":"id","secretary":"Ann"}"#,
        r#"{"query":"select u.password, t.token from users u join t on u.token = t.token where t.secret is null"}"#,
        r#"{"sql":"select password::text, count(token) as tokens from t"}"#,
        r#"{"mail":"ann@example.com","url":"https://example.com:8080/a@b?c=d"}"#,
        r#"{"uri":"abfss://container@account.dfs.core.windows.net/x"}"#,
    ] {
        assert_eq!(redact_json(json), None, "{json}");
    }
}

#[track_caller]
fn check_text(text: &str, expected: &str) {
    let clean = redact_text(text);
    assert_eq!(clean.as_deref().unwrap_or(text), expected);
    assert_eq!(redact_text(expected), None, "what is clean stays as it is");
}

#[test]
fn credentials_in_urls_and_connection_strings_go() {
    check_text(
        "at postgres://ann:hunter2@db:5432/shop now",
        "at postgres://ann:[redacted]@db:5432/shop now",
    );
    check_text("redis://:hunter2@cache", "redis://:[redacted]@cache");
    check_text(
        "jdbc:postgresql://db/shop?user=u&password=hunter2&ssl=true",
        "jdbc:postgresql://db/shop?user=u&password=[redacted]&ssl=true",
    );
    check_text(
        "jdbc:sqlserver://db:1433;user=u;Password=hunter2;encrypt=true",
        "jdbc:sqlserver://db:1433;user=u;Password=[redacted];encrypt=true",
    );
    check_text(
        "jdbc:oracle:thin:scott/tiger@//db:1521/x",
        "jdbc:oracle:thin:scott/[redacted]@//db:1521/x",
    );
    check_text(
        "Driver={ODBC};Server=db;UID=u;PWD=hunter2;",
        "Driver={ODBC};Server=db;UID=u;PWD=[redacted];",
    );
    check_text(
        "https://a.blob.core.windows.net/c?sv=2020&sig=abc%2Fdef&se=1",
        "https://a.blob.core.windows.net/c?sv=2020&sig=[redacted]&se=1",
    );
    check_text(
        "DefaultEndpointsProtocol=https;AccountName=a;AccountKey=abc==;EndpointSuffix=x",
        "DefaultEndpointsProtocol=https;AccountName=a;AccountKey=[redacted];EndpointSuffix=x",
    );
    check_text(
        r#"org.apache.kafka.PlainLoginModule required username="u" password="hunter2";"#,
        r#"org.apache.kafka.PlainLoginModule required username="u" password="[redacted]";"#,
    );
    check_text(
        r#"{\"password\": \"hunter2\", \"user\": \"u\"}"#,
        r#"{\"password\": \"[redacted]\", \"user\": \"u\"}"#,
    );
    check_text(
        "login failed, password: hunter2, retry",
        "login failed, password: [redacted], retry",
    );
    check_text(
        "Authorization: Bearer abcDEF1234567890xyz",
        "Authorization: [redacted] [redacted]",
    );
    check_text(
        "-----BEGIN RSA PRIVATE KEY-----\nMIIE\nabc\n-----END RSA PRIVATE KEY-----\n",
        "-----BEGIN RSA PRIVATE KEY-----[redacted]-----END RSA PRIVATE KEY-----\n",
    );
    check_text("key AKIAIOSFODNN7EXAMPLE is it", "key [redacted] is it");
}

#[test]
fn tokens_and_passwords_of_any_look_in_urls_go_and_paths_stay() {
    for (text, expected, name) in [
        (
            "https://ghp_x1@github.com/a",
            "https://[redacted]@github.com/a",
            "https://github.com/a",
        ),
        (
            "https://0123456789abcdef@h/a",
            "https://[redacted]@h/a",
            "https://h/a",
        ),
        (
            "postgres://u:a/b@db/c@d",
            "postgres://u:[redacted]@db/c@d",
            "postgres://db/c@d",
        ),
        (
            "postgres://u:a?b#c@db:1",
            "postgres://u:[redacted]@db:1",
            "postgres://db:1",
        ),
        (
            "JDBC:ORACLE:THIN:scott/x@db",
            "JDBC:ORACLE:THIN:scott/[redacted]@db",
            "JDBC:ORACLE:THIN:db",
        ),
    ] {
        check_text(text, expected);
        assert_eq!(super::name::redact(text).as_deref(), Some(name), "{text}");
    }
    for text in [
        "https://example.com:8080/a@b",
        "http://[::1]:80/a@b",
        "http://[::1]/a@b",
        "mongodb://h1:1,h2:2/a@b",
        "abfss://a-long-name-of-a-container@account.dfs.core.windows.net/x",
        "sftp://user@host/x:y@z",
        "see http://a:b/c or ann@example.com",
    ] {
        check_text(text, text);
        assert_eq!(super::name::redact(text), None, "{text}");
    }
}

#[test]
fn secrets_in_sql_go_and_columns_stay() {
    check_text(
        "COPY t FROM 's3://b' CREDENTIALS 'aws_access_key_id=AK;aws_secret_access_key=sk'",
        "COPY t FROM 's3://b' CREDENTIALS '[redacted]'",
    );
    check_text(
        "copy into t from 's3://b' credentials = (AWS_KEY_ID='AK' AWS_SECRET_KEY = 'sk' AWS_TOKEN='tk')",
        "copy into t from 's3://b' credentials = (AWS_KEY_ID='[redacted]' AWS_SECRET_KEY = '[redacted]' AWS_TOKEN='[redacted]')",
    );
    check_text(
        "CREATE TABLE t (password STRING, token STRING) WITH ('connector'='jdbc', 'password'='hunter2')",
        "CREATE TABLE t (password STRING, token STRING) WITH ('connector'='jdbc', 'password'='[redacted]')",
    );
    check_text(
        "create user u identified by 'it''s' password 'x'",
        "create user u identified by '[redacted]' password '[redacted]'",
    );
    check_text(
        "select * from dblink('host=db;password=hunter2', 'select password from t')",
        "select * from dblink('host=db;password=[redacted]', 'select password from t')",
    );
}

#[test]
fn values_in_braces_and_of_arguments_go_and_flags_and_counts_stay() {
    check_text(
        "Uid=u;Password={x;1};a=b",
        "Uid=u;Password={[redacted]};a=b",
    );
    check_text(
        "run --password x1 --user u",
        "run --password [redacted] --user u",
    );
    check_text("run --token --user u", "run --token --user u");
    check_text("['--token', 'x1', 'b']", "['--token', '[redacted]', 'b']");
    check_text("Done. PASS=5 WARN=0", "Done. PASS=5 WARN=0");
    check_text("user=u pass=x1", "user=u pass=[redacted]");
    check_text("has_token=true", "has_token=true");
    check_json(
        r#"{"args":["--password","x1","--db-token", "-x", "a"],"pass":"x1"}"#,
        r#"{"args":["--password","[redacted]","--db-token", "[redacted]", "a"],"pass":"[redacted]"}"#,
    );
    for json in [
        r#"{"tags":[{"key":"contains_token","value":"true","source":"x"}]}"#,
        r#"{"contains_password":"false","pass":3}"#,
        r#"["password","token"]"#,
    ] {
        assert_eq!(redact_json(json), None, "{json}");
    }
}

#[test]
fn messages_with_words_of_sql_lose_their_secrets() {
    for (text, expected) in [
        (
            "could not connect with host=db user=u password=x1",
            "could not connect with host=db user=u password=[redacted]",
        ),
        (
            "failed to update x: pwd=x1",
            "failed to update x: pwd=[redacted]",
        ),
        (
            "update failed, password: x1",
            "update failed, password: [redacted]",
        ),
        (
            "Select from host=db token=x1",
            "Select from host=db token=[redacted]",
        ),
        (
            "with password=x1 create failed",
            "with password=[redacted] create failed",
        ),
        (
            "select * from dblink('host=db password=x1', 'select 1')",
            "select * from dblink('host=db password=[redacted]', 'select 1')",
        ),
        (
            "select 1 from t; password=x1",
            "select 1 from t; password=[redacted]",
        ),
        (
            "select a from t -- password=x1\nwhere token = x",
            "select a from t -- password=[redacted]\nwhere token = x",
        ),
        (
            "select a from t where token = 'x1' and password = b",
            "select a from t where token = '[redacted]' and password = b",
        ),
    ] {
        check_text(text, expected);
    }
    for sql in [
        "select 1 from u join t on u.token = t.token and (u.password=t.pwd)",
        "-- why\n{{ config(a='b') }}\nwith a as (select 1 from t where token = x) select 2",
        "update t set password = x, token = upper(s.token) where token = $1",
        "merge into t using s on t.token = s.id when matched then update set a = 1, token = s.id",
        "create table a as select b from c where c.password=d",
        "use x; select 1 from t where secret = y",
        "invalid: join t on u.token = t.token",
        "delete from t where token = 3 or token = :p",
    ] {
        check_text(sql, sql);
    }
}

#[test]
fn names_lose_their_credentials_without_a_trace() {
    for (name, expected) in [
        ("postgres://u:hunter2@db:5432", "postgres://db:5432"),
        ("mongodb://u:p@h1:1,h2:2", "mongodb://h1:1,h2:2"),
        (
            "jdbc:postgresql://sink-db:5432/sinkdb?password=x&currentSchema=inv",
            "jdbc:postgresql://sink-db:5432/sinkdb?currentSchema=inv",
        ),
        (
            "jdbc:sqlserver://db:1433;password=x",
            "jdbc:sqlserver://db:1433",
        ),
        (
            "jdbc:oracle:thin:u/p@db:1521:x",
            "jdbc:oracle:thin:db:1521:x",
        ),
    ] {
        assert_eq!(
            super::name::redact(name).as_deref(),
            Some(expected),
            "{name}"
        );
    }
    for name in [
        "abfss://container@account",
        "sftp://user@host",
        "shop.public.password",
        "s3://lake/token=x/y",
        "https://example.com/?page=2",
    ] {
        assert_eq!(super::name::redact(name), None, "{name}");
    }
}

#[test]
fn types_of_fields_subtypes_and_patterns_lose_their_secrets() {
    use headwater_model::*;
    let dataset = |name: &str| QualifiedName {
        namespace: Namespace::parse("n").unwrap(),
        name: Name::parse(name).unwrap(),
    };
    let field = |r#type: &str| FieldFact {
        name: FieldName::parse("password").unwrap(),
        r#type: Some(r#type.into()),
        description: None,
    };
    let end = || FieldEnd {
        dataset: dataset("d"),
        field: None,
    };
    let mut facts = Facts {
        datasets: vec![DatasetFact {
            name: dataset("d"),
            r#type: TypeName::dataset(),
            is_declared: true,
            description: None,
            fields: vec![
                field("struct<password:string,token:int>"),
                field("x password=x1"),
            ],
            evidence: None,
        }],
        field_edges: vec![FieldEdgeFact {
            from: end(),
            to: end(),
            via: None,
            transformations: vec![Transformation {
                is_direct: true,
                subtype: Some("pwd=x1".into()),
                description: None,
                is_masking: false,
            }],
            evidence: None,
        }],
        selectors: vec![SelectorFact {
            job: dataset("j"),
            side: Side::Reads,
            namespace: Namespace::parse("n").unwrap(),
            pattern: Name::parse("postgres://u:x1@db/*").unwrap(),
            evidence: None,
        }],
        ..Facts::default()
    };
    assert!(super::facts::redact(&mut facts));
    let types: Vec<_> = facts.datasets[0]
        .fields
        .iter()
        .map(|f| f.r#type.as_deref())
        .collect();
    assert_eq!(
        types,
        [
            Some("struct<password:string,token:int>"),
            Some("x password=[redacted]")
        ]
    );
    let subtype = facts.field_edges[0].transformations[0].subtype.as_deref();
    assert_eq!(subtype, Some("pwd=[redacted]"));
    assert_eq!(facts.selectors[0].pattern.as_str(), "postgres://db/*");
    assert!(
        !super::facts::redact(&mut facts),
        "what is clean stays as it is"
    );
}

#[test]
fn no_text_makes_it_panic_or_has_secrets_that_the_quick_look_misses() {
    use proptest::prelude::*;
    proptest!(ProptestConfig::with_cases(512), |(parts in prop::collection::vec(
        prop::sample::select(vec!["password", "=", "://", "@", ":", "'", "\"", "\\", "{", "}", "[", "]", ",", "é", " ",
            "key", "api", "token", "?", "&", "oracle:thin:", "-----BEGIN PRIVATE KEY-----", "AKIA", "select ", "x", "/",
            ";", "--", "\n", "where ", "from ", "auth", "user", "info", "basic ", "signing", "-", ",", "id", "aws", "hmac", "12345678A", "É"]),
        0..24,
    ))| {
        let text = parts.concat();
        let clean = super::text::redact(&text);
        prop_assert!(clean.is_none() || may_hold_secrets(text.as_bytes()), "{}", text);
        let _ = super::name::redact(&text);
        let _ = super::json::redact(&text, None);
    });
}
