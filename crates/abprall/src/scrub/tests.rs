use std::collections::HashSet;
use std::io::Cursor;

use abprall_mail::Reason;
use abprall_store::Scope;
use proptest::prelude::*;

use super::*;

/// Stops addresses and domains by name; held are those that begin with `h`.
#[derive(Clone, Default)]
struct Known(HashSet<String>);

impl Index for Known {
    fn could_be_stopped(&self, key: &str, domain: &str) -> bool {
        // One in a few is a false alarm, as hashes have them.
        self.0.contains(key) || self.0.contains(domain) || key.len().is_multiple_of(3)
    }
}

impl Authority for Known {
    fn standing(&self, address: &EmailAddress) -> Result<Standing, StoreError> {
        let key = address.suppression_key();
        let scope = if self.0.contains(key.as_str()) {
            Scope::Address
        } else if self.0.contains(address.domain_part()) {
            Scope::Domain
        } else {
            return Ok(Standing::ok(address.to_string()));
        };
        let state = if key.as_str().starts_with('h') { State::Held } else { State::Suppressed };
        Ok(Standing {
            state,
            scope: Some(scope),
            reason: Some(Reason::UserUnknown),
            ..Standing::ok(address.to_string())
        })
    }
}

fn known(names: &[&str]) -> Known {
    Known(names.iter().map(|name| (*name).to_owned()).collect())
}

/// The clean list and the lines that left with what stood there.
fn scrubbed(list: &str, known: &Known, held: HeldAddresses) -> (String, Vec<(u64, String)>, Tally) {
    let layout = Layout::guess(list.as_bytes(), true);
    let (mut clean, mut removed) = (Vec::new(), Vec::new());
    let plan = Plan { layout: &layout, held };
    let input = Cursor::new(list.as_bytes().to_vec());
    let authorities = vec![known.clone(), known.clone(), known.clone()];
    let tally = scrub(input, plan, known, authorities, &mut |batch| {
        clean.extend_from_slice(&batch.bytes);
        removed.extend(batch.removed.iter().map(|removed| (removed.line, removed.text.clone())));
        Ok(())
    });
    (String::from_utf8(clean).unwrap(), removed, tally.unwrap())
}

#[test]
fn those_who_stay_are_untouched_byte_for_byte() {
    let list = "Name;\"E-Mail\";Ort\r\n\"A; \"\"B\"\"\";a@example.com; Bonn \r\nC;b@example.com;\"K\nöln\"\r\n\r\nD;nobody;x\nE;\"Anna <c@gone.example>\";y";
    let (clean, removed, tally) =
        scrubbed(list, &known(&["b@example.com", "gone.example"]), HeldAddresses::Leave);
    assert_eq!(clean, "Name;\"E-Mail\";Ort\r\n\"A; \"\"B\"\"\";a@example.com; Bonn \r\n\r\n");
    assert_eq!(
        removed,
        [(3, "b@example.com".to_owned()), (6, "nobody".to_owned()), (7, "Anna <c@gone.example>".to_owned())]
    );
    assert_eq!(tally, Tally { records: 4, kept: 1, suppressed: 2, held: 0, invalid: 1, by_domain: 1 });
}

#[test]
fn held_addresses_leave_unless_they_may_stay() {
    let list = "h@example.com\ni@example.com\n";
    let known = known(&["h@example.com"]);
    assert_eq!(scrubbed(list, &known, HeldAddresses::Leave).0, "i@example.com\n");
    assert_eq!(scrubbed(list, &known, HeldAddresses::Stay).0, list);
}

#[test]
fn spelling_does_not_save_anybody() {
    let known = known(&["anna@example.com", "x@xn--bcher-kva.example"]);
    for text in [
        "ANNA@Example.COM",
        " anna@example.com ",
        "\"anna@example.com\"",
        "<anna@example.com>",
        "x@bücher.example",
        "X@XN--BCHER-KVA.example",
        "anna@example.com.",
    ] {
        assert_eq!(
            scrubbed(&format!("b@c.example\n{text}\n"), &known, HeldAddresses::Leave).0,
            "b@c.example\n",
            "{text}"
        );
    }
}

#[test]
fn order_and_lines_hold_over_many_batches() {
    let list: String =
        (0..200_000).map(|number| format!("x,user{number}@example.com,\"{}\n\"\n", number % 7)).collect();
    let stopped: Vec<String> =
        (0..200_000).step_by(1000).map(|number| format!("user{number}@example.com")).collect();
    let known = Known(stopped.iter().cloned().collect());
    let (clean, removed, tally) = scrubbed(&list, &known, HeldAddresses::Leave);
    assert_eq!((tally.records, tally.kept, tally.suppressed), (200_000, 199_800, 200));
    let expected: String = (0..200_000)
        .filter(|number| number % 1000 != 0)
        .map(|number| format!("x,user{number}@example.com,\"{}\n\"\n", number % 7))
        .collect();
    assert!(clean == expected);
    let lines: Vec<u64> = removed.iter().map(|(line, _)| *line).collect();
    assert_eq!(lines, (0..200).map(|number| number * 2000 + 1).collect::<Vec<u64>>());
}

#[test]
fn an_error_of_the_database_ends_it() {
    struct Failing;
    impl Authority for Failing {
        fn standing(&self, _: &EmailAddress) -> Result<Standing, StoreError> {
            Err(StoreError::Locked)
        }
    }
    let list = "abc@example.com\n".repeat(500_000);
    let layout = Layout::guess(list.as_bytes(), false);
    let plan = Plan { layout: &layout, held: HeldAddresses::Leave };
    let index = known(&["abc@example.com"]);
    let result = scrub(list.as_bytes(), plan, &index, vec![Failing, Failing], &mut |_| Ok(()));
    assert!(matches!(result, Err(ScrubError::Store(StoreError::Locked))));
    let result = scrub(list.as_bytes(), plan, &known(&[]), vec![known(&[]), known(&[])], &mut |_| {
        Err(io::Error::from(io::ErrorKind::StorageFull))
    });
    assert!(matches!(result, Err(ScrubError::Write(_))));
}

proptest! {
    #[test]
    fn what_stays_and_what_left_is_all_there_was(list in "([ab\",;\n\r@.]{0,12}a@b.c[,\n]){0,20}") {
        let layout = Layout::guess(list.as_bytes(), true);
        let plan = Plan { layout: &layout, held: HeldAddresses::Leave };
        let everybody = known(&["b.c"]);
        let mut clean = Vec::new();
        let tally = scrub(list.as_bytes(), plan, &everybody, vec![everybody.clone()], &mut |batch| {
            clean.extend_from_slice(&batch.bytes);
            Ok(())
        }).unwrap();
        prop_assert_eq!(tally.records, tally.kept + tally.suppressed + tally.invalid);
        prop_assert!(clean.len() <= list.len());
    }
}
