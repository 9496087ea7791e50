//! The ways that bounces come in. None acknowledges before it is on the disk.

pub(super) mod log;
pub(super) mod mail;
pub(super) mod mailbox;
pub(super) mod sns;
pub(super) mod webhook;
