//! Files wherever they are: a URI becomes a local file, and a local file an object.
//!
//! One [`Store`] serves all [`Location`]s of a job: local paths, S3, Google Cloud Storage, Azure Blob Storage and, to
//! read, web servers. [`StoreOptions`] is the part of a job file that says how they are reached.
//!
//! Everything is asynchronous and needs a tokio runtime. Dropping a future cancels it: a download leaves no file, a local
//! write leaves the old file as it was, an upload never becomes visible (the parts of an interrupted one are removed in
//! the background while the runtime lives; a lifecycle rule of the bucket removes those of a killed process).
//!
//! # Examples
//!
//! ```
//! use futures::TryStreamExt;
//! use pinotage_store::{ListOptions, Location, Store, StoreOptions};
//!
//! # let folder = tempfile::tempdir()?;
//! # std::fs::write(folder.path().join("a.csv"), "1\n2\n")?;
//! # let base = folder.path().to_str().ok_or("path")?.to_owned();
//! # tokio::runtime::Runtime::new()?.block_on(async {
//! let store = Store::new(StoreOptions::default())?;
//! let folder = Location::parse(&base)?; // or s3://bucket/folder
//! let files = ListOptions { include: Some("glob:**/*.csv".parse()?), ..ListOptions::default() };
//! let mut files = store.list(&folder, &files);
//! while let Some(file) = files.try_next().await? {
//!     let copy = std::env::temp_dir().join(file.location.name());
//!     store.get(&file.location, &copy, 1 << 30, &|bytes| eprintln!("{bytes} of {}", file.size)).await?;
//! #   assert_eq!(std::fs::read_to_string(&copy)?, "1\n2\n");
//! #   std::fs::remove_file(&copy)?;
//! }
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! # })?;
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
#![forbid(unsafe_code)]

mod backend;
mod failure;
mod get;
mod list;
mod local;
mod location;
mod options;
mod pattern;
mod put;
mod read;
mod scheme;
mod store;

pub use list::ListOptions;
pub use location::Location;
pub use options::{AzureOptions, GcsOptions, HttpOptions, S3Options, StoreOptions};
pub use pattern::Pattern;
pub use put::PutMode;
pub use read::ObjectReader;
pub use scheme::Scheme;
pub use store::{Entry, Progress, Store, quiet};
