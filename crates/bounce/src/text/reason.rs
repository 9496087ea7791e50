//! Chooses the reply or reason among the lines that belong to a recipient.

use std::sync::LazyLock;

use super::codes;
use super::finding::append;
use super::phrase_set::PhraseSet;

/// What a reason follows, on its line or the next. Lower case.
const CUES: &[&str] = &[
    "remote host said:",
    "server returned was:",
    "other server returned:",
    "server returned:",
    "remote server returned",
    "the response was:",
    "the response from the remote server was:",
    "response was:",
    "error was:",
    "error message below:",
    "error message was:",
    "error message:",
    "server message",
    "generated response:",
    "following error:",
    "following error",
    "following reason:",
    "following reason(s):",
    "following reasons:",
    "the following response:",
    "with response:",
    "failed with:",
    "reject reason:",
    "reported error:",
    "responded as follows:",
    "fehler gemeldet:",
    "gemeldeter fehler:",
    "failure reason:",
    "delay reason:",
    "reason for failure:",
    "technical details of permanent failure:",
    "technical details of temporary failure:",
    "reason:",
    "because of",
    "because:",
    "error is:",
    "diagnostic-code:",
    "diagnostic code:",
    "replied:",
    "answered:",
    "said:",
    "details:",
    "error:",
    "grund:",
    "begründung:",
    "fehlermeldung:",
    "fehlertext:",
    "folgendem grund:",
    "folgenden gründen:",
    "raison :",
    "motivo:",
    "causa:",
    "reden:",
    "причина:",
    "理由:",
    "原因:",
    "원인:",
];

/// Lines that end a reason: what the MTA says about itself.
const AFTERWORDS: &[&str] = &[
    "giving up on ",
    "i'm not going to try again",
    "i am not going to try again",
    "no action is required",
    "please note that",
    "for further assistance",
    "this has been a permanent failure",
    "message details:",
];

/// Whether a line is the MTA's own last word and no part of the reason.
pub(crate) fn is_afterword(line: &str) -> bool {
    AFTERWORDS.iter().any(|words| line.get(..words.len()).is_some_and(|l| l.eq_ignore_ascii_case(words)))
}

/// How much a paragraph looks like the reason: 3 a reply, 2 after a cue or with a code, 1 other words, 0 nothing.
pub(super) fn weight(paragraph: &[&str]) -> u8 {
    let mut weight = 0;
    let is_template = is_template(paragraph);
    for line in paragraph {
        let line_weight = if codes::starts_with_reply(line) {
            3
        } else if cue_in(line).is_some() || codes::has_reply_code(line) || codes::status_in(line).is_some() {
            2
        } else {
            u8::from(!is_template && line.len() > 3 && !line.contains('\u{fffd}') && !is_courtesy(line))
        };
        weight = weight.max(line_weight);
    }
    weight
}

/// The reason in some paragraphs, best first: a reply, what follows a cue, the paragraph with a code, the first words.
pub(super) fn choose(paragraphs: &[&[&str]]) -> Option<String> {
    let mut best: Option<(u8, usize)> = None;
    for (number, paragraph) in paragraphs.iter().enumerate() {
        let weight = weight(paragraph);
        if weight > best.map_or(0, |(best, _)| best) {
            best = Some((weight, number));
        }
    }
    let (weight, number) = best?;
    let mut text = String::new();
    if weight == 3 {
        let paragraph = paragraphs[number];
        let start = paragraph.iter().position(|line| codes::starts_with_reply(line)).unwrap_or(0);
        for line in paragraph[start..].iter().take_while(|line| !is_afterword(line)) {
            append(&mut text, line);
        }
        // A long reply that blank lines cut: each piece starts with its code and a dash.
        let code = paragraph[start].get(..4).unwrap_or_default();
        if code.ends_with('-') {
            for next in paragraphs[number + 1..].iter().take(100) {
                if !next.first().is_some_and(|line| line.starts_with(&code[..3])) {
                    break;
                }
                next.iter().for_each(|line| append(&mut text, line));
            }
        }
        return Some(text);
    }
    let lines = paragraphs[number];
    let cues = || lines.iter().enumerate().filter_map(|(at, line)| cue_in(line).map(|rest| (at, rest)));
    // "Technical details of permanent failure:" may stand above "the other server returned was: 550 …".
    let cue = cues().find(|(_, rest)| codes::starts_with_reply(rest)).or_else(|| cues().next());
    if weight == 2
        && let Some((at, rest)) = cue
    {
        append(&mut text, rest);
        lines[at + 1..]
            .iter()
            .take_while(|line| !is_afterword(line))
            .for_each(|line| append(&mut text, line));
        if text.is_empty()
            && let Some(next) = paragraphs.get(number + 1)
        {
            next.iter().for_each(|line| append(&mut text, line));
        }
        if !text.is_empty() {
            return Some(text);
        }
    }
    lines.iter().take_while(|line| !is_afterword(line)).for_each(|line| append(&mut text, line));
    Some(text)
}

/// The line above the reply that [`choose`] takes, where one stands: it can name host and command (dma).
pub(super) fn context_of<'a>(paragraphs: &[&[&'a str]]) -> Option<&'a str> {
    let paragraph = paragraphs.iter().find(|paragraph| weight(paragraph) == 3)?;
    let reply = paragraph.iter().position(|line| codes::starts_with_reply(line))?;
    reply.checked_sub(1).map(|at| paragraph[at])
}

static CUE_SET: LazyLock<PhraseSet> = LazyLock::new(|| PhraseSet::new(CUES.iter().copied()));

/// What stands after a cue. A bare "error" in a sentence is none: cues end in a colon or end the line.
fn cue_in(line: &str) -> Option<&str> {
    let after = |end: usize| line[end..].trim_start_matches([':', ' ', '\'', '"', '-']);
    let (_, _, end) = CUE_SET.first(line, |number, _, end| {
        let cue = CUES[number];
        cue.ends_with(':') || cue.ends_with("message") || cue.ends_with("returned") || after(end).is_empty()
    })?;
    Some(after(end))
}

/// How paragraphs start that MTAs write around every reason, whatever it is. Lower case.
const TEMPLATES: &[&str] = &[
    // Exim
    "a message that you sent could not be delivered",
    "a message that you have sent could not be delivered",
    "a message that you sent has not yet been delivered",
    "no action is required on your part",
    "recipients. this is a permanent error",
    "the following address(es) failed",
    "the following address(es) have not yet been delivered",
    "this message was created automatically",
    // Courier
    "if your message was also sent to additional recipients",
    "the original message follows as a separate attachment",
    "your message to the following recipients cannot be delivered",
    "this is a delivery status notification from",
    // Postfix
    "this is the mail system at host",
    "i'm sorry to have to inform you",
    "for further assistance, please send mail to",
    "if you do so, please include this problem report",
    "--- delivery report unavailable",
    // qmail, OpenSMTPD, Haraka
    "hi. this is the",
    "i'm afraid i wasn't able to deliver your message",
    "an error has occurred while attempting to deliver a message",
    "below is a copy of the original message",
    "a message is delayed for more than",
    "i will continue trying to deliver",
    "i'll keep trying to deliver",
];

/// Whether a paragraph is one that stands in every notice of its MTA.
pub(super) fn is_template(paragraph: &[&str]) -> bool {
    let Some(first) = paragraph.first() else { return false };
    TEMPLATES.iter().any(|words| first.get(..words.len()).is_some_and(|l| l.eq_ignore_ascii_case(words)))
}

/// Words that no reason holds.
fn is_courtesy(line: &str) -> bool {
    const COURTESIES: &[&str] = &[
        "hi!",
        "hi.",
        "hello",
        "dear ",
        "sorry",
        "this message was created",
        "this is an automat",
        "please ",
        "for further",
        "if you ",
        "http://",
        "https://",
        "--",
        "==",
        "**",
        "##",
        "__",
        "thank",
        "regards",
        "the mail system",
        "learn more",
        "message-id:",
        "date:",
        "subject:",
        "from:",
        "to:",
        "sent:",
        "message from",
    ];
    COURTESIES.iter().any(|words| line.get(..words.len()).is_some_and(|l| l.eq_ignore_ascii_case(words)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_reply_outranks_words() {
        let words = ["Your mail could not be sent."];
        let reply = ["mx.example did not like our RCPT TO:", "550 5.1.1 no such user"];
        assert_eq!(choose(&[&words, &reply]).unwrap(), "550 5.1.1 no such user");
    }

    #[test]
    fn what_follows_a_cue_is_the_reason_even_after_a_blank_line() {
        assert_eq!(
            choose(&[&["For the following reason:"], &["Mail size limit exceeded."]]).unwrap(),
            "Mail size limit exceeded."
        );
        assert_eq!(
            choose(&[&["The error that the other server returned was:", "Nobody"]]).unwrap(),
            "Nobody"
        );
    }

    #[test]
    fn a_cue_before_a_reply_outranks_other_cues() {
        let lines = [
            "Technical details of permanent failure:",
            "The error that the other server returned was: 550 no",
        ];
        assert_eq!(choose(&[&lines]).unwrap(), "550 no");
        assert_eq!(
            choose(&[&[lines[0], "The server did not answer."]]).unwrap(),
            "The server did not answer."
        );
    }

    #[test]
    fn a_long_reply_that_blank_lines_cut_is_one() {
        let paragraphs: [&[&str]; 3] = [&["550-5.7.26 not"], &["550-5.7.26 accepted"], &["550 5.7.26 here"]];
        assert_eq!(choose(&paragraphs).unwrap(), "550-5.7.26 not accepted here");
    }

    #[test]
    fn what_an_mta_writes_around_every_reason_is_none() {
        let exim = ["A message that you sent could not be delivered to one or more of its", "recipients."];
        let courier = ["If your message was also sent to additional recipients, their delivery", "status is"];
        assert_eq!(choose(&[&exim, &courier]), None);
        assert_eq!(choose(&[&exim, &["mailbox is full"]]).unwrap(), "mailbox is full");
    }

    #[test]
    fn courtesies_are_no_reason() {
        assert_eq!(choose(&[&["Hello,"], &["Please write to us."]]), None);
    }
}
