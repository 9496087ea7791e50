/// Says what goes wrong meanwhile: in the log of the server where there is one, else to whoever called the command.
pub(crate) fn complain(text: &str) {
    if tracing::dispatcher::has_been_set() {
        tracing::warn!("{text}");
    } else {
        anstream::eprintln!("abprall: {text}");
    }
}
