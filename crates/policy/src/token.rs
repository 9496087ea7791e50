//! A signed return path: `bounces+TOKEN@example.org`. A report that comes back to it is about a message that we sent, to the
//! recipient that the token names; nobody can make one for somebody else.

use std::fmt;

use abprall_mail::EmailAddress;
use aws_lc_rs::hmac;

use crate::Day;

/// Longest local part that every MTA takes, in bytes (RFC 5321 §4.5.3.1.1).
const LOCAL_PART_BYTES_MAX: usize = 64;

/// Bytes of the signature that are kept: 80 bits, too many to be guessed over SMTP.
const SIGNATURE_BYTES: usize = 10;

/// Letters that survive MTAs which change case (RFC 4648 §6, in lower case).
const BASE32: &[u8; 32] = b"abcdefghijklmnopqrstuvwxyz234567";

/// Days after which the day number begins anew: 15 bits.
const DAYS_MODULUS: i64 = 1 << 15;

/// A secret key. The secret is never printed.
#[derive(Clone)]
pub struct TokenKey {
    id: char,
    key: hmac::Key,
}

impl TokenKey {
    /// A key by its letter (`a`–`z`, `2`–`7`) and its secret of at least 16 bytes.
    ///
    /// # Errors
    /// Where the letter or the length is not allowed.
    pub fn new(id: char, secret: &[u8]) -> Result<Self, TokenKeyError> {
        if !id.is_ascii() || !BASE32.contains(&(id as u8)) {
            return Err(TokenKeyError::BadId(id));
        }
        if secret.len() < 16 {
            return Err(TokenKeyError::TooShort);
        }
        Ok(Self { id, key: hmac::Key::new(hmac::HMAC_SHA256, secret) })
    }

    fn sign(&self, signed: &str) -> String {
        base32(&hmac::sign(&self.key, signed.as_bytes()).as_ref()[..SIGNATURE_BYTES])
    }
}

impl fmt::Debug for TokenKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "TokenKey({}, …)", self.id)
    }
}

/// Why a key is not taken.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
pub enum TokenKeyError {
    /// Not a letter of the alphabet of tokens.
    #[error("a key is named by one of the letters a to z and 2 to 7, not by {0:?}")]
    BadId(char),
    /// Too short to be a secret.
    #[error("a secret has at least 16 bytes; `openssl rand -hex 32` makes one")]
    TooShort,
}

/// The keys: the first signs, all are accepted. A new key goes to the front; the old one leaves when its mail has come back.
#[derive(Clone, Debug)]
pub struct KeyRing(Vec<TokenKey>);

/// What a token says, now that it is believed.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct TokenClaims {
    /// What stands before the `+`.
    pub prefix: String,
    /// Whom the message was sent to.
    pub recipient: TokenRecipient,
    /// How many days ago it was made.
    pub age_days: i64,
}

/// Whom the message was sent to.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum TokenRecipient {
    /// The address, as far as an MTA has not changed its case.
    Address(EmailAddress),
    /// An address that is too long or too odd to stand in a local part: the first 80 bits of its keyed hash, in base 32.
    Hash(String),
}

/// Why a token is not believed.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
pub enum TokenError {
    /// There is none in the local part.
    #[error("there is no token in this address")]
    None,
    /// The key is not in the ring.
    #[error("the token was made with key {0:?}, which is not in the key ring (any more)")]
    UnknownKey(char),
    /// The signature is wrong: forged, or damaged on its way.
    #[error("the token's signature is wrong: the address was made up, or changed on its way")]
    Forged,
    /// Too old.
    #[error("the token is {0} days old")]
    Expired(i64),
}

impl KeyRing {
    /// A ring of keys; `None` where there is none.
    pub fn new(keys: Vec<TokenKey>) -> Option<Self> {
        (!keys.is_empty()).then_some(Self(keys))
    }

    /// The local part for a message to `recipient`: `prefix+kdddssssssssssssssss-anna=example.com`, at most 64 bytes as long as
    /// the prefix has at most 25.
    pub fn make(&self, prefix: &str, recipient: &EmailAddress, day: Day) -> String {
        let key = &self.0[0];
        let day = base32_number(day.0.rem_euclid(DAYS_MODULUS));
        let plain = format!("{}={}", recipient.local_part(), recipient.domain_part()).to_ascii_lowercase();
        let fits = prefix.len() + 1 + 4 + 16 + 1 + plain.len() <= LOCAL_PART_BYTES_MAX;
        let name = if fits && is_dot_atom(&plain) { plain } else { format!("={}", hash(key, recipient)) };
        let signature = key.sign(&signed(prefix, &day, &name));
        format!("{prefix}+{}{day}{signature}-{name}", key.id)
    }

    /// What a local part says.
    ///
    /// # Errors
    /// Where there is no token in it, or none that can be believed.
    pub fn check(&self, local_part: &str, today: Day, days_max: i64) -> Result<TokenClaims, TokenError> {
        let (prefix, token) = local_part.split_once('+').ok_or(TokenError::None)?;
        let token = token.to_ascii_lowercase();
        let (head, name) = token.split_once('-').ok_or(TokenError::None)?;
        if head.len() != 20 || !head.bytes().all(|byte| BASE32.contains(&byte)) {
            return Err(TokenError::None);
        }
        let id = char::from(head.as_bytes()[0]);
        let (day, signature) = (&head[1..4], &head[4..]);
        let key = self.0.iter().find(|key| key.id == id).ok_or(TokenError::UnknownKey(id))?;
        let expected = key.sign(&signed(prefix, day, name));
        aws_lc_rs::constant_time::verify_slices_are_equal(expected.as_bytes(), signature.as_bytes())
            .map_err(|_| TokenError::Forged)?;
        let age_days = (today.0 - number_of(day)).rem_euclid(DAYS_MODULUS);
        // A clock that is a little ahead made a token of tomorrow.
        let age_days = if age_days == DAYS_MODULUS - 1 { 0 } else { age_days };
        if age_days > days_max {
            return Err(TokenError::Expired(age_days));
        }
        let recipient = match name.strip_prefix('=') {
            Some(hash) => TokenRecipient::Hash(hash.to_owned()),
            None => {
                let (local, domain) = name.rsplit_once('=').ok_or(TokenError::Forged)?;
                TokenRecipient::Address(
                    EmailAddress::parse(&format!("{local}@{domain}")).map_err(|_| TokenError::Forged)?,
                )
            }
        };
        Ok(TokenClaims { prefix: prefix.to_owned(), recipient, age_days })
    }

    /// Whether a hash in a token is that of this address.
    pub fn is_hash_of(&self, hash_in_token: &str, address: &EmailAddress) -> bool {
        self.0.iter().any(|key| hash(key, address) == hash_in_token)
    }
}

/// MTAs may change the case of a local part: only what is the same in lower case is signed.
fn signed(prefix: &str, day: &str, name: &str) -> String {
    format!("abprall return path 1\0{}\0{day}\0{name}", prefix.to_ascii_lowercase())
}

fn hash(key: &TokenKey, address: &EmailAddress) -> String {
    key.sign(&format!("abprall recipient 1\0{}", address.suppression_key().as_str()))
}

/// Letters that need no quoting and that no MTA takes apart; a second `+` would be one.
fn is_dot_atom(text: &str) -> bool {
    !text.starts_with('.')
        && !text.contains("..")
        && !text.starts_with('=')
        && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"._-=+".contains(&byte))
}

fn base32(bytes: &[u8]) -> String {
    let mut text = String::with_capacity(bytes.len() * 8 / 5 + 1);
    let (mut buffer, mut bits) = (0_u32, 0);
    for byte in bytes {
        buffer = (buffer << 8) | u32::from(*byte);
        bits += 8;
        while bits >= 5 {
            bits -= 5;
            text.push(char::from(BASE32[(buffer >> bits) as usize & 31]));
        }
    }
    text
}

fn base32_number(number: i64) -> String {
    [10, 5, 0].map(|shift| char::from(BASE32[(number >> shift) as usize & 31])).iter().collect()
}

fn number_of(text: &str) -> i64 {
    let value = |byte: u8| BASE32.iter().position(|letter| *letter == byte).map_or(0, |place| place as i64);
    text.bytes().fold(0, |number, byte| number * 32 + value(byte))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn ring(ids: &str) -> KeyRing {
        let key = |id: char| TokenKey::new(id, format!("the secret of key {id}").as_bytes()).unwrap();
        KeyRing::new(ids.chars().map(key).collect()).unwrap()
    }

    fn address(text: &str) -> EmailAddress {
        EmailAddress::parse(text).unwrap()
    }

    #[test]
    fn a_token_comes_back_as_it_was_made_even_in_upper_case() {
        let ring = ring("a");
        let local = ring.make("bounces", &address("anna+news@example.com"), Day(20_000));
        assert!(local.len() <= 64, "{local}");
        for local in [local.clone(), local.to_ascii_uppercase()] {
            let claims = ring.check(&local, Day(20_007), 30).unwrap();
            assert_eq!(claims.recipient, TokenRecipient::Address(address("anna+news@example.com")));
            assert_eq!(claims.age_days, 7);
        }
    }

    #[test]
    fn a_long_or_odd_address_stands_as_its_hash() {
        let ring = ring("a");
        for text in [
            "a.very.long.name.that.does.not.fit.into.it@subdomain.of.a.long.example.com",
            "\"odd one\"@example.com",
        ] {
            let local = ring.make("bounces", &address(text), Day(20_000));
            assert!(local.len() <= 64, "{local}");
            let TokenRecipient::Hash(hash) = ring.check(&local, Day(20_000), 30).unwrap().recipient else {
                panic!("{local}")
            };
            assert!(ring.is_hash_of(&hash, &address(text)));
            assert!(!ring.is_hash_of(&hash, &address("other@example.com")));
        }
    }

    #[test]
    fn forged_old_and_foreign_tokens_are_told_apart() {
        let ours = ring("a");
        let local = ours.make("bounces", &address("anna@example.com"), Day(20_000));
        let forged = local.replace("anna=", "bert=");
        assert_eq!(ours.check(&forged, Day(20_000), 30), Err(TokenError::Forged));
        assert_eq!(ours.check(&local, Day(20_031), 30), Err(TokenError::Expired(31)));
        assert_eq!(ring("b").check(&local, Day(20_000), 30), Err(TokenError::UnknownKey('a')));
        for plain in ["bounces", "bounces+anna=example.com", "anna", "+", ""] {
            assert_eq!(ours.check(plain, Day(20_000), 30), Err(TokenError::None), "{plain}");
        }
    }

    #[test]
    fn after_a_rotation_both_keys_are_believed() {
        let local = ring("a").make("bounces", &address("anna@example.com"), Day(20_000));
        assert!(ring("ba").check(&local, Day(20_000), 30).is_ok());
    }

    proptest! {
        #[test]
        fn no_text_makes_the_check_panic(text in "\\PC{0,80}") {
            let _ = ring("a").check(&text, Day(20_000), 30);
        }

        #[test]
        fn any_change_of_a_token_is_seen(place in 0_usize..200, letter in "[a-z2-7=.]") {
            let ring = ring("a");
            let local = ring.make("bounces", &address("anna@example.com"), Day(20_000));
            let place = "bounces+".len() + place % (local.len() - "bounces+".len());
            let mut changed = local.clone();
            changed.replace_range(place..=place, &letter);
            prop_assume!(changed != local);
            prop_assert!(ring.check(&changed, Day(20_000), 30).is_err(), "{}", changed);
        }
    }
}
