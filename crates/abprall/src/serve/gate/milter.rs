//! How a filter of mail is asked, by Postfix, Sendmail and others: about each recipient, never about the message.

use abprall_store::Audience;
use abprall_wire::milter::{MilterAnswer, MilterEvent, MilterSession, Steps};
use abprall_wire::postfix::Access;

use super::Gate;
use super::dialogue::{Dialogue, Over};
use super::postfix::audience;

/// The macro by which a mail server says whose mail it is, as `policy_context` does. Postfix sends it where
/// `milter_macro_defaults` and `milter_rcpt_macros` name it.
const CONTEXT: &str = "{policy_context}";

pub(super) struct Milter {
    session: MilterSession,
    audience: Audience,
}

impl Default for Milter {
    fn default() -> Self {
        Self { session: MilterSession::new(Steps::Envelope), audience: Audience::default() }
    }
}

impl Dialogue for Milter {
    fn answer(&mut self, bytes: &[u8], gate: &Gate, out: &mut Vec<u8>) -> Result<usize, Over> {
        let (taken, event) = self.session.read(bytes, out);
        let answer = match event {
            None => return Ok(taken),
            // What the mail server does then is told there: milter_default_action.
            Some(Err(_)) | Some(Ok(MilterEvent::Quit)) => return Err(Over),
            Some(Ok(MilterEvent::Macros { values, .. })) => {
                if let Some((_, context)) = values.iter().find(|(name, _)| name == CONTEXT) {
                    self.audience = audience(context);
                }
                return Ok(taken);
            }
            Some(Ok(MilterEvent::Rcpt { recipient, .. })) => {
                answer_of(gate.access(&recipient, &self.audience))
            }
            Some(Ok(MilterEvent::NextClient)) => {
                self.audience = Audience::default();
                return Ok(taken);
            }
            Some(Ok(MilterEvent::Abort)) => return Ok(taken),
            Some(Ok(
                MilterEvent::Connect { .. }
                | MilterEvent::Helo { .. }
                | MilterEvent::Mail { .. }
                | MilterEvent::Data
                | MilterEvent::UnknownCommand(_)
                | MilterEvent::Header { .. }
                | MilterEvent::EndOfHeaders
                | MilterEvent::Body(_)
                | MilterEvent::EndOfMessage(_),
            )) => MilterAnswer::Continue,
        };
        self.session.answer(&answer, out).map_err(|_| Over)?;
        Ok(taken)
    }

    fn is_amid_a_request(&self) -> bool {
        self.session.is_amid_a_request()
    }
}

fn answer_of(access: Access) -> MilterAnswer {
    match access {
        Access::Refuse { status, text } => MilterAnswer::Refuse { status, text },
        Access::Later { status, text } | Access::LaterIfPermitted { status, text } => {
            MilterAnswer::Later { status, text }
        }
        Access::Dunno | Access::Prepend { .. } => MilterAnswer::Continue,
    }
}
