//! Looks at the network. Nothing is concluded here.

mod concurrently;
pub mod delegation;
pub mod dns;
pub mod exchangers;
pub mod log;
mod lookups;
pub mod system_resolver;

pub use lookups::{Lookups, Seen};
