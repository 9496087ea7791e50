//! Exchange, Microsoft 365 and Outlook.com: pages for people above, "Diagnostic information for administrators" below.

use super::Dialect;
use super::Place::{Sign, Text};
use crate::text::finding::Finding;
use crate::text::notice::{Notice, after_ignoring_case};
use crate::text::reader;
use crate::{Generator, Issuer};

pub(super) const DIALECT: Dialect = Dialect {
    generator: Generator::new("exchange"),
    marks: &[
        (Sign, "x-ms-embedded-report:"),
        (Sign, "x-ms-exchange-message-is-ndr:"),
        (Sign, "x-mailer: internet mail service ("),
        (Sign, "microsoftexchange329e71ec88ae4615bbc36ab6ce41109e@"),
        (Text, "diagnostic information for administrators"),
        (Text, "generating server:"),
        (Text, "more info for email admins"),
        (Text, "Weitere Informationen für E-Mail-Administratoren"),
        (Text, "Informations supplémentaires pour les administrateurs"),
        (Text, "Más información para administradores"),
        (Text, "Ulteriori informazioni per gli amministratori"),
        (Text, "Meer informatie voor e-mailbeheerders"),
        (Text, "Mais informações para administradores"),
        (Text, "Mer information för e-postadministratörer"),
        (Text, "電子メール管理者のための詳細情報"),
        (Text, "did not reach the following recipient(s):"),
        (Text, "Diagnoseinformationen für Administratoren"),
        (Text, "Informations de diagnostic pour les administrateurs"),
        (Text, "Información de diagnóstico para los administradores"),
        (Text, "Información de diagnóstico para administradores"),
        (Text, "Informazioni di diagnostica per gli amministratori"),
        (Text, "Diagnostische gegevens voor beheerders"),
        (Text, "Diagnostische informatie voor beheerders"),
        (Text, "Informações de diagnóstico para administradores"),
        (Text, "Diagnostikinformation för administratörer"),
        (Text, "Informacje diagnostyczne dla administratorów"),
        (Text, "Диагностические сведения для администраторов"),
        (Text, "管理者向けの診断情報"),
        (Text, "系统管理员的诊断信息"),
    ],
    read: Some(read),
    kind: None,
};

fn read(notice: &Notice<'_>) -> Vec<Finding> {
    let mut findings = reader::read(notice);
    for finding in &mut findings {
        unwrap(finding);
    }
    findings
}

/// `Remote Server returned '550 5.1.1 …'`, `mx.example #550 5.1.1 … ##`, `#< mx.example #5.1.1 smtp;550 …> #SMTP#`.
fn unwrap(finding: &mut Finding) {
    let text = finding.reason.clone();
    let reason = text.trim();
    if let Some(rest) = after_ignoring_case(reason, "remote server returned") {
        let reply = rest.trim_start().trim_start_matches(['\'', '"', '<']);
        let reply = reply.rsplit_once(['\'', '"']).map_or(reply, |(reply, _)| reply);
        finding.issuer = Some(Issuer::Remote);
        finding.reason = between_hashes(finding, reply);
        return;
    }
    if reason.contains('#') {
        finding.reason = between_hashes(finding, reason);
    }
}

/// What stands between the number signs, and the host before it.
fn between_hashes(finding: &mut Finding, text: &str) -> String {
    let text = text.trim_end_matches(['#', ' ']);
    let text = text.strip_suffix("#SMTP").unwrap_or(text).trim_end_matches(['#', ' ', '>']);
    let Some((before, after)) = text.split_once('#') else { return text.to_owned() };
    let inner = after.trim_start().trim_start_matches('<').trim_start();
    // "#< mx.example #5.1.1 smtp;550 …": the host stands inside.
    let (host, reply) = match inner.split_once('#') {
        Some((host, reply)) if !host.contains(' ') || host.trim().split(' ').count() == 1 => {
            (host.trim(), reply)
        }
        _ => (before.trim().trim_start_matches('<').trim(), inner),
    };
    if host.contains('.')
        && !host.contains(['@', ' ', ';', ':'])
        && !host.starts_with(|c: char| c.is_ascii_digit())
    {
        finding.host = Some(host.to_owned());
    }
    let reply = reply.trim();
    if !reply.starts_with(|c: char| c.is_ascii_digit()) && !before.trim().is_empty() && finding.host.is_none()
    {
        return text.to_owned();
    }
    if let Some(remote) = after_ignoring_case(reply, "smtp;") {
        finding.issuer = Some(Issuer::Remote);
        return remote.trim().to_owned();
    }
    if finding.host.is_none() {
        finding.issuer = Some(Issuer::Reporting);
    }
    reply.to_owned()
}

#[cfg(test)]
mod tests {
    use crate::text::rows_of;

    #[test]
    fn a_german_notice_names_recipient_host_and_reply() {
        let mail = concat!(
            "From: Microsoft Outlook <MicrosoftExchange329e71ec88ae4615bbc36ab6ce41109e@here.example>\n",
            "Subject: Unzustellbar: Hallo\n",
            "\n",
            "Fehler bei der Nachrichtenzustellung an folgende Empfänger oder Verteilerlisten:\n",
            "\n",
            "user@gone.example<mailto:user@gone.example>\n",
            "Die eingegebene E-Mail-Adresse konnte nicht gefunden werden. Überprüfen Sie die E-Mail-Adresse.\n",
            "\n",
            "Diagnoseinformationen für Administratoren:\n",
            "\n",
            "Generierender Server: ex01.here.example\n",
            "\n",
            "user@gone.example\n",
            "mx.gone.example #550 5.1.1 User unknown ##\n",
            "\n",
            "Ursprüngliche Nachrichtenkopfzeilen:\n",
            "\n",
            "Received: from x\n",
        );
        assert_eq!(rows_of(mail), ["failed user@gone.example 550 5.1.1 exchange"]);
    }

    #[test]
    fn a_page_of_microsoft_365_is_read_from_its_html() {
        let mail = concat!(
            "From: Microsoft Outlook <postmaster@outlook.com>\n",
            "Subject: Undeliverable: Hello\n",
            "X-MS-Exchange-Message-Is-Ndr:\n",
            "Content-Type: text/html; charset=us-ascii\n",
            "\n",
            "<html><body><p><b>Delivery has failed to these recipients or groups:</b></p>\n",
            "<p><a href=\"mailto:user@gone.example\">user@gone.example</a><br>\n",
            "The email address you entered couldn't be found. Please check the recipient's email address and try to resend the message.</p>\n",
            "<p><b>Diagnostic information for administrators:</b></p>\n",
            "<p>Generating server: AM0PR01.prod.outlook.com</p>\n",
            "<p>user@gone.example<br>\n",
            "Remote Server returned '550 5.1.10 RESOLVER.ADR.RecipientNotFound; Recipient user@gone.example not found by SMTP address lookup'</p>\n",
            "<p>Original message headers:</p>\n",
            "<pre>Received: from x</pre>\n",
            "</body></html>\n",
        );
        assert_eq!(rows_of(mail), ["failed user@gone.example 550 5.1.10 exchange"]);
    }

    #[test]
    fn the_reported_error_outranks_the_status_code_above_it() {
        let mail = concat!(
            "From: Microsoft Outlook <MicrosoftExchange329e71ec88ae4615bbc36ab6ce41109e@here.example>\n",
            "Subject: Unzustellbar: Hallo\n",
            "\n",
            "Ihre Nachricht an user@gone.example konnte nicht zugestellt werden.\n",
            "\n",
            "Weitere Informationen für E-Mail-Administratoren\n",
            "Statuscode: 550 5.1.0\n",
            "\n",
            "Absenderadresse: me@here.example\n",
            "Empfängeradresse: user@gone.example\n",
            "Betreff: Hallo\n",
            "\n",
            "Fehlerdetails\n",
            "Gemeldeter Fehler: 550 5.1.10 RESOLVER.ADR.RecipientNotFound; Recipient user@gone.example not found\n",
            "DSN generiert von: AM0PR01.prod.outlook.com\n",
        );
        assert_eq!(rows_of(mail), ["failed user@gone.example 550 5.1.10 exchange"]);
    }

    #[test]
    fn exchange_2003_writes_the_status_after_a_host() {
        let mail = concat!(
            "From: System Administrator <postmaster@here.example>\n",
            "Subject: Undeliverable: Hi\n",
            "X-MS-Embedded-Report: \n",
            "\n",
            "Your message did not reach some or all of the intended recipients.\n",
            "\n",
            "      Subject:\tHi\n",
            "      Sent:\t4/29/2010 11:34 PM\n",
            "\n",
            "The following recipient(s) could not be reached:\n",
            "\n",
            "      user@gone.example on 4/29/2010 11:34 PM\n",
            "            The e-mail account does not exist at the organization this message was sent to.  Check the e-mail address, or contact the recipient directly to find out the correct address.\n",
            "            <mx.here.example #5.1.1>\n",
        );
        assert_eq!(rows_of(mail), ["failed user@gone.example - 5.1.1 exchange"]);
    }

    #[test]
    fn a_french_notice_is_read() {
        let mail = concat!(
            "From: Microsoft Outlook <postmaster@here.example>\n",
            "Subject: Non remis : Bonjour\n",
            "\n",
            "Échec de la remise aux destinataires ou groupes suivants :\n",
            "\n",
            "user@gone.example<mailto:user@gone.example>\n",
            "L'adresse de messagerie que vous avez entrée est introuvable.\n",
            "\n",
            "Informations de diagnostic pour les administrateurs :\n",
            "\n",
            "Serveur de génération : ex.here.example\n",
            "\n",
            "user@gone.example\n",
            "Remote Server returned '550 5.1.1 RESOLVER.ADR.RecipNotFound; not found'\n",
            "\n",
            "En-têtes de message d'origine :\n",
            "\n",
            "Received: from x\n",
        );
        assert_eq!(rows_of(mail), ["failed user@gone.example 550 5.1.1 exchange"]);
    }

    #[test]
    fn a_display_name_before_the_address_is_no_hindrance() {
        let mail = concat!(
            "From: Microsoft Outlook <postmaster@here.example>\n",
            "Subject: Undeliverable: Hi\n",
            "\n",
            "Delivery has failed to these recipients or groups:\n",
            "\n",
            "Some User (user@gone.example)<mailto:user@gone.example>\n",
            "The e-mail address you entered couldn't be found.\n",
            "\n",
            "Diagnostic information for administrators:\n",
            "\n",
            "Generating server: ex.here.example\n",
            "\n",
            "user@gone.example\n",
            "#550 5.1.1 RESOLVER.ADR.RecipNotFound; not found ##\n",
            "\n",
            "Original message headers:\n",
            "\n",
            "Received: from x\n",
        );
        assert_eq!(rows_of(mail), ["failed user@gone.example 550 5.1.1 exchange"]);
    }

    #[test]
    fn the_reply_inside_number_signs_is_the_other_sides() {
        let mail = concat!(
            "From: postmaster@here.example\n",
            "Subject: Undeliverable: Hi\n",
            "\n",
            "Delivery has failed to these recipients or distribution lists:\n",
            "\n",
            "user@gone.example\n",
            "Your message wasn't delivered because of security policies. \n",
            "\n",
            "_____\n",
            "Sent by Microsoft Exchange Server 2007\n",
            "\n",
            "\n",
            "Diagnostic information for administrators:\n",
            "\n",
            "Generating server: ex.here.example\n",
            "\n",
            "user@gone.example\n",
            "#< mx.gone.example #5.7.1 smtp;550 5.7.1 Message rejected> #SMTP#\n",
            "\n",
            "Original message headers:\n",
        );
        assert_eq!(rows_of(mail), ["failed user@gone.example 550 5.7.1 exchange"]);
    }

    #[test]
    fn a_notice_with_a_how_to_is_read() {
        let mail = concat!(
            "From: Microsoft Outlook <postmaster@here.example>\n",
            "Subject: Onbestelbaar: Hallo\n",
            "\n",
            "Your message to user@gone.example couldn't be delivered.\n",
            "user wasn't found at gone.example.\n",
            "me\tOffice 365\tuser\n",
            "Action Required\tRecipient\n",
            "Unknown To address\n",
            "\n",
            "How to Fix It\n",
            "The address may be misspelled or may not exist. Try one or more of the following:\n",
            "•\tSend the message again following these steps: In Outlook, open this non-delivery report (NDR) and choose Send Again from the Report ribbon.\n",
            "\n",
            "More Info for Email Admins\n",
            "Status code: 550 5.1.10\n",
            "Error Details\n",
            "Reported error: \t550 5.1.10 RESOLVER.ADR.RecipientNotFound; Recipient user@gone.example not found by SMTP address lookup\n",
            "DSN generated by: \tAM0PR01.eurprd01.prod.exchangelabs.com\n",
        );
        assert_eq!(rows_of(mail), ["failed user@gone.example 550 5.1.10 exchange"]);
    }

    #[test]
    fn the_sentence_of_each_language_names_the_recipient() {
        for words in [
            "Your message to user@gone.example couldn't be delivered.",
            "Ihre Nachricht an user@gone.example konnte nicht übermittelt werden.",
            "Votre message à user@gone.example n'a pas pu être remis.",
            "Su mensaje para user@gone.example no se pudo entregar.",
            "Il messaggio a user@gone.example non è stato recapitato.",
            "Uw bericht aan user@gone.example kan niet worden bezorgd.",
            "Sua mensagem para user@gone.example não pôde ser entregue.",
            "Ditt meddelande till user@gone.example kunde inte levereras.",
            "Twoja wiadomość do user@gone.example nie mogła zostać dostarczona.",
            "user@gone.example へのメッセージを配信できませんでした。",
            "您发送给 user@gone.example 的邮件无法送达。",
        ] {
            let mail = format!(
                "X-MS-Exchange-Message-Is-Ndr:\nContent-Type: text/plain; charset=utf-8\nSubject: x\n\n{words}\n\n550 5.1.10 not found\n"
            );
            assert_eq!(rows_of(&mail), ["failed user@gone.example 550 5.1.10 exchange"], "{words}");
        }
    }
}
