//! What is in a folder.

use std::sync::Arc;

use futures::stream::{self, BoxStream, Stream, StreamExt, TryStreamExt};
use object_store::path::Path as Key;
use object_store::{ObjectMeta, ObjectStore};
use pinotage_common::{Error, Result};

use crate::store::{blocking, entry, missing};
use crate::{Entry, Location, Pattern, Scheme, Store, local};

/// Which entries of a folder are wanted.
///
/// Pinot equivalent: `searchRecursively`, `includeFileNamePattern`, `excludeFileNamePattern` of a job spec.
#[derive(Debug, Clone)]
pub struct ListOptions {
    /// Folders below the folder, too. Default true.
    pub recursive: bool,
    /// Only what matches. Default: everything.
    pub include: Option<Pattern>,
    /// Not what matches. Default: nothing.
    pub exclude: Option<Pattern>,
}

impl Default for ListOptions {
    fn default() -> Self {
        Self { recursive: true, include: None, exclude: None }
    }
}

impl ListOptions {
    fn wants(&self, location: &Location) -> bool {
        if self.include.is_none() && self.exclude.is_none() {
            return true;
        }
        let text = location.match_text();
        self.include.as_ref().is_none_or(|pattern| pattern.matches(&text))
            && !self.exclude.as_ref().is_some_and(|pattern| pattern.matches(&text))
    }
}

impl Store {
    /// The files below a folder, or the one file that the location itself names, in the order of their keys' UTF-8 bytes.
    ///
    /// The listing is a stream with a page (or a local folder) in memory at a time; without `recursive` a whole folder.
    /// Nothing is hidden: names that begin with a dot are listed. The empty objects that stand for folders in some stores
    /// are left out when something is in the folder. An object store knows no folders, so one in which there is nothing
    /// gives an empty listing. (S3 directory buckets list in an order of their own.)
    ///
    /// # Errors
    ///
    /// `not-found` for a missing local path or bucket; `unsupported` for web servers, and for keys with an empty, `.` or
    /// `..` part.
    pub fn list(&self, folder: &Location, options: &ListOptions) -> BoxStream<'static, Result<Entry>> {
        let options = options.clone();
        let entries = match folder.scheme() {
            Scheme::File => local_entries(folder.clone(), options.recursive),
            Scheme::Http | Scheme::Https => {
                let error = Error::unsupported("web servers have no listing")
                    .with("uri", folder)
                    .action("name each file by its own URL");
                stream::iter([Err(error)]).boxed()
            }
            _ => match self.client(folder) {
                Ok((client, key)) => self.remote_entries(client, key, folder.clone(), options.recursive),
                Err(error) => stream::iter([Err(error)]).boxed(),
            },
        };
        entries.try_filter(move |entry| std::future::ready(options.wants(&entry.location))).boxed()
    }

    fn remote_entries(
        &self,
        client: Arc<dyn ObjectStore>,
        key: Key,
        folder: Location,
        recursive: bool,
    ) -> BoxStream<'static, Result<Entry>> {
        let store = self.clone();
        let prefix = (!folder.key().is_empty()).then_some(key);
        let objects: BoxStream<'static, object_store::Result<ObjectMeta>> = if recursive {
            client.list(prefix.as_ref())
        } else {
            stream::once(async move {
                let mut objects = client.list_with_delimiter(prefix.as_ref()).await?.objects;
                objects.sort_unstable_by(|a, b| a.location.cmp(&b.location));
                Ok::<_, object_store::Error>(stream::iter(objects.into_iter().map(Ok)))
            })
            .try_flatten()
            .boxed()
        };
        let base = folder.clone();
        let entries = objects.map(move |meta| match meta {
            Ok(meta) => Ok(entry(base.with_key(meta.location.as_ref().to_owned()), &meta)),
            Err(error) => Err(store.failed("cannot list", &base, error)),
        });
        let marker = folder.key().to_owned();
        let below =
            without_markers(entries).try_filter(move |entry| std::future::ready(entry.location.key() != marker));
        self.or_the_object_itself(below.boxed(), folder)
    }

    /// The entries, or when there are none the object with the very name of the folder.
    fn or_the_object_itself(
        &self,
        entries: BoxStream<'static, Result<Entry>>,
        folder: Location,
    ) -> BoxStream<'static, Result<Entry>> {
        let store = self.clone();
        stream::once(async move {
            let mut entries = entries.peekable();
            if std::pin::Pin::new(&mut entries).peek().await.is_some() {
                return Ok(entries.boxed());
            }
            let itself = if !folder.key().is_empty() && store.exists(&folder).await? {
                Some(store.head(&folder).await)
            } else {
                None
            };
            Ok(stream::iter(itself).boxed())
        })
        .try_flatten()
        .boxed()
    }
}

/// Leaves out empty objects that are followed by an object inside of the folder that they stand for.
fn without_markers(
    entries: impl Stream<Item = Result<Entry>> + Send + 'static,
) -> impl Stream<Item = Result<Entry>> + Send + 'static {
    stream::try_unfold(Box::pin(entries.peekable()), |mut entries| async move {
        while let Some(entry) = entries.try_next().await? {
            let next = entries.as_mut().peek().await.and_then(|next| next.as_ref().ok());
            let is_marker = entry.size == 0
                && next
                    .and_then(|next| next.location.key().strip_prefix(entry.location.key()))
                    .is_some_and(|rest| rest.starts_with('/'));
            if !is_marker {
                return Ok(Some((entry, entries)));
            }
        }
        Ok(None)
    })
}

fn local_entries(base: Location, recursive: bool) -> BoxStream<'static, Result<Entry>> {
    stream::try_unfold((None, base, false), move |(walk, base, done)| async move {
        if done {
            return Ok(None);
        }
        blocking(move || {
            let mut walk = match walk {
                Some(walk) => walk,
                None => {
                    if let Some(entry) = local::head(&base)? {
                        return Ok(Some((entry, (None, base, true))));
                    }
                    let Some(path) = base.local_path().filter(|path| path.exists()) else {
                        return Err(missing(&base));
                    };
                    local::Walk::new(path, recursive)?
                }
            };
            Ok(walk.step(&base)?.map(|entry| (entry, (Some(walk), base, false))))
        })
        .await
    })
    .boxed()
}
