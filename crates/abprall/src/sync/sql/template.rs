use std::fmt;

/// A value that a statement may name.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
pub(crate) enum Parameter {
    Email,
    Domain,
    State,
    Reason,
    Scope,
    Since,
    Until,
    Tenant,
    List,
    Decision,
    Outcome,
    Rule,
}

impl Parameter {
    const ALL: [(&'static str, Self); 12] = [
        ("email", Self::Email),
        ("domain", Self::Domain),
        ("state", Self::State),
        ("reason", Self::Reason),
        ("scope", Self::Scope),
        ("since", Self::Since),
        ("until", Self::Until),
        ("tenant", Self::Tenant),
        ("list", Self::List),
        ("decision", Self::Decision),
        ("outcome", Self::Outcome),
        ("rule", Self::Rule),
    ];
}

/// How a database writes the place of a value.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Placeholders {
    /// `$1`: the same value has the same number.
    Dollar,
    /// `?`: one for each place.
    Question,
}

/// A statement with the places of its values. The values themselves never become text of it.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) struct Template {
    /// As the database wants it.
    pub(crate) sql: String,
    /// The values, in the order of their places.
    pub(crate) parameters: Vec<Parameter>,
}

/// A name that nothing is known by.
#[derive(Debug, Eq, PartialEq)]
pub(crate) struct UnknownParameter(String);

impl fmt::Display for UnknownParameter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let known: Vec<_> = Parameter::ALL.iter().map(|(name, _)| format!(":{name}")).collect();
        write!(f, "there is no value :{}; here are: {}", self.0, known.join(", "))
    }
}

impl Template {
    /// Reads a statement with `:names`. What stands in quotes or comments, and PostgreSQL's `::`, is left as it is.
    pub(crate) fn parse(text: &str, placeholders: Placeholders) -> Result<Self, UnknownParameter> {
        let mut template = Self { sql: String::with_capacity(text.len()), parameters: Vec::new() };
        let mut rest = text;
        while !rest.is_empty() {
            let skipped = quoted(rest);
            if skipped > 0 {
                template.sql.push_str(&rest[..skipped]);
                rest = &rest[skipped..];
                continue;
            }
            if let Some(after) = rest.strip_prefix(':') {
                let is_name = |c: char| c.is_ascii_alphanumeric() || c == '_';
                let end = after.find(|c| !is_name(c)).unwrap_or(after.len());
                if after.starts_with(|c: char| c.is_ascii_alphabetic()) {
                    template.put(&after[..end], placeholders)?;
                    rest = &after[end..];
                    continue;
                }
                // `::`, `:=`
                let colons = if after.starts_with(':') { 2 } else { 1 };
                template.sql.push_str(&rest[..colons]);
                rest = &rest[colons..];
                continue;
            }
            let next = rest.char_indices().nth(1).map_or(rest.len(), |(at, _)| at);
            template.sql.push_str(&rest[..next]);
            rest = &rest[next..];
        }
        Ok(template)
    }

    fn put(&mut self, name: &str, placeholders: Placeholders) -> Result<(), UnknownParameter> {
        let known = Parameter::ALL.iter().find(|(known, _)| *known == name);
        let Some((_, parameter)) = known else { return Err(UnknownParameter(name.to_owned())) };
        match placeholders {
            Placeholders::Question => {
                self.sql.push('?');
                self.parameters.push(*parameter);
            }
            Placeholders::Dollar => {
                let place = self.parameters.iter().position(|other| other == parameter);
                let place = place.unwrap_or_else(|| {
                    self.parameters.push(*parameter);
                    self.parameters.len() - 1
                });
                self.sql += &format!("${}", place + 1);
            }
        }
        Ok(())
    }
}

/// How many bytes at the beginning are a text in quotes or a comment.
fn quoted(text: &str) -> usize {
    let until =
        |end: &str, from: usize| text[from..].find(end).map_or(text.len(), |at| from + at + end.len());
    match text.as_bytes() {
        [b'\'', ..] => until("'", 1),
        [b'"', ..] => until("\"", 1),
        [b'`', ..] => until("`", 1),
        [b'-', b'-', ..] => until("\n", 2),
        [b'/', b'*', ..] => until("*/", 2),
        _ => 0,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_become_places_and_nothing_else_does() {
        let text = "UPDATE a SET b = ':email', \"x:list\" = :reason::text, c = :since -- :no\n/* :no */ WHERE e = lower(:email) AND f <> :email";
        let dollar = Template::parse(text, Placeholders::Dollar).unwrap();
        assert_eq!(
            dollar.sql,
            "UPDATE a SET b = ':email', \"x:list\" = $1::text, c = $2 -- :no\n/* :no */ WHERE e = lower($3) AND f <> $3"
        );
        assert_eq!(dollar.parameters, [Parameter::Reason, Parameter::Since, Parameter::Email]);
        let question = Template::parse("SET @a := :email; :email", Placeholders::Question).unwrap();
        assert_eq!(question.sql, "SET @a := ?; ?");
        assert_eq!(question.parameters, [Parameter::Email, Parameter::Email]);
    }

    #[test]
    fn a_name_that_nothing_is_known_by_is_said() {
        let unknown = Template::parse("WHERE a = :mail", Placeholders::Question).unwrap_err();
        assert!(unknown.to_string().starts_with("there is no value :mail; here are: :email"), "{unknown}");
    }
}
