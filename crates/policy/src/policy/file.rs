//! The policy as a TOML file. Everything that is wrong is said at once, with the line, the key and a hint.

use std::fmt;

use abprall_mail::Reason;

use super::{Policy, RemovalTrust, ScopedSoftRule, SoftRule};
use crate::settings::{Problem, Reader, Section, read};

/// What is wrong with a policy file: all of it.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct PolicyFileError {
    /// In the order of the file.
    pub problems: Vec<Problem>,
}

impl fmt::Display for PolicyFileError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let noun = if self.problems.len() == 1 { "problem" } else { "problems" };
        write!(f, "{} {noun} in the policy; nothing was done", self.problems.len())?;
        self.problems.iter().try_for_each(|problem| write!(f, "\n  {problem}"))
    }
}

impl std::error::Error for PolicyFileError {}

impl Policy {
    /// Reads a policy. What the file leaves out has its default.
    ///
    /// # Errors
    /// All problems: unknown keys, wrong types, values out of range.
    pub fn parse(text: &str) -> Result<Self, PolicyFileError> {
        let mut policy = Self::default();
        read(text, |reader, file| read_policy(reader, file, &mut policy))
            .map(|()| policy)
            .map_err(|problems| PolicyFileError { problems })
    }
}

fn read_policy(reader: &mut Reader<'_>, file: &mut Section<'_, '_>, policy: &mut Policy) {
    if let Some(mut soft) = file.section(reader, "soft") {
        read_soft_rule(reader, &mut soft, &mut policy.soft.default);
        if let Some(rules) = soft.tables(reader, "rule") {
            policy.soft.rules =
                rules.into_iter().map(|rule| read_scoped(reader, rule, policy.soft.default)).collect();
        }
        soft.finish(reader);
    }
    if let Some(mut trust) = file.section(reader, "trust") {
        trust.word(
            reader,
            "removals",
            &mut policy.trust.removals,
            &[
                ("any", RemovalTrust::Any),
                ("matched", RemovalTrust::Matched),
                ("signed", RemovalTrust::Signed),
            ],
        );
        trust.finish(reader);
    }
    if let Some(mut brake) = file.section(reader, "brake") {
        let values = &mut policy.brake;
        brake.number(reader, "hard_min", &mut values.hard_min, 1..1_000_001);
        brake.float(reader, "factor", &mut values.factor, 1.0, 1000.0);
        brake.float(reader, "share", &mut values.share, 0.0, 1.0);
        brake.float(reader, "domains_share", &mut values.domains_share, 0.0, 1.0);
        brake.number(reader, "providers", &mut values.providers, 1..1001);
        brake.duration(reader, "window", &mut values.window);
        brake.duration(reader, "calm_for", &mut values.calm_for);
        brake.finish(reader);
    }
    if let Some(mut reinstate) = file.section(reader, "reinstate") {
        let values = &mut policy.reinstate;
        reinstate.duration(reader, "hold", &mut values.hold);
        reinstate.number(reader, "good_checks", &mut values.good_checks, 1..101);
        reinstate.duration(reader, "canary_wait", &mut values.canary_wait);
        reinstate.number(reader, "growth", &mut values.growth, 2..11);
        reinstate.number(reader, "batch_max", &mut values.batch_max, 1..1_000_001);
        reinstate.duration(reader, "batch_every", &mut values.batch_every);
        reinstate.duration(reader, "dead_max", &mut values.dead_max);
        reinstate.finish(reader);
    }
    if let Some(mut watch) = file.section(reader, "watch") {
        let values = &mut policy.watch;
        watch.number(reader, "failing_after", &mut values.failing_after, 1..101);
        watch.duration(reader, "failing_span", &mut values.failing_span);
        watch.duration(reader, "dead_after", &mut values.dead_after);
        watch.number(reader, "dead_checks", &mut values.dead_checks, 1..1001);
        watch.duration(reader, "dead_proof", &mut values.dead_proof);
        watch.number(reader, "recovered_checks", &mut values.recovered_checks, 1..101);
        watch.duration(reader, "recovered_span", &mut values.recovered_span);
        watch.duration(reader, "slow_greeting", &mut values.slow_greeting);
        watch.duration(reader, "give_up_after", &mut values.give_up_after);
        watch.finish(reader);
    }
}

fn read_soft_rule(reader: &mut Reader<'_>, section: &mut Section<'_, '_>, rule: &mut SoftRule) {
    section.number(reader, "days", &mut rule.days, 1..366);
    section.duration(reader, "within", &mut rule.within);
    section.duration_or(reader, "suppress_for", &mut rule.suppress_for, "forever");
}

fn read_scoped(reader: &mut Reader<'_>, mut section: Section<'_, '_>, default: SoftRule) -> ScopedSoftRule {
    let mut scoped = ScopedSoftRule { reason: None, domain: None, list: None, tenant: None, rule: default };
    if let Some((value, span)) = section.text(reader, "reason") {
        scoped.reason = value.parse::<Reason>().ok();
        if scoped.reason.is_none() {
            let key = section.key("reason");
            reader.problem(
                span,
                &key,
                format!("{value:?} is no reason; `abprall explain` knows them, such as mailbox_full"),
            );
        }
    }
    if let Some((value, span)) = section.text(reader, "domain") {
        match abprall_mail::Domain::parse(&value) {
            Ok(domain) => scoped.domain = Some(domain.as_str().to_owned()),
            Err(error) => {
                let key = section.key("domain");
                reader.problem(span, &key, error.to_string());
            }
        }
    }
    scoped.list = section.text(reader, "list").map(|(value, _)| value);
    scoped.tenant = section.text(reader, "tenant").map(|(value, _)| value);
    read_soft_rule(reader, &mut section, &mut scoped.rule);
    section.finish(reader);
    scoped
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn an_empty_file_is_the_default() {
        assert_eq!(Policy::parse(""), Ok(Policy::default()));
    }

    #[test]
    fn a_file_changes_what_it_names() {
        let text = "[soft]\ndays = 3\nsuppress_for = \"forever\"\n\n[[soft.rule]]\nreason = \"system_full\"\ndomain = \"Example.COM\"\n\
                    within = \"2 weeks\"\n\n[trust]\nremovals = \"signed\"\n\n[brake]\nfactor = 4\nwindow = \"10 min\"\n";
        let policy = Policy::parse(text).unwrap();
        assert_eq!(policy.soft.default.days, 3);
        assert_eq!(policy.soft.default.suppress_for, None);
        assert_eq!(policy.soft.rules.len(), 1);
        assert_eq!(policy.soft.rules[0].domain.as_deref(), Some("example.com"));
        assert_eq!(policy.soft.rules[0].rule.within, Duration::from_secs(14 * 86_400));
        assert_eq!(policy.soft.rules[0].rule.days, 3);
        assert_eq!(policy.trust.removals, RemovalTrust::Signed);
        assert_eq!(policy.brake.factor, 4.0);
        assert_eq!(policy.brake.window, Duration::from_secs(600));
    }

    #[test]
    fn all_problems_are_told_at_once_with_line_key_and_hint() {
        let text = "[soft]\nday = 3\nwithin = \"soon\"\n\n[brake]\nfactor = 0.5\nhard_min = \"many\"\n\n[watching]\n";
        let told: Vec<_> =
            Policy::parse(text).unwrap_err().problems.iter().map(ToString::to_string).collect();
        assert_eq!(
            told,
            [
                "line 2: soft.day: there is no such key; did you mean `days`?",
                "line 3: soft.within: \"soon\" is no length of time; write \"30 min\", \"4h\" or \"5d\"",
                "line 6: brake.factor: a number from 1 to 1000 is wanted",
                "line 7: brake.hard_min: a whole number from 1 to 1000000 is wanted",
                "line 9: watching: there is no such key; did you mean `watch`?",
            ]
        );
    }

    #[test]
    fn what_is_no_toml_is_told_with_its_line() {
        let error = Policy::parse("[soft]\ndays = = 3\n").unwrap_err();
        assert_eq!(error.problems.iter().map(|problem| problem.line).collect::<Vec<_>>(), [2], "{error}");
    }
}
