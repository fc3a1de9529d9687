//! Files on their way up and down, in pieces: their size is no matter of memory.

use std::path::Path;

use bytes::{Bytes, BytesMut};
use futures::{Stream, stream};
use pinotage_common::{Error, ErrorKind, Result, TimeSpan};
use reqwest::multipart::{Form, Part};
use reqwest::{Body, Response};
use tokio::fs::File;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

use super::answer::Answer;
use super::call::Content;
use super::limiter::Limiter;
use super::retry::{Again, Failed};

/// How much of a file is in memory.
const PIECE_BYTES: u64 = 256 << 10;

/// A form of one part with its length, as Pinot's controller wants it.
pub(super) async fn form(name: &str, content: &Content, limiter: Option<&Limiter>) -> Result<Form> {
    let (body, length) = match content {
        Content::Bytes(bytes) => (bytes.clone().into(), bytes.len() as u64),
        Content::File(path) => {
            let failed = |error| Error::io(error, "cannot read the file to upload", path);
            let file = File::open(path).await.map_err(failed)?;
            let length = file.metadata().await.map_err(failed)?.len();
            (Body::wrap_stream(pieces(file, length, path, limiter.cloned())), length)
        }
    };
    let part = Part::stream_with_length(body, length)
        .file_name(name.to_owned())
        .mime_str("application/octet-stream")
        .map_err(|error| Error::unexpected("a constant is no media type").caused_by(error))?;
    Ok(Form::new().part(name.to_owned(), part))
}

fn pieces(file: File, length: u64, path: &Path, limiter: Option<Limiter>) -> impl Stream<Item = Result<Bytes>> + use<> {
    let path = path.to_owned();
    stream::try_unfold((file, length), move |(mut file, left)| {
        let (limiter, path) = (limiter.clone(), path.clone());
        async move {
            if left == 0 {
                return Ok(None);
            }
            let mut piece = BytesMut::with_capacity(left.min(PIECE_BYTES) as usize);
            let read = (&mut file).take(left.min(PIECE_BYTES)).read_buf(&mut piece).await;
            match read.map_err(|error| Error::io(error, "cannot read the file to upload", &path))? {
                0 => Err(Error::new(ErrorKind::Unavailable, "the file became shorter while it was uploaded")
                    .with("file", path.display())
                    .action("find out what else writes to it")),
                count => {
                    if let Some(limiter) = &limiter {
                        limiter.grant(count).await;
                    }
                    Ok(Some((piece.freeze(), (file, left - count as u64))))
                }
            }
        }
    })
}

/// Writes an answer to a file, which is there whole or not at all, also when this is dropped. Returns its length.
pub(super) async fn save(
    mut response: Response,
    path: &Path,
    idle: TimeSpan,
    lost: impl Fn(reqwest::Error) -> Failed,
    answer: &Answer,
) -> Result<u64, Failed> {
    let failed = |error| Failed::never(Error::io(error, "cannot write the download", path));
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let (file, temporary) = tempfile::NamedTempFile::new_in(folder).map_err(failed)?.into_parts();
    let mut file = File::from_std(file);
    let mut length = 0;
    loop {
        let piece = tokio::time::timeout(idle.duration(), response.chunk()).await.map_err(|_| {
            let error = Error::new(ErrorKind::Unavailable, format!("cannot {}: no byte within {idle}", answer.what))
                .action("look at the server's load and log, or raise `timeouts.request`");
            Failed { error: answer.place(error), again: Again::Lost, after: None }
        })?;
        match piece.map_err(&lost)? {
            Some(piece) => {
                file.write_all(&piece).await.map_err(failed)?;
                length += piece.len() as u64;
            }
            None => break,
        }
    }
    file.flush().await.map_err(failed)?;
    file.sync_all().await.map_err(failed)?;
    temporary.persist(path).map_err(|error| failed(error.error))?;
    Ok(length)
}
