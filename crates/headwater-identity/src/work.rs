//! What the rules do to a name.

use headwater_model::RewrittenPart;

use crate::folding::Casing;
use crate::jdbc;
use crate::location::{Location, host_and_port, is_relative};
use crate::parts::{self, Part};
use crate::paths;
use crate::resolver::Resolver;
use crate::schemes::Shape;

/// A name while rules are applied to it.
pub(crate) struct Work<'a> {
    pub(crate) resolver: &'a Resolver,
    /// The domain that uses the name.
    pub(crate) domain: &'a str,
    /// The namespace, as long as nobody has taken it apart.
    pub(crate) namespace: String,
    pub(crate) location: Option<Location>,
    pub(crate) name: String,
    /// The identifiers that the name is made of, where its platform has any.
    pub(crate) parts: Option<Vec<Part>>,
    /// What names leave out.
    pub(crate) database: Option<Part>,
    pub(crate) schema: Option<Part>,
    /// What the name would be if all of it was quoted.
    pub(crate) quoted: Option<Vec<String>>,
    pub(crate) scope: Option<String>,
    /// A namespace and a name that stand instead.
    pub(crate) instead: Option<(String, String)>,
}

impl<'a> Work<'a> {
    pub(crate) fn new(
        resolver: &'a Resolver,
        namespace: &str,
        name: &str,
        domain: &'a str,
    ) -> Self {
        Self {
            resolver,
            domain,
            namespace: namespace.to_owned(),
            location: None,
            name: name.to_owned(),
            parts: None,
            database: None,
            schema: None,
            quoted: None,
            scope: None,
            instead: None,
        }
    }

    pub(crate) fn namespace(&self) -> String {
        match &self.location {
            Some(location) => location.text(),
            None => self.namespace.clone(),
        }
    }

    pub(crate) fn name(&self) -> String {
        match &self.parts {
            Some(parts) => parts::join(parts.iter().map(|part| part.text.as_str())),
            None => self.name.clone(),
        }
    }

    fn shape(&self) -> Option<Shape> {
        self.location.as_ref().map(|location| location.scheme.shape)
    }

    /// How many identifiers full names have.
    fn arity(&self) -> Option<usize> {
        match self.shape() {
            Some(Shape::Parts(count)) => Some(count),
            _ => None,
        }
    }

    /// Splits the name into identifiers, where its platform has them and the name is a list of them.
    fn split(&mut self) {
        if let Some(arity) = self.arity()
            && self.parts.is_none()
        {
            let parts = parts::split(&self.name);
            self.parts = parts.filter(|parts| parts.len() <= arity);
        }
    }

    /// Changes what rules look at in the authority; says what became of it.
    fn change_authority(&mut self, change: impl Fn(&str) -> String) -> Option<(String, String)> {
        let location = self.location.as_mut()?;
        let was = location.authority.clone();
        let changed: Vec<String> = was.split(',').map(change).collect();
        location.authority = changed.join(",");
        (location.authority != was).then(|| (was, location.authority.clone()))
    }
}

pub(crate) fn uri_in_name(work: &mut Work<'_>) -> Option<String> {
    let found = Location::parse(&work.name).filter(|_| work.name.contains("://"))?;
    let is_elsewhere =
        Location::parse(&work.namespace).is_some_and(|here| here.scheme.name != found.scheme.name);
    let at = work.name.find("://")? + 3;
    let end = at + work.name[at..].find('/')?;
    if is_elsewhere || end + 1 >= work.name.len() {
        return None;
    }
    let name = work.name[end + 1..].to_owned();
    let words = format!("{} is a URI: its name is {name}", work.name);
    work.namespace = work.name[..end].to_owned();
    work.name = name;
    Some(words)
}

pub(crate) fn connection(work: &mut Work<'_>) -> Option<String> {
    let found = work.resolver.connection(&work.namespace)?;
    let words = format!("{} connects to {}", work.namespace, found.namespace);
    work.database = found.database.as_deref().map(Part::bare);
    work.schema = found.schema.as_deref().map(Part::bare);
    work.namespace.clone_from(&found.namespace);
    Some(words)
}

pub(crate) fn jdbc(work: &mut Work<'_>) -> Option<String> {
    let found = jdbc::read(&work.namespace)?;
    // What follows the address may be a secret: it is not repeated.
    let words = format!("a connection string of JDBC is {}", found.namespace);
    let database = found.database.map(|text| path_part(&found.namespace, text));
    work.database = work.database.take().or(database);
    let schema = found.schema.as_deref().map(Part::bare);
    work.schema = work.schema.take().or(schema);
    work.namespace = found.namespace;
    Some(words)
}

/// The database of a connection string: a client of a database that folds to lower case asks for it as written.
fn path_part(namespace: &str, text: String) -> Part {
    let location = Location::parse(namespace);
    let is_quoted = location.is_some_and(|l| l.scheme.fold.bare == Casing::Lower);
    Part { text, is_quoted }
}

pub(crate) fn scheme(work: &mut Work<'_>) -> Option<String> {
    work.location = Location::parse(&work.namespace);
    let location = work.location.as_mut()?;
    let name = location.scheme.name;
    let spelling = std::mem::replace(&mut location.spelling, name.to_owned());
    (spelling != name).then(|| format!("{spelling} is {name}"))
}

pub(crate) fn credentials(work: &mut Work<'_>) -> Option<String> {
    let location = work.location.as_mut()?;
    let user = location.user.take();
    let has_parameters = std::mem::take(&mut location.has_parameters);
    (user.is_some() || has_parameters)
        .then(|| "users and parameters are no part of a namespace".to_owned())
}

pub(crate) fn host_case(work: &mut Work<'_>) -> Option<String> {
    if !work.location.as_ref()?.scheme.has_host {
        return None;
    }
    let (was, is) = work.change_authority(str::to_lowercase)?;
    Some(format!("the case of a host does not count: {was} is {is}"))
}

const SNOWFLAKE_HOST: &str = ".snowflakecomputing.com";
const SNOWFLAKE_PRIVATE: &str = ".privatelink";

pub(crate) fn account_suffix(work: &mut Work<'_>) -> Option<String> {
    if work.location.as_ref()?.scheme.name != "snowflake" {
        return None;
    }
    let (was, is) = work.change_authority(|authority| {
        let (host, _) = host_and_port(authority);
        let account = host.strip_suffix(SNOWFLAKE_HOST);
        account.map_or_else(
            || authority.to_owned(),
            |account| {
                let public = account.strip_suffix(SNOWFLAKE_PRIVATE).unwrap_or(account);
                public.to_owned()
            },
        )
    })?;
    Some(format!("{was} is the host of the account {is}"))
}

pub(crate) fn default_port(work: &mut Work<'_>) -> Option<String> {
    let scheme = work.location.as_ref()?.scheme;
    let port = scheme.port?;
    let (was, is) = work.change_authority(|authority| match host_and_port(authority) {
        ("", _) | (_, Some(_)) => authority.to_owned(),
        (host, None) => format!("{host}:{port}"),
    })?;
    Some(format!(
        "the port of {} is {port} where none is named: {was} is {is}",
        scheme.platform
    ))
}

pub(crate) fn host(work: &mut Work<'_>) -> Option<String> {
    if !work.location.as_ref()?.scheme.has_host {
        return None;
    }
    let resolver = work.resolver;
    let (was, is) = work.change_authority(|authority| resolver.host(authority))?;
    Some(format!("the operators say that {was} is {is}"))
}

pub(crate) fn brokers(work: &mut Work<'_>) -> Option<String> {
    if work.shape() != Some(Shape::Topic) {
        return None;
    }
    let brokers = brokers_of(work.location.as_ref()?);
    let first = work.resolver.clusters.representative(&brokers)?;
    let location = work.location.as_mut()?;
    if location.authority == first {
        return None;
    }
    let words = format!("{} is the cluster of {first}", location.authority);
    location.authority = first;
    Some(words)
}

/// The brokers of a namespace of Kafka, each once.
pub(crate) fn brokers_of(location: &Location) -> Vec<String> {
    let mut brokers: Vec<String> = location
        .authority
        .split(',')
        .map(str::trim)
        .filter(|broker| !broker.is_empty())
        .map(ToOwned::to_owned)
        .collect();
    brokers.sort();
    brokers.dedup();
    brokers
}

pub(crate) fn account(work: &mut Work<'_>) -> Option<String> {
    let location = work.location.as_mut()?;
    let path = std::mem::take(&mut location.path);
    let was = location.text();
    let Some(account) = work.resolver.accounts.get(&was) else {
        location.path = path;
        return None;
    };
    if location.scheme.name == "awsathena" {
        let region = location.authority.split('.').nth(1)?.to_owned();
        location.path = path;
        return glue_of_athena(work, &was, &region, account);
    }
    let mut is = Location::parse(account)?;
    is.path.extend(path);
    *location = is;
    Some(format!("the operators say that {was} is {account}"))
}

/// Athena's own catalog is that of AWS Glue, in the same region.
fn glue_of_athena(work: &mut Work<'_>, was: &str, region: &str, account: &str) -> Option<String> {
    work.split();
    let [catalog, database, table] = &work.parts.as_ref()?[..] else {
        return None;
    };
    if !catalog.text.eq_ignore_ascii_case("AwsDataCatalog") {
        return None;
    }
    let glue = format!("arn:aws:glue:{region}:{account}");
    let words = format!("the operators say that {was} reads {glue}");
    work.instead = Some((glue, format!("table/{}/{}", database.text, table.text)));
    Some(words)
}

pub(crate) fn rewrite_namespace(work: &mut Work<'_>) -> Option<String> {
    let was = work.namespace();
    let mut is = was.clone();
    let mut words = Vec::new();
    for rewrite in &work.resolver.rewrites {
        if rewrite.part == RewrittenPart::Namespace
            && let Some(text) = rewrite.apply(&was, &is)
        {
            words.push(format!("{}: {is} is {text}", rewrite.name));
            is = text;
        }
    }
    if words.is_empty() {
        return None;
    }
    work.location = Location::parse(&is);
    work.namespace = is;
    Some(words.join("; "))
}

pub(crate) fn namespace_path(work: &mut Work<'_>) -> Option<String> {
    let shape = work.shape()?;
    let is_project = work.location.as_ref()?.scheme.name == "bigquery";
    let location = work.location.as_mut()?;
    match shape {
        Shape::Parts(arity) => {
            if is_project && !location.authority.is_empty() {
                let project = std::mem::take(&mut location.authority);
                location.path.insert(0, project);
            }
            if location.path.is_empty() {
                return None;
            }
            let path = std::mem::take(&mut location.path);
            if path.len() >= arity {
                location.path = path;
                return None;
            }
            let fold = location.scheme.fold.bare;
            let text = path.join("/");
            let mut path = path.into_iter();
            let database = path.next().map(|text| Part {
                text,
                is_quoted: fold == Casing::Lower,
            });
            work.database = work.database.take().or(database);
            let schema = path.next().map(|text| Part::bare(&text));
            work.schema = work.schema.take().or(schema);
            Some(format!(
                "{text}, in the namespace, is meant where a name leaves it out"
            ))
        }
        Shape::Path => {
            if location.path.is_empty() {
                return None;
            }
            let path = std::mem::take(&mut location.path).join("/");
            // Only what is on a machine of its own tells paths from the root apart.
            let root = if location.scheme.name == "file" {
                "/"
            } else {
                ""
            };
            let name = format!("{root}{path}/{}", work.name.trim_start_matches('/'));
            let words = format!("{path}, in the namespace, begins the path {name}");
            work.name = name;
            Some(words)
        }
        _ => None,
    }
}

pub(crate) fn slashes(work: &mut Work<'_>) -> Option<String> {
    let arity = work.arity()?;
    if !work.name.contains('/') || work.name.contains(['.', '"', '`', '[']) {
        return None;
    }
    let segments: Vec<&str> = work.name.trim_matches('/').split('/').collect();
    if segments.len() != arity || segments.iter().any(|segment| segment.is_empty()) {
        return None;
    }
    let name = segments.join(".");
    let words = format!(
        "names of {} have {arity} parts, and dots between: {} is {name}",
        work.location.as_ref()?.scheme.platform,
        work.name
    );
    work.name = name;
    Some(words)
}

pub(crate) fn path(work: &mut Work<'_>) -> Option<String> {
    if work.shape() != Some(Shape::Path) {
        return None;
    }
    let is_rooted = work.location.as_ref()?.scheme.name == "file";
    let trimmed = paths::trim(&work.name, is_rooted);
    if trimmed.path == work.name {
        return None;
    }
    let was = std::mem::replace(&mut work.name, trimmed.path);
    Some(if trimmed.dropped.is_empty() {
        format!("slashes around a path don't count: {was} is {}", work.name)
    } else {
        format!(
            "{} is a part of the dataset {}",
            trimmed.dropped.join("/"),
            work.name
        )
    })
}

pub(crate) fn rewrite_name(work: &mut Work<'_>) -> Option<String> {
    if work.resolver.rewrites.is_empty() {
        return None;
    }
    let namespace = work.namespace();
    let mut words = Vec::new();
    for rewrite in &work.resolver.rewrites {
        if rewrite.part == RewrittenPart::Name {
            let name = work.name();
            if let Some(text) = rewrite.apply(&namespace, &name) {
                words.push(format!("{}: {name} is {text}", rewrite.name));
                work.name = text;
                work.parts = None;
            }
            continue;
        }
        work.split();
        let Some(parts) = &mut work.parts else {
            continue;
        };
        let count = parts.len();
        let arity = match work.location.as_ref().map(|l| l.scheme.shape) {
            Some(Shape::Parts(arity)) => arity,
            _ => count,
        };
        let at = match rewrite.part {
            RewrittenPart::Database if count == arity && arity > 1 => Some(0),
            RewrittenPart::Schema if count > 1 && arity > 2 => Some(count - 2),
            RewrittenPart::Table => count.checked_sub(1),
            _ => None,
        };
        if let Some(part) = at.map(|at| &mut parts[at])
            && let Some(text) = rewrite.apply(&namespace, &part.text)
        {
            words.push(format!("{}: {} is {text}", rewrite.name, part.text));
            part.text = text;
        }
    }
    (!words.is_empty()).then(|| words.join("; "))
}

pub(crate) fn folding(work: &mut Work<'_>) -> Option<String> {
    let scheme = work.location.as_ref()?.scheme;
    if scheme.shape == Shape::Glue {
        let folded = work.name.to_lowercase();
        if folded == work.name {
            return None;
        }
        let words = format!(
            "{} folds to lower case: {} is {folded}",
            scheme.platform, work.name
        );
        work.name = folded;
        return Some(words);
    }
    work.split();
    let parts = work.parts.as_mut()?;
    let verbatim: Vec<String> = parts.iter().map(|part| part.text.clone()).collect();
    fold(parts, scheme.fold);
    let has_bare = parts.iter().any(|part| !part.is_quoted);
    let is: Vec<&str> = parts.iter().map(|part| part.text.as_str()).collect();
    let differs = verbatim != is;
    let name = parts::join(is.iter().copied());
    if differs && has_bare && scheme.fold.bare != scheme.fold.quoted {
        work.quoted = Some(verbatim);
    }
    (name != work.name).then(|| {
        let how = match (scheme.fold.bare, scheme.fold.quoted) {
            (Casing::Verbatim, _) => "quotes are no part of a name".to_owned(),
            (bare, quoted) if bare == quoted => {
                format!("{} keeps identifiers in {}", scheme.platform, bare.words())
            }
            (bare, quoted) => format!(
                "{} keeps bare identifiers in {}, quoted ones {}",
                scheme.platform,
                bare.words(),
                quoted.words()
            ),
        };
        format!("{how}: {} is {name}", work.name)
    })
}

fn fold(parts: &mut [Part], fold: crate::folding::Fold) {
    for part in parts {
        let casing = if part.is_quoted {
            fold.quoted
        } else {
            fold.bare
        };
        part.text = casing.apply(&part.text);
    }
}

pub(crate) fn defaults(work: &mut Work<'_>) -> Option<String> {
    let arity = work.arity()?;
    let scheme = work.location.as_ref()?.scheme;
    let count = work.parts.as_ref()?.len();
    let known = work.resolver.defaults.get(&work.namespace());
    let part = |text: &String| Part::bare(text);
    let database = work.database.clone();
    let database = database.or_else(|| known.and_then(|known| known.database.as_ref().map(part)));
    let schema = work.schema.clone();
    let schema = schema.or_else(|| known.and_then(|known| known.schema.as_ref().map(part)));
    // Where names have two parts, the first is a database, or what its platform calls a schema.
    let (database, schema) = match arity {
        2 => (schema.or(database), None),
        _ => (database, schema),
    };
    let mut missing = Vec::new();
    let mut left_out = None;
    match (arity - count.min(arity), database, schema) {
        (1, Some(database), _) => missing.push(database),
        (2, Some(database), Some(schema)) => missing.extend([database, schema]),
        (2, None, Some(schema)) => missing.push(schema),
        // Which of the database's schemas is meant nobody knows: the database still tells two names apart.
        (2, Some(database), None) => left_out = Some(database),
        _ => {}
    }
    fold(&mut missing, scheme.fold);
    if let Some(mut database) = left_out {
        fold(std::slice::from_mut(&mut database), scheme.fold);
        work.location.as_mut()?.path.push(database.text);
        return None;
    }
    if missing.is_empty() {
        return None;
    }
    let texts = missing.iter().map(|part| part.text.clone());
    if let Some(quoted) = &mut work.quoted {
        quoted.splice(0..0, texts);
    }
    let was = work.name();
    work.parts.as_mut()?.splice(0..0, missing);
    Some(format!(
        "{was} is {} where nothing else is said",
        work.name()
    ))
}

pub(crate) fn catalog(work: &mut Work<'_>) -> Option<String> {
    if work.resolver.catalogs.is_empty() {
        return None;
    }
    let parts = work.parts.as_ref()?;
    let (catalog, rest) = parts.split_first()?;
    if rest.is_empty() {
        return None;
    }
    let key = (work.namespace(), catalog.text.to_lowercase());
    let to = work.resolver.catalogs.get(&key)?;
    let words = format!(
        "the operators say that the catalog {} shows {to}",
        catalog.text
    );
    work.instead = Some((to.clone(), name_at(to, rest)));
    Some(words)
}

pub(crate) fn database(work: &mut Work<'_>) -> Option<String> {
    if work.resolver.databases.is_empty() {
        return None;
    }
    let parts = work.parts.as_ref()?;
    let database = parts.first().filter(|_| parts.len() > 1)?;
    let key = (work.namespace(), database.text.to_lowercase());
    let to = work.resolver.databases.get(&key)?;
    if *to == key.0 {
        return None;
    }
    let words = format!(
        "the operators say that the database {} is in {to}",
        database.text
    );
    work.instead = Some((to.clone(), name_at(to, parts)));
    Some(words)
}

/// The name of what identifiers name, in another namespace.
fn name_at(namespace: &str, parts: &[Part]) -> String {
    if let ([database, table], true) = (parts, namespace.starts_with("arn:")) {
        return format!("table/{}/{}", database.text, table.text);
    }
    parts::join(parts.iter().map(|part| part.text.as_str()))
}

pub(crate) fn scope(work: &mut Work<'_>) -> Option<String> {
    let location = work.location.as_ref()?;
    let is_file = matches!(location.scheme.name, "duckdb" | "sqlite");
    if !is_file || !is_relative(&location.authority) {
        return None;
    }
    let namespace = location.text();
    if work.resolver.named.contains(&namespace) {
        return None;
    }
    work.scope = Some(work.domain.to_owned());
    Some(format!(
        "{namespace} is a relative path: it means something only in the domain {}",
        work.domain
    ))
}
