//! Time and proof: what makes a verdict sure.

use abprall_mail::{Confidence, Verdict};
use abprall_route::{Diagnosis, Earlier};
use jiff::SignedDuration;

use crate::scene::*;

fn earlier(minutes: i64, verdict: Verdict) -> Earlier {
    let checked_at = now().checked_sub(SignedDuration::from_mins(minutes)).unwrap();
    Earlier { checked_at, verdict, vantage_ok: true }
}

const PERMANENT: Verdict = Verdict::UndeliverablePermanent;

#[test]
fn one_resolver_once_is_low_and_twice_is_medium() {
    let scene = || Scene::of("example.com").mx(nxdomain("com"));
    assert_eq!(scene().judge().confidence, Confidence::Low);
    assert_eq!(scene().judge_after(&[earlier(61, PERMANENT)]).confidence, Confidence::Medium);
    assert_eq!(scene().judge_after(&[earlier(59, PERMANENT)]).confidence, Confidence::Low);
    assert_eq!(
        scene().judge_after(&[earlier(90, Verdict::UndeliverableTransient)]).confidence,
        Confidence::Low
    );
}

#[test]
fn high_needs_proof_and_two_points_in_time_and_a_tested_vantage() {
    let proven = || Scene::of("example.com").mx(nxdomain("com")).parent(with_authority(nxdomain("com")));
    assert_eq!(proven().judge().confidence, Confidence::Medium);
    assert_eq!(proven().judge_after(&[earlier(61, PERMANENT)]).confidence, Confidence::High);
    let mut untested = proven();
    untested.survey.vantage.canary_lookups.clear();
    assert_eq!(untested.judge_after(&[earlier(61, PERMANENT)]).confidence, Confidence::Medium);
    let authenticated = Scene::of("example.com").mx(authenticated(nxdomain("com")));
    assert_eq!(authenticated.judge_after(&[earlier(61, PERMANENT)]).confidence, Confidence::High);
}

#[test]
fn two_authorities_that_agree_are_proof_and_one_is_not() {
    let none = || with_authority(nodata("example.com"));
    let scene = |servers: &[&str]| {
        let mut scene =
            Scene::of("example.com").mx(nodata("example.com")).own_addresses(&nodata("example.com"));
        for ip in servers {
            scene = scene.name_server("ns", ip, zone_soa("example.com", 1), none());
        }
        scene.judge().confidence
    };
    assert_eq!(scene(&["5.1.1.1"]), Confidence::Low);
    assert_eq!(scene(&["5.1.1.1", "5.1.1.2"]), Confidence::Medium);
}

#[test]
fn within_a_long_negative_ttl_a_second_look_is_no_second_point_in_time() {
    let long = change(nxdomain("com"), |answer| answer.soa.as_mut().unwrap().negative_ttl_s = 7200);
    let scene = || Scene::of("example.com").mx(long.clone());
    assert_eq!(scene().judge_after(&[earlier(90, PERMANENT)]).confidence, Confidence::Low);
    assert_eq!(scene().judge_after(&[earlier(121, PERMANENT)]).confidence, Confidence::Medium);
}

#[test]
fn a_diagnosis_survives_json_and_becomes_an_earlier_look() {
    let diagnosis =
        Scene::of("example.com").mx(nxdomain("com")).parent(with_authority(nxdomain("com"))).judge();
    let text = serde_json::to_string(&diagnosis).unwrap();
    let back: Diagnosis = serde_json::from_str(&text).unwrap();
    assert_eq!(back, diagnosis);
    let look = Earlier::from(&back);
    assert_eq!((look.checked_at, look.verdict, look.vantage_ok), (now(), PERMANENT, true));
}
