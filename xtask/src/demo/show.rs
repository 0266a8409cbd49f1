//! What the demo prints: the domain graph, an impact, and what to try next.

use std::fmt::Write as _;

use super::answers::{Answers, FieldImpact, FieldsImpacted, Impacted};

/// Domains, how data flows between them, and each edge that goes round a port.
pub(crate) fn domain_graph(answers: &Answers) -> String {
    let mut text = String::from("\nWho reads whose data\n");
    for link in &answers.domain_graph {
        let _ = writeln!(
            text,
            "  {:8} ──► {:8} {} dataset edges: {} through output ports, {} round them",
            link.from,
            link.to,
            link.dataset_edge_count,
            link.through_ports_count,
            link.around_ports_count
        );
        for crossing in link.crossings.iter().filter(|found| !found.through_port) {
            let _ = writeln!(
                text,
                "    ! {} ─ ─► {} goes round the port{}",
                crossing.from,
                crossing.to,
                crossing
                    .via
                    .as_ref()
                    .map_or_else(String::new, |job| format!(" (by {job})"))
            );
        }
    }
    text
}

/// Everything downstream of one dataset, nearest first within each domain.
pub(crate) fn impact(answers: &Answers) -> String {
    let impact = &answers.impact;
    let mut text = format!(
        "\nWho is affected if {} changes: {} assets in {} domains\n",
        impact.of,
        impact.total_count,
        impact.assets_by_domain.len()
    );
    for (domain, count) in &impact.assets_by_domain {
        let _ = writeln!(text, "  {domain} ({count} assets)");
        let mut datasets: Vec<&Impacted> = impact
            .datasets
            .iter()
            .filter(|found| found.domain.as_deref().unwrap_or("(none)") == domain)
            .collect();
        datasets.sort_by_key(|found| (found.hops, &found.name));
        for dataset in datasets {
            let hops = if dataset.hops == 1 { "hop" } else { "hops" };
            let _ = writeln!(text, "    {:2} {hops:4} {}", dataset.hops, dataset.name);
        }
    }
    text
}

/// A name, and what people call it.
fn named(name: &str, label: Option<&str>) -> String {
    label.map_or_else(|| name.to_owned(), |label| format!("{label} ({name})"))
}

/// One way from a field to what depends on it.
pub(crate) fn path(answers: &Answers) -> String {
    let path = &answers.path;
    let mut text = format!("\nBy which way {} gets there\n", path.from);
    let mut last = None;
    for place in &path.assets {
        let domain = place.domain.as_deref().unwrap_or("(none)");
        let shown = if last == Some(domain) { "" } else { domain };
        let _ = writeln!(
            text,
            "  {shown:8} {}",
            named(&place.name, place.label.as_deref())
        );
        last = Some(domain);
    }
    text
}

/// What of one domain depends on one field.
pub(crate) fn field_impact(impact: &FieldImpact) -> String {
    let stops: Vec<&str> = impact.stop_at.iter().map(String::as_str).collect();
    let mut text = format!("\nWhat of {} depends on {}", impact.domain, impact.of);
    if !stops.is_empty() {
        let _ = write!(text, ", not by way of {}", stops.join(" or "));
    }
    text.push('\n');
    let mut datasets: Vec<&FieldsImpacted> = impact.datasets.iter().collect();
    datasets.sort_by_key(|found| (found.hops, &found.name));
    for dataset in datasets {
        let fields: Vec<&str> = dataset.fields.iter().map(String::as_str).collect();
        let fields = if fields.is_empty() {
            " as a whole".to_owned()
        } else {
            format!("#{}", fields.join(", #"))
        };
        let effects: Vec<String> = dataset
            .effects
            .iter()
            .map(|effect| effect.to_lowercase())
            .collect();
        let hops = if dataset.hops == 1 { "hop" } else { "hops" };
        let shown = if effects.is_empty() {
            String::new()
        } else {
            format!(" ({})", effects.join(", "))
        };
        let _ = writeln!(
            text,
            "    {:2} {hops:4} {}{fields}{shown}",
            dataset.hops,
            named(&dataset.name, dataset.label.as_deref())
        );
    }
    if impact.without_fields_count > 0 {
        let _ = writeln!(
            text,
            "  Not the whole truth: at {} of the datasets, readers do not state which fields they use",
            impact.without_fields_count
        );
    }
    text
}

/// Where to look and what to ask; `binary` is the path of the command.
pub(crate) fn what_next(url: &str, binary: &str) -> String {
    format!(
        r#"
Serving at {url} until Ctrl-C. To try next:
  {binary} impact --server {url} warehouse.orders.orders
  {binary} impact --server {url} 'shop.public.orders#status' --field-level
  {binary} lineage --server {url} churn_scores --direction upstream
  {binary} paths --server {url} 'shop.public.orders#status' 'Board report' --field-level
  {binary} lineage --server {url} 'Board report' --direction upstream --format mermaid
  {binary} search --server {url} revenue
  {binary} domains --server {url}
  curl -s {url}/graphql -H 'content-type: application/json' \
    -d '{{"query": "{{ impact(of: [\"warehouse.orders.orders\"]) {{ totalCount byDomain {{ key count }} }} }}"}}'
examples/mesh/README.md tells what there is to find.
"#
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::demo::answers::tests::small;

    #[test]
    fn an_edge_round_a_port_is_marked() {
        assert_eq!(
            domain_graph(&small()),
            "
Who reads whose data
  a        ──► b        2 dataset edges: 1 through output ports, 1 round them
    ! y ─ ─► z goes round the port
"
        );
    }

    #[test]
    fn an_impact_is_told_domain_by_domain() {
        assert_eq!(
            impact(&small()),
            "
Who is affected if x changes: 2 assets in 1 domains
  b (2 assets)
     1 hop  z
"
        );
    }

    #[test]
    fn a_way_names_each_domain_where_it_enters_it() {
        let shown =
            "\nBy which way x#a gets there\n  a        x\n  b        j\n           Sleeps (zz)\n";
        assert_eq!(path(&small()), shown);
    }

    #[test]
    fn fields_are_told_with_what_is_not_known() {
        assert_eq!(
            field_impact(&small().field_impacts[0]),
            "
What of b depends on x#a, not by way of a
     1 hop  z#b, #c (direct identity)
     2 hops Sleeps (zz) as a whole
  Not the whole truth: at 1 of the datasets, readers do not state which fields they use
"
        );
    }
}
