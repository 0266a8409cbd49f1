use headwater_search::{Entities, Index, Part, Tier};

use crate::support::{Doc, Docs, parse};

fn shop() -> Docs {
    let names = [
        "shop.public.orders",
        "wh/orders.db/daily",
        "model.shop.stg_orders",
        "jaffle_shop.main.customers.build.run",
        "OrderItems",
        "orders",
        "order_status",
        "raw.ORDERITEMS",
        "lake/größe_注文",
        "orders_archive",
    ];
    let mut docs = Docs::of_names(&names);
    let mut change = |key: u32, change: fn(&mut Doc)| {
        change(docs.0.get_mut(&key).expect("the document is there"));
    };
    change(0, |doc| doc.namespace = "postgres://db:5432".into());
    change(0, |doc| {
        doc.fields = vec!["id".into(), "status".into(), "customerId".into()];
    });
    change(1, |doc| doc.namespace = "kafka://broker:9092".into());
    change(3, |doc| {
        doc.description = Some("Builds the customers with their revenue".into());
    });
    change(6, |doc| doc.aliases = vec!["db.legacy.ord_st".into()]);
    docs
}

/// What is found: names, `name#field`, and what matched if it is not the name.
#[track_caller]
fn check(text: &str, expected: &[&str]) {
    let docs = shop();
    let found = docs.index().search(&parse(text, 100), &docs, None);
    let shown: Vec<String> = found
        .hits
        .iter()
        .map(|hit| {
            let name = &docs.0[&hit.key].name;
            match &hit.part {
                Part::Name => name.clone(),
                Part::Field(field) => format!("{name}#{field}"),
                Part::Alias(alias) => format!("{name} as {alias}"),
                Part::Namespace => format!("{name} by namespace"),
                Part::Description => format!("{name} by description"),
            }
        })
        .collect();
    assert_eq!(shown, expected, "{text:?}");
}

#[test]
fn exact_comes_before_ending_before_beginning_before_the_rest() {
    check(
        "orders",
        &[
            "orders",
            "shop.public.orders",
            "orders_archive",
            "wh/orders.db/daily",
            "model.shop.stg_orders",
            "OrderItems",
            "order_status",
        ],
    );
}

#[test]
fn separators_case_and_the_order_of_words_do_not_matter_for_finding() {
    for text in [
        "stg_orders",
        "stg orders",
        "STG-Orders",
        "orders stg",
        "shop.stg_orders",
    ] {
        check(text, &["model.shop.stg_orders"]);
    }
    check("order items", &["OrderItems"]);
    for text in ["orderitems", "OrderItems", "ORDERITEMS"] {
        check(text, &["OrderItems", "raw.ORDERITEMS"]);
    }
    check("GRÖSSE", &[]);
    check("GRÖßE 注文", &["lake/größe_注文"]);
}

#[test]
fn typos_are_forgiven_in_words_of_four_characters_and_more() {
    check(
        "custmoers",
        &[
            "jaffle_shop.main.customers.build.run",
            "shop.public.orders#customerId",
        ],
    );
    check("jaflfe shop", &["jaffle_shop.main.customers.build.run"]);
    check("rnu", &[]);
}

#[test]
fn a_field_is_found_by_its_words_and_those_of_its_asset() {
    check("status", &["shop.public.orders#status", "order_status"]);
    check("orders customer_id", &["shop.public.orders#customerId"]);
    check(
        "public id",
        &["shop.public.orders#id", "shop.public.orders#customerId"],
    );
}

#[test]
fn namespaces_aliases_and_descriptions_are_found() {
    check("kafka orders", &["wh/orders.db/daily"]);
    check("kafka", &["wh/orders.db/daily by namespace"]);
    check(
        "postgres://db:5432/shop.public.orders",
        &["shop.public.orders"],
    );
    check("legacy.ord_st", &["order_status as db.legacy.ord_st"]);
    check(
        "customers revenue",
        &["jaffle_shop.main.customers.build.run by description"],
    );
}

#[test]
fn a_name_behind_its_namespace_is_whole_even_if_it_begins_like_the_query() {
    let mut doc = Doc::named("oders");
    doc.namespace = "order".into();
    doc.aliases = vec!["orders".into()];
    let docs = Docs([(0, doc)].into());
    let hits = docs
        .index()
        .search(&parse("order/oders", 1), &docs, None)
        .hits;
    assert_eq!(hits[0].tier(), Tier::Whole);
}

#[test]
fn what_lies_inside_a_word_is_not_found() {
    check("rde", &[]);
    check("tatu", &[]);
    check("", &[]);
    check("._/", &[]);
}

#[test]
fn assets_or_fields_alone_can_be_asked_for() {
    let docs = shop();
    let index = docs.index();
    let count = |entities| {
        let query = parse("status", 10).entities(entities);
        let results = index.search(&query, &docs, None);
        assert_eq!(results.total_count, results.hits.len() as u64);
        results.total_count
    };
    let counts = [Entities::All, Entities::Assets, Entities::Fields].map(count);
    assert_eq!(counts, [2, 1, 1]);
}

#[test]
fn an_index_stays_as_it_is_when_others_are_made_of_it() {
    let docs = shop();
    let before = docs.index();
    let after = before.apply([(5, None), (0, None), (77, None)]);
    let find = |index: &Index| index.search(&parse("orders", 10), &docs, None).total_count;
    assert_eq!((find(&before), find(&after)), (7, 5));
    assert_eq!(before.documents_count(), 10);
    assert_eq!(after.documents_count(), 8);
}
