//! Pictures of a graph in the languages of Mermaid and Graphviz.

use std::collections::BTreeMap;
use std::fmt::Write as _;

/// What stands in a picture.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Shape {
    /// A dataset.
    Dataset,
    /// A job.
    Job,
    /// A field.
    Field,
    /// A domain.
    Domain,
}

impl Shape {
    /// The shape of what GraphQL calls `kind`.
    pub(crate) fn of_kind(kind: &str) -> Self {
        match kind {
            "Job" => Self::Job,
            "Field" => Self::Field,
            "Domain" => Self::Domain,
            _ => Self::Dataset,
        }
    }

    /// What Mermaid puts around the text.
    fn brackets(self) -> (&'static str, &'static str) {
        match self {
            Self::Dataset => ("[(", ")]"),
            Self::Job => ("[", "]"),
            Self::Field => ("([", "])"),
            Self::Domain => ("(", ")"),
        }
    }

    /// Graphviz's name of it.
    fn name(self) -> &'static str {
        match self {
            Self::Dataset => "cylinder",
            Self::Job => "box",
            Self::Field => "ellipse",
            Self::Domain => "component",
        }
    }
}

#[derive(Debug)]
struct Node {
    shape: Shape,
    text: String,
    is_root: bool,
}

#[derive(Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Edge {
    from: usize,
    to: usize,
    text: String,
}

/// Nodes, in groups where they have one, and arrows between them. Data flows left to right.
#[derive(Debug, Default)]
pub(crate) struct Drawing {
    nodes: Vec<Node>,
    by_key: BTreeMap<String, usize>,
    groups: BTreeMap<String, Vec<usize>>,
    ungrouped: Vec<usize>,
    edges: Vec<Edge>,
    drawn: BTreeMap<(usize, usize), Vec<usize>>,
}

impl Drawing {
    /// Adds what `key` stands for, once; `group` frames it.
    pub(crate) fn node(&mut self, key: &str, shape: Shape, text: &str, group: Option<&str>) {
        if self.by_key.contains_key(key) {
            return;
        }
        let at = self.nodes.len();
        self.nodes.push(Node {
            shape,
            text: text.to_owned(),
            is_root: false,
        });
        self.by_key.insert(key.to_owned(), at);
        match group {
            Some(group) => self.groups.entry(group.to_owned()).or_default().push(at),
            None => self.ungrouped.push(at),
        }
    }

    /// Sets off what the question was about.
    pub(crate) fn mark_root(&mut self, key: &str) {
        if let Some(at) = self.by_key.get(key) {
            self.nodes[*at].is_root = true;
        }
    }

    /// Adds an arrow, once; a key without a node gets one that shows the key.
    pub(crate) fn edge(&mut self, from: &str, to: &str, text: &str) {
        let (from, to) = (self.end(from), self.end(to));
        let drawn = self.drawn.entry((from, to)).or_default();
        if drawn.iter().any(|at| self.edges[*at].text == text) {
            return;
        }
        drawn.push(self.edges.len());
        self.edges.push(Edge {
            from,
            to,
            text: text.to_owned(),
        });
    }

    fn end(&mut self, key: &str) -> usize {
        self.node(key, Shape::Dataset, key, None);
        self.by_key[key]
    }

    /// As a flowchart of Mermaid.
    pub(crate) fn mermaid(&self) -> String {
        let mut text = "flowchart LR\n".to_owned();
        let node = |at: usize| {
            let node = &self.nodes[at];
            let (open, close) = node.shape.brackets();
            let class = if node.is_root { ":::root" } else { "" };
            format!("n{at}{open}\"{}\"{close}{class}", mermaid_text(&node.text))
        };
        // Writing to a string does not fail.
        for (at, (group, members)) in self.groups.iter().enumerate() {
            let _ = writeln!(text, "  subgraph g{at}[\"{}\"]", mermaid_text(group));
            for member in members {
                let _ = writeln!(text, "    {}", node(*member));
            }
            text += "  end\n";
        }
        for at in &self.ungrouped {
            let _ = writeln!(text, "  {}", node(*at));
        }
        for edge in &self.edges {
            let label = match edge.text.as_str() {
                "" => String::new(),
                label => format!("|\"{}\"|", mermaid_text(label)),
            };
            let _ = writeln!(text, "  n{} -->{label} n{}", edge.from, edge.to);
        }
        if self.nodes.iter().any(|node| node.is_root) {
            text += "  classDef root stroke-width:3px\n";
        }
        text
    }

    /// As a graph of Graphviz.
    pub(crate) fn dot(&self) -> String {
        let mut text = "digraph headwater {\n  rankdir=LR;\n  node [fontname=\"sans-serif\"];\n  edge [fontname=\"sans-serif\"];\n".to_owned();
        let node = |at: usize| {
            let node = &self.nodes[at];
            let pen = if node.is_root { ", penwidth=3" } else { "" };
            let label = dot_text(&node.text);
            format!(
                "n{at} [shape={}, label=\"{label}\"{pen}];",
                node.shape.name()
            )
        };
        for (at, (group, members)) in self.groups.iter().enumerate() {
            let label = dot_text(group);
            let _ = writeln!(text, "  subgraph cluster_{at} {{\n    label=\"{label}\";");
            for member in members {
                let _ = writeln!(text, "    {}", node(*member));
            }
            text += "  }\n";
        }
        for at in &self.ungrouped {
            let _ = writeln!(text, "  {}", node(*at));
        }
        for edge in &self.edges {
            let label = match edge.text.as_str() {
                "" => String::new(),
                label => format!(" [label=\"{}\"]", dot_text(label)),
            };
            let _ = writeln!(text, "  n{} -> n{}{label};", edge.from, edge.to);
        }
        text + "}\n"
    }
}

/// `text` inside the double quotes of a Mermaid label, where `#` begins an entity.
///
/// Escaped too are a percent sign, since `%%{…}%%` is a directive wherever it stands, and what would make a label one of
/// Markdown: backticks, and the bullet or number of a list at its beginning.
fn mermaid_text(text: &str) -> String {
    let after_digits = text.trim_start_matches(|c: char| c.is_ascii_digit());
    let digits = text.len() - after_digits.len();
    let mut escaped = String::with_capacity(text.len());
    for (at, c) in text.char_indices() {
        let begins_list = (at == 0 && matches!(c, '-' | '*' | '+'))
            || (digits > 0 && at == digits && matches!(c, '.' | ')'));
        match c {
            c if c.is_control() => escaped.push(' '),
            '"' | '#' | '%' | '&' | '<' | '>' | '\\' | '`' => entity(&mut escaped, c),
            c if begins_list => entity(&mut escaped, c),
            c => escaped.push(c),
        }
    }
    escaped
}

fn entity(text: &mut String, c: char) {
    // Writing to a string does not fail.
    let _ = write!(text, "#{};", u32::from(c));
}

/// `text` inside the double quotes of a Graphviz label, which knows backslashes and HTML's entities.
fn dot_text(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            c if c.is_control() => escaped.push(' '),
            '"' => escaped.push_str("\\\""),
            '\\' => escaped.push_str("\\\\"),
            '&' => escaped.push_str("&amp;"),
            c => escaped.push(c),
        }
    }
    escaped
}

#[cfg(test)]
mod tests {
    use insta::assert_snapshot;

    use super::*;

    fn drawing() -> Drawing {
        let mut drawing = Drawing::default();
        drawing.node("a", Shape::Dataset, "pg://db/orders", Some("orders"));
        drawing.node("j", Shape::Job, "airflow/load [\"x\"]", Some("orders"));
        drawing.node("b", Shape::Dataset, "größe#1 & <50%> \\n `x`", None);
        drawing.node("a", Shape::Dataset, "twice", None);
        drawing.mark_root("a");
        drawing.edge("a", "j", "reads");
        drawing.edge("j", "b", "writes");
        drawing.edge("j", "b", "writes");
        drawing.edge("b", "beyond", "");
        drawing
    }

    #[test]
    fn a_flowchart_shows_names_as_they_are() {
        assert_snapshot!(drawing().mermaid(), @r##"
        flowchart LR
          subgraph g0["orders"]
            n0[("pg://db/orders")]:::root
            n1["airflow/load [#34;x#34;]"]
          end
          n2[("größe#35;1 #38; #60;50#37;#62; #92;n #96;x#96;")]
          n3[("beyond")]
          n0 -->|"reads"| n1
          n1 -->|"writes"| n2
          n2 --> n3
          classDef root stroke-width:3px
        "##);
    }

    #[test]
    fn a_graph_of_graphviz_shows_names_as_they_are() {
        assert_snapshot!(drawing().dot(), @r#"
        digraph headwater {
          rankdir=LR;
          node [fontname="sans-serif"];
          edge [fontname="sans-serif"];
          subgraph cluster_0 {
            label="orders";
            n0 [shape=cylinder, label="pg://db/orders", penwidth=3];
            n1 [shape=box, label="airflow/load [\"x\"]"];
          }
          n2 [shape=cylinder, label="größe#1 &amp; <50%> \\n `x`"];
          n3 [shape=cylinder, label="beyond"];
          n0 -> n1 [label="reads"];
          n1 -> n2 [label="writes"];
          n2 -> n3;
        }
        "#);
    }

    #[test]
    fn a_name_neither_directs_mermaid_nor_begins_a_list() {
        assert_snapshot!(mermaid_text("%%{init: {}}%%"), @"#37;#37;{init: {}}#37;#37;");
        assert_snapshot!(mermaid_text("12. x"), @"12#46; x");
        assert_snapshot!(mermaid_text("- x-y"), @"#45; x-y");
        assert_snapshot!(mermaid_text("a\n12. x"), @"a 12. x");
    }
}
