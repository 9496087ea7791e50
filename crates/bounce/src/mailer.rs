//! Which software wrote a report, by the marks that it leaves in header, boundary and fields.

use memchr::memmem;

use crate::Generator;
use crate::letter::LetterRef;
use crate::origin::Origin;

/// What [`generator_of`] knows besides the dialects.
pub(crate) const NAMES: &[&str] = &["office365", "outlook", "microsoft", "sendmail"];

/// The software that wrote the report; `None` when nothing tells.
pub(crate) fn generator_of(letter: LetterRef<'_>, origin: &Origin<'_>, seen: &Seen<'_>) -> Option<Generator> {
    let fields = letter.fields();
    let message_id = fields.get("Message-ID").unwrap_or_default();
    let boundary =
        fields.content_type().and_then(|ct| ct.parameter("boundary").map(str::to_owned)).unwrap_or_default();
    let received = fields.get("Received").unwrap_or_default();
    let host = seen.reporting_mta.unwrap_or_default();
    let from = origin.from.to_ascii_lowercase();
    let within = |domain: &str| host.ends_with(domain) || message_id.trim_end_matches('>').ends_with(domain);
    let name = if seen.diagnostic_type == Some("x-postfix") {
        "postfix"
    } else if let Some(author) = seen.author.filter(|author| *author != "exchange") {
        author
    } else if boundary.contains("eximdsn") || fields.has("X-Failed-Recipients") && is_exim_id(&message_id) {
        "exim"
    } else if within("mx.google.com")
        || host == "googlemail.com"
        || from.contains("mailer-daemon@googlemail.com")
    {
        "gmail"
    } else if host.ends_with("outlook.com")
        || host.ends_with(".prod.protection.outlook.com")
        || within(".outlook.com")
    {
        "office365"
    } else if within("amazonses.com") {
        "amazonses"
    } else if boundary.starts_with("=_courier") || message_id.starts_with("<courier.") {
        "courier"
    } else if from.starts_with("mailer daemon <") && memmem::find(fields.block(), b"(OpenSMTPD)").is_some() {
        "opensmtpd"
    } else if fields.has("X-DSNContext") || boundary.contains("B5ADSN=_") {
        // The SMTP service of Windows, which also was Hotmail's.
        if host.contains("hotmail.") || host.contains("outlook.") { "outlook" } else { "exchange" }
    } else if boundary.len() == 45 && boundary.starts_with("boundary_") {
        "haraka"
    } else if boundary.starts_with("Boundary_(ID_") {
        "messagingserver"
    } else if seen.diagnostic_type == Some("x-notes")
        || fields.get("X-Mailer").is_some_and(|m| m.contains("Domino") || m.contains("Notes"))
    {
        "domino"
    } else if fields.has("X-PowerMTA-BounceCategory")
        || boundary.starts_with("report") && message_id.contains("pmta")
    {
        "powermta"
    } else if from.contains("barracuda") {
        "barracuda"
    } else if within("mimecast.com") || within("mimecast.lan") {
        "mimecast"
    } else if seen.author == Some("exchange")
        || fields.has("X-MS-Exchange-Message-Is-Ndr")
        || from.contains("microsoftexchange")
        || fields.has("X-MS-Exchange-Organization-SCL")
    {
        "exchange"
    } else if is_sendmail(&boundary, &received, &message_id) {
        "sendmail"
    } else if within("yahoo.com") || from.contains("mailer-daemon@yahoo.") {
        "yahoo"
    } else if from.contains("@corp.mail.ru") || from.contains("@mail.ru") {
        "mailru"
    } else if within("zoho.com") {
        "zoho"
    } else if received.contains("(Postfix)")
        && (received.trim_start().starts_with("by ") || boundary.contains('/'))
    {
        "postfix"
    } else {
        return None;
    };
    let generator = Generator::named(name);
    debug_assert!(generator.is_some(), "{name} is missing in NAMES");
    generator
}

/// What the delivery-status part shows of its author.
#[derive(Default)]
pub(crate) struct Seen<'a> {
    pub reporting_mta: Option<&'a str>,
    pub diagnostic_type: Option<&'a str>,
    /// Known by its own fields.
    pub author: Option<&'static str>,
}

/// `<E1xVd3Z-00008W-2Y@host>`: an Exim queue id behind an E.
fn is_exim_id(message_id: &str) -> bool {
    let Some(id) = message_id.trim_start_matches('<').strip_prefix('E') else { return false };
    let local = id.split('@').next().unwrap_or_default();
    local.split('-').count() == 3 && local.len() >= 16
}

/// `s7Q1a2b3012345.1408012345/host` as boundary, or the mark `(8.14.4/8.14.4)` of its Received lines.
fn is_sendmail(boundary: &str, received: &str, message_id: &str) -> bool {
    let by_boundary = boundary.split_once('/').is_some_and(|(queue, _)| {
        queue.split_once('.').is_some_and(|(id, time)| {
            (8..=16).contains(&id.len())
                && id.bytes().all(|b| b.is_ascii_alphanumeric())
                && (9..=10).contains(&time.len())
                && time.bytes().all(|b| b.is_ascii_digit())
                && message_id.contains(id)
        })
    });
    by_boundary || received.contains("(8.") && received.contains("/8.") && received.contains("localhost")
}
