use xxhash_rust::xxh3::xxh3_64_with_seed;

/// Bits of a fingerprint. A stranger's is in a set of 100 million with a chance of 9 in 10^11 (10^8 / 2^60).
pub(super) const BITS: u32 = 60;

/// What stands for a suppression key, or a domain, in the index.
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub struct Fingerprint(u64);

impl Fingerprint {
    pub(super) fn from_bits(bits: u64) -> Self {
        Self(bits & ((1 << BITS) - 1))
    }

    /// Of a 64-bit hash of the text with the installation's seed.
    pub(crate) fn from_hash(hash: u64) -> Self {
        Self(hash >> (64 - BITS))
    }

    pub(super) fn bits(self) -> u64 {
        self.0
    }
}

/// Makes fingerprints with the seed of an installation, so that collisions cannot be prepared by strangers.
#[derive(Clone, Copy, Debug)]
pub struct Fingerprints {
    seed: u64,
}

impl Fingerprints {
    /// With this installation's seed.
    pub fn new(seed: u64) -> Self {
        Self { seed }
    }

    /// The fingerprint of a text.
    pub fn of(self, text: &str) -> Fingerprint {
        Fingerprint::from_hash(xxh3_64_with_seed(text.as_bytes(), self.seed))
    }
}
