//! The page for people: whom to write to, who cannot be reached, what is known of the registration, and what was not answered.

use std::io::{self, Write};

use abprall_mail::Language;
use abprall_route::{Candidate, ContactRole, Contacts, MailState};

use super::Answer;
use super::draft::Draft;
use crate::layout::{Layout, escaped};
use crate::terminal::plain;
use crate::wording::pick;

pub(super) struct Page<'a> {
    pub(super) answer: &'a Answer,
    pub(super) draft: Option<&'a Draft>,
    pub(super) language: Language,
}

impl Page<'_> {
    pub(super) fn write(&self, out: &mut impl Layout) -> io::Result<()> {
        let contacts = &self.answer.contacts;
        let verdict = contacts.verdict.knowledge(self.language);
        out.title(&format!("{}: {}", contacts.domain.to_unicode(), verdict.title))?;
        out.paragraph(&verdict.explanation)?;
        self.write_candidates(contacts, out)?;
        self.write_facts(contacts, out)?;
        if !contacts.unanswered.is_empty() {
            out.heading(self.pick("Not answered", "Ohne Antwort"))?;
            out.paragraph(
                self.pick("There may be more contacts than these.", "Es kann mehr Kontakte geben als diese."),
            )?;
            for one in &contacts.unanswered {
                out.item(&format!("{}: {}", one.question, one.detail))?;
            }
        }
        out.heading(self.pick("The mail to them", "Die Mail an sie"))?;
        match self.draft {
            Some(draft) => {
                out.paragraph(&draft.subject)?;
                out.paragraph(self.pick(
                    "Nothing was sent. --draft prints the whole mail, --draft-file FILE.eml writes it for your mail program.",
                    "Nichts wurde gesendet. --draft druckt die ganze Mail, --draft-file DATEI.eml schreibt sie für Ihr Mailprogramm.",
                ))
            }
            None => out.paragraph(no_draft(self.language)),
        }
    }

    fn write_candidates(&self, contacts: &Contacts, out: &mut impl Layout) -> io::Result<()> {
        out.heading(self.pick("Whom to write to", "An wen schreiben"))?;
        let (open, closed): (Vec<_>, Vec<_>) =
            contacts.candidates.iter().partition(|candidate| candidate.mail != MailState::Fails);
        if contacts.reachable().next().is_none() {
            out.paragraph(self.pick(
                "No address was found that mail surely reaches. Try the web site or the telephone.",
                "Keine Adresse wurde gefunden, die Mail sicher erreicht. Versuchen Sie es über die Website oder das Telefon.",
            ))?;
        }
        open.into_iter().try_for_each(|candidate| self.write_candidate(candidate, out))?;
        if closed.is_empty() {
            return Ok(());
        }
        out.heading(self.pick("Not by mail", "Nicht per Mail"))?;
        closed.into_iter().try_for_each(|candidate| self.write_candidate(candidate, out))
    }

    fn write_candidate(&self, candidate: &Candidate, out: &mut impl Layout) -> io::Result<()> {
        let name = candidate.name.as_ref().map(|name| format!(", {name}")).unwrap_or_default();
        let role = role(candidate.role, self.language);
        let mark = mark(candidate.mail);
        let mut text = format!("{}{name}. {}", role, candidate.why);
        let state = state(candidate.mail, self.language);
        text = match &candidate.warning {
            Some(warning) if candidate.mail.may_be_written_to() => format!("{text} {state} {warning}"),
            Some(warning) => format!("{text} {warning}"),
            None => format!("{text} {state}"),
        };
        out.entry(&format!("{mark} {}", candidate.address), text.trim())
    }

    fn write_facts(&self, contacts: &Contacts, out: &mut impl Layout) -> io::Result<()> {
        let mut rows = Vec::new();
        for operator in &contacts.operators {
            let label = self.pick("Mail servers run by", "Mailserver betreibt");
            rows.push((label, format!("{} ({})", operator.domain.to_unicode(), operator.hosts.join(", "))));
        }
        if let Some(registration) = &contacts.registration {
            if let Some(registrar) = &registration.registrar {
                rows.push((self.pick("Registrar", "Registrar"), registrar.clone()));
            }
            if !registration.statuses.is_empty() {
                rows.push((self.pick("Registration", "Registrierung"), registration.statuses.join(", ")));
            }
            if let Some(expires) = &registration.expires {
                rows.push((self.pick("Runs out", "Läuft aus"), expires.clone()));
            }
        }
        if rows.is_empty() {
            return Ok(());
        }
        out.heading(self.pick("Who runs it", "Wer es betreibt"))?;
        out.facts(&rows)
    }

    /// The draft as a block of Markdown that shows it as it is.
    pub(super) fn write_draft(&self, out: &mut impl Write) -> io::Result<()> {
        let Some(draft) = self.draft else { return Ok(()) };
        let to = draft.to.as_ref().map_or("–", |to| to.as_str());
        writeln!(out, "\n{}: {}\n", self.pick("To", "An"), escaped(to))?;
        // Indented code needs no fence that the text could close.
        for line in draft.body.lines() {
            writeln!(out, "    {}", plain(line))?;
        }
        Ok(())
    }

    fn pick(&self, en: &'static str, de: &'static str) -> &'static str {
        pick(self.language, en, de)
    }
}

pub(super) fn no_draft(language: Language) -> &'static str {
    pick(
        language,
        "No mail is drafted: from here we cannot see whether the domain's mail works, so there is nothing to tell anybody yet.",
        "Keine Mail wird entworfen: Von hier aus ist nicht zu sehen, ob die Mail der Domain funktioniert; noch gibt es nichts zu melden.",
    )
}

fn mark(state: MailState) -> char {
    match state {
        MailState::Works | MailState::WorksByDns => '✓',
        MailState::Unknown | MailState::Unchecked => '?',
        MailState::Fails => '✗',
    }
}

/// A sentence about the mail of the address's domain; nothing where the warning says it.
fn state(state: MailState, language: Language) -> &'static str {
    match state {
        MailState::Works => pick(language, "Its mail server answers.", "Ihr Mailserver antwortet."),
        MailState::WorksByDns => pick(
            language,
            "Its DNS is in order; the mail server was not asked.",
            "Ihr DNS ist in Ordnung; der Mailserver wurde nicht gefragt.",
        ),
        MailState::Unknown | MailState::Unchecked | MailState::Fails => "",
    }
}

fn role(role: ContactRole, language: Language) -> &'static str {
    match role {
        ContactRole::Postmaster => pick(language, "Mail administration", "Mailverwaltung"),
        ContactRole::Hostmaster => pick(language, "DNS administration", "DNS-Verwaltung"),
        ContactRole::Abuse => pick(language, "Complaints", "Beschwerden"),
        ContactRole::ZoneAdministrator => pick(language, "Administrator of the zone", "Verwaltung der Zone"),
        ContactRole::Technical => pick(language, "Technical contact", "Technischer Kontakt"),
        ContactRole::Administrative => pick(language, "Administrative contact", "Verwaltungskontakt"),
        ContactRole::Noc => pick(language, "Network operations", "Netzbetrieb"),
        ContactRole::Registrant => pick(language, "Owner", "Inhaber"),
        ContactRole::Registrar => pick(language, "Registrar", "Registrar"),
        ContactRole::Reports => pick(language, "Reports about mail", "Berichte über Mail"),
    }
}
