use std::borrow::Cow;

use serde_json::Value;

use super::limits::COLUMNS_MAX;

/// The names of columns or keys, as they are compared: small letters and digits only, so that `Email Address`, `email_address`
/// and `EmailAddress` are one.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Keys(Vec<String>);

impl Keys {
    pub(crate) fn new<T: AsRef<str>>(names: impl IntoIterator<Item = T>) -> Self {
        Self(names.into_iter().take(COLUMNS_MAX).map(|name| key(name.as_ref())).collect())
    }

    pub(crate) fn place(&self, key: &str) -> Option<usize> {
        self.0.iter().position(|known| known == key)
    }
}

/// A name in the form in which names are compared.
pub(crate) fn key(name: &str) -> String {
    name.chars().filter(|c| c.is_alphanumeric()).flat_map(char::to_lowercase).collect()
}

/// One entry of a list: names and values.
pub(crate) struct Row<'a> {
    keys: Cow<'a, Keys>,
    values: Vec<Cow<'a, str>>,
}

impl<'a> Row<'a> {
    pub(crate) fn new(keys: &'a Keys, values: Vec<Cow<'a, str>>) -> Self {
        Self { keys: Cow::Borrowed(keys), values }
    }

    /// The members of an object; those of objects in it under both names together, those of objects in arrays as if they were its own.
    pub(crate) fn of_json(value: &Value) -> Row<'static> {
        let (mut keys, mut values) = (Vec::new(), Vec::new());
        flatten(value, "", &mut keys, &mut values);
        Row { keys: Cow::Owned(Keys(keys)), values }
    }

    pub(crate) fn keys(&self) -> &Keys {
        &self.keys
    }

    /// The value under a name; `None` when it is not there or empty.
    pub(crate) fn value(&self, key: &str) -> Option<&str> {
        let places = self.keys.0.iter().zip(&self.values);
        let mut found = places.filter(|(known, _)| *known == key).map(|(_, value)| value.trim());
        found.find(|value| !value.is_empty())
    }

    /// The first of these that has a value.
    pub(crate) fn first(&self, keys: &[&str]) -> Option<&str> {
        keys.iter().find_map(|key| self.value(key))
    }

    pub(crate) fn has(&self, key: &str) -> bool {
        self.keys.place(key).is_some()
    }

    pub(crate) fn values(&self) -> impl Iterator<Item = &str> {
        self.values.iter().map(AsRef::as_ref)
    }
}

fn flatten(value: &Value, under: &str, keys: &mut Vec<String>, values: &mut Vec<Cow<'static, str>>) {
    let Value::Object(members) = value else { return };
    for (name, member) in members {
        if keys.len() >= COLUMNS_MAX {
            return;
        }
        let name = format!("{under}{}", key(name));
        match member {
            Value::Object(_) => flatten(member, &name, keys, values),
            Value::Array(items) => {
                // An empty one still tells whose format it is.
                keys.push(name);
                values.push(Cow::Borrowed(""));
                items.iter().for_each(|item| flatten(item, under, keys, values));
            }
            Value::Null => {
                keys.push(name);
                values.push(Cow::Borrowed(""));
            }
            Value::String(text) => {
                keys.push(name);
                values.push(Cow::Owned(text.clone()));
            }
            Value::Bool(_) | Value::Number(_) => {
                keys.push(name);
                values.push(Cow::Owned(member.to_string()));
            }
        }
    }
}
