use serde::{Deserialize, Serialize};

/// What keeps erased people stopped: with it, an address can be recognised; without it, nothing can be said about whom the
/// hashes stand for.
///
/// Needed where the database moves, or where stops of erased people are taken over by another installation: that one must be
/// empty, for its own hashes would not fit.
#[derive(Clone, Eq, PartialEq, Serialize, Deserialize)]
pub struct ErasureKey {
    /// The seed of the address hashes, 16 hexadecimal digits.
    pub seed: String,
    /// The secret of the keyed hashes (HMAC-SHA-256), 64 hexadecimal digits.
    pub secret: String,
}

impl std::fmt::Debug for ErasureKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("ErasureKey(…)")
    }
}

/// What an erasure did.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq, Serialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Erased {
    /// The address was known.
    pub known: bool,
    /// It is stopped, and stays so.
    pub stopped: bool,
    /// Reports whose texts were emptied.
    pub reports: u64,
}
