//! What feeds the suppression index.

use abprall_policy::Stop;
use abprall_store::{
    Audience, Fingerprints, ImportMode, ImportedStop, Mode, Selection, State, StopOrder, Subject,
    SuppressionIndex, index_key,
};

use crate::house::{House, about, address, audience, complaint, days, now, routing, unknown};

type Step = Box<dyn FnMut(&mut House)>;

pub(crate) fn the_changes_make_an_index_that_agrees_with_check(house: &mut House) {
    let folder = tempfile::tempdir().unwrap();
    let index = SuppressionIndex::open(folder.path(), house.store.seed()).unwrap();
    let order = |audience| StopOrder {
        stop: Stop::Hold,
        reason: abprall_mail::Reason::RoutingServerFailure,
        until: None,
        audience,
        note: None,
    };
    let mut steps: Vec<Step> = vec![
        Box::new(|house| {
            house.record(&unknown("a@x.example"), now());
        }),
        Box::new(|house| {
            house.record(&routing("b@x.example"), now());
        }),
        Box::new(|house| {
            house.record(&unknown("b@x.example"), now());
        }),
        Box::new(|house| {
            house.record(&complaint("c@y.example"), now());
        }),
        Box::new(move |house| {
            house.store.stop(&about("y.example"), &order(Audience::default()), now()).unwrap();
        }),
        Box::new(move |house| {
            let order = order(audience(Some("t1"), None));
            house.store.stop(&about("a@x.example"), &order, now()).unwrap();
        }),
        Box::new(|house| {
            house.store.lift(&about("y.example"), now(), None).unwrap();
        }),
        Box::new(|house| {
            let rows = (0..500).map(|n| ImportedStop {
                subject: about(&format!("u{n}@z.example")),
                stop: Stop::Suppression,
                reason: abprall_mail::Reason::UserUnknown,
                since: None,
                until: None,
                audience: Audience::default(),
                note: None,
            });
            house.store.import_stops(&mut { rows }, ImportMode::Whole, now()).unwrap();
        }),
        Box::new(|house| {
            let selection = Selection {
                from: days(-1),
                to: days(1),
                provider: Some("x.example".into()),
                reason: None,
                rule: None,
                tenant: None,
            };
            house.store.rewind(&selection, Mode::Apply, now(), None).unwrap();
        }),
        Box::new(|house| {
            house.store.erase(&address("c@y.example"), now()).unwrap();
        }),
    ];
    for (number, step) in steps.iter_mut().enumerate() {
        step(house);
        feed(house, &index);
        for who in ["a@x.example", "b@x.example", "c@y.example", "d@y.example", "u7@z.example", "n@n.example"]
        {
            let stopped = ["", "t1"].into_iter().any(|tenant| {
                let tenant = (!tenant.is_empty()).then_some(tenant);
                house.state_for(who, tenant, None) != State::Ok
            });
            let subjects = [about(who), about(who.split_once('@').unwrap().1)];
            let hit = subjects.iter().any(|subject| is_in(&index, house, subject));
            assert_eq!(hit, stopped, "{who} after step {number}");
        }
    }
}

/// Takes the changes in small pieces.
fn feed(house: &House, index: &SuppressionIndex) {
    loop {
        let seq = index.mark().seq;
        let changes = house.store.changes_since(seq, 3).unwrap();
        if changes.is_empty() {
            return;
        }
        assert!(changes.iter().all(|change| change.seq > seq), "{changes:?}");
        index.apply(&changes);
    }
}

fn is_in(index: &SuppressionIndex, house: &House, subject: &Subject) -> bool {
    index.contains(Fingerprints::new(house.store.seed()).of(&index_key(subject)))
}
