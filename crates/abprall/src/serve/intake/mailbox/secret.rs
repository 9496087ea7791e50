//! Passwords and tokens, read anew at each login.

use std::io;
use std::path::Path;
use std::process::Stdio;

use abprall_wire::limits::SECRET_BYTES_MAX;
use tokio::io::AsyncReadExt;
use tokio::process::Command;
use tokio::time::timeout;

use super::Trouble;
use crate::serve::limits::TOKEN_COMMAND_MAX;
use crate::serve::settings::SecretPlace;

/// One line that nobody may read in a log: it cannot be shown.
pub(super) struct Secret(String);

impl Secret {
    pub(super) fn reveal(&self) -> &str {
        &self.0
    }

    fn parse(text: Vec<u8>, place: &str) -> Result<Self, Trouble> {
        let text = String::from_utf8(text).map_err(|_| Trouble(format!("{place} is no text")))?;
        let text = text.trim();
        if text.is_empty() || text.len() > SECRET_BYTES_MAX || text.chars().any(char::is_control) {
            return Err(Trouble(format!("{place} does not hold one line of 1 to {SECRET_BYTES_MAX} bytes")));
        }
        Ok(Self(text.to_owned()))
    }
}

pub(super) async fn read(place: &SecretPlace) -> Result<Secret, Trouble> {
    match place {
        SecretPlace::File(path) => read_file(path),
        SecretPlace::Variable(name) => match std::env::var_os(name) {
            Some(value) => Secret::parse(value.into_encoded_bytes(), &format!("the variable {name}")),
            None => Err(Trouble(format!("there is no variable {name} in the environment"))),
        },
        SecretPlace::Command(words) => run(words).await,
    }
}

fn read_file(path: &Path) -> Result<Secret, Trouble> {
    use io::Read;
    let mut text = Vec::new();
    let read = std::fs::File::open(path)
        .and_then(|file| file.take(SECRET_BYTES_MAX as u64 + 3).read_to_end(&mut text));
    match read {
        Ok(_) => Secret::parse(text, &path.display().to_string()),
        Err(error) => Err(Trouble(format!("cannot read {}: {error}", path.display()))),
    }
}

/// Its output is the token; what it says beside that is not shown, since it might hold one.
async fn run(words: &[String]) -> Result<Secret, Trouble> {
    let Some((program, arguments)) = words.split_first() else {
        return Err(Trouble("token_command is empty".to_owned()));
    };
    let cannot = |error: io::Error| Trouble(format!("cannot run {program}: {error}"));
    let mut child = Command::new(program)
        .args(arguments)
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .kill_on_drop(true)
        .spawn()
        .map_err(cannot)?;
    let mut text = Vec::new();
    let ended = timeout(TOKEN_COMMAND_MAX, async {
        if let Some(out) = child.stdout.take() {
            out.take(SECRET_BYTES_MAX as u64 + 3).read_to_end(&mut text).await?;
        }
        child.wait().await
    });
    let seconds = TOKEN_COMMAND_MAX.as_secs();
    let status = ended
        .await
        .map_err(|_| Trouble(format!("{program} does not end within {seconds} seconds")))?
        .map_err(cannot)?;
    if !status.success() {
        return Err(Trouble(format!("{program} gives no token: {status}")));
    }
    Secret::parse(text, &format!("what {program} says"))
}
