//! What is said elsewhere than in `abprall.toml`: the environment, then the command line, in rising precedence.

use std::path::Path;

use abprall_policy::settings::Override;
use abprall_store::StorePlace;

use super::BadSettings;

/// Keys of the top that the environment may say. Those in tables are known by their `__`: `ABPRALL_GATE__HELD` is `gate.held`.
const TOP: [&str; 6] = ["store", "index", "policy", "rules", "tenant", "list"];

/// `--set KEY=VALUE`, of every command that reads the settings.
#[derive(clap::Args, Clone, Debug, Default)]
pub(crate) struct SetOptions {
    /// A key of abprall.toml with another value, such as `gate.held=defer`; lists with commas between. Wins over the environment and
    /// the file. May be repeated.
    #[arg(long = "set", value_name = "KEY=VALUE")]
    set: Vec<String>,
}

impl SetOptions {
    /// The environment, and what is set here.
    ///
    /// # Errors
    /// Where something is not `KEY=VALUE`.
    pub(crate) fn overrides(&self) -> Result<Vec<Override>, BadSettings> {
        let mut overrides: Vec<_> =
            std::env::vars().filter_map(|(name, value)| of_variable(&name, &value)).collect();
        // Their order in the environment is nobody's choice.
        overrides.sort_by(|a, b| a.key.cmp(&b.key));
        for text in &self.set {
            let Some((key, value)) = text.split_once('=') else {
                return Err(BadSettings(format!(
                    "--set {text}: write it as KEY=VALUE, such as gate.held=defer"
                )));
            };
            let key = key.trim().to_owned();
            overrides.push(Override { source: format!("--set {key}"), value: whole_path(&key, value), key });
        }
        Ok(overrides)
    }
}

fn of_variable(name: &str, value: &str) -> Option<Override> {
    let rest = name.strip_prefix("ABPRALL_").filter(|_| !value.is_empty())?;
    let key = rest.to_ascii_lowercase().replace("__", ".");
    (rest.contains("__") || TOP.contains(&&*key)).then(|| Override {
        value: whole_path(&key, value),
        key,
        source: name.to_owned(),
    })
}

/// A path that is not from the file begins where the program was called, not at the folder of the file.
fn whole_path(key: &str, value: &str) -> String {
    let whole = |path: &str| match std::path::absolute(Path::new(path)) {
        Ok(path) => path.display().to_string(),
        Err(_) => path.to_owned(),
    };
    match key {
        "store" => match StorePlace::of(value) {
            StorePlace::File(_) => whole(value),
            StorePlace::Postgres(_) => value.to_owned(),
        },
        "index" | "policy" => whole(value),
        "rules" => value.split(',').map(|path| whole(path.trim())).collect::<Vec<_>>().join(","),
        _ => value.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_variable_names_a_key_by_double_underscores() {
        let key = |name: &str| of_variable(name, "x").map(|one| one.key);
        assert_eq!(key("ABPRALL_GATE__ON_FAILURE").as_deref(), Some("gate.on_failure"));
        assert_eq!(key("ABPRALL_TENANT").as_deref(), Some("tenant"));
        assert_eq!(key("ABPRALL_CONFIG"), None);
        assert_eq!(key("PATH"), None);
    }
}
