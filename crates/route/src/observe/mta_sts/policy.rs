//! The texts of MTA-STS: the TXT record (RFC 8461 §3.1) and the policy file (§3.2). Pure.

use abprall_mail::Domain;

use crate::limits::{MTA_STS_MAX_AGE_S, MTA_STS_PATTERNS_MAX};
use crate::{MtaStsMode, MtaStsPolicy};

/// What the TXT records at `_mta-sts.DOMAIN` say.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum MtaStsRecord {
    /// None of them is about MTA-STS: there is no policy.
    Absent,
    /// Exactly one is, and it is valid.
    Announced {
        /// The version of the policy.
        id: String,
    },
    /// More than one, or one that breaks the syntax: as if there were none, but somebody wanted one.
    Invalid {
        /// Which rule it breaks.
        detail: String,
    },
}

/// Reads the TXT records at `_mta-sts.DOMAIN` (RFC 8461 §3.1).
pub fn read_record<'a>(texts: impl IntoIterator<Item = &'a str>) -> MtaStsRecord {
    // Others than those that begin so are discarded; a space before the semicolon is allowed by the grammar.
    let ours = texts
        .into_iter()
        .filter_map(|text| text.strip_prefix("v=STSv1")?.trim_start_matches([' ', '\t']).strip_prefix(';'));
    let ours: Vec<&str> = ours.take(2).collect();
    match ours[..] {
        [] => MtaStsRecord::Absent,
        [fields] => read_fields(fields),
        _ => MtaStsRecord::Invalid { detail: "more than one TXT record begins with v=STSv1".to_owned() },
    }
}

fn read_fields(fields: &str) -> MtaStsRecord {
    let mut id = None;
    for field in fields.split(';').map(|field| field.trim_matches([' ', '\t'])) {
        if field.is_empty() {
            continue;
        }
        let Some((name, value)) = field.split_once('=') else {
            return MtaStsRecord::Invalid { detail: format!("{field:?} is no name=value pair") };
        };
        if name == "id" && id.is_none() {
            id = Some(value);
        }
    }
    match id {
        Some(id) if (1..=32).contains(&id.len()) && id.bytes().all(|byte| byte.is_ascii_alphanumeric()) => {
            MtaStsRecord::Announced { id: id.to_owned() }
        }
        Some(id) => {
            MtaStsRecord::Invalid { detail: format!("the id {id:?} is not 1 to 32 letters and digits") }
        }
        None => MtaStsRecord::Invalid { detail: "the record has no id".to_owned() },
    }
}

/// Why a text is no MTA-STS policy.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
pub enum ParsePolicyError {
    /// Not UTF-8.
    #[error("the policy is not UTF-8")]
    NotUtf8,
    /// A line that is no `name: value`.
    #[error("line {line} is no name: value pair")]
    NotAPair {
        /// From 1.
        line: usize,
    },
    /// A field that every policy must have.
    #[error("the policy has no {0}")]
    Missing(&'static str),
    /// A field with a value that it cannot have.
    #[error("{value:?} is no valid {field}")]
    BadValue {
        /// The field.
        field: &'static str,
        /// What it says.
        value: String,
    },
    /// More MX patterns than we keep.
    #[error("the policy has more than {MTA_STS_PATTERNS_MAX} mx patterns")]
    TooManyPatterns,
}

/// Reads a policy file (RFC 8461 §3.2). Unknown fields are ignored, and of a repeated field other than `mx` all but the first.
///
/// # Errors
/// Says which rule it breaks. A policy that breaks one is to be treated as if it could not be fetched.
pub fn parse_policy(bytes: &[u8]) -> Result<MtaStsPolicy, ParsePolicyError> {
    let text = std::str::from_utf8(bytes).map_err(|_| ParsePolicyError::NotUtf8)?;
    let (mut version, mut mode, mut max_age) = (None, None, None);
    let mut mx = Vec::new();
    for (number, line) in text.split('\n').enumerate() {
        let line = line.strip_suffix('\r').unwrap_or(line).trim_end_matches([' ', '\t']);
        if line.is_empty() {
            continue;
        }
        let (name, value) = line.split_once(':').ok_or(ParsePolicyError::NotAPair { line: number + 1 })?;
        let value = value.trim_start_matches([' ', '\t']);
        match name {
            "version" => _ = version.get_or_insert(value),
            "mode" => _ = mode.get_or_insert(value),
            "max_age" => _ = max_age.get_or_insert(value),
            "mx" if mx.len() == MTA_STS_PATTERNS_MAX => return Err(ParsePolicyError::TooManyPatterns),
            "mx" => mx.push(pattern(value)?),
            _ => {}
        }
    }
    match version.ok_or(ParsePolicyError::Missing("version"))? {
        "STSv1" => {}
        other => return Err(bad("version", other)),
    }
    let mode = mode.ok_or(ParsePolicyError::Missing("mode"))?;
    let mode = mode.parse::<MtaStsMode>().map_err(|_| bad("mode", mode))?;
    let max_age = max_age.ok_or(ParsePolicyError::Missing("max_age"))?;
    let max_age_s = Some(max_age)
        .filter(|digits| (1..=10).contains(&digits.len()) && digits.bytes().all(|b| b.is_ascii_digit()))
        .and_then(|digits| digits.parse().ok())
        .filter(|seconds| *seconds <= MTA_STS_MAX_AGE_S)
        .ok_or_else(|| bad("max_age", max_age))?;
    match mode {
        MtaStsMode::Enforce | MtaStsMode::Testing if mx.is_empty() => Err(ParsePolicyError::Missing("mx")),
        MtaStsMode::Enforce | MtaStsMode::Testing | MtaStsMode::None => {
            Ok(MtaStsPolicy { mode, mx, max_age_s })
        }
    }
}

/// A host or `*.` and a domain, in lower-case A-labels.
fn pattern(value: &str) -> Result<String, ParsePolicyError> {
    let (star, name) = value.strip_prefix("*.").map_or(("", value), |name| ("*.", name));
    let name = Domain::parse(name).map_err(|_| bad("mx", value))?;
    Ok(format!("{star}{name}"))
}

fn bad(field: &'static str, value: &str) -> ParsePolicyError {
    // A hostile value may be as long as the whole file.
    ParsePolicyError::BadValue { field, value: value.chars().take(80).collect() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_policy_of_the_rfc_is_read() {
        let text = "version: STSv1\nmode: enforce\nmx: mail.example.com\nmx: *.example.net\n\
                    mx: backupmx.example.com\nmax_age: 604800\n";
        let wanted = MtaStsPolicy {
            mode: MtaStsMode::Enforce,
            mx: ["mail.example.com", "*.example.net", "backupmx.example.com"].map(str::to_owned).to_vec(),
            max_age_s: 604_800,
        };
        assert_eq!(parse_policy(text.as_bytes()), Ok(wanted.clone()));
        assert_eq!(parse_policy(text.replace('\n', " \t\r\n").as_bytes()), Ok(wanted.clone()));
        assert_eq!(parse_policy(text.trim_end().replace(": ", ":").as_bytes()), Ok(wanted));
    }

    #[test]
    fn of_a_repeated_field_the_first_counts_and_unknown_ones_are_ignored() {
        let text = "version: STSv1\nmode: testing\nmode: enforce\nmx: MX.Example.COM\nmax_age: 1\nmax_age: x\nnew: a:b\n";
        let policy = parse_policy(text.as_bytes()).unwrap();
        assert_eq!(
            (policy.mode, policy.max_age_s, &policy.mx[0][..]),
            (MtaStsMode::Testing, 1, "mx.example.com")
        );
    }

    #[test]
    fn a_policy_that_breaks_a_rule_is_none() {
        for (text, wanted) in [
            ("", ParsePolicyError::Missing("version")),
            ("version: STSv1\nmx: a.test\nmax_age: 1\n", ParsePolicyError::Missing("mode")),
            ("version: STSv1\nmode: enforce\nmax_age: 1\n", ParsePolicyError::Missing("mx")),
            ("version: STSv1\nmode: enforce\nmx: a.test\n", ParsePolicyError::Missing("max_age")),
            ("version: STSv2\nmode: none\nmax_age: 1\n", bad("version", "STSv2")),
            ("version: STSv1\nmode: Enforce\nmax_age: 1\n", bad("mode", "Enforce")),
            ("version: STSv1\nmode: none\nmax_age: 31557601\n", bad("max_age", "31557601")),
            ("version: STSv1\nmode: none\nmax_age: -1\n", bad("max_age", "-1")),
            ("version: STSv1\nmode: none\nmax_age: 1\nmx: mail.*.test\n", bad("mx", "mail.*.test")),
            ("<html>\n", ParsePolicyError::NotAPair { line: 1 }),
        ] {
            assert_eq!(parse_policy(text.as_bytes()), Err(wanted), "{text:?}");
        }
        assert_eq!(parse_policy(b"version: STSv1\xff"), Err(ParsePolicyError::NotUtf8));
    }

    #[test]
    fn mode_none_needs_no_hosts() {
        assert!(parse_policy(b"version: STSv1\nmode: none\nmax_age: 86400\n").unwrap().mx.is_empty());
    }

    #[test]
    fn exactly_one_record_announces_a_policy() {
        let announced = |id: &str| MtaStsRecord::Announced { id: id.to_owned() };
        assert_eq!(read_record(["v=STSv1; id=20160831085700Z;"]), announced("20160831085700Z"));
        assert_eq!(read_record(["other", "v=STSv1 ;new=1;id=A1"]), announced("A1"));
        assert_eq!(read_record(["v=spf1 -all", "v=STSv10; id=1", " v=STSv1; id=1"]), MtaStsRecord::Absent);
        for wrong in [
            &["v=STSv1; id=1", "v=STSv1; id=2"][..],
            &["v=STSv1;"],
            &["v=STSv1; id=a-b"],
            &["v=STSv1; id=123456789012345678901234567890123"],
            &["v=STSv1; id=1; what"],
        ] {
            let read = read_record(wrong.iter().copied());
            assert!(matches!(read, MtaStsRecord::Invalid { .. }), "{wrong:?} {read:?}");
        }
    }
}
