//! Aggregate reports about our domain, which are not about any recipient: DMARC (RFC 7489 §7.2) and TLS (RFC 8460 §3).

use crate::NotABounce;
use crate::letter::LetterRef;
use crate::origin::Origin;

/// Whether the message is such a report.
pub(crate) fn aggregate_report(letter: LetterRef<'_>, origin: &Origin<'_>) -> Option<NotABounce> {
    let fields = letter.fields();
    let report_type = letter.content_type_parameter("report-type");
    if fields.has("TLS-Report-Domain")
        || fields.has("TLS-Report-Submitter")
        || report_type.as_deref() == Some("tlsrpt")
    {
        return Some(NotABounce::TlsReport);
    }
    let mut archive = false;
    for part in letter.parts() {
        let kind = part.content_type();
        if kind.starts_with("application/tlsrpt") {
            return Some(NotABounce::TlsReport);
        }
        let name =
            part.header("Content-Disposition").or_else(|| part.header("Content-Type")).unwrap_or_default();
        archive |= ["gzip", "zip", "xml", "octet-stream"].iter().any(|word| kind.ends_with(word))
            // `receiver!domain!begin!end.xml.gz` (RFC 7489 §7.2.1.1)
            || name.matches('!').count() >= 2;
    }
    let subject = origin.subject.to_ascii_lowercase();
    let names_report = subject.contains("report domain:")
        || subject.contains("report-id:")
        || subject.contains("dmarc aggregate");
    (archive
        && (names_report && subject.contains("submitter:")
            || subject.contains("dmarc")
            || subject.contains("report domain:")))
    .then_some(NotABounce::DmarcReport)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::letter::Letter;

    fn kind(mail: &str) -> Option<NotABounce> {
        let letter = Letter::parse(mail.as_bytes()).unwrap();
        aggregate_report(letter.view(), &Origin::of(letter.view()))
    }

    #[test]
    fn aggregate_reports_are_known_by_their_form() {
        let mail = "From: noreply@isp.example\nSubject: Report Domain: us.example Submitter: isp.example Report-ID: 1\n\
            Content-Type: application/gzip; name=isp!us!1!2.xml.gz\nContent-Transfer-Encoding: base64\n\nH4sI\n";
        assert_eq!(kind(mail), Some(NotABounce::DmarcReport));
        let mail = "From: noreply@isp.example\nTLS-Report-Domain: us.example\nSubject: Report Domain: us.example\n\nx";
        assert_eq!(kind(mail), Some(NotABounce::TlsReport));
        assert_eq!(kind("From: a@b.example\nSubject: our dmarc meeting\n\nhi"), None);
    }
}
