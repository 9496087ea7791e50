//! The watch, in a thread of this process: what is due is looked at, whoever made it due.

use abprall_bounce::Classifier;
use abprall_policy::Policy;
use abprall_store::Store;
use anyhow::Context;

use super::keeper::Worker;
use super::settings::WatchSettings;
use super::stop::Stop;
use crate::clock::Clock;
use crate::watch::{News, PassSummary, Watch, all_that_is_due, lease, owner, rest};

/// Starts it. Other processes may watch the same database: none does the work of another.
pub(super) fn start(
    store: Box<dyn Store>,
    settings: WatchSettings,
    policy: Policy,
    classifier: Classifier,
    stop: Stop,
) -> anyhow::Result<Worker> {
    Worker::spawn("watch", move || run(store, &settings, &policy, &classifier, &stop))
        .context("cannot start the watch")
}

fn run(
    mut store: Box<dyn Store>,
    settings: &WatchSettings,
    policy: &Policy,
    classifier: &Classifier,
    stop: &Stop,
) {
    let owner = owner();
    let mut watch = Watch {
        store: &mut *store,
        policy,
        classifier,
        ours: &settings.ours,
        owner: &owner,
        lease: lease(settings.observer.deadline),
        language: settings.language,
        clock: Clock::System,
    };
    let is_ended = || stop.is_wanted();
    let mut complained = false;
    while !stop.is_wanted() {
        let done =
            all_that_is_due(&mut watch, &settings.observer, &is_ended, &mut |news| tell(news), &mut |_| {});
        let pause = match done {
            Ok(sum) => {
                if complained {
                    eprintln!("abprall: the watch goes on");
                    complained = false;
                }
                rest(&watch, &sum, settings.poll)
            }
            // What was leased comes back by itself when the lease ends.
            Err(error) => {
                if !complained {
                    eprintln!("abprall: the watch waits: {error:#}");
                    complained = true;
                }
                rest(&watch, &PassSummary::default(), settings.poll)
            }
        };
        stop.sleep(pause);
    }
}

/// A line for the log: which domain or host, never an address.
fn tell(news: &News) -> anyhow::Result<()> {
    let of = news.domain.as_deref().or(news.host.as_deref()).unwrap_or("the house");
    let detail = news.detail.as_deref().map(|detail| format!(": {detail}")).unwrap_or_default();
    let released = if news.released > 0 { format!(", {} released", news.released) } else { String::new() };
    eprintln!("abprall: watch: {of}: {}{released}{detail}", news.what);
    Ok(())
}
