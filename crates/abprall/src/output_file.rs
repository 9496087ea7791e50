//! A file that appears whole or not at all, packed where its name ends in `.gz`; or standard output.

use std::fs::File;
use std::io::{self, BufWriter, Write};
use std::path::{Path, PathBuf};

use anyhow::Context;
use flate2::Compression;
use flate2::write::GzEncoder;
use tempfile::NamedTempFile;

const BUFFER_BYTES: usize = 256 * 1024;

pub(crate) struct OutputFile {
    path: PathBuf,
    sink: Sink,
}

enum Sink {
    Stdout(BufWriter<io::StdoutLock<'static>>),
    Plain(BufWriter<NamedTempFile>),
    Gzip(Box<GzEncoder<BufWriter<NamedTempFile>>>),
}

impl OutputFile {
    /// Begins it beside its place; `-` is standard output.
    pub(crate) fn create(path: &Path) -> anyhow::Result<Self> {
        let sink = if path.as_os_str() == "-" {
            Sink::Stdout(BufWriter::with_capacity(BUFFER_BYTES, io::stdout().lock()))
        } else {
            let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty());
            let file = tempfile::Builder::new()
                .permissions(permissions(path))
                .tempfile_in(folder.unwrap_or(Path::new(".")))
                .with_context(|| format!("cannot write {}", path.display()))?;
            let file = BufWriter::with_capacity(BUFFER_BYTES, file);
            if path.extension().is_some_and(|ending| ending.eq_ignore_ascii_case("gz")) {
                Sink::Gzip(Box::new(GzEncoder::new(file, Compression::default())))
            } else {
                Sink::Plain(file)
            }
        };
        Ok(Self { path: path.to_owned(), sink })
    }

    /// Puts it in its place.
    pub(crate) fn finish(self) -> anyhow::Result<()> {
        let cannot_write = || format!("cannot write {}", self.path.display());
        let file = match self.sink {
            Sink::Stdout(mut out) => return Ok(out.flush()?),
            Sink::Plain(file) => file,
            Sink::Gzip(packed) => packed.finish().with_context(cannot_write)?,
        };
        let file = file.into_inner().map_err(io::IntoInnerError::into_error).with_context(cannot_write)?;
        file.as_file().sync_all().with_context(cannot_write)?;
        file.persist(&self.path).with_context(cannot_write)?;
        Ok(())
    }
}

impl Write for OutputFile {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        match &mut self.sink {
            Sink::Stdout(out) => out.write(bytes),
            Sink::Plain(file) => file.write(bytes),
            Sink::Gzip(packed) => packed.write(bytes),
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        match &mut self.sink {
            Sink::Stdout(out) => out.flush(),
            Sink::Plain(file) => file.flush(),
            Sink::Gzip(packed) => packed.flush(),
        }
    }
}

/// Those of the file that is replaced; else what the umask leaves of a usual file, as a shell's `>` gives it.
fn permissions(path: &Path) -> std::fs::Permissions {
    use std::os::unix::fs::PermissionsExt;
    File::open(path)
        .and_then(|file| file.metadata())
        .map_or(std::fs::Permissions::from_mode(0o666), |data| data.permissions())
}
