//! Stub.
/// Stub.
#[derive(Default)]
pub struct Politeness;
