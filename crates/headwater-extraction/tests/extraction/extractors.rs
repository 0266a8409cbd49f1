//! Versions of extractors: installed, tried, activated, rolled back, pinned, removed.

use headwater_extraction::{ExtractionState, Options, Trigger};

use crate::support::{Service, key};

fn install(service: &Service, component: &str) -> String {
    let staged = service
        .extractions
        .stage(component.as_bytes())
        .expect("a component");
    let installed = service
        .extractions
        .install(&staged.version.digest)
        .expect("installed");
    installed.version.digest
}

#[test]
fn another_version_is_tried_before_it_is_activated_and_can_be_taken_back() {
    let service = Service::new(&["lines 1 plain"]);
    let orders = key("orders/lines");
    service.extract(&orders, "a -> b");
    let staged = service.extractions.stage(b"lines 2 extra").expect("sent");
    assert!(!staged.is_active);
    // It can be tried before it is installed.
    let plan = service
        .extractions
        .plan("lines", &staged.version.digest)
        .expect("a plan");
    let change = plan.sources[0].change.as_ref().expect("a change");
    assert_eq!((change.added_count, change.removed_count), (3, 3));
    assert_eq!(change.added.datasets, ["db/ax", "db/bx"]);
    assert_eq!(change.removed.datasets, ["db/a", "db/b"]);
    assert_eq!(service.graph().0, ["a", "b"], "nothing changed");
    install(&service, "lines 2 extra");
    assert_eq!(service.graph().0, ["a", "b"], "it is not active");
    service.extractions.activate("lines", "2").expect("active");
    let done = service.wait(&orders, 2);
    assert_eq!(done.trigger, Trigger::Change);
    assert_eq!(done.extractor_version.as_deref(), Some("2"));
    assert_eq!(service.graph().0, ["ax", "bx"]);
    let back = service.extractions.roll_back("lines").expect("rolled back");
    assert_eq!(back.active_version().expect("a version").version, "1");
    service.wait(&orders, 3);
    assert_eq!(service.graph().0, ["a", "b"]);
    let error = service.extractions.roll_back("lines").expect_err("no more");
    assert_eq!(
        error.to_string(),
        "no other version of extractor lines was active before"
    );
}

#[test]
fn a_pinned_source_keeps_its_version() {
    let service = Service::new(&["lines 1 plain"]);
    let (orders, finance) = (key("orders/lines"), key("finance/lines"));
    service.extract(&orders, "a");
    service.extract(&finance, "f");
    service.extractions.pin(&orders, Some("1")).expect("pinned");
    install(&service, "lines 2 extra");
    service.extractions.activate("lines", "2").expect("active");
    service.wait(&finance, 2);
    let pinned = service.extract(&orders, "b");
    assert_eq!(pinned.extractor_version.as_deref(), Some("1"));
    assert_eq!(service.graph().0, ["b", "fx"]);
    let unpinned = service.extractions.pin(&orders, None).expect("unpinned");
    let last = unpinned.extractions.last().expect("queued").number;
    service.wait(&orders, last);
    assert_eq!(service.graph().0, ["bx", "fx"]);
}

#[test]
fn a_newer_file_in_the_folder_is_active_after_a_restart_unless_another_was_chosen() {
    let service = Service::new(&["lines 1 plain"]);
    let orders = key("orders/lines");
    service.extract(&orders, "a");
    let service = service.again(&["lines 2 extra"], Options::default());
    let done = service.wait(&orders, 2);
    assert_eq!(done.extractor_version.as_deref(), Some("2"));
    assert_eq!(service.graph().0, ["ax"]);
    service.extractions.roll_back("lines").expect("version 1");
    service.wait(&orders, 3);
    assert_eq!(service.graph().0, ["a"]);
    let service = service.again(&["lines 2 extra"], Options::default());
    let active = service.extractions.extractors()["lines"].clone();
    assert_eq!(active.active_version().expect("a version").version, "1");
}

#[test]
fn nothing_is_extracted_of_a_disabled_extractor() {
    let service = Service::new(&["lines 1 plain", "other 1 plain"]);
    let orders = key("orders/lines");
    service.extract(&orders, "a");
    service
        .extractions
        .enable("lines", false)
        .expect("disabled");
    let queued = service.send(&orders, &[("a.txt", "b")], false);
    let mut upload = service
        .extractions
        .receive(&key("finance/other"), Some("other"))
        .expect("bound");
    let mut file = upload.begin("f.txt").expect("a name");
    file.write(b"f").expect("room");
    file.finish().expect("a disk");
    let other = service
        .extractions
        .accept(&key("finance/other"), upload, false)
        .expect("accepted");
    service.wait(&key("finance/other"), other.number);
    let state = service.now(&orders, queued.number).state;
    assert_eq!(state, ExtractionState::Queued);
    service.extractions.enable("lines", true).expect("enabled");
    service.wait(&orders, queued.number);
    assert_eq!(service.graph().0, ["b", "f"]);
}

#[test]
fn what_is_used_is_not_removed() {
    let service = Service::new(&[]);
    install(&service, "lines 1 plain");
    let orders = key("orders/lines");
    service.extract(&orders, "a");
    let digest = install(&service, "lines 2 plain");
    let told = |result: Result<(), headwater_extraction::ExtractionError>| {
        result.map_err(|error| error.to_string())
    };
    let remove = |version: Option<&str>| told(service.extractions.remove("lines", version));
    assert_eq!(
        remove(None),
        Err("extractor lines is used by orders/lines".to_owned())
    );
    assert_eq!(
        remove(Some("1")),
        Err("that version of extractor lines is active: activate another".to_owned())
    );
    assert_eq!(
        remove(Some("3")),
        Err("extractor lines has no version 3".to_owned())
    );
    assert_eq!(remove(Some(&digest[..12])), Ok(()));
    service.extractions.unbind(&orders).expect("unbound");
    assert_eq!(remove(None), Ok(()));
    assert!(service.extractions.extractors().is_empty());
    assert_eq!(service.graph().0, ["a"], "what it submitted stays");
}

#[test]
fn what_is_no_component_is_refused() {
    let service = Service::new(&["lines 1 plain"]);
    let error = service.extractions.stage(b"nonsense").expect_err("refused");
    assert_eq!(error.to_string(), "is not three words");
    let error = service.extractions.install("abc").expect_err("not sent");
    assert_eq!(error.to_string(), "no component with digest abc was sent");
}
