//! The ways that bounces come in. None acknowledges before it is on the disk.

pub(super) mod mail;
