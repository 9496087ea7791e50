//! What is kept of people: all of one, and how the old goes. What there is to tell, and what was told.

use abprall_bounce::Report;
use abprall_policy::IncidentEvent;
use abprall_store::{Mode, Old, Page, State};

use crate::house::{House, address, complaint, days, now, routing, unknown};

pub(crate) fn words_that_are_old_go_and_what_was_decided_from_them_stays(house: &mut House) {
    let report = |who: &str| Report { subject: Some(format!("for {who}")), ..unknown(who) };
    for number in 0..5 {
        house.record(&report(&format!("old{number}@gone.example")), now());
    }
    house.reply("554 5.9.9 <odd@gone.example> of odd words that nobody knows", now());
    house.record(&report("young@gone.example"), days(40));
    let seen = |house: &House, text: &str| {
        house.factory.everything().windows(text.len()).any(|bytes| bytes == text.as_bytes())
    };
    assert!(seen(house, "for old3") && seen(house, "odd words"), "the test would not show anything");

    let preview = steps(house, Old::Texts, Mode::Preview);
    assert_eq!(preview, 6);
    assert_eq!(steps(house, Old::Texts, Mode::Preview), 6, "a preview changes nothing");
    assert_eq!(steps(house, Old::Texts, Mode::Apply), 6);
    assert_eq!(steps(house, Old::Texts, Mode::Apply), 0, "it is not done twice");
    assert!(!seen(house, "for old3") && !seen(house, "odd words"));
    assert!(seen(house, "for young"));
    assert!(house.store.review_clusters(Page::first(9)).unwrap().rows.is_empty());
    assert_eq!(house.state("old3@gone.example", days(41)), State::Suppressed);
}

pub(crate) fn an_address_that_nothing_happened_to_for_long_is_kept_as_a_hash_and_stays_stopped(
    house: &mut House,
) {
    house.record(&unknown("anna@gone.example"), now());
    house.record(&unknown("berta@gone.example"), now());
    house.record(&complaint("berta@gone.example"), days(40));
    assert_eq!(steps(house, Old::Addresses, Mode::Apply), 1);
    let everything = house.factory.everything();
    assert!(!everything.windows(4).any(|bytes| bytes == b"anna"));
    assert!(everything.windows(5).any(|bytes| bytes == b"berta"));
    assert_eq!(house.state("anna@gone.example", days(41)), State::Suppressed);
    let anna = house.store.person(&address("anna@gone.example"), days(41)).unwrap().unwrap();
    assert!(anna.kept_as.starts_with("erased:"), "{anna:?}");
}

pub(crate) fn all_that_is_known_of_a_person_is_in_one_place(house: &mut House) {
    let who = "anna@gone.example";
    house.record(&Report { subject: Some("for you".into()), ..unknown(who) }, now());
    house.record(&complaint(who), days(1));
    house.record(&Report { original_recipient: Some(address("list@a.example")), ..unknown(who) }, days(2));
    let person = house.store.person(&address(who), days(3)).unwrap().unwrap();
    assert_eq!(person.kept_as, who);
    assert_eq!(person.standing.state, State::Suppressed);
    assert_eq!((person.decisions.len(), person.stops.len(), person.failed_for_others), (2, 1, 1));
    assert_eq!(person.decisions[1].report.as_ref().unwrap().subject.as_deref(), Some("for you"));
    assert!(house.store.person(&address("nobody@gone.example"), now()).unwrap().is_none());
}

pub(crate) fn what_happened_is_told_in_its_order_and_a_note_is_written_by_one(house: &mut House) {
    assert_eq!(house.store.last_news().unwrap(), 0);
    house.record(&routing("anna@dead.example"), now());
    house.record(&routing("berta@gone.example"), now());
    let news = house.store.news_since(0, 99).unwrap();
    let opened: Vec<_> = news.iter().filter(|news| news.event == IncidentEvent::Opened).collect();
    assert_eq!(opened.len(), 2, "{news:?}");
    assert_eq!(opened[0].key, "domain:dead.example");
    assert!(news.windows(2).all(|two| two[0].id < two[1].id));
    assert_eq!(house.store.last_news().unwrap(), news.last().unwrap().id);
    assert!(house.store.news_since(house.store.last_news().unwrap(), 9).unwrap().is_empty());

    assert_eq!(house.store.note("told").unwrap(), None);
    assert!(house.store.swap_note("told", None, "1").unwrap());
    assert!(!house.store.swap_note("told", None, "2").unwrap(), "somebody was faster");
    assert!(!house.store.swap_note("told", Some("0"), "2").unwrap());
    assert!(house.store.swap_note("told", Some("1"), "2").unwrap());
    house.reopen();
    assert_eq!(house.store.note("told").unwrap().as_deref(), Some("2"));
    assert_eq!(house.state("anna@dead.example", now()), State::Held);
}

/// In steps of two, what is older than day 30.
fn steps(house: &mut House, old: Old, mode: Mode) -> u64 {
    let (mut from, mut changed) = (None, 0);
    loop {
        let step = house.store.prune(old, days(30), mode, from, 2).unwrap();
        changed += step.changed;
        from = step.next;
        if from.is_none() {
            return changed;
        }
    }
}
