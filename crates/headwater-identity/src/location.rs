//! Taking namespaces apart.

use crate::schemes::Scheme;

/// A namespace of a known platform, taken apart.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Location {
    pub(crate) scheme: &'static Scheme,
    /// The scheme as it was written.
    pub(crate) spelling: String,
    /// User and password, which are never part of a name.
    pub(crate) user: Option<String>,
    /// Host and port; the container and its host; the bucket; the account.
    pub(crate) authority: String,
    /// What follows the authority, slashes between.
    pub(crate) path: Vec<String>,
    /// True if anything but a path followed.
    pub(crate) has_parameters: bool,
}

/// Schemes whose authority begins with a container, where others have a user.
const CONTAINERS: [&str; 2] = ["abfss", "wasbs"];

impl Location {
    /// Takes a namespace apart; none if its platform is not known.
    pub(crate) fn parse(namespace: &str) -> Option<Self> {
        let plain = |scheme: &'static Scheme, authority: &str| Self {
            scheme,
            spelling: scheme.name.to_owned(),
            user: None,
            authority: authority.to_owned(),
            path: Vec::new(),
            has_parameters: false,
        };
        if let Some(rest) = namespace.strip_prefix("arn:aws") {
            // `arn:aws-cn:glue:…` too.
            let at = rest.find(":glue:")?;
            return Some(plain(Scheme::find("arn:aws:glue")?, &rest[at + 6..]));
        }
        let Some((spelling, rest)) = namespace.split_once("://") else {
            // `bigquery`, `file`, `pubsub`: one for all the world.
            let scheme = Scheme::find(namespace)?;
            return matches!(scheme.name, "bigquery" | "file" | "pubsub")
                .then(|| plain(scheme, ""));
        };
        let scheme = Scheme::find(spelling)?;
        if matches!(scheme.name, "duckdb" | "sqlite") {
            let mut location = plain(scheme, rest.split(['?', ';']).next().unwrap_or_default());
            spelling.clone_into(&mut location.spelling);
            location.has_parameters = location.authority.len() < rest.len();
            return Some(location);
        }
        let end = rest.find(['/', '?', ';', '#']).unwrap_or(rest.len());
        let (authority, after) = rest.split_at(end);
        let (user, authority) = match authority.rsplit_once('@') {
            Some((user, host)) if !CONTAINERS.contains(&scheme.name) => {
                (Some(user.to_owned()), host)
            }
            _ => (None, authority),
        };
        let path = after.split(['?', ';', '#']).next().unwrap_or_default();
        Some(Self {
            scheme,
            spelling: spelling.to_owned(),
            user,
            authority: authority.to_owned(),
            path: path
                .split('/')
                .filter(|segment| !segment.is_empty())
                .map(ToOwned::to_owned)
                .collect(),
            has_parameters: path.len() < after.len(),
        })
    }

    /// The namespace in one spelling.
    pub(crate) fn text(&self) -> String {
        let mut text = match self.scheme.name {
            name @ "arn:aws:glue" => return format!("{name}:{}", self.authority),
            name if self.authority.is_empty() && self.path.is_empty() => return name.to_owned(),
            name => format!("{name}://{}", self.authority),
        };
        for segment in &self.path {
            text.push('/');
            text.push_str(segment);
        }
        text
    }
}

/// Host and port of an authority.
pub(crate) fn host_and_port(authority: &str) -> (&str, Option<&str>) {
    // The colons of an address in brackets separate no port.
    let from = authority.rfind(']').unwrap_or(0);
    match authority[from..].rfind(':') {
        Some(at) => (&authority[..from + at], Some(&authority[from + at + 1..])),
        None => (authority, None),
    }
}

/// True for names in namespaces that mean something only within the domain that uses them: databases in files named
/// by relative paths, and databases in memory. Two domains that use such a name mean two datasets.
pub fn is_scoped(namespace: &str) -> bool {
    let rest = namespace.strip_prefix("jdbc:").unwrap_or(namespace);
    let Some((scheme, path)) = rest.split_once(':') else {
        return false;
    };
    let is_file = ["duckdb", "sqlite"]
        .iter()
        .any(|name| name.eq_ignore_ascii_case(scheme));
    let path = path.strip_prefix("//").unwrap_or(path);
    is_file && is_relative(path)
}

/// `dev.duckdb`, `./dev.duckdb`, `:memory:` and nothing at all; not `/data/dev.duckdb`, `C:/dev.duckdb`, `md:shop`.
pub(crate) fn is_relative(path: &str) -> bool {
    let path = path.split(['?', ';']).next().unwrap_or_default();
    !path.starts_with(['/', '\\', '~']) && (!path.contains(':') || path.starts_with(":memory:"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(namespace: &str, text: &str) {
        let found = Location::parse(namespace).map(|location| location.text());
        assert_eq!(found.as_deref(), Some(text), "{namespace}");
    }

    #[test]
    fn namespaces_are_taken_apart() {
        check("postgres://u:p@db:5432/shop?x=y", "postgres://db:5432/shop");
        check(
            "abfss://c@a.dfs.core.windows.net",
            "abfss://c@a.dfs.core.windows.net",
        );
        check("bigquery", "bigquery");
        check("s3a://lake", "s3://lake");
        check(
            "arn:aws:glue:eu-central-1:123",
            "arn:aws:glue:eu-central-1:123",
        );
        check("duckdb:///data/x.duckdb", "duckdb:///data/x.duckdb");
        assert_eq!(Location::parse("dbt://shop"), None);
        assert_eq!(Location::parse("postgres"), None);
    }

    #[test]
    fn a_port_follows_the_last_colon() {
        assert_eq!(host_and_port("db:5432"), ("db", Some("5432")));
        assert_eq!(host_and_port("[::1]:5432"), ("[::1]", Some("5432")));
        assert_eq!(host_and_port("[::1]"), ("[::1]", None));
    }

    #[test]
    fn relative_paths_are_scoped() {
        for namespace in [
            "duckdb://dev.duckdb",
            "jdbc:duckdb:dev.duckdb",
            "duckdb://:memory:",
        ] {
            assert!(is_scoped(namespace), "{namespace}");
        }
        for namespace in [
            "duckdb:///data/dev.duckdb",
            "duckdb://md:shop",
            "duckdb://C:/dev.duckdb",
            "postgres://db:5432",
            "duckdb",
        ] {
            assert!(!is_scoped(namespace), "{namespace}");
        }
    }
}
