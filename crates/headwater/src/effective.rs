//! The configuration in force, and where each value came from.

use std::fmt::Write as _;

use figment::{Figment, Metadata, Source};
use serde_json::Value;

use crate::serve_config::ServeConfig;

impl ServeConfig {
    /// This configuration as TOML; a remark at the end of each line says who set the value.
    pub(crate) fn shown(&self, figment: &Figment) -> String {
        let values = serde_json::to_value(self).unwrap_or_default();
        let lines = |values: &Value, table: &str| -> Vec<(String, String)> {
            let keys = values.as_object().into_iter().flatten();
            keys.filter(|(_, value)| !value.is_object())
                .map(|(key, value)| {
                    let path = format!("{table}{key}");
                    let setting = match value {
                        Value::Null => format!("# {key} is not set"),
                        // Tables of the file are not repeated.
                        Value::Array(items) if items.iter().any(Value::is_object) => {
                            format!("# {key}: {} configured", items.len())
                        }
                        value => format!("{key} = {value}"),
                    };
                    (setting, origin(figment, &path))
                })
                .collect()
        };
        let mut text = String::new();
        for (heading, lines) in [
            ("", lines(&values, "")),
            ("\n[limits]\n", lines(&values["limits"], "limits.")),
        ] {
            text += heading;
            let width = lines.iter().map(|(line, _)| line.chars().count()).max();
            for (line, origin) in &lines {
                // Writing to a string does not fail.
                let _ = writeln!(
                    text,
                    "{line:width$}  # {origin}",
                    width = width.unwrap_or(0)
                );
            }
        }
        text
    }
}

/// Who set the key: a flag, a variable, the file or nobody.
fn origin(figment: &Figment, path: &str) -> String {
    let key = path.strip_prefix("limits.");
    match figment.find_metadata(path) {
        Some(Metadata {
            source: Some(Source::File(file)),
            ..
        }) => file.display().to_string(),
        Some(metadata) if metadata.name.contains("environment variable") => match key {
            Some(key) => format!("HEADWATER_LIMITS__{}", key.to_uppercase()),
            None => format!("HEADWATER_{}", path.to_uppercase()),
        },
        Some(metadata) if metadata.name.contains("ServeArgs") => match key {
            Some(_) => "--limit".to_owned(),
            None if path == "lineage_paths" => "--lineage-path".to_owned(),
            None => format!("--{}", path.replace('_', "-")),
        },
        _ => "default".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use clap::Parser as _;

    use super::*;
    use crate::commands::serve::ServeArgs;

    #[derive(clap::Parser)]
    struct Line {
        #[command(flatten)]
        args: ServeArgs,
    }

    #[test]
    fn every_value_says_who_set_it() {
        let folder = tempfile::tempdir().expect("a folder");
        let file = folder.path().join("serve.toml");
        let text = "mesh = \"m.toml\"\n[limits]\nwalk_ms_max = 7\nquestions_max = 5\n";
        std::fs::write(&file, text).expect("written");
        let path = file.display().to_string();
        let words = [
            "serve",
            "--config",
            &path,
            "--listen",
            "127.0.0.1:1",
            "--limit",
            "questions_max=3",
            "--lineage-path",
            "/a",
        ];
        let args = Line::parse_from(words).args;
        let figment = ServeConfig::figment(&args).expect("a configuration");
        let config = ServeConfig::of(&args).expect("a configuration");
        let shown = config.shown(&figment).replace(&path, "FILE");
        for (line, origin) in [
            ("listen = \"127.0.0.1:1\"", "--listen"),
            ("mesh = \"m.toml\"", "FILE"),
            ("lineage_paths = [\"/a\"]", "--lineage-path"),
            ("# plugins is not set", "default"),
            ("walk_ms_max = 7", "FILE"),
            ("questions_max = 3", "--limit"),
            ("connections_max = 4096", "default"),
        ] {
            let found = shown.lines().find(|shown| shown.starts_with(line));
            let found = found.unwrap_or_else(|| panic!("{line} is not in {shown}"));
            assert!(found.ends_with(&format!("  # {origin}")), "{found}");
        }
        let parsed: toml::Table = toml::from_str(&shown).expect("it is TOML");
        assert_eq!(parsed["limits"]["walk_ms_max"].as_integer(), Some(7));
    }

    /// Cells of the rows of all tables under `heading` whose cell `key_at` is a name in backticks.
    fn rows(page: &str, heading: &str, key_at: usize) -> BTreeMap<String, Vec<String>> {
        let section = page.split("\n## ").find(|part| part.starts_with(heading));
        let section = section.unwrap_or_else(|| panic!("no section {heading}"));
        let rows = section.lines().filter(|line| line.starts_with('|'));
        rows.filter_map(|line| {
            let cells: Vec<String> = line
                .trim_matches('|')
                .split('|')
                .map(|cell| cell.trim().to_owned())
                .collect();
            let key = cells.get(key_at)?.strip_prefix('`')?.strip_suffix('`')?;
            Some((key.to_owned(), cells.clone()))
        })
        .collect()
    }

    #[test]
    fn the_documentation_lists_every_key_and_no_other() {
        let page = include_str!("../../../docs/configuration.md");
        let config = serde_json::to_value(ServeConfig::default()).expect("values");
        let keys = |value: &Value| -> Vec<String> {
            let object = value.as_object().expect("a table");
            let mut keys: Vec<String> = object
                .keys()
                .filter(|key| *key != "limits")
                .cloned()
                .collect();
            keys.sort();
            keys
        };
        let documented = rows(page, "Keys", 2);
        assert_eq!(
            documented.keys().cloned().collect::<Vec<_>>(),
            keys(&config)
        );
        let mut limits = rows(page, "Bounds", 0);
        // The other table there is of bounds that nothing sets.
        limits.retain(|_, cells| cells.len() == 5);
        assert_eq!(
            limits.keys().cloned().collect::<Vec<_>>(),
            keys(&config["limits"])
        );
        for (key, cells) in limits {
            let variable = format!("`HEADWATER_LIMITS__{}`", key.to_uppercase());
            assert_eq!(cells[3], variable, "{key}");
            let default = cells[1].split_whitespace().next().unwrap_or_default();
            // That of questions depends on the machine.
            if key != "questions_max" {
                assert_eq!(default, config["limits"][&key].to_string(), "{key}");
            }
            assert!(!cells[2].is_empty() && !cells[4].is_empty(), "{key}");
        }
    }
}
