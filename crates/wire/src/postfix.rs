//! How Postfix asks others: policy delegation, socketmap and tcp_table.
//!
//! All three are strictly request and reply on a connection that lives long. A reader takes requests out of bytes in any pieces, several
//! of them too; the owner answers each with the bytes of an answer type, in order. What a reader calls an error of the protocol cannot
//! be answered: the connection is to be closed, and Postfix asks again on a new one. When a connection may be closed for silence is said
//! in [`crate::limits`].
//!
//! [`Access`] and [`Route`] are the words that Postfix understands as results of tables: of access(5) and of transport(5).

mod access;
mod netstring;
mod policy;
mod route;
mod socketmap;
mod tcp_table;

pub use access::Access;
pub use policy::{PolicyAnswer, PolicyError, PolicyReader, PolicyRequest, ProtocolState};
pub use route::Route;
pub use socketmap::{SocketmapAnswer, SocketmapError, SocketmapQuery, SocketmapReader};
pub use tcp_table::{TcpTableAnswer, TcpTableError, TcpTableReader, TcpTableRequest};

#[cfg(test)]
mod tests;
