//! Rules of identity as they change: plans, the past, orders of arrival, and what is shown of merged names.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use headwater_engine::{AsOf, Reference};
use headwater_identity::{Form, Resolver};
use headwater_model::{
    AssetIndex, DomainName, DomainSpec, Facts, IdentityRule, IdentityRules, Mesh, Pattern,
    Timestamp,
};
use headwater_store::MemoryState;
use proptest::prelude::*;

use crate::identity::{declares, fact, find, jobs, mentions, name, set, states};
use crate::support::{Fixture, edge};

type Pair = (&'static str, &'static str);

const PLAIN: Pair = ("postgres://db:5432", "shop.public.orders");
const SERVICE: Pair = ("postgres://db.prod.svc:5432", "shop.public.orders");

fn host() -> IdentityRule {
    IdentityRule::Host {
        from: "db.prod.svc".into(),
        to: "db".into(),
    }
}

fn rules(rules: &[IdentityRule]) -> IdentityRules {
    IdentityRules {
        folds_jobs: true,
        rules: rules.to_vec(),
    }
}

#[test]
fn a_plan_says_what_rules_would_merge_and_changes_nothing() {
    let fixture = Fixture::new();
    fixture.submit(declares("orders/a", PLAIN));
    fixture.submit(mentions("growth/b", SERVICE));
    let offset = fixture.view().offset();
    let plan_of = |given: &[IdentityRule]| {
        let plan = fixture.view().plan_identity(&rules(given));
        plan.expect("a plan")
    };
    let plan = plan_of(&[host()]);
    assert_eq!(plan.counts, [1, 0, 0]);
    let merge = &plan.merges[0];
    let text = |pair: Pair| format!("{}/{}", pair.0, pair.1);
    assert_eq!(merge.before, [text(PLAIN), text(SERVICE)]);
    assert_eq!(merge.after, [text(PLAIN)]);
    let reason = &merge.reason;
    assert!(reason.contains("host: the operators say"), "{reason}");
    assert_eq!(fixture.view().offset(), offset);
    assert_ne!(find(&fixture, PLAIN).ok(), find(&fixture, SERVICE).ok());
    set(&fixture, &[host()]);
    assert_eq!(find(&fixture, PLAIN).ok(), find(&fixture, SERVICE).ok());
    let plan = plan_of(&[]);
    assert_eq!(plan.counts, [0, 1, 0]);
    assert_eq!(plan.splits[0].after, [text(PLAIN), text(SERVICE)]);
    assert_eq!(plan_of(&[host()]).counts, [0, 0, 0], "they hold already");
}

#[test]
fn a_rule_that_cannot_be_used_is_refused_by_plan_and_by_apply() {
    let fixture = Fixture::new();
    let bad = IdentityRule::Host {
        from: "a".into(),
        to: "b:1".into(),
    };
    let planned = fixture.view().plan_identity(&rules(&[host(), bad.clone()]));
    let error = planned.expect_err("no plan").to_string();
    assert!(error.contains("identity rule 2, to:"), "{error}");
    let applied = fixture.engine.set_identity(rules(&[bad]), Timestamp::EPOCH);
    let error = applied.expect_err("it is refused").to_string();
    assert!(error.contains("identity rule 1, to:"), "{error}");
}

#[test]
fn a_mesh_that_says_nothing_of_identity_leaves_its_rules() {
    let fixture = Fixture::new();
    fixture.submit(declares("orders/a", PLAIN));
    fixture.submit(mentions("growth/b", SERVICE));
    set(&fixture, &[host()]);
    let silent = Mesh::new(3, Vec::new()).expect("a mesh");
    let set = fixture.engine.set_mesh(silent, Timestamp::EPOCH);
    set.expect("it is accepted");
    assert_eq!(fixture.view().mesh().keep_runs(), 3);
    assert_eq!(find(&fixture, PLAIN).ok(), find(&fixture, SERVICE).ok());
}

#[test]
fn the_past_has_the_identity_that_was_known_then() {
    let fixture = Fixture::new();
    fixture.submit(declares("orders/a", PLAIN));
    fixture.submit(mentions("growth/b", SERVICE));
    let apart = fixture.view().offset();
    set(&fixture, &[host()]);
    let together = fixture.view().offset();
    set(&fixture, &[]);
    let of = |offset: u64| {
        let as_of = AsOf {
            valid_at: None,
            known_at: Some(offset),
        };
        let view = fixture.view().as_of(&as_of).expect("the past");
        [PLAIN, SERVICE].map(|pair| {
            let asset = name(pair).dataset();
            let of = Reference::Name { asset, field: None };
            view.require(&of).expect("it is known")
        })
    };
    let [a, b] = of(apart);
    assert_ne!(a, b);
    let [a, b] = of(together);
    assert_eq!(a, b);
}

#[test]
fn a_pattern_for_any_of_its_names_claims_an_asset() {
    let fixture = Fixture::new();
    let jdbc = ("jdbc:postgresql://db/shop", "public.orders");
    fixture.submit(declares("elsewhere/connect", jdbc));
    fixture.submit(mentions("growth/b", PLAIN));
    let domain = DomainSpec {
        name: DomainName::parse("orders").expect("a name"),
        description: None,
        owners: Vec::new(),
        datasets: vec![Pattern::new("postgres://db:5432/shop.*")],
        job_namespaces: Vec::new(),
    };
    let mesh = Mesh::new(10, vec![domain]).expect("a mesh");
    let set = fixture.engine.set_mesh(mesh, Timestamp::EPOCH);
    set.expect("it is accepted");
    let view = fixture.view();
    let asset = view.asset(find(&fixture, jdbc).expect("known"));
    let asset = asset.expect("there");
    assert_eq!(
        asset.name, "public.orders",
        "the declared name stands for it"
    );
    assert_eq!(asset.domain.as_deref(), Some("orders"));
}

#[test]
fn an_unresolved_dataset_shows_who_mentions_it_and_the_nearest_declared_names() {
    let fixture = Fixture::new();
    let near = ("postgres://dwh:5432", "dwh.public.orders");
    let far = ("s3://lake", "raw/orders");
    fixture.submit(declares("orders/a", near));
    fixture.submit(declares("lake/c", far));
    fixture.submit(mentions("growth/b", PLAIN));
    fixture.submit(mentions("crm/d", PLAIN));
    let view = fixture.view();
    let index = find(&fixture, PLAIN).expect("known");
    assert!(view.asset(index).expect("there").is_unresolved);
    let mentions = view.mentioned_by(index);
    let domains: Vec<&str> = mentions.iter().map(|mention| &*mention.domain).collect();
    assert_eq!(domains, ["crm", "growth"]);
    let nearest = view.nearest_declared(index, 5).expect("names");
    let expected = [near, far].map(|pair| find(&fixture, pair).expect("known"));
    assert_eq!(nearest, expected, "the longest common ending comes first");
    let one = view.nearest_declared(index, 1).expect("names");
    assert_eq!(one, expected[..1]);
}

#[test]
fn parts_of_a_job_are_shown_separately() {
    let fixture = Fixture::new();
    let names = ["model.shop.orders", "model.shop.orders.sql.1"];
    fixture.submit(jobs("orders/dbt", "shop", &names[..1]));
    let part = name(("shop", names[1])).job();
    fixture.submit(states(
        "orders/openlineage",
        Facts {
            datasets: vec![fact(PLAIN, false)],
            edges: vec![edge(name(PLAIN).dataset(), part.clone(), None)],
            ..Facts::default()
        },
    ));
    let view = fixture.view();
    let of = Reference::Name {
        asset: part,
        field: None,
    };
    let job = view.require(&of).expect("known");
    assert_eq!(view.asset(job).expect("there").name, names[0]);
    let parts = view.job_parts(&[job]).expect("parts").remove(0);
    let shown: Vec<(&str, bool, usize)> = parts
        .iter()
        .map(|part| (&*part.name, part.reason.is_some(), part.inputs.len()))
        .collect();
    assert_eq!(shown, [(names[0], false, 0), (names[1], true, 1)]);
}

/// Names of which several are one, by several rules.
const NAMES: [Pair; 14] = [
    PLAIN,
    SERVICE,
    ("postgresql://DB", "SHOP.public.\"orders\""),
    ("jdbc:postgresql://db/shop", "public.orders"),
    ("snowflake://acme", "\"poc\".\"perf\".\"v\""),
    ("snowflake://acme", "POC.PERF.V"),
    ("snowflake://acme", "poc.perf.v"),
    ("snowflake://acme.snowflakecomputing.com", "poc.perf.v"),
    ("kafka://b1:9092", "t"),
    ("kafka://b2:9092", "t"),
    ("kafka://b2:9092,b1:9092", "u"),
    ("kafka://b1:9092", "u"),
    ("s3a://lake", "orders/dt=1"),
    ("s3://lake", "orders"),
];

/// Which names are one.
fn classes(fixture: &Fixture) -> BTreeSet<BTreeSet<usize>> {
    let view = fixture.view();
    let mut classes: BTreeMap<AssetIndex, BTreeSet<usize>> = BTreeMap::new();
    for (at, pair) in NAMES.iter().enumerate() {
        if let Ok(Some(index)) = view.by_name(&name(*pair).dataset()) {
            classes.entry(index).or_default().insert(at);
        }
    }
    classes.into_values().collect()
}

/// What the classes have to be, found from the normal forms alone.
fn expected(said: &BTreeMap<usize, bool>, given: &IdentityRules) -> BTreeSet<BTreeSet<usize>> {
    let mut resolver = Resolver::new(given).expect("rules");
    for at in said.keys() {
        resolver.learn(NAMES[*at].0);
    }
    let forms: BTreeMap<usize, _> = said
        .keys()
        .map(|at| (*at, resolver.resolve(&name(NAMES[*at]), "")))
        .collect();
    // A bare name is of its folded form, unless the quoted one is there and declared.
    let is_bare = |at: &usize| {
        let quoted = forms[at].quoted.as_ref();
        quoted.is_some_and(|quoted| forms.values().any(|other| other.form == *quoted))
    };
    let is_declared = |form: &Form| {
        said.iter()
            .any(|(at, is_declared)| *is_declared && !is_bare(at) && forms[at].form == *form)
    };
    let mut classes: BTreeMap<(String, bool), BTreeSet<usize>> = BTreeMap::new();
    for (at, resolved) in &forms {
        let quoted = resolved.quoted.as_ref().filter(|_| is_bare(at));
        let of = match quoted {
            Some(quoted) if is_declared(quoted) && is_declared(&resolved.form) => {
                (format!("{:?}", resolved.form), true)
            }
            Some(quoted) if is_declared(quoted) => (format!("{quoted:?}"), false),
            _ => (format!("{:?}", resolved.form), false),
        };
        classes.entry(of).or_default().insert(*at);
    }
    classes.into_values().collect()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(40))]

    /// Whatever is said in whatever order, with rules that come and go, the classes follow from what holds at the end.
    #[test]
    fn classes_follow_from_what_is_said_and_not_from_the_order(
        steps in prop::collection::vec((0..NAMES.len() + 2, any::<bool>()), 1..24),
    ) {
        let fixture = Fixture::new();
        let mut said: BTreeMap<usize, bool> = BTreeMap::new();
        let mut given = Vec::new();
        for (at, is_declared) in steps {
            if at < NAMES.len() {
                let key = format!("d/s{at}");
                let submission = if is_declared {
                    declares(&key, NAMES[at])
                } else {
                    mentions(&key, NAMES[at])
                };
                fixture.submit(submission);
                said.insert(at, is_declared);
            } else {
                given = if is_declared { vec![host()] } else { Vec::new() };
                set(&fixture, &given);
            }
        }
        let planned = fixture.view().plan_identity(&rules(&given)).expect("a plan");
        prop_assert_eq!(planned.counts, [0, 0, 0], "what holds changes nothing");
        let found = classes(&fixture);
        prop_assert_eq!(&found, &expected(&said, &rules(&given)));
        let log = Arc::clone(&fixture.log);
        drop(fixture);
        let (rebuilt, _) = Fixture::over(log, Arc::new(MemoryState::new()));
        prop_assert_eq!(classes(&rebuilt), found, "a rebuilt state has the same");
    }
}
