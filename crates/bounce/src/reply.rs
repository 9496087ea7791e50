//! Stand-in until the reader of replies arrives.

use abprall_mail::{EnhancedStatus, ReplyCode};

use crate::Phase;

#[derive(Default)]
pub(crate) struct Reply {
    pub code: Option<ReplyCode>,
    pub status: Option<EnhancedStatus>,
    pub host: Option<String>,
    pub ip: Option<String>,
    pub phase: Option<Phase>,
}

pub(crate) fn parse(text: &str) -> Reply {
    let mut reply = Reply::default();
    for word in text.split([' ', '-', ':', '<', '(', ',', '#', '[', '\'']) {
        if reply.code.is_none() && word.len() == 3 && word.starts_with(['4', '5']) {
            reply.code = word.parse().ok();
        }
        if reply.status.is_none() {
            reply.status =
                EnhancedStatus::at_start_of(word.as_bytes()).map(|s| s.0).filter(|s| s.class().digit() != 2);
        }
    }
    reply
}
