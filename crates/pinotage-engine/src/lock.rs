//! One process at a time: a file that is locked for as long as it is held.

use std::fs::{File, OpenOptions, TryLockError};
use std::io::{Read as _, Seek as _, SeekFrom, Write as _};
use std::path::Path;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use arrow::temporal_conversions::timestamp_ms_to_datetime;
use pinotage_common::{Error, ErrorKind, Result};

/// The longest text of a holder that is shown.
const SHOWN: u64 = 200;

/// Who only looks whether a file is locked holds it for a moment; who wants it tries so often, with pauses in between.
const TRIES: usize = 5;
const PAUSE: Duration = Duration::from_millis(10);

/// A locked file. The operating system unlocks it when the process ends, however that dies; the file stays.
#[derive(Debug)]
pub(crate) struct Lock {
    _file: File,
}

impl Lock {
    /// Locks a file, and writes into it who has it. When another process has it: an error with a message and an advice.
    pub(crate) fn take(path: &Path, busy: &str, advice: &str) -> Result<Self> {
        let failed = |error| Error::io(error, "cannot lock", path);
        // What the holder wrote stays until the file is ours.
        let mut file =
            OpenOptions::new().read(true).write(true).create(true).truncate(false).open(path).map_err(failed)?;
        let mut locked = file.try_lock();
        for _ in 1..TRIES {
            if !matches!(locked, Err(TryLockError::WouldBlock)) {
                break;
            }
            std::thread::sleep(PAUSE);
            locked = file.try_lock();
        }
        match locked {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => {
                let error = Error::new(ErrorKind::Unavailable, busy).action(advice);
                return Err(match holder(&file).as_str() {
                    "" => error,
                    holder => error.with("by", holder),
                });
            }
            Err(TryLockError::Error(error)) => return Err(failed(error)),
        }
        let now = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_millis() as i64);
        let since = timestamp_ms_to_datetime(now / 1000 * 1000).map(|time| format!(" since {time} UTC"));
        let holder = format!("process {}{}\n", std::process::id(), since.unwrap_or_default());
        file.set_len(0)
            .and_then(|()| file.seek(SeekFrom::Start(0)))
            .and_then(|_| file.write_all(holder.as_bytes()))
            .map_err(failed)?;
        Ok(Self { _file: file })
    }

    /// Who has a file locked now, as they wrote it down; none when nobody has. Nobody is kept out by the question.
    pub(crate) fn holder(path: &Path) -> Result<Option<String>> {
        let failed = |error| Error::io(error, "cannot look at the lock", path);
        let file = match File::open(path) {
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(None),
            opened => opened.map_err(failed)?,
        };
        match file.try_lock_shared() {
            Ok(()) => Ok(None),
            Err(TryLockError::WouldBlock) => Ok(Some(holder(&file))),
            Err(TryLockError::Error(error)) => Err(failed(error)),
        }
    }
}

/// What the holder of a file wrote into it. Where locks also keep readers out that stays unknown.
fn holder(file: &File) -> String {
    let mut text = String::new();
    let _ = file.take(SHOWN).read_to_string(&mut text);
    text.trim().to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_second_is_told_who_was_first() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("lock");
        let first = Lock::take(&path, "busy", "wait").unwrap();
        let error = Lock::take(&path, "busy", "wait").unwrap_err();
        assert_eq!((error.kind(), error.advice()), (ErrorKind::Unavailable, "wait"));
        assert!(error.to_string().contains(&format!("by: process {} since 20", std::process::id())), "{error}");
        assert!(Lock::holder(&path).unwrap().unwrap().starts_with(&format!("process {}", std::process::id())));
        drop(first);
        assert_eq!(Lock::holder(&path).unwrap(), None);
        assert_eq!(Lock::holder(&folder.path().join("none")).unwrap(), None);
        Lock::take(&path, "busy", "wait").unwrap();
    }
}
