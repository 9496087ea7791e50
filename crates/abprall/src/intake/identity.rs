//! When two things that came in are one: the same whether a file was given to a command or a server took it in.

use abprall_bounce::log::LogFormat;
use abprall_bounce::webhook::{Event, Provider};
use abprall_store::{Audience, ContentId};

/// Of a line of a log. It holds its time and queue id: it is the same line when the log has been rotated to another name, and whether
/// its format was told or seen.
pub(crate) fn of_log_line(format: LogFormat, line: &[u8]) -> ContentId {
    let family = match format {
        LogFormat::MailLog
        | LogFormat::PostfixLog
        | LogFormat::EximLog
        | LogFormat::SendmailLog
        | LogFormat::OpensmtpdLog => LogFormat::MailLog,
        LogFormat::PowermtaCsv | LogFormat::KumomtaJson => format,
    };
    ContentId::of_line(&family.to_string(), &String::from_utf8_lossy(line))
}

/// Of an event of a webhook: the provider's own id, or all of it where there is none.
pub(crate) fn of_event(provider: Provider, event: &Event) -> ContentId {
    match &event.id {
        Some(id) => of_event_id(provider, id),
        None => ContentId::of_line(&provider.to_string(), &format!("{:?}", event.report)),
    }
}

/// Of an event in our own format. Its id is the sender's: two tenants, or lists, may number alike.
pub(crate) fn of_own_event(event: &Event, audience: &Audience) -> ContentId {
    if *audience == Audience::default() {
        return of_event(Provider::Abprall, event);
    }
    let whose = format!("{} {:?} {:?}", Provider::Abprall, audience.tenant, audience.list);
    match &event.id {
        Some(id) => ContentId::of_line(&whose, id),
        None => ContentId::of_line(&whose, &format!("{:?}", event.report)),
    }
}

/// Of an event by its provider's id.
pub(crate) fn of_event_id(provider: Provider, id: &str) -> ContentId {
    ContentId::of_line(&provider.to_string(), id)
}
