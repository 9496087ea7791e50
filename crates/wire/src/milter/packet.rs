use std::mem;

use super::MilterError;
use crate::limits::MILTER_PACKET_BYTES_MAX;

/// Takes packets out of bytes as they come, in any pieces. Holds at most one packet.
#[derive(Clone, Debug, Default)]
pub(super) struct PacketReader {
    head: Vec<u8>,
    body: Vec<u8>,
}

/// A command letter and its data.
pub(super) struct Packet {
    pub(super) command: u8,
    pub(super) data: Vec<u8>,
}

const HEAD: usize = 5;

impl PacketReader {
    pub(super) fn read(&mut self, bytes: &[u8]) -> (usize, Option<Result<Packet, MilterError>>) {
        let of_head = (HEAD - self.head.len()).min(bytes.len());
        self.head.extend_from_slice(&bytes[..of_head]);
        let &[a, b, c, d, command] = self.head.as_slice() else { return (of_head, None) };
        let length = match (u32::from_be_bytes([a, b, c, d]) as usize).checked_sub(1) {
            None => return (of_head, Some(Err(MilterError::EmptyPacket))),
            Some(length) if length > MILTER_PACKET_BYTES_MAX => {
                return (of_head, Some(Err(MilterError::PacketTooLong)));
            }
            Some(length) => length,
        };
        let of_body = (length - self.body.len()).min(bytes.len() - of_head);
        self.body.extend_from_slice(&bytes[of_head..of_head + of_body]);
        let taken = of_head + of_body;
        if self.body.len() < length {
            return (taken, None);
        }
        self.head.clear();
        (taken, Some(Ok(Packet { command, data: mem::take(&mut self.body) })))
    }

    pub(super) fn is_amid(&self) -> bool {
        !self.head.is_empty()
    }
}

/// Adds a packet.
pub(super) fn write(out: &mut Vec<u8>, command: u8, data: &[u8]) {
    let length = u32::try_from(data.len() + 1).expect("answers are shorter than four gigabytes");
    out.extend_from_slice(&length.to_be_bytes());
    out.push(command);
    out.extend_from_slice(data);
}
