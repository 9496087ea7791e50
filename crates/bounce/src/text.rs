//! Reads the human text of a bounce: who failed, why, where, for good or for now.
//!
//! One shared reader serves most generators; [`crate::dialect`] holds what single ones need.

use crate::dialect::{self, Dialect};
use crate::letter::{Body, LetterRef};
use crate::{Kind, Report};

pub(crate) mod address;
mod codes;
mod diagnosis;
pub(crate) mod fields;
pub(crate) mod finding;
mod groups;
mod html;
mod marks;
pub(crate) mod notice;
mod octal;
mod phrase_set;
pub(crate) mod reader;
pub(crate) mod reason;
mod recipients;
pub(crate) mod session;
mod userid;

use std::sync::LazyLock;

use finding::Finding;
use notice::Notice;
use phrase_set::PhraseSet;

/// Most text parts tried before giving up: the notice is the first that speaks of a recipient.
const TEXT_PARTS_MAX: usize = 4;

/// The reports that the human text of a message holds, in its order. Empty when no part reads like a notice.
///
/// A report without a recipient means: it is a notice, but names nobody.
pub(crate) fn read_text(letter: LetterRef<'_>) -> Vec<Report> {
    let mut nameless = Vec::new();
    let mut pages = Vec::new();
    for part in letter.parts() {
        if pages.len() + nameless.len() >= TEXT_PARTS_MAX {
            break;
        }
        match part.body() {
            Body::Text(text) if !part.is("text/rfc822-headers") => {
                let text = octal::decoded(text);
                let reports = read_one(&Notice::new(letter, &text));
                if reports.iter().any(|report| report.recipient.is_some()) {
                    return reports;
                }
                if nameless.is_empty() {
                    nameless = reports;
                }
            }
            Body::Html(page) => pages.push(page),
            Body::Text(_) | Body::Other | Body::Message(_) => {}
        }
    }
    for page in pages {
        let reports = read_one(&Notice::new(letter, &html::to_lines(page)));
        if reports.iter().any(|report| report.recipient.is_some()) {
            return reports;
        }
    }
    nameless
}

fn read_one(notice: &Notice<'_>) -> Vec<Report> {
    if !notice.is_notice() {
        return Vec::new();
    }
    let dialect = notice.marks.dialect().and_then(|number| dialect::DIALECTS.get(number)).copied();
    let mut findings = match dialect {
        Some(Dialect { read: Some(read), .. }) => read(notice),
        _ if notice.marks.fields => fields_and_text(notice),
        _ => reader::read(notice),
    };
    without_the_reader(notice, &mut findings);
    if findings.iter().all(|finding| finding.recipient.is_none()) {
        add_failed_recipients(notice, &mut findings);
    }
    if findings.is_empty() {
        findings = userid::read(notice);
    }
    if findings.is_empty() && dialect.is_some() {
        findings.push(nameless(notice).unwrap_or_default());
    }
    let kind = kind_of(notice, dialect);
    let reporting_mta = reporting_mta(notice);
    findings
        .into_iter()
        .map(|finding| {
            let kind = kind_for(finding.kind.unwrap_or(kind), &finding.reason);
            let mut report = diagnosis::report_of(finding);
            report.kind = kind;
            report.generator = dialect.map(|dialect| dialect.generator);
            report.reporting_mta.clone_from(&reporting_mta);
            report
        })
        .collect()
}

/// Status fields say who failed; what they leave out, the words above them say.
fn fields_and_text(notice: &Notice<'_>) -> Vec<Finding> {
    let mut findings = fields::read(notice);
    if findings.iter().any(|finding| finding.reason.is_empty()) {
        let told = reader::read(notice);
        for finding in findings.iter_mut().filter(|finding| finding.reason.is_empty()) {
            if let Some(words) = told.iter().find(|words| words.recipient == finding.recipient) {
                let status = finding.status;
                let kind = finding.kind;
                *finding = Finding { status, kind, ..words.clone() };
            }
        }
    }
    findings
}

/// The one whom the notice is addressed to is no recipient, where others are named.
fn without_the_reader(notice: &Notice<'_>, findings: &mut Vec<Finding>) {
    if findings.len() < 2 {
        return;
    }
    let Some(to) = notice.letter.header("To").and_then(|to| address::first_in(&to)) else { return };
    let is_reader =
        |finding: &Finding| finding.recipient.as_ref() == Some(&to.address) && finding.reason.is_empty();
    if findings.iter().any(|finding| !is_reader(finding)) {
        findings.retain(|finding| !is_reader(finding));
    }
}

/// Where the text names nobody, the header does (Exim, Gmail).
fn add_failed_recipients(notice: &Notice<'_>, findings: &mut Vec<Finding>) {
    let failed = notice.failed_recipients();
    if failed.is_empty() {
        return;
    }
    let words = nameless(notice).unwrap_or_default();
    findings.clear();
    findings.extend(failed.into_iter().map(|address| Finding { recipient: Some(address), ..words.clone() }));
}

/// The reason that a notice gives without naming a recipient.
pub(crate) fn nameless(notice: &Notice<'_>) -> Option<Finding> {
    let lines: Vec<&str> = notice.lines.iter().map(|line| line.text).collect();
    let paragraphs: Vec<&[&str]> =
        lines.split(|line| line.is_empty()).filter(|lines| !lines.is_empty()).collect();
    let reason = reason::choose(&paragraphs)?;
    let mut finding = Finding { reason, ..Finding::default() };
    for line in lines {
        if finding.prose.len() > crate::limits::PROSE_BYTES_MAX {
            break;
        }
        finding::append(&mut finding.prose, line);
    }
    Some(finding)
}

fn kind_of(notice: &Notice<'_>, dialect: Option<Dialect>) -> Kind {
    match dialect.and_then(|dialect| dialect.kind) {
        Some(kind) => kind,
        None if notice.marks.gave_up => Kind::Failed,
        None if notice.marks.delayed => Kind::Delayed,
        None if notice.marks.delivered => Kind::Delivered,
        None => Kind::Failed,
    }
}

/// OpenSMTPD and others give up in words that only the recipient's own line has.
fn kind_for(kind: Kind, reason: &str) -> Kind {
    if kind == Kind::Delivered {
        return match () {
            () if notice::find_ignoring_case(reason, "relayed").is_some() => Kind::Relayed,
            () if notice::find_ignoring_case(reason, "expanded").is_some() => Kind::Expanded,
            () => kind,
        };
    }
    let gave_up = ["envelope expired", "retry timeout exceeded", "message expired"];
    if gave_up.iter().any(|words| notice::find_ignoring_case(reason, words).is_some()) {
        Kind::Failed
    } else {
        kind
    }
}

/// What stands before the name of the host that wrote the notice.
static HOSTS: LazyLock<PhraseSet> = LazyLock::new(|| {
    PhraseSet::new([
        "this is the qmail-send program at ",
        "this is the mail system at host ",
        "this is the postfix program at host ",
        "minutes on the queue on ",
        "hours on the queue on ",
        "days on the queue on ",
        "generating server: ",
        "generierender server: ",
        "serveur de génération : ",
        "servidor de generación: ",
        "server di generazione: ",
        "genererende server: ",
        "bronserver: ",
        "servidor de geração: ",
        "genererande server: ",
        "生成元サーバー: ",
        "dsn generated by: ",
        "reporting-mta: dns; ",
        "reporting-mta: dsn; ",
        " at host ",
    ])
});

/// The host that wrote the notice, where its first words say so.
fn reporting_mta(notice: &Notice<'_>) -> Option<String> {
    const LINES_MAX: usize = 60;
    // The host stands in the greeting, or above Exchange's diagnostic information.
    let phrase = notice.lines.iter().take(LINES_MAX).find_map(|line| {
        let (_, _, end) = HOSTS.first(line.text, |_, _, _| true)?;
        line.text.get(end..)
    });
    let dma = || {
        notice
            .after("this is the dragonfly mail agent v")
            .and_then(|rest| rest.split_once(" at "))
            .map(|(_, host)| host)
    };
    let host = phrase.or_else(dma)?.split([' ', ',', '<', '(']).next()?.trim_end_matches(['.', ':']);
    (host.contains('.') && host.len() < 256).then(|| host.to_owned())
}

/// For tests of dialects: each report of a message as `kind recipient code status generator`.
#[cfg(test)]
pub(crate) fn rows_of(message: &str) -> Vec<String> {
    let letter = crate::letter::Letter::parse(message.as_bytes()).unwrap();
    let shown = |text: Option<String>| text.unwrap_or_else(|| "-".to_owned());
    let row = |report: &Report| {
        format!(
            "{} {} {} {} {}",
            report.kind,
            shown(report.recipient.as_ref().map(ToString::to_string)),
            shown(report.reply_code.map(|code| code.to_string())),
            shown(report.status.map(|status| status.to_string())),
            shown(report.generator.map(|generator| generator.to_string())),
        )
    };
    read_text(letter.view()).iter().map(row).collect()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn same(message: &str, rows: &[&str]) {
        assert_eq!(rows_of(message), rows, "{message}");
    }

    #[test]
    fn each_paragraph_of_a_list_belongs_to_its_recipient() {
        same(
            "Subject: Undelivered Mail\n\n<one@gone.example>: host said: 550 5.1.1 no such\n    user two@gone.example\n\n\
             <three@gone.example>: said: 452 4.2.2 full\n",
            &["failed one@gone.example 550 5.1.1 -", "failed three@gone.example 452 4.2.2 -"],
        );
    }

    #[test]
    fn recipients_without_a_reason_of_their_own_share_the_one_below() {
        same(
            "Subject: Undeliverable\n\nYour message was not delivered to:\n\n  one@gone.example\n  two@gone.example\n\n\
             The response was:\n\n550 5.7.1 go away\n",
            &["failed one@gone.example 550 5.7.1 -", "failed two@gone.example 550 5.7.1 -"],
        );
    }

    #[test]
    fn a_reason_above_the_list_is_found() {
        same(
            "Subject: Undeliverable\n\nCould not be delivered because of\n\n550 5.1.1 User unknown\n\nThe following recipients were \
             affected:\n    user@gone.example\n",
            &["failed user@gone.example 550 5.1.1 mailmarshal"],
        );
    }

    #[test]
    fn nothing_below_the_returned_message_is_a_recipient() {
        same(
            "Subject: Undeliverable\n\n<user@gone.example>: 550 no\n\n----- Original message -----\n\n<other@gone.example>: 550 no\n",
            &["failed user@gone.example 550 - -"],
        );
    }

    #[test]
    fn a_table_is_read_row_by_row() {
        let rows = ["failed user@gone.example 550 - -", "failed two@gone.example 452 - -"];
        same(
            "Subject: Undeliverable\n\n| Recipient | Status |\n|---|---|\n| user@gone.example | 550 no such user |\n\
             | two@gone.example | 452 mailbox full |\n",
            &rows,
        );
        same(
            "Subject: Undeliverable\nContent-Type: text/html\n\n<table><tr><th>Recipient</th><th>Status</th></tr>\n\
             <tr><td>user@gone.example</td><td>550 no such user</td></tr><tr><td>two@gone.example</td><td>452 full</td></tr></table>",
            &rows,
        );
    }

    #[test]
    fn a_delay_is_told_from_the_end() {
        let mail = |words: &str| {
            format!(
                "Subject: Mail\n\nYour message was not delivered.\n{words}\n\n<user@gone.example>: no answer\n"
            )
        };
        same(&mail("We will keep trying."), &["delayed user@gone.example - - -"]);
        same(&mail("We will not keep trying."), &["failed user@gone.example - - -"]);
        same(&mail("Es wird weiter versucht."), &["delayed user@gone.example - - -"]);
        same(&mail("It is delayed; I've given up."), &["failed user@gone.example - - -"]);
    }

    #[test]
    fn a_delivery_is_no_failure() {
        same(
            "Subject: Successful Mail Delivery Report\n\nYour message was successfully delivered.\nYou may still receive delivery errors.\n\n<user@there.example>: relayed\n",
            &["relayed user@there.example - - -"],
        );
    }

    #[test]
    fn a_recipient_named_by_local_part_gets_its_domain_from_the_returned_message() {
        same(
            "From: postmaster@here.example\nSubject: Undeliverable Mail\n\nInvalid final delivery userid: user\n\nOriginal message \
             follows.\n\nTo: User@gone.example\n",
            &["failed User@gone.example - - imailserver"],
        );
        same(
            "From: <MAILER-DAEMON@gone.example>\nSubject: Returned mail: User unknown\n\n   ----- Transcript of session follows -----\n\
             550 5.1.1 user... User unknown\n",
            &["failed user@gone.example 550 5.1.1 sendmail"],
        );
    }

    #[test]
    fn letters_between_people_hold_no_report() {
        same("From: a@here.example\nSubject: Lunch\n\nwrite to me at\n\nb@home.example\n", &[]);
        same(
            "From: a@here.example\nSubject: x\nX-NAI-Header: scanned\n\nuser@gone.example is Bob's and 550 is the room.\n",
            &[],
        );
    }

    #[test]
    fn languages_without_spaces_are_read() {
        same(
            "Subject: x\nContent-Type: text/plain; charset=utf-8\n\n送信先メールアドレス：user@gone.example\nメールを配信できませんでした。\n",
            &["failed user@gone.example - - -"],
        );
    }

    proptest! {
        #[test]
        fn reading_never_panics(text in "(?s)(<|>|@|a@b\\.example|550|5\\.1\\.1|>>> RCPT TO:|<<< |\\.\\.\\. |\r?\n| |é|送|\\\\316|#|'|\"|smtp;|Original address:|Remote Server returned|ERROR_CODE :|In: |Out: |--- |&#|[a-z:;()\\[\\]-]){0,60}", head in 0usize..6) {
            let head = [
                "Subject: Undeliverable",
                "X-Mailer: Zoho Mail",
                "X-MS-Embedded-Report: 1",
                "x-amz-sns-message-id: 1",
                "Subject: Postfix SMTP server: errors from x",
                "X-Failed-Recipients: a@b.example\nContent-Type: text/html",
            ][head];
            rows_of(&format!("{head}\n\n{text}"));
        }
    }
}
