//! How Postfix asks: policy delegation, socketmap, tcp_table.

use abprall_store::Audience;
use abprall_wire::postfix::{
    Access, PolicyAnswer, PolicyReader, ProtocolState, SocketmapAnswer, SocketmapReader, TcpTableAnswer,
    TcpTableReader, TcpTableRequest,
};

use super::Gate;
use super::dialogue::{Dialogue, Over};

#[derive(Default)]
pub(super) struct Policy(PolicyReader);

impl Dialogue for Policy {
    fn answer(&mut self, bytes: &[u8], gate: &Gate, out: &mut Vec<u8>) -> Result<usize, Over> {
        let (taken, request) = self.0.read(bytes);
        match request {
            None => {}
            Some(Err(_)) => return Err(Over),
            Some(Ok(request)) => {
                // At other states there is no single recipient, or it was asked for already.
                let access = match request.protocol_state {
                    ProtocolState::Rcpt => {
                        gate.access(&request.recipient, &audience(&request.policy_context))
                    }
                    _ => Access::Dunno,
                };
                PolicyAnswer(access).write(out);
            }
        }
        Ok(taken)
    }

    fn is_amid_a_request(&self) -> bool {
        self.0.is_amid_a_request()
    }
}

/// Whose mail it is, as main.cf says it: `policy_context=tenant/list`, `tenant`, `/list`, or nothing.
pub(super) fn audience(context: &str) -> Audience {
    let (tenant, list) = context.split_once('/').unwrap_or((context, ""));
    let named = |name: &str| (!name.is_empty()).then(|| name.to_owned());
    Audience { tenant: named(tenant), list: named(list) }
}

#[derive(Default)]
pub(super) struct Socketmap(SocketmapReader);

impl Dialogue for Socketmap {
    fn answer(&mut self, bytes: &[u8], gate: &Gate, out: &mut Vec<u8>) -> Result<usize, Over> {
        let (taken, query) = self.0.read(bytes);
        match query {
            None => {}
            Some(Err(_)) => return Err(Over),
            Some(Ok(query)) => {
                // "transport/tenant/list": main.cf has no other place to say whose mail it is.
                let (map, context) = query.map.split_once('/').unwrap_or((&query.map, ""));
                // Postfix looks for parts of an address as well; only a whole one can be stopped.
                let answer = match gate.access(&query.key, &audience(context)) {
                    Access::Dunno => SocketmapAnswer::NotFound,
                    access => found(map, &access).map_or(SocketmapAnswer::NotFound, SocketmapAnswer::Found),
                };
                answer.write(out);
            }
        }
        Ok(taken)
    }

    fn is_amid_a_request(&self) -> bool {
        self.0.is_amid_a_request()
    }
}

/// As access(5), or for a map named `transport` as transport(5): the error mailer.
fn found(map: &str, access: &Access) -> Option<String> {
    if map != "transport" {
        return Some(access.to_string());
    }
    match access {
        Access::Refuse { text, .. } => Some(format!("error:5.7.1 {text}")),
        Access::Later { text, .. } | Access::LaterIfPermitted { text, .. } => {
            Some(format!("retry:4.7.1 {text}"))
        }
        Access::Dunno | Access::Prepend { .. } => None,
    }
}

#[derive(Default)]
pub(super) struct TcpTable(TcpTableReader);

impl Dialogue for TcpTable {
    fn answer(&mut self, bytes: &[u8], gate: &Gate, out: &mut Vec<u8>) -> Result<usize, Over> {
        let (taken, request) = self.0.read(bytes);
        match request {
            None => {}
            Some(Err(error)) if error.may_be_answered() => {
                TcpTableAnswer::Temporary(error.to_string()).write(out);
            }
            Some(Err(_)) => return Err(Over),
            Some(Ok(TcpTableRequest::Put { .. })) => TcpTableAnswer::NotFound.write(out),
            Some(Ok(TcpTableRequest::Get { key })) => {
                let answer = match gate.access(&key, &Audience::default()) {
                    Access::Dunno => TcpTableAnswer::NotFound,
                    access => TcpTableAnswer::Found(access.to_string()),
                };
                answer.write(out);
            }
        }
        Ok(taken)
    }

    fn is_amid_a_request(&self) -> bool {
        self.0.is_amid_a_request()
    }
}
