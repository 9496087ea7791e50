use abprall_policy::{POLICY_VERSION, Policy};
use xxhash_rust::xxh3::xxh3_64;

/// The last policy with its fingerprint: the next batch comes with the same one.
pub(crate) type PolicyCache = Option<(Policy, i64)>;

/// The fingerprint of a policy and, where it is not the one in the cache, the text that is stored with it.
pub(crate) fn fingerprint(cache: &mut PolicyCache, policy: &Policy) -> (i64, Option<String>) {
    if let Some((known, fingerprint)) = cache
        && known == policy
    {
        return (*fingerprint, None);
    }
    let text = format!("rules {POLICY_VERSION}\n{policy:#?}");
    let fingerprint = xxh3_64(text.as_bytes()).cast_signed();
    *cache = Some((policy.clone(), fingerprint));
    (fingerprint, Some(text))
}

/// As people see it: 16 hexadecimal digits.
pub(crate) fn shown(fingerprint: i64) -> String {
    format!("{:016x}", fingerprint.cast_unsigned())
}

/// Back from [`shown`].
pub(crate) fn read(text: &str) -> Option<i64> {
    u64::from_str_radix(text, 16).ok().map(u64::cast_signed)
}
