//! Rows for tables that keep one row of each primary key, and segments for tables that consume a stream.
//!
//! A server decides between the rows of one partition, and only knows which partition a segment is of. So rows go where the
//! stream's producer would send them ([`StreamKey`]), each writer drops what loses among its own ([`Latest`], or
//! [`partial::merge`] where rows of a key are merged), and each segment says its partition and gets a creation time that settles
//! ties ([`UploadedSegment`], [`partition_metadata`], [`CreationTimes`]). Which task does it, and how many there are, changes
//! nothing.
//!
//! ```no_run
//! # use arrow::{array::RecordBatch, compute::filter_record_batch};
//! # use pinotage_common::Result;
//! # use pinotage_segment::write::{NameInput, SegmentBuilder};
//! # use pinotage_sink::{Target, check_uploadable};
//! # use pinotage_sink::upsert::*;
//! # use pinotage_spec::{PinotVersion, Schema, SegmentNameGenerator, TableConfig};
//! # async fn run(target: Target, schema: Schema, table: TableConfig, version: PinotVersion, now: i64,
//! #     known: Vec<Result<(RecordBatch, u32)>>, buffer: Vec<RecordBatch>, partition: u32) -> Result<()> {
//! // Once, before the first row.
//! println!("{}", check_uploadable(table.json())?);
//! let snapshot = target.snapshot().await?;
//! let key = StreamKey::resolve(None, &schema, &snapshot)?;
//! check_parity(&key, known)?;
//! let upserts = UpsertTable::read(&schema, &table, version)?;
//! let mut times = CreationTimes::of(&snapshot, Ties::Live, version, now)?;
//!
//! // For each batch of canonical rows: `key.partitions(&rows)?` says where each goes.
//!
//! // When the buffer of a partition is sealed: its rows in their order, as often as they are read.
//! let mut builder = SegmentBuilder::try_new(&schema, &table)?;
//! if let Some(upserts) = &upserts {
//!     let mut latest = Latest::try_new(upserts)?;
//!     buffer.iter().try_for_each(|rows| latest.push(rows))?;
//!     for (rows, keep) in buffer.iter().zip(latest.finish().keep) {
//!         let rows = filter_record_batch(rows, &keep).map_err(|error| pinotage_common::Error::unexpected(error.to_string()))?;
//!         builder.append(&rows)?;
//!     }
//! }
//! let creation_millis = times.take()?; // Kept with the segment: it is the same when it is built again.
//! let table_name = table.raw_name();
//! let segment = UploadedSegment { table: table_name, job: "job", run: "run", epoch: 1, partition, seq: 0, creation_millis };
//! if let Some((column, metadata)) = partition_metadata(&table, &key, partition, version)? {
//!     builder.set_partition(column, metadata);
//! }
//! let generator = SegmentNameGenerator::Fixed { name: segment.name(version)? };
//! let built = builder.finish(&NameInput { generator: &generator, sequence: None }, creation_millis)?;
//! // Staged, recorded, and then `publish::publish(&target, …)`, again and again if need be.
//! # Ok(()) }
//! ```

mod config;
mod defaults;
mod keys;
mod latest;
mod order;
mod parity;
pub mod partial;
mod stream;
mod stream_key;
mod ttl;
mod upload;
mod watch;

pub use config::{Strategy, UpsertColumn, UpsertMode, UpsertTable};
pub use latest::{Latest, Winners};
pub use parity::check_parity;
pub use stream::StreamTable;
pub use stream_key::{KeySerializer, StreamKey};
pub use ttl::TimeToLive;
pub use upload::{CreationTimes, Ties, UploadedSegment, partition_metadata};
pub use watch::{OUTSIDE_TTL, check_margin};
pub(crate) use watch::{Watch, greatest};
