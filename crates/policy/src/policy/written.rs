//! A policy as a file that [`Policy::parse`] reads: every key with its meaning.

use std::fmt::Write;
use std::time::Duration;

use super::{Policy, RemovalTrust, SoftRule};

impl Policy {
    /// The whole policy as a file, with a comment on every key.
    pub fn to_toml(&self) -> String {
        let mut file = File(String::new());
        file.table("soft", "Failures that may pass stop an address after failures on so many distinct days.");
        file.soft_rule(&self.soft.default);
        for scoped in &self.soft.rules {
            file.table("[soft.rule]", "A threshold that holds only for some; the first that fits counts.");
            if let Some(reason) = scoped.reason {
                file.text("reason", reason.as_str(), "only for this reason");
            }
            for (name, value, meaning) in [
                ("domain", &scoped.domain, "only for recipients of this domain and those below it"),
                ("list", &scoped.list, "only for mail of this list"),
                ("tenant", &scoped.tenant, "only for mail of this tenant"),
            ] {
                if let Some(value) = value {
                    file.text(name, value, meaning);
                }
            }
            file.soft_rule(&scoped.rule);
        }
        if self.soft.rules.is_empty() {
            file.0.push_str("rule = []  # no threshold that holds only for some\n");
        }
        file.table("trust", "How far a report must be believed before it removes anybody.");
        let removals = match self.trust.removals {
            RemovalTrust::Any => "any",
            RemovalTrust::Matched => "matched",
            RemovalTrust::Signed => "signed",
        };
        file.text(
            "removals",
            removals,
            "any, matched (names a message that we sent), signed (`abprall token`)",
        );
        let brake = &self.brake;
        file.table("brake", "Removals are frozen while a provider, or we ourselves, have a bad hour.");
        file.value("hard_min", brake.hard_min, "fewer hard bounces of a provider in an hour freeze nothing");
        file.value("factor", brake.factor, "so many times the usual hourly number freezes");
        file.value("share", brake.share, "this share of hard bounces among an hour's results freezes");
        file.value(
            "domains_share",
            brake.domains_share,
            "this share of watched domains failing at once freezes all",
        );
        file.value("providers", brake.providers, "more providers than this failing at once freeze all");
        file.duration("window", brake.window, "what \"at once\" means in the two above");
        file.duration("calm_for", brake.calm_for, "it has to be usual again for so long");
        let reinstate = &self.reinstate;
        file.table("reinstate", "How people come back when a route has recovered.");
        file.duration("hold", reinstate.hold, "the route has to hold for so long first");
        file.value("good_checks", reinstate.good_checks, "and for so many looks");
        file.duration("canary_wait", reinstate.canary_wait, "how long the first address is waited for");
        file.value("growth", reinstate.growth, "each batch is so many times larger than the one before");
        file.value("batch_max", reinstate.batch_max, "but no larger than this");
        file.duration("batch_every", reinstate.batch_every, "the time between two batches");
        file.duration("dead_max", reinstate.dead_max, "dead for longer: only with a person's word");
        let watch = &self.watch;
        file.table("watch", "When hosts and domains change their state.");
        file.value("failing_after", watch.failing_after, "failed looks before a host counts as failing");
        file.duration("failing_span", watch.failing_span, "and the time that they span");
        file.duration("dead_after", watch.dead_after, "failing for so long is dead");
        file.value("dead_checks", watch.dead_checks, "and for so many looks");
        file.duration("dead_proof", watch.dead_proof, "proof by DNS for so long is dead");
        file.value("recovered_checks", watch.recovered_checks, "good looks before it has recovered");
        file.duration("recovered_span", watch.recovered_span, "and the time that they span");
        file.duration("slow_greeting", watch.slow_greeting, "a slower greeting is degraded");
        file.duration("give_up_after", watch.give_up_after, "nobody looks any more after this time");
        file.0
    }
}

struct File(String);

impl File {
    fn table(&mut self, name: &str, meaning: &str) {
        let gap = if self.0.is_empty() { "" } else { "\n" };
        let _ = writeln!(self.0, "{gap}# {meaning}\n[{name}]");
    }

    fn soft_rule(&mut self, rule: &SoftRule) {
        self.value("days", rule.days, "distinct days with a failure");
        self.duration("within", rule.within, "looked back for so long; a delivery ends it");
        match rule.suppress_for {
            Some(duration) => {
                self.duration("suppress_for", duration, "how long the stop lasts, or \"forever\"");
            }
            None => self.text("suppress_for", "forever", "how long the stop lasts, such as \"90d\""),
        }
    }

    fn value(&mut self, name: &str, value: impl std::fmt::Display, meaning: &str) {
        self.line(name, &value.to_string(), meaning);
    }

    /// What is written is text of the operator: quoted so that it is read back whatever it holds.
    fn text(&mut self, name: &str, value: &str, meaning: &str) {
        let mut quoted = String::from("\"");
        for character in value.chars() {
            match character {
                '"' | '\\' => quoted.extend(['\\', character]),
                control if control.is_control() => {
                    let _ = write!(quoted, "\\u{:04X}", u32::from(control));
                }
                other => quoted.push(other),
            }
        }
        quoted.push('"');
        self.line(name, &quoted, meaning);
    }

    fn duration(&mut self, name: &str, duration: Duration, meaning: &str) {
        self.line(name, &format!("\"{}\"", friendly(duration)), meaning);
    }

    fn line(&mut self, name: &str, value: &str, meaning: &str) {
        let _ = writeln!(self.0, "{:32}# {meaning}", format!("{name} = {value}"));
    }
}

/// The largest unit that it is a whole number of.
fn friendly(duration: Duration) -> String {
    let (seconds, rest) = (duration.as_secs(), duration.subsec_nanos());
    if rest > 0 {
        return format!("{seconds}.{rest:09} s");
    }
    for (unit, length) in [("d", 86_400), ("h", 3600), (" min", 60)] {
        if seconds.is_multiple_of(length) && seconds > 0 {
            return format!("{}{unit}", seconds / length);
        }
    }
    format!("{seconds} s")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_written_is_read_as_the_same() {
        let mut policy = Policy::default();
        assert_eq!(Policy::parse(&policy.to_toml()), Ok(policy.clone()));
        policy.soft.rules.clear();
        policy.soft.default.suppress_for = None;
        policy.brake.factor = 2.5;
        policy.watch.slow_greeting = Duration::from_millis(1500);
        policy.trust.removals = RemovalTrust::Signed;
        assert_eq!(Policy::parse(&policy.to_toml()), Ok(policy.clone()));
        policy.soft.rules.push(super::super::ScopedSoftRule {
            reason: Some(abprall_mail::Reason::MailboxFull),
            domain: Some("example.com".into()),
            list: Some("a \"list\" \\ with\ttabs".into()),
            tenant: Some("ü".into()),
            rule: policy.soft.default,
        });
        assert_eq!(Policy::parse(&policy.to_toml()), Ok(policy));
    }
}
