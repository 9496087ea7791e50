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
