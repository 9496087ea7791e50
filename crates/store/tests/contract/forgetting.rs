//! People who want to be forgotten.

use abprall_bounce::Report;
use abprall_store::{ErasureKey, Page, State, StoreError};

use crate::house::{House, about, address, complaint, days, now, routing, unknown};

pub(crate) fn an_erased_person_stays_stopped_and_is_written_nowhere(house: &mut House) {
    let who = "anna.forget-me@gone.example";
    let report = Report {
        message_id: Some("<anna.forget-me@mail.example>".into()),
        subject: Some("for anna.forget-me".into()),
        prose: Some("anna.forget-me is not here".into()),
        ..unknown(who)
    };
    house.record(&report, now());
    house.record(&complaint(who), now());
    house.record(&Report { original_recipient: Some(address("list@a.example")), ..unknown(who) }, now());
    // What nobody understands lies at the review desk.
    house.reply(&format!("554 5.9.9 <{who}> annaforgetme of anna.forget-me@gone.example is odd"), now());
    house.store.stop(&about(who), &order(Some("anna.forget-me rang")), now()).unwrap();
    house.store.lift(&about("list@a.example"), now(), None).unwrap();
    assert!(contains(&house.factory.everything(), "anna.forget-me"), "the test would not show anything");

    let about_who = house.store.messages_about(&address(who)).unwrap();
    assert_eq!(about_who.len(), 4, "also of mail that was for somebody else");
    assert!(!house.store.is_forgotten(&address(who)).unwrap());
    let erased = house.store.erase(&address(who), now()).unwrap();
    assert!(erased.known && erased.stopped && erased.reports >= 3, "{erased:?}");
    assert!(!contains(&house.factory.everything(), "anna.forget-me"));
    assert!(house.store.is_forgotten(&address(who)).unwrap());
    assert!(!house.store.is_forgotten(&address("list@a.example")).unwrap());
    assert_eq!(house.store.messages_about(&address(who)).unwrap().len(), about_who.len());
    // A report without words is of no use at the review desk.
    assert!(house.store.review_clusters(Page::first(9)).unwrap().rows.is_empty());
    assert!(house.store.review_reports(None, Page::first(9)).unwrap().rows.is_empty());
    house.reopen();
    assert!(!contains(&house.factory.everything(), "anna.forget-me"));
    assert_eq!(house.state(who, now()), State::Suppressed);
    assert_eq!(house.state("anna.other@gone.example", now()), State::Ok);
    // Another report about the same person is recognised, and names nobody.
    house.record(&unknown(who), days(1));
    assert_eq!(house.store.story(&about(who), days(1), 10).unwrap().unwrap().decisions_total, 5);
    house.reply(&format!("554 5.9.9 <{who}> annaforgetme of anna.forget-me is odder"), days(1));
    assert!(!contains(&house.factory.everything(), "anna.forget-me"));
    assert!(house.store.review_clusters(Page::first(9)).unwrap().rows.is_empty());
    // What is done to the person afterwards is told without the name.
    house.store.stop(&about(who), &order(None), days(1)).unwrap();
    house.store.lift(&about(who), days(1), None).unwrap();
    house.store.stop(&about(who), &order(None), days(1)).unwrap();
    assert!(!contains(&house.factory.everything(), "anna.forget-me"));
    let again = house.store.erase(&address(who), days(1)).unwrap();
    assert!(again.known && again.stopped);
    assert!(!contains(&house.factory.everything(), "anna.forget-me"));
    assert!(!house.store.erase(&address("nobody@gone.example"), now()).unwrap().known);
}

fn order(note: Option<&str>) -> abprall_store::StopOrder {
    abprall_store::StopOrder {
        stop: abprall_policy::Stop::Suppression,
        reason: abprall_mail::Reason::Complaint,
        until: None,
        audience: abprall_store::Audience::default(),
        note: note.map(str::to_owned),
    }
}

fn contains(bytes: &[u8], text: &str) -> bool {
    [text, &text.replace(['.', '-'], "")].iter().any(|text| is_in(bytes, text))
}

fn is_in(bytes: &[u8], text: &str) -> bool {
    bytes.windows(text.len()).any(|window| window.eq_ignore_ascii_case(text.as_bytes()))
}

pub(crate) fn the_key_moves_only_into_an_empty_store(house: &mut House) {
    let key = house.store.export_key().unwrap();
    assert_eq!(house.store.export_key().unwrap(), key, "it is drawn once");
    house.record(&routing("a@x.example"), now());
    house.store.erase(&address("a@x.example"), now()).unwrap();
    // Its own key changes nothing.
    house.store.import_key(&key).unwrap();
    assert_eq!(house.state("a@x.example", now()), State::Held);
    let other = ErasureKey { seed: "0123456789abcdef".into(), secret: "ab".repeat(32) };
    assert!(matches!(house.store.import_key(&other), Err(StoreError::Key(_))));
    let broken = ErasureKey { secret: "xy".repeat(32), ..other.clone() };
    house.store = house.factory.fresh();
    assert!(matches!(house.store.import_key(&broken), Err(StoreError::Key(_))));
    house.store.import_key(&other).unwrap();
    assert_eq!(house.store.export_key().unwrap(), other);
    house.record(&routing("a@x.example"), now());
    house.store.erase(&address("a@x.example"), now()).unwrap();
    house.reopen();
    assert_eq!(house.store.seed(), 0x0123_4567_89ab_cdef);
    assert_eq!(house.state("a@x.example", now()), State::Held);
}
