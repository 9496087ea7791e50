//! Mailgun: HMAC-SHA256 of timestamp and token, in the body itself. The token is to be remembered against replay.

use std::time::Duration;

use aws_lc_rs::hmac;
use jiff::Timestamp;
use serde_json::Value;

use super::{SignatureError, in_time, same, seconds};
use crate::webhook::form_fields;

/// Checks a body, JSON or form. The signature covers no more than its own fields: whoever has seen one post could send another body
/// with them, so that a token must be taken only once.
///
/// # Errors
/// When the fields are missing, the signature is another, or the time is out of the tolerance.
pub fn check(
    signing_key: &str,
    body: &[u8],
    now: Timestamp,
    tolerance: Option<Duration>,
) -> Result<(), SignatureError> {
    let Signed { timestamp, token, signature } = Signed::of(body)?;
    if signing_key.is_empty() {
        return Err(SignatureError::BadKey);
    }
    let key = hmac::Key::new(hmac::HMAC_SHA256, signing_key.as_bytes());
    let tag = hmac::sign(&key, format!("{timestamp}{token}").as_bytes());
    let expected: String = tag.as_ref().iter().map(|byte| format!("{byte:02x}")).collect();
    if !same(signature.to_ascii_lowercase().as_bytes(), expected.as_bytes()) {
        return Err(SignatureError::Wrong);
    }
    in_time(seconds(&timestamp, "signature.timestamp")?, now, tolerance)
}

struct Signed {
    timestamp: String,
    token: String,
    signature: String,
}

impl Signed {
    fn of(body: &[u8]) -> Result<Self, SignatureError> {
        let fields: Vec<(String, String)> = match serde_json::from_slice::<Value>(body) {
            Ok(event) => {
                let signature = event.get("signature").and_then(Value::as_object);
                let fields = signature.ok_or(SignatureError::Missing("signature"))?;
                fields.iter().filter_map(|(name, value)| Some((name.clone(), text(value)?))).collect()
            }
            Err(_) => form_fields(body),
        };
        let get = |name: &'static str| {
            let field = fields.iter().find(|(field, _)| field == name);
            field.map(|(_, value)| value.clone()).ok_or(SignatureError::Missing(name))
        };
        Ok(Self { timestamp: get("timestamp")?, token: get("token")?, signature: get("signature")? })
    }
}

fn text(value: &Value) -> Option<String> {
    match value {
        Value::String(text) => Some(text.clone()),
        Value::Number(number) => Some(number.to_string()),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::super::TOLERANCE;
    use super::*;

    fn signed(key: &str, timestamp: &str, token: &str) -> String {
        let tag = hmac::sign(
            &hmac::Key::new(hmac::HMAC_SHA256, key.as_bytes()),
            [timestamp.as_bytes(), token.as_bytes()].concat().as_ref(),
        );
        tag.as_ref().iter().map(|byte| format!("{byte:02x}")).collect()
    }

    #[test]
    fn what_the_key_signed_is_taken_in_json_and_in_forms() {
        let now = Timestamp::from_second(1_534_110_500).unwrap();
        let signature = signed("key", "1534110422", "abc");
        let json = format!(
            "{{\"signature\":{{\"timestamp\":\"1534110422\",\"token\":\"abc\",\"signature\":\"{signature}\"}},\"event-data\":{{}}}}"
        );
        assert_eq!(check("key", json.as_bytes(), now, Some(TOLERANCE)), Ok(()));
        assert_eq!(check("other", json.as_bytes(), now, Some(TOLERANCE)), Err(SignatureError::Wrong));
        let replayed = json.replace("abc", "abd");
        assert_eq!(check("key", replayed.as_bytes(), now, None), Err(SignatureError::Wrong));
        let later = Timestamp::from_second(1_534_120_000).unwrap();
        assert_eq!(check("key", json.as_bytes(), later, Some(TOLERANCE)), Err(SignatureError::OutOfTime));
        assert_eq!(check("key", json.as_bytes(), later, None), Ok(()));
        let form = format!("event=bounced&timestamp=1534110422&token=abc&signature={signature}");
        assert_eq!(check("key", form.as_bytes(), now, Some(TOLERANCE)), Ok(()));
        assert_eq!(check("key", b"{}", now, None), Err(SignatureError::Missing("signature")));
    }
}
