//! The connections of those who ask.

use std::sync::Arc;

use abprall_wire::limits::{GATE_IDLE_MAX, GATE_REQUEST_MAX};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::time::timeout;

use super::milter::Milter;
use super::postfix::{Policy, Socketmap, TcpTable};
use super::{Gate, Question};
use crate::serve::limits::READ_BYTES;
use crate::serve::listen::{Connection, Socket};
use crate::serve::stop::Stop;

/// Answers at a socket until the server is to end.
pub(in crate::serve) async fn serve(
    socket: Socket,
    question: Question,
    gate: Arc<Gate>,
    mut stop: Stop,
) -> anyhow::Result<()> {
    while let Some(connection) = socket.accept(&mut stop).await {
        let (gate, stop) = (Arc::clone(&gate), stop.clone());
        tokio::spawn(async move {
            // A client that breaks off, or speaks something else, asks anew on another connection.
            let _ = match question {
                Question::Policy => answer(connection, Policy::default(), &gate, stop).await,
                Question::Socketmap => answer(connection, Socketmap::default(), &gate, stop).await,
                Question::TcpTable => answer(connection, TcpTable::default(), &gate, stop).await,
                Question::Milter => answer(connection, Milter::default(), &gate, stop).await,
            };
        });
    }
    Ok(())
}

/// A protocol of strictly request and reply.
pub(super) trait Dialogue: Send {
    /// Takes bytes; where a request is whole, writes its answer. Gives how many bytes were taken.
    fn answer(&mut self, bytes: &[u8], gate: &Gate, out: &mut Vec<u8>) -> Result<usize, Over>;

    fn is_amid_a_request(&self) -> bool;
}

/// The client leaves, or says what is not to be understood: the connection is of no use any more.
pub(super) struct Over;

async fn answer(
    mut connection: Connection,
    mut dialogue: impl Dialogue,
    gate: &Gate,
    mut stop: Stop,
) -> std::io::Result<()> {
    let mut buffer = vec![0; READ_BYTES];
    let mut out = Vec::new();
    loop {
        let patience = if dialogue.is_amid_a_request() { GATE_REQUEST_MAX } else { GATE_IDLE_MAX };
        let read = tokio::select! {
            read = timeout(patience, connection.stream.read(&mut buffer)) => read,
            () = stop.wanted() => return Ok(()),
        };
        let Ok(count) = read else { return Ok(()) };
        let mut bytes = &buffer[..count?];
        if bytes.is_empty() {
            return Ok(());
        }
        let mut goes_on = true;
        while !bytes.is_empty() && goes_on {
            match dialogue.answer(bytes, gate, &mut out) {
                Ok(taken) => bytes = &bytes[taken..],
                Err(Over) => goes_on = false,
            }
        }
        timeout(GATE_REQUEST_MAX, connection.stream.write_all(&out)).await??;
        out.clear();
        if !goes_on {
            return Ok(());
        }
    }
}
