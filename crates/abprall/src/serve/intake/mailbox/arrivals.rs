//! New files in a folder are heard of at once, where the system tells (inotify). A network file system does not tell what others do to it,
//! and a system may have no watch left: so the folder is looked at in any case, each `interval`.

use std::path::PathBuf;
use std::time::Duration;

#[cfg(target_os = "linux")]
use watch::Watch;

/// How files come into a folder.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Comes {
    /// Moved or linked, as deliverers of Maildirs do: what has a name there is whole.
    Whole,
    /// Moved, or written in place: it is whole when its writer has closed it.
    Written,
}

/// What comes into one folder.
pub(super) struct Arrivals {
    #[cfg_attr(not(target_os = "linux"), expect(dead_code, reason = "nothing tells there"))]
    folder: PathBuf,
    #[cfg_attr(not(target_os = "linux"), expect(dead_code, reason = "nothing tells there"))]
    how: Comes,
    /// `None`: nobody tells, at present.
    #[cfg(target_os = "linux")]
    watch: Option<Watch>,
}

impl Arrivals {
    /// To be called before the first look: what comes during it is told afterwards.
    pub(super) fn of(folder: PathBuf, how: Comes) -> Self {
        #[cfg(target_os = "linux")]
        let watch = Watch::begin(&folder, how).ok();
        Self {
            folder,
            how,
            #[cfg(target_os = "linux")]
            watch,
        }
    }

    /// Returns when something may have come since this was called last, at the latest after `interval`.
    pub(super) async fn wait(&mut self, interval: Duration) {
        #[cfg(target_os = "linux")]
        {
            // The folder may have been made, or exchanged, since.
            if self.watch.is_none() {
                self.watch = Watch::begin(&self.folder, self.how).ok();
            }
            if let Some(watch) = &mut self.watch {
                match tokio::time::timeout(interval, watch.told()).await {
                    Ok(Ok(())) | Err(_) => {}
                    // At once, the same could happen again and again.
                    Ok(Err(_)) => {
                        self.watch = None;
                        tokio::time::sleep(interval).await;
                    }
                }
                return;
            }
        }
        tokio::time::sleep(interval).await;
    }
}

#[cfg(target_os = "linux")]
mod watch {
    use std::io;
    use std::mem::MaybeUninit;
    use std::os::fd::OwnedFd;
    use std::path::Path;

    use rustix::fs::inotify::{CreateFlags, ReadFlags, Reader, WatchFlags, add_watch, init};
    use tokio::io::unix::AsyncFd;

    use super::Comes;

    /// Bytes of what is told that are read at once: some dozens of files. How many they are does not matter.
    const TOLD_BYTES: usize = 4096;

    pub(super) struct Watch(AsyncFd<OwnedFd>);

    impl Watch {
        pub(super) fn begin(folder: &Path, how: Comes) -> io::Result<Self> {
            let told = init(CreateFlags::CLOEXEC | CreateFlags::NONBLOCK)?;
            let comes = match how {
                Comes::Whole => WatchFlags::MOVED_TO | WatchFlags::CREATE,
                Comes::Written => WatchFlags::MOVED_TO | WatchFlags::CLOSE_WRITE,
            };
            let ends = WatchFlags::DELETE_SELF | WatchFlags::MOVE_SELF;
            add_watch(&told, folder, comes | ends | WatchFlags::ONLYDIR)?;
            #[expect(
                deprecated,
                reason = "the new one is unsafe; an OwnedFd stays the same as long as it lives"
            )]
            Ok(Self(AsyncFd::new(told)?))
        }

        /// Returns when something was told; all that was told until then is told with it.
        ///
        /// # Errors
        /// Where it is not this folder any more.
        pub(super) async fn told(&mut self) -> io::Result<()> {
            loop {
                let mut ready = self.0.readable().await?;
                // Else it was a false alarm.
                if let Ok(taken) = ready.try_io(|told| take(told.get_ref())) {
                    return taken;
                }
            }
        }
    }

    fn take(told: &OwnedFd) -> io::Result<()> {
        let mut buffer = [MaybeUninit::uninit(); TOLD_BYTES];
        let mut reader = Reader::new(told, &mut buffer);
        let gone = ReadFlags::DELETE_SELF | ReadFlags::MOVE_SELF | ReadFlags::IGNORED | ReadFlags::UNMOUNT;
        let (mut any, mut is_gone) = (false, false);
        loop {
            match reader.next() {
                Ok(event) => {
                    any = true;
                    is_gone |= event.events().intersects(gone);
                }
                Err(rustix::io::Errno::AGAIN) if any && is_gone => return Err(io::ErrorKind::NotFound.into()),
                Err(rustix::io::Errno::AGAIN) if any => return Ok(()),
                Err(error) => return Err(error.into()),
            }
        }
    }
}

#[cfg(all(test, target_os = "linux"))]
mod tests {
    use std::fs;
    use std::io::Write;
    use std::time::Instant;

    use super::*;

    const LONG: Duration = Duration::from_secs(60);

    async fn is_told(arrivals: &mut Arrivals) -> bool {
        let since = Instant::now();
        arrivals.wait(LONG).await;
        since.elapsed() < LONG / 2
    }

    #[tokio::test]
    async fn a_file_that_is_moved_linked_or_written_is_told_at_once() {
        let folder = tempfile::tempdir().unwrap();
        let (new, outside) = (folder.path().join("new"), folder.path().join("tmp"));
        fs::create_dir(&new).unwrap();
        let mut arrivals = Arrivals::of(new.clone(), Comes::Whole);
        fs::write(&outside, "x").unwrap();
        fs::hard_link(&outside, new.join("linked")).unwrap();
        assert!(is_told(&mut arrivals).await);
        fs::rename(&outside, new.join("moved")).unwrap();
        assert!(is_told(&mut arrivals).await);
        let mut arrivals = Arrivals::of(new.clone(), Comes::Written);
        fs::rename(new.join("moved"), new.join("again")).unwrap();
        assert!(is_told(&mut arrivals).await);
        let mut file = fs::File::create(new.join("written")).unwrap();
        file.write_all(b"half").unwrap();
        let early = Instant::now();
        arrivals.wait(Duration::from_millis(30)).await;
        assert!(early.elapsed() >= Duration::from_millis(30), "it is not whole yet");
        drop(file);
        assert!(is_told(&mut arrivals).await);
        let since = Instant::now();
        let interval = Duration::from_millis(30);
        arrivals.wait(interval).await;
        assert!(since.elapsed() >= interval, "all was told already");
    }

    #[tokio::test]
    async fn a_folder_that_is_not_there_or_is_exchanged_is_waited_for() {
        let folder = tempfile::tempdir().unwrap();
        let new = folder.path().join("new");
        let mut arrivals = Arrivals::of(new.clone(), Comes::Written);
        let interval = Duration::from_millis(1);
        for _ in 0..3 {
            arrivals.wait(interval).await;
            fs::create_dir(&new).unwrap();
            arrivals.wait(interval).await;
            fs::write(new.join("a"), "x").unwrap();
            assert!(is_told(&mut arrivals).await);
            fs::remove_file(new.join("a")).unwrap();
            fs::remove_dir(&new).unwrap();
            arrivals.wait(interval).await;
        }
    }
}
