//! Programs with keys, what they see, and who changed what.

use abprall_mail::Reason;
use abprall_policy::Stop;
use abprall_store::{
    Audience, AuditAction, KeyScope, Mode, NewApiKey, Page, Selection, State, StopFilter, StopOrder,
    StoreError,
};

use crate::house::{House, about, audience, days, now, unknown};

fn key(name: &str, tenant: Option<&str>) -> NewApiKey {
    NewApiKey {
        name: name.to_owned(),
        token: format!("token of {name} {tenant:?}"),
        secret: "$argon2id$…".to_owned(),
        scopes: vec![KeyScope::Check, KeyScope::Write],
        tenant: tenant.map(str::to_owned),
        expires_at: Some(days(30)),
    }
}

fn order(audience: Audience) -> StopOrder {
    StopOrder { stop: Stop::Suppression, reason: Reason::UserUnknown, until: None, audience, note: None }
}

pub(crate) fn a_key_is_there_until_it_is_revoked_and_its_name_is_free_then(house: &mut House) {
    house.store.create_api_key(&key("shop", None), now()).unwrap();
    let twice = house.store.create_api_key(&key("shop", Some("t1")), now());
    assert!(matches!(twice, Err(StoreError::Exists { what: "key", .. })), "{twice:?}");
    house.reopen();
    let keys = house.store.api_keys().unwrap();
    assert_eq!((keys.len(), keys[0].name.as_str(), keys[0].secret.as_str()), (1, "shop", "$argon2id$…"));
    assert!(keys[0].may(KeyScope::Write) && !keys[0].may(KeyScope::Admin));
    assert!(keys[0].is_good_at(days(29)) && !keys[0].is_good_at(days(30)));
    assert!(house.store.revoke_api_key("shop", days(1)).unwrap());
    assert!(!house.store.revoke_api_key("shop", days(1)).unwrap());
    assert!(!house.store.api_keys().unwrap()[0].is_good_at(days(1)));
    house.store.create_api_key(&key("shop", Some("t1")), days(1)).unwrap();
    assert_eq!(house.store.api_keys().unwrap().len(), 2);
    assert!(!serde_json::to_string(&house.store.api_keys().unwrap()).unwrap().contains("argon2"));
}

pub(crate) fn who_changed_what_is_written_together_with_the_change(house: &mut House) {
    house.record(&unknown("anna@gone.example"), now());
    house.store.act_as("key:shop");
    house.store.stop(&about("dead.example"), &order(audience(Some("t1"), None)), now()).unwrap();
    house.store.act_as("key:desk");
    house.store.lift(&about("anna@gone.example"), now(), None).unwrap();
    // What changes nothing is not told.
    house.store.lift(&about("anna@gone.example"), now(), None).unwrap();
    let all =
        Selection { from: days(-1), to: days(1), provider: None, reason: None, rule: None, tenant: None };
    house.store.rewind(&all, Mode::Preview, now(), None).unwrap();
    let told = house.store.audit(Page::first(10)).unwrap().rows;
    let told: Vec<_> = told
        .iter()
        .map(|row| (row.actor.as_str(), row.action, row.subject.as_deref(), row.tenant.as_deref()))
        .collect();
    assert_eq!(
        told,
        [
            ("key:desk", AuditAction::Lift, Some("anna@gone.example"), None),
            ("key:shop", AuditAction::Stop, Some("dead.example"), Some("t1")),
        ]
    );
    let page = house.store.audit(Page::first(1)).unwrap();
    let next = house.store.audit(Page { after: page.next, rows: 1 }).unwrap();
    assert_eq!((page.rows.len(), next.rows[0].actor.as_str(), next.next), (1, "key:shop", None));
}

pub(crate) fn a_tenant_reads_and_lifts_only_its_own(house: &mut House) {
    let who = about("anna@gone.example");
    house.store.stop(&who, &order(audience(Some("t1"), None)), now()).unwrap();
    house.store.stop(&who, &order(audience(Some("t2"), None)), now()).unwrap();
    house.store.stop(&about("bert@gone.example"), &order(Audience::default()), now()).unwrap();
    let story = house.store.story_of_tenant(&who, "t1", now(), 10).unwrap().unwrap();
    assert_eq!((story.decisions_total, story.decisions.len()), (1, 1));
    assert_eq!(story.decisions[0].tenant.as_deref(), Some("t1"));
    assert_eq!(house.store.story_of_tenant(&who, "t3", now(), 10).unwrap(), None);
    // What the whole house has stopped is not one tenant's to lift.
    let bert = house.store.lift_of_tenant(&about("bert@gone.example"), "t1", now(), None).unwrap();
    assert_eq!(bert.state, State::Ok, "nothing was lifted");
    assert_eq!(house.state_for("bert@gone.example", Some("t1"), None), State::Suppressed);
    assert_eq!(house.store.lift_of_tenant(&who, "t1", now(), None).unwrap().state, State::Suppressed);
    assert_eq!(house.state_for("anna@gone.example", Some("t1"), None), State::Ok);
    assert_eq!(house.state_for("anna@gone.example", Some("t2"), None), State::Suppressed);
    let of_t2 = house.store.decisions_after(0, Some("t2"), 10).unwrap();
    assert_eq!((of_t2.len(), of_t2[0].tenant.as_deref()), (1, Some("t2")));
}

pub(crate) fn the_stream_gives_each_decision_once_in_the_order_of_their_commits(house: &mut House) {
    assert_eq!(house.store.newest_decision().unwrap(), 0);
    for number in 0..5 {
        house.record(&unknown(&format!("u{number}@gone.example")), now());
    }
    let (mut after, mut seen) = (0, Vec::new());
    loop {
        let page = house.store.decisions_after(after, None, 2).unwrap();
        let Some(last) = page.last() else { break };
        after = last.id;
        seen.extend(page.into_iter().map(|decision| decision.about));
    }
    let all: Vec<_> = (0..5).map(|number| format!("u{number}@gone.example")).collect();
    assert_eq!(seen, all);
    assert_eq!(house.store.newest_decision().unwrap(), after);
    assert_eq!(house.store.decision(after).unwrap().unwrap().about, "u4@gone.example");
    assert_eq!(house.store.decision(after + 1).unwrap(), None);
}

pub(crate) fn stops_come_page_by_page_and_none_is_lost_between_two(house: &mut House) {
    for number in 0..5 {
        house.record(&unknown(&format!("u{number}@gone.example")), now());
    }
    // One subject with several stops stands on one page.
    for tenant in ["t1", "t2", "t3"] {
        house.store.stop(&about("u2@gone.example"), &order(audience(Some(tenant), None)), now()).unwrap();
    }
    house.store.stop(&about("dead.example"), &order(Audience::default()), now()).unwrap();
    let filter = StopFilter::default();
    for rows in [1, 2, 3, 100] {
        let (mut page, mut seen) = (Page::first(rows), Vec::new());
        loop {
            let found = house.store.stops_page(&filter, page, now()).unwrap();
            seen.extend(found.rows.into_iter().map(|row| (row.standing.address, row.audience.tenant)));
            let Some(next) = found.next else { break };
            page.after = Some(next);
        }
        assert_eq!(seen.len(), 9, "{rows}: {seen:?}");
        assert_eq!(seen[0].0, "dead.example");
        let mut once = seen.clone();
        once.sort();
        once.dedup();
        assert_eq!(once.len(), 9, "{rows}: {seen:?}");
    }
    let of_t1 = StopFilter { tenant: Some("t1".into()), ..StopFilter::default() };
    assert_eq!(house.store.stops_page(&of_t1, Page::first(10), now()).unwrap().rows.len(), 1);
}
