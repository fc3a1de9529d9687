//! A folder that segments go to knows who has brought in the last ones.

use std::fs::{self, File, OpenOptions, TryLockError};
use std::os::unix::fs::FileExt as _;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use pinotage_common::{Error, ErrorKind, Result};
use pinotage_connector::Cancel;

use crate::publish::{History, forked};

/// How long another process may take to bring its segments in: some renames.
const PATIENCE: Duration = Duration::from_secs(30);
const PAUSE: Duration = Duration::from_millis(10);

/// What stands where nobody keeps lives.
const NOBODY: &str = "-";

/// A file beside the segments, `.<table>_<job>_<run>_published`, locked while segments of the run come: two copies of one state
/// come one after the other, and the second one sees that the first has gone on without it.
pub(super) struct Fence {
    path: PathBuf,
    file: File,
}

impl Fence {
    /// Waits until no other process brings in segments of the run. `prefix` is what the names of its segments begin with.
    pub(super) fn lock(folder: &Path, prefix: &str, cancel: &Cancel) -> Result<Self> {
        fs::create_dir_all(folder).map_err(|error| Error::io(error, "cannot create the output", folder))?;
        let path = Self::path(folder, prefix);
        let failed = |error| Error::io(error, "cannot lock the output", &path);
        let mut options = OpenOptions::new();
        let file = options.read(true).write(true).create(true).truncate(false).open(&path).map_err(failed)?;
        let begun = Instant::now();
        loop {
            match file.try_lock() {
                Ok(()) => break,
                // A file system without locks: copies that come at the very same moment are not told apart.
                Err(TryLockError::Error(error)) if error.kind() == std::io::ErrorKind::Unsupported => break,
                Err(TryLockError::Error(error)) => return Err(failed(error)),
                Err(TryLockError::WouldBlock) if begun.elapsed() > PATIENCE => {
                    return Err(Error::new(ErrorKind::Unavailable, "another process brings segments of this run in")
                        .with("file", path.display())
                        .action("find the process that has the file locked, and end it if it does not go on"));
                }
                Err(TryLockError::WouldBlock) => std::thread::sleep(PAUSE),
            }
            cancel.check()?;
        }
        Ok(Self { path, file })
    }

    fn path(folder: &Path, prefix: &str) -> PathBuf {
        folder.join(format!(".{prefix}published"))
    }

    /// Refuses to go on when another copy of the state has brought in the last segments. Who looks does not wait.
    pub(super) fn look(folder: &Path, prefix: &str, history: &History) -> Result<()> {
        let path = Self::path(folder, prefix);
        match File::open(&path) {
            Ok(file) => Self { path, file }.check(history),
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(()),
            Err(error) => Err(Error::io(error, "cannot read from the output", &path)),
        }
    }

    /// Refuses to go on when another copy of the state has brought in the last segments.
    fn check(&self, history: &History) -> Result<()> {
        match self.last()? {
            Some((epoch, life)) if !history.has(epoch, life.as_deref()) => {
                Err(forked().with("file", self.path.display()).with("epoch", epoch))
            }
            _ => Ok(()),
        }
    }

    /// Segments up to an epoch are about to come.
    pub(super) fn enter(&self, history: &History, epoch: u64) -> Result<()> {
        self.check(history)?;
        if self.last()?.is_some_and(|(last, _)| last >= epoch) {
            return Ok(());
        }
        // In one piece, and never shorter than what stood there.
        let text = format!("{epoch:020} {:>16}\n", history.lives.of(epoch).unwrap_or(NOBODY));
        self.file
            .write_all_at(text.as_bytes(), 0)
            .and_then(|()| self.file.sync_data())
            .map_err(|error| Error::io(error, "cannot write into the output", &self.path))
    }

    /// The last epoch whose segments came, and who wrote it.
    fn last(&self) -> Result<Option<(u64, Option<String>)>> {
        let mut bytes = [0; 64];
        let read = self.file.read_at(&mut bytes, 0);
        let read = read.map_err(|error| Error::io(error, "cannot read from the output", &self.path))?;
        let text = String::from_utf8_lossy(&bytes[..read]);
        let mut words = text.split_whitespace();
        let (Some(epoch), Some(life)) = (words.next().and_then(|epoch| epoch.parse().ok()), words.next()) else {
            return Ok(None);
        };
        Ok(Some((epoch, (life != NOBODY).then(|| life.to_owned()))))
    }
}
