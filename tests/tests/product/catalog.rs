//! Columns that one domain's SQL does not tell, from what another domain says of its datasets.

use std::fs;
use std::path::Path;

use anyhow::{Context as _, Result};
use headwater_tests::service::{Ran, Service, extractor, run_in};
use serde_json::{Value, json};

const PG: &str = "postgres://db:5432";

/// A script with a star, and one that inserts without naming columns.
const SCRIPT: &str = "create table finance.public.paid as select * from shop.public.orders;\n\
                      insert into finance.public.log select id, amount from shop.public.orders;\n";

struct Mesh {
    folder: tempfile::TempDir,
    service: Service,
}

impl Mesh {
    fn new() -> Result<Self> {
        let folder = tempfile::tempdir()?;
        fs::create_dir_all(folder.path().join("sql"))?;
        fs::write(folder.path().join("sql/pay.sql"), SCRIPT)?;
        let service = Service::start(&folder.path().join("data"), &[])?;
        Ok(Self { folder, service })
    }

    /// What the domain `orders` says of its dataset.
    fn declare(&self, fields: &[&str], covers: &[&str]) -> Result<()> {
        let fields: Vec<Value> = fields.iter().map(|name| json!({ "name": name })).collect();
        let facts = json!({
            "covers": covers,
            "datasets": [{"namespace": PG, "name": "shop.public.orders", "type": "TABLE", "fields": fields}],
        });
        let path = "/api/v1/sources/orders/dbt/submissions";
        let answer = self.service.post(path, &[], facts.to_string().as_bytes())?;
        assert_eq!(answer.status, 200, "{}", answer.text);
        Ok(())
    }

    fn run(&self, words: &[&str]) -> Result<Ran> {
        let plugin = extractor("plugins", "sql")?.canonicalize()?;
        let mut line: Vec<String> = words.iter().map(ToString::to_string).collect();
        let set = ["dialect=postgres".to_owned(), format!("namespace={PG}")];
        line.extend(["--plugin".into(), plugin.display().to_string()]);
        line.extend(set.into_iter().flat_map(|set| ["--set".into(), set]));
        run_in(self.folder.path(), &line, b"")
    }

    fn submit(&self, words: &[&str]) -> Result<Ran> {
        let target = ["--domain", "finance", "--source", "etl", "sql"];
        let server = ["submit", "--server", &self.service.url];
        self.run(&[&server[..], &target, words].concat())
    }

    /// The columns of `paid` and where each comes from, as the graph has it.
    fn paid(&self) -> Result<Vec<String>> {
        let answer = self.service.ask(&format!(
            r#"{{ dataset(namespace: "{PG}", name: "finance.public.paid") {{ fields {{ nodes {{ name
                upstream {{ nodes {{ from {{ name }} }} }} }} }} }} }}"#
        ))?;
        let fields = &answer["data"]["dataset"]["fields"]["nodes"];
        let fields = fields.as_array().context("fields")?.iter();
        Ok(fields
            .map(|field| {
                let from = &field["upstream"]["nodes"][0]["from"]["name"];
                format!(
                    "{} from {}",
                    field["name"].as_str().unwrap_or_default(),
                    from.as_str().unwrap_or("-")
                )
            })
            .collect())
    }

    fn file(&self, name: &str) -> String {
        self.folder.path().join(name).display().to_string()
    }
}

fn edges(facts: &str) -> Result<Vec<String>> {
    let facts: Value = serde_json::from_str(facts)?;
    let edges = facts["fieldEdges"].as_array().context("edges")?.iter();
    Ok(edges
        .map(|edge| format!("{} {}", edge["from"]["field"], edge["to"]["field"]))
        .collect())
}

#[track_caller]
fn succeeded(ran: &Ran) {
    assert_eq!(ran.code, Some(0), "{}{}", ran.out, ran.err);
}

#[test]
fn a_star_is_the_columns_that_the_other_domain_declares() -> Result<()> {
    let mesh = Mesh::new()?;
    mesh.declare(&["id", "customer", "amount"], &["DATASETS", "FIELDS"])?;
    succeeded(&mesh.submit(&["--catalog", "none"])?);
    assert_eq!(mesh.paid()?, [""; 0], "the script alone does not tell");
    let ran = mesh.submit(&[])?;
    succeeded(&ran);
    assert!(
        ran.err
            .contains("knows the fields of 1 of 3 datasets that the files name"),
        "{}",
        ran.err
    );
    let expected = ["id from id", "customer from customer", "amount from amount"];
    let mut found = mesh.paid()?;
    found.sort();
    let mut sorted = expected;
    sorted.sort_unstable();
    assert_eq!(found, sorted);
    let dry = mesh.submit(&["--dry-run", "--format", "json"])?;
    succeeded(&dry);
    let dry: Value = serde_json::from_str(&dry.out)?;
    assert_eq!(
        (&dry["addedCount"], &dry["removedCount"]),
        (&json!(0), &json!(0)),
        "{dry}"
    );
    Ok(())
}

#[test]
fn a_list_of_which_nobody_says_that_it_is_whole_expands_no_star() -> Result<()> {
    let mesh = Mesh::new()?;
    mesh.declare(&["id"], &["DATASETS"])?;
    let ran = mesh.submit(&[])?;
    succeeded(&ran);
    assert!(
        ran.err.contains("knows the fields of 0 of 3"),
        "{}",
        ran.err
    );
    assert_eq!(mesh.paid()?, [""; 0]);
    Ok(())
}

#[test]
fn a_catalog_that_was_written_gives_the_same_facts_ever_after() -> Result<()> {
    let mesh = Mesh::new()?;
    mesh.declare(&["id", "customer", "amount"], &["DATASETS", "FIELDS"])?;
    let server = ["--server", &mesh.service.url];
    let catalog = mesh.file("c.json");
    let write = |words: &[&str]| mesh.run(&[&["catalog"][..], &server, words, &["sql"]].concat());
    succeeded(&write(&["--output", &catalog])?);
    let written: Value = serde_json::from_slice(&fs::read(&catalog)?)?;
    assert_eq!(written["version"], 1);
    assert_eq!(
        written["datasets"],
        json!([{"namespace": PG, "name": "shop.public.orders", "fields": ["id", "customer", "amount"]}])
    );
    let extract = |words: &[&str]| mesh.run(&[&["extract"][..], words, &["sql"]].concat());
    let of_server = extract(&["--catalog", "server", "--server", &mesh.service.url])?;
    let of_file = extract(&["--catalog", &catalog])?;
    succeeded(&of_server);
    assert_eq!(of_server.out, of_file.out);
    assert!(edges(&of_file.out)?.contains(&r#""customer" "customer""#.to_owned()));
    // The other domain changes its mind: the file does not, and neither does the past.
    mesh.declare(&["id"], &["DATASETS", "FIELDS"])?;
    assert_eq!(extract(&["--catalog", &catalog])?.out, of_file.out);
    let now = extract(&["--catalog", "server", "--server", &mesh.service.url])?;
    assert_ne!(now.out, of_file.out);
    let offset = format!("@{}", written["offset"]);
    let past = write(&["--as-of", &offset])?;
    succeeded(&past);
    assert_eq!(serde_json::from_str::<Value>(&past.out)?, written);
    // Among the files it is read, too, and the service is not asked.
    fs::copy(
        &catalog,
        Path::new(&mesh.file("sql")).join("headwater-catalog.json"),
    )?;
    let among = extract(&[])?;
    assert_eq!(edges(&among.out)?, edges(&of_file.out)?);
    let ran = mesh.submit(&[])?;
    succeeded(&ran);
    assert!(!ran.err.contains("knows the fields"), "{}", ran.err);
    let both = mesh.submit(&["--catalog", "server"])?;
    assert_eq!(both.code, Some(2), "{}", both.err);
    Ok(())
}

#[test]
fn a_catalog_that_cannot_be_had_is_an_error_that_says_why() -> Result<()> {
    let mesh = Mesh::new()?;
    let ran = mesh.run(&["extract", "--catalog", "gone.json", "sql"])?;
    assert_eq!(ran.code, Some(3));
    assert!(ran.err.contains("cannot read gone.json"), "{}", ran.err);
    let ran = mesh.run(&["catalog", "--server", "http://127.0.0.1:9", "sql"])?;
    assert_eq!(ran.code, Some(1));
    assert!(
        ran.err.contains("cannot reach http://127.0.0.1:9"),
        "{}",
        ran.err
    );
    let server = ["--server", &mesh.service.url];
    let ran = mesh.run(&[&["catalog", "--as-of", "@999"][..], &server, &["sql"]].concat())?;
    assert_eq!(ran.code, Some(1));
    assert!(ran.err.contains("999"), "{}", ran.err);
    fs::write(mesh.folder.path().join("lineage.yaml"), "version: 1\n")?;
    let yaml = extractor("plugins", "yaml")?.canonicalize()?;
    let words = ["extract", "--catalog", "c.json", "lineage.yaml", "--plugin"];
    let line = words.map(std::ffi::OsString::from);
    let line: Vec<_> = line.into_iter().chain([yaml.into()]).collect();
    let ran = run_in(mesh.folder.path(), &line, b"")?;
    assert_eq!(ran.code, Some(2));
    assert!(
        ran.err
            .contains("extractor yaml does not read headwater-catalog.json"),
        "{}",
        ran.err
    );
    Ok(())
}

#[test]
fn a_project_says_where_the_catalog_comes_from() -> Result<()> {
    let mesh = Mesh::new()?;
    mesh.declare(&["id", "customer", "amount"], &["DATASETS", "FIELDS"])?;
    let plugin = extractor("plugins", "sql")?.canonicalize()?;
    let submit = |catalog: &str| -> Result<Ran> {
        let text = format!(
            "domain = \"finance\"\n[[source]]\nsource = \"etl\"\nplugin = {plugin:?}\nfiles = [\"sql\"]\n\
             config = {{ dialect = \"postgres\", namespace = \"{PG}\" }}\n{catalog}\n"
        );
        fs::write(mesh.folder.path().join("headwater.toml"), text)?;
        run_in(
            mesh.folder.path(),
            &["submit", "--server", &mesh.service.url],
            b"",
        )
    };
    succeeded(&submit("catalog = \"none\"")?);
    assert_eq!(mesh.paid()?.len(), 0);
    succeeded(&submit("")?);
    assert_eq!(mesh.paid()?.len(), 3);
    let ran = submit("catalog = \"gone.json\"")?;
    assert_eq!(ran.code, Some(3), "{}", ran.err);
    assert!(ran.err.contains("cannot read gone.json"), "{}", ran.err);
    Ok(())
}
