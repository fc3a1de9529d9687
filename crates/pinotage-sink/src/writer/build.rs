//! Sealed segments are built beside the writing, one at a time.

use std::fs;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::{Receiver, SyncSender, TryRecvError, channel, sync_channel};
use std::thread::JoinHandle;

use pinotage_common::{Error, Result};
use pinotage_segment::write::{BuiltSegment, NameInput, Workspace};
use pinotage_spec::SegmentNameGenerator;
use rayon::ThreadPool;

use super::StagedSegment;
use super::committable::SealedAs;
use super::content::Content;
use super::task::Shape;

/// A segment that is full.
pub(super) struct Sealed {
    pub(super) content: Content,
    pub(super) partition: u32,
    pub(super) sealed: SealedAs,
    /// What finishing it may take, in bytes.
    pub(super) memory: usize,
}

/// Builds segments in a thread of its own, and takes no more than its queue has room for.
pub(super) struct Builds {
    sealed: Option<SyncSender<Sealed>>,
    built: Receiver<Result<StagedSegment>>,
    thread: Option<JoinHandle<()>>,
    /// Segments that were given and have not come back.
    waiting: usize,
}

/// Where and how segments are built.
#[derive(Clone)]
pub(super) struct Workbench {
    pub(super) shape: Arc<Shape>,
    /// A folder in it that no other process chooses: two that build a segment of one name never write to one file.
    pub(super) life: String,
    pub(super) pool: Arc<ThreadPool>,
    /// Rows that lost against others of their key.
    pub(super) superseded: Arc<AtomicU64>,
}

impl Builds {
    pub(super) fn start(bench: Workbench, queue: usize) -> Result<Self> {
        // One is being built, the others wait; at least one thread's worth of them.
        let (sealed, work) = sync_channel::<Sealed>(queue.saturating_sub(1));
        let (done, built) = channel();
        let thread = std::thread::Builder::new()
            .name("segment-build".into())
            .spawn(move || {
                for segment in work {
                    if done.send(bench.build(segment)).is_err() {
                        break;
                    }
                }
            })
            .map_err(|error| Error::unexpected("cannot start a thread").caused_by(error))?;
        Ok(Self { sealed: Some(sealed), built, thread: Some(thread), waiting: 0 })
    }

    /// Gives a segment to be built; waits while the queue is full.
    pub(super) fn give(&mut self, segment: Sealed) -> Result<()> {
        self.waiting += 1;
        let sender = self.sealed.as_ref().ok_or_else(stopped)?;
        sender.send(segment).map_err(|_| stopped())
    }

    /// A segment that has been built, without waiting.
    pub(super) fn poll(&mut self) -> Result<Option<StagedSegment>> {
        match self.built.try_recv() {
            Ok(built) => {
                self.waiting -= 1;
                built.map(Some)
            }
            Err(TryRecvError::Empty) => Ok(None),
            Err(TryRecvError::Disconnected) if self.waiting == 0 => Ok(None),
            Err(TryRecvError::Disconnected) => Err(stopped()),
        }
    }

    /// The next segment that gets built; none when none was given.
    pub(super) fn wait(&mut self) -> Result<Option<StagedSegment>> {
        if self.waiting == 0 {
            return Ok(None);
        }
        let built = self.built.recv().map_err(|_| stopped())?;
        self.waiting -= 1;
        built.map(Some)
    }
}

impl Drop for Builds {
    /// Waits for the segment that is being built: nothing writes into staging behind its writer's back.
    fn drop(&mut self) {
        self.sealed = None;
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

fn stopped() -> Error {
    Error::unexpected("the thread that builds segments has stopped")
}

impl Workbench {
    fn build(&self, sealed: Sealed) -> Result<StagedSegment> {
        let Sealed { content, partition, sealed, memory } = sealed;
        let shape = &self.shape;
        let generator = SegmentNameGenerator::Fixed { name: sealed.name };
        let name = NameInput { generator: &generator, sequence: None };
        let folder = shape.staging.folder().join(&self.life);
        fs::create_dir_all(&folder).map_err(|error| Error::io(error, "cannot create the staging folder", &folder))?;
        let workspace = Workspace { folder: &folder, memory };
        let built = self.pool.install(|| -> Result<StagedSegment> {
            let (builder, dropped) = content.into_builder(shape, partition)?;
            self.superseded.fetch_add(dropped, Ordering::Relaxed);
            let segment = builder.finish_in(workspace, &name, sealed.creation_millis)?;
            let path = match shape.archives {
                Some(level) => segment.write_tar_gz(&folder, level)?,
                None => segment.write_dir(&folder)?,
            };
            staged(&segment, &path, &self.life)
        })?;
        shape.staging.keep(std::slice::from_ref(&built.file))?;
        Ok(StagedSegment { epoch: sealed.epoch, creation_millis: sealed.creation_millis, ..built })
    }
}

fn staged(segment: &BuiltSegment, path: &Path, life: &str) -> Result<StagedSegment> {
    let columns = segment.metadata().columns.iter();
    let partitions = columns.filter_map(|(name, column)| {
        let partition = column.partition.as_ref()?;
        Some((name.clone(), partition.partitions.iter().copied().collect()))
    });
    let file = path.file_name().ok_or_else(|| Error::unexpected("a segment without a file name"))?;
    Ok(StagedSegment {
        name: segment.name().to_owned(),
        file: format!("{life}/{}", file.to_string_lossy()),
        crc: segment.crc(),
        rows: segment.num_docs().into(),
        epoch: 0,
        creation_millis: 0,
        partitions: partitions.collect(),
    })
}
