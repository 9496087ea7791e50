//! PostgreSQL: one connection that comes back by itself, and what is different there from SQLite.
//!
//! **Writers wait for each other.** A plan is made of what it has read, and numbers its rows itself: two of them at once would not see
//! each other. Each write therefore begins with one advisory lock of the schema, which ends with the transaction. So nothing can
//! deadlock, no count is lost, and a batch is decided in the light of all before it, as on SQLite; batches keep it fast, since the lock
//! is held for a handful of calls to the server. Readers wait for nobody.
//!
//! **Nothing is done twice after a lost connection.** Each write knows the number of its transaction. If the connection is lost at the
//! commit, the server is asked afterwards what became of that number: stored means done, and only what was surely not stored is repeated.

mod encryption;
mod inspect;
mod migrate;
mod open;
mod place;
mod session;
mod wire;

pub(crate) use inspect::inspect;
pub use place::{PostgresError, PostgresPlace};
pub(crate) use session::Session;
