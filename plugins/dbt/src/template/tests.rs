//! Templates, and what they become.

use super::*;

fn relation(text: &str) -> Relation {
    let parts: Vec<String> = text.split('.').map(str::to_owned).collect();
    Relation {
        text: text.into(),
        parts: parts.try_into().unwrap_or_default(),
    }
}

fn referable(package: &str, name: &str, version: Option<&str>, is_latest: bool) -> Referable {
    let text = format!("db.{package}.{name}{}", version.unwrap_or_default());
    Referable {
        package: package.into(),
        name: name.into(),
        version: version.map(str::to_owned),
        is_latest,
        becomes: Ok(relation(&text)),
    }
}

fn names() -> Names {
    Names {
        package: "shop".into(),
        refs: vec![
            referable("shop", "orders", None, false),
            referable("shop", "both", None, false),
            referable("other", "both", None, false),
            referable("shop", "many", Some("1"), false),
            referable("shop", "many", Some("2"), true),
            Referable {
                becomes: Err("is ephemeral and has no SQL".into()),
                ..referable("shop", "odd", None, false)
            },
        ],
        sources: vec![("raw".into(), "payments".into(), relation("db.raw.payments"))],
        this: relation("db.shop.this"),
    }
}

fn fill(text: &str) -> Result<String, Refusal> {
    Filler::new().fill(text, names())
}

#[test]
fn a_template_becomes_sql() {
    let mut wrong = Vec::new();
    for (template, expected) in [
        ("select 1", "select 1"),
        ("from {{ ref('orders') }} o", "from db.shop.orders o"),
        ("{{ref(\"shop\", 'orders')}}", "db.shop.orders"),
        (
            "{{ ref('both') }} {{ ref('other', 'both') }}",
            "db.shop.both db.other.both",
        ),
        (
            "{{ ref('many') }} {{ ref('many', v=1) }}",
            "db.shop.many2 db.shop.many1",
        ),
        ("{{ ref('many', version='1') }}", "db.shop.many1"),
        ("{{ source('raw', 'payments') }}", "db.raw.payments"),
        ("{{ this }} {{ this.schema }}", "db.shop.this shop"),
        ("a{# {{ macro() }} #}b", "ab"),
        (
            "{{ config(materialized='table', x=target.name, y=[{'a': ')}}'}]) }}a",
            "a",
        ),
        ("{{- config(\n  x = 1\n) -}}\na", "\n\n\na"),
        (
            "where d > '{{ var('start', '2020-01-01') }}'",
            "where d > '2020-01-01'",
        ),
        ("limit {{ var('n', 10) }}", "limit 10"),
        (
            "a{% if is_incremental() %} b {{ this }}{% else %} c{% endif %}",
            "a c",
        ),
        ("a{% if not is_incremental() %} b{% endif %}", "a b"),
        (
            "{% set kinds = ['a', 'b'] %}{% for k in kinds %}{{ k }}{% if not loop.last %}, {% endif %}{% endfor %}",
            "a, b",
        ),
        (
            "{% for k, v in {'z': 1, 'a': 2}.items() %}{{ k }}{% endfor %}",
            "za",
        ),
        ("{% raw %}{{ x }}{% endraw %}", "{{ x }}"),
        (
            "{% macro twice(x) %}{{ x }}{{ x }}{% endmacro %}{{ twice('a') }}",
            "aa",
        ),
        ("{{ 'a' ~ 'b' | upper }}", "aB"),
        ("{{ ref('orders') ~ '' }}", "db.shop.orders"),
    ] {
        let filled = fill(template);
        if filled.as_deref() != Ok(expected) {
            wrong.push(format!("{template}: {filled:?}"));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

fn refuses(template: &str, expected: &str, line: Option<u32>, wrong: &mut Vec<String>) {
    let filled = fill(template);
    let is_expected = filled.as_ref().is_err_and(|refusal| {
        refusal.reason.contains(expected) && (line.is_none() || refusal.line == line)
    });
    if !is_expected {
        wrong.push(format!("{template}: {filled:?}"));
    }
}

/// What is not understood must refuse the template, not leave something out.
#[test]
fn what_only_dbt_knows_refuses_a_template() {
    let mut wrong = Vec::new();
    for (template, expected, line) in [
        (
            "\n{{ dbt_utils.star(ref('orders')) }}",
            "it uses `dbt_utils`",
            Some(2),
        ),
        (
            "{{ cents_to_dollars('x') }}",
            "it uses `cents_to_dollars`",
            Some(1),
        ),
        (
            "{% if target.name == 'dev' %}a{% endif %}",
            "it uses `target`",
            Some(1),
        ),
        ("{% if execute %}a{% endif %}", "it uses `execute`", Some(1)),
        (
            "{% if not_there == 1 %}a{% endif %}",
            "it uses `not_there`",
            None,
        ),
        (
            "{% if not_there is defined %}a{% endif %}",
            "it uses `not_there`",
            None,
        ),
        ("{{ env_var('X', 'y') }}", "it uses `env_var`", Some(1)),
        ("{{ config.get('x') }}", "it uses `get`", Some(1)),
        ("{% if config.x == 1 %}a{% endif %}", "it uses `x`", None),
        ("{% if this.x == 1 %}a{% endif %}", "it uses `x`", None),
        ("{{ ref('gone') }}", "ref(gone) is not among what", Some(1)),
        (
            "{{ ref('many', v=3) }}",
            "ref(many, 3) is not among what",
            Some(1),
        ),
        (
            "{{ ref('odd') }}",
            "ref(odd) is ephemeral and has no SQL",
            Some(1),
        ),
        (
            "{{ ref('orders', x=1) }}",
            "unknown keyword argument",
            Some(1),
        ),
        ("{{ ref() }}", "Ref is called with other arguments", Some(1)),
        (
            "{{ source('raw', 'gone') }}",
            "source(raw, gone) is not among what",
            Some(1),
        ),
    ] {
        refuses(template, expected, line, &mut wrong);
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn what_would_be_guessed_or_goes_beyond_a_bound_refuses_a_template() {
    let mut wrong = Vec::new();
    for (template, expected, line) in [
        ("{{ var('x') }}", "what var(x) is", Some(1)),
        ("{{ var('x', ref('orders')) }}", "what var(x) is", Some(1)),
        (
            "{% if var('x', true) %}a{% endif %}",
            "what `var` is would decide",
            Some(1),
        ),
        (
            "{% set x = var('x', 'a') %}",
            "what `var` is would decide",
            Some(1),
        ),
        (
            "\n{{ 'a' if var('x', 'a') == 'a' }}",
            "what `var` is would decide",
            Some(2),
        ),
        ("{{ ['a', 'b'] }}", "it prints a sequence", Some(1)),
        ("{{ 'a'.title() }}", "unknown method", Some(1)),
        ("{{ none }}", "it prints a none", Some(1)),
        (
            "{% for i in range(99999) %}{% for j in range(99999) %}{% endfor %}{% endfor %}",
            "it takes more than",
            None,
        ),
        (
            "{% for i in range(90000) %}{{ '123456789012345678901234567890' }}{% endfor %}",
            "it becomes more than",
            None,
        ),
        ("{% if %}", "syntax error", Some(1)),
        (
            "{% call statement('x') %}a{% endcall %}",
            "it uses `statement`",
            Some(1),
        ),
        (
            "\n{% import 'a' as b %}",
            "it reads another template",
            Some(2),
        ),
        (
            "{%- include 'a' ignore missing %}",
            "it reads another template",
            Some(1),
        ),
        ("{{ 'a", "syntax error", Some(1)),
        (
            "{% macro m() %}{{ m() }}{% endmacro %}{{ m() }}",
            "it uses `m`",
            None,
        ),
    ] {
        refuses(template, expected, line, &mut wrong);
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}
