//! The bar on standard error while a long run works.

use std::io::{self, IsTerminal};
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

use super::Progress;
use super::walk::size_of;

pub(super) struct Bar {
    bar: ProgressBar,
    taken: Arc<AtomicU64>,
}

impl Bar {
    /// A bar over the size of `paths`, or a counter where that is not known. Nothing is drawn off a terminal.
    pub(super) fn new(progress: Progress, paths: &[PathBuf], taken: &Arc<AtomicU64>) -> Self {
        if progress == Progress::Never || !io::stderr().is_terminal() {
            return Self { bar: ProgressBar::hidden(), taken: Arc::clone(taken) };
        }
        let total = size_of(paths);
        let bar = ProgressBar::with_draw_target(total, ProgressDrawTarget::stderr_with_hz(5));
        let template = match total {
            Some(_) => {
                "{bar:24} {percent:>3} %  {bytes} of {total_bytes}  {bytes_per_sec}  {eta} left  {msg}"
            }
            None => "{spinner} {bytes}  {bytes_per_sec}  {msg}",
        };
        if let Ok(style) = ProgressStyle::with_template(template) {
            bar.set_style(style);
        }
        bar.enable_steady_tick(Duration::from_millis(200));
        Self { bar, taken: Arc::clone(taken) }
    }

    /// Notes how many messages are done.
    pub(super) fn at(&self, messages: u64) {
        self.bar.set_position(self.taken.load(Ordering::Relaxed));
        self.bar.set_message(format!("{messages} messages"));
    }

    /// Removes the bar.
    pub(super) fn finish(&self) {
        self.bar.finish_and_clear();
    }
}
