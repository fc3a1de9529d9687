//! A table's segments written again under another table config, and all put in place in one step.
//!
//! Each segment becomes one: downloaded, read, written under a new name, its archive kept in the state until it is
//! published. The state is a job's manifest in which the old segments are the inputs. Whether new segments have arrived is not
//! recorded but seen: those that queries see have.
//!
//! The order: everything is rewritten; the table is looked at again until nothing has changed meanwhile; schema and table
//! config become the new ones; the segments are pushed and replaced. The config comes before the segments because servers
//! change what they load until it fits the config: under the old one they would undo the rewriting. The old segments answer
//! under either, whatever happens in between.

mod segment;

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::future::Future;
use std::path::{Path, PathBuf};
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use pinotage_client::{Connection, Controller, LineageState};
use pinotage_common::{Error, ErrorKind, Result};
use pinotage_sink::bootstrap::{self, Comparison};
use pinotage_sink::publish::{Publication, PushOptions, publish};
use pinotage_sink::rewrite::REWRITTEN;
use pinotage_sink::{LocalSegment, Snapshot, Target, check_rewritable};
use pinotage_spec::{PinotVersion, Schema, TableConfig};

use crate::cluster::{self, until_cancelled};
use crate::identity::InputRecord;
use crate::manifest::{Counts, Manifest, Pending, SegmentRecord};
use crate::output::remove;
use crate::run::Observer;
use segment::Documents;

pub use pinotage_sink::rewrite::OldSegment;
pub use segment::rewrite_segment;

/// So many times a table may get new segments while its others are rewritten.
const MAX_ROUNDS: usize = 10;

/// A table whose segments are to be rewritten.
#[derive(Debug)]
pub struct Rewriter {
    target: Target,
    runtime: tokio::runtime::Runtime,
    schema: Option<Schema>,
    table: TableConfig,
    state: PathBuf,
}

/// How segments are rewritten.
#[derive(Debug)]
pub struct RewriteOptions<'a> {
    /// Segments at the same time, each of which needs disk for its archive and itself, and memory for its rows.
    pub parallelism: usize,
    /// Seconds to wait until servers have loaded the new segments, at least 60.
    pub wait_seconds: u64,
    /// Set from outside to stop; what is rewritten is kept for the next run.
    pub cancel: &'a AtomicBool,
    /// Written into the segments; no checksum covers it.
    pub creation_time_millis: i64,
}

/// What would be done.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct RewritePlan {
    /// What would be done to schema and table config.
    pub steps: Vec<String>,
    /// The segments that would be rewritten.
    pub missing: Vec<OldSegment>,
    /// The segments that are rewritten and wait to be published.
    pub rewritten: Vec<OldSegment>,
    /// Segments of an earlier rewriting that are as they are wanted.
    pub fitting: Vec<String>,
    /// Segments without rows, which are left alone.
    pub empty: Vec<String>,
}

/// What was done.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct RewriteSummary {
    /// What was done to schema and table config.
    pub steps: Vec<String>,
    /// Keys of the documents that Pinot does not know and left out.
    pub ignored: Vec<String>,
    /// The segments that were replaced, each by one.
    pub replaced: Vec<OldSegment>,
    /// Bytes of the archives of the new segments.
    pub bytes: u64,
    /// Segments of an earlier rewriting that are as they are wanted.
    pub fitting: Vec<String>,
    /// Segments without rows, which were left alone.
    pub empty: Vec<String>,
    /// Segments that came after the last look and are not rewritten.
    pub late: Vec<String>,
}

/// What is to be made of the table.
struct Wanted {
    documents: Documents,
    comparison: Comparison,
}

/// How far the rewriting is.
#[derive(Default)]
struct Standing {
    missing: Vec<OldSegment>,
    rewritten: Vec<(OldSegment, SegmentRecord)>,
    fitting: Vec<String>,
    empty: Vec<String>,
}

impl Rewriter {
    /// The OFFLINE half of a table. Without a schema the table keeps its own. The state is a folder of this table alone.
    ///
    /// # Errors
    ///
    /// Those of the connection's certificates and tokens; `invalid-config` for the table config of another table.
    pub fn new(
        connection: &Connection,
        table: &str,
        schema: Option<Schema>,
        config: TableConfig,
        state: PathBuf,
    ) -> Result<Self> {
        let target = Target::offline(Controller::new(connection)?, table);
        let raw = |name: &str| name.rsplit_once('.').map_or(name.to_owned(), |(_, raw)| raw.to_owned());
        if raw(config.raw_name()) != raw(table) {
            return Err(Error::invalid_config(format!("the table config is that of table `{}`", config.raw_name()))
                .with("table", target.key())
                .action("give the table config of this table; `tableName` in it says whose it is"));
        }
        Ok(Self { target, runtime: cluster::runtime()?, schema, table: config, state })
    }

    /// The table, as [`Target::key`].
    pub fn key(&self) -> String {
        self.target.key()
    }

    /// Says what [`Rewriter::run`] would do.
    ///
    /// # Errors
    ///
    /// As those of [`Rewriter::run`] before it changes anything.
    pub fn plan(&self, cancel: &AtomicBool) -> Result<RewritePlan> {
        let wanted = self.wait(cancel, self.wanted())?;
        let snapshot = self.wait(cancel, self.target.snapshot())?;
        let manifest = if Manifest::exists(&self.state) { Some(Manifest::open(&self.state)?) } else { None };
        self.check_free(manifest.as_ref(), &snapshot)?;
        let standing = self.look(manifest.as_ref(), &snapshot, &wanted)?;
        Ok(RewritePlan {
            steps: wanted.comparison.steps.iter().map(ToString::to_string).collect(),
            missing: standing.missing,
            rewritten: standing.rewritten.into_iter().map(|(old, _)| old).collect(),
            fitting: standing.fitting,
            empty: standing.empty,
        })
    }

    /// Rewrites and replaces the segments that queries see. Run again after an error or a stop it goes on where it ended; run
    /// again with the same documents it rewrites only what others have pushed since.
    ///
    /// # Errors
    ///
    /// `unsupported` for REALTIME, upsert, dedup and encrypted tables; `commit-conflict` while another replacement of the
    /// table is in progress, and when somebody changes what is being rewritten; those of reading and writing segments and of
    /// [`publish`]; `cancelled`.
    pub fn run(&self, options: &RewriteOptions<'_>, observer: &dyn Observer) -> Result<RewriteSummary> {
        let cancel = options.cancel;
        let wanted = self.wait(cancel, self.wanted())?;
        let mut manifest = Manifest::open(&self.state)?;
        let mut rounds = 0;
        let standing = loop {
            let snapshot = self.wait(cancel, self.target.snapshot())?;
            self.check_free(Some(&manifest), &snapshot)?;
            self.settle(&mut manifest, &snapshot)?;
            let standing = self.look(Some(&manifest), &snapshot, &wanted)?;
            if standing.missing.is_empty() {
                break standing;
            }
            if rounds == MAX_ROUNDS {
                return Err(Error::new(
                    ErrorKind::CommitConflict,
                    format!("the table got new segments {MAX_ROUNDS} times while its others were rewritten"),
                )
                .with("table", self.key())
                .action("stop pushing to the table, and run again: what is rewritten is kept"));
            }
            rounds += 1;
            self.rewrite_all(&mut manifest, &wanted, &standing.missing, options, observer)?;
        };
        // Hours may have passed.
        let now = self.wait(cancel, self.wanted())?;
        if now.documents.fingerprint != wanted.documents.fingerprint {
            return Err(Error::new(ErrorKind::CommitConflict, "the table's schema or config was changed meanwhile")
                .with("table", self.key())
                .action("run again, with a table config that has the change"));
        }
        let ignored = self.wait(cancel, bootstrap::apply(&self.target, &now.comparison))?;
        let steps = now.comparison.steps.iter().map(ToString::to_string).collect();
        let mut summary = RewriteSummary {
            steps,
            ignored,
            fitting: standing.fitting,
            empty: standing.empty,
            ..RewriteSummary::default()
        };
        if !standing.rewritten.is_empty() {
            self.replace(&mut manifest, &now, standing.rewritten, options, observer, &mut summary)?;
        }
        remove(&self.downloads())?;
        Ok(summary)
    }

    async fn wanted(&self) -> Result<Wanted> {
        check_rewritable(self.table.json())?;
        let found = bootstrap::documents(&self.target).await?;
        let (Some(table), Some(schema)) = (&found.table, &found.schema) else {
            let other = self.target.controller.table_configs(&self.target.table).await;
            return Err(match other.is_ok_and(|configs| configs.realtime.is_some()) {
                true => Error::unsupported("segments of a REALTIME table cannot be rewritten")
                    .action("its servers build segments by the table config: change it, and new ones follow it"),
                false => Error::not_found("there is no such table").action("correct the name"),
            }
            .with("table", self.key()));
        };
        check_rewritable(table)?;
        let schema = match &self.schema {
            Some(schema) => schema.clone(),
            None => Schema::from_document(schema.clone())?,
        };
        let comparison = bootstrap::compare(&self.target, &found, &schema, &self.table).await?;
        let table = TableConfig::from_document(comparison.table.clone())?;
        let version = match PinotVersion::matters_to(&schema, &table) {
            true => cluster::release(&self.target.controller).await?,
            false => PinotVersion::NEWEST,
        };
        let documents = Documents::try_new(schema, table, version)?;
        Ok(Wanted { documents, comparison })
    }

    /// What the names of all segments of this state begin with.
    fn prefix(&self, manifest: &Manifest) -> Result<String> {
        Ok(format!("{}_rewrite_{}_", self.target.table, manifest.run()?.0))
    }

    /// Another replacement may hide what is seen now, or bring what is not.
    fn check_free(&self, manifest: Option<&Manifest>, snapshot: &Snapshot) -> Result<()> {
        let prefix = manifest.map(|manifest| self.prefix(manifest)).transpose()?;
        let is_own = |name: &String| prefix.as_ref().is_some_and(|prefix| name.starts_with(prefix));
        let other = snapshot
            .lineage
            .iter()
            .find(|entry| entry.state == LineageState::InProgress && !entry.segments_to.iter().all(is_own));
        let Some(entry) = other else { return Ok(()) };
        Err(Error::new(ErrorKind::CommitConflict, "another replacement of segments of this table is in progress")
            .with("table", self.key())
            .with("replacement", &entry.id)
            .with("segment", entry.segments_to.first().map_or("", String::as_str))
            .action("wait until it has ended; if nobody is at work on it, take it back with `pinotage push --revert`"))
    }

    /// Brings the state up to date: new segments that queries see are published, and those of segments that nobody sees any more
    /// are not wanted.
    fn settle(&self, manifest: &mut Manifest, snapshot: &Snapshot) -> Result<()> {
        let visible = snapshot.visible();
        for (old, records) in manifest.segments()? {
            for record in records.into_iter().filter(|record| record.pushed.is_none()) {
                let crc = snapshot.segment(&record.name).and_then(|segment| segment.crc);
                if visible.contains(record.name.as_str()) && crc == Some(record.crc) {
                    let ended = Pending { to: vec![record.name], from: BTreeMap::new() };
                    manifest.published(&self.key(), &ended)?;
                } else if !visible.contains(old.as_str()) {
                    manifest.forget(&old)?;
                } else {
                    continue;
                }
                remove(&self.archives().join(&record.file))?;
            }
        }
        // What a run that was killed has written and not recorded.
        let known: BTreeSet<String> = manifest.segments()?.into_values().flatten().map(|record| record.file).collect();
        let Ok(entries) = fs::read_dir(self.archives()) else { return Ok(()) };
        for entry in entries.flatten().filter(|entry| !known.contains(&*entry.file_name().to_string_lossy())) {
            remove(&entry.path())?;
        }
        Ok(())
    }

    fn look(&self, manifest: Option<&Manifest>, snapshot: &Snapshot, wanted: &Wanted) -> Result<Standing> {
        let records = manifest.map(Manifest::segments).transpose()?.unwrap_or_default();
        let input = |name: &str| manifest.map_or(Ok(None), |manifest| manifest.input(name));
        let fingerprint = &wanted.documents.fingerprint;
        let owners: BTreeMap<(&str, u64), &str> = records
            .iter()
            .flat_map(|(old, records)| records.iter().map(|new| ((new.name.as_str(), new.crc), old.as_str())))
            .collect();
        // Pinot would hide and delete segments of these names.
        let reverted = snapshot.lineage.iter().filter(|entry| entry.state == LineageState::Reverted);
        let burnt: BTreeSet<&String> = reverted.flat_map(|entry| &entry.segments_to).collect();
        let mut standing = Standing::default();
        for segment in snapshot.visible().into_iter().filter_map(|name| snapshot.segments.get(name)) {
            let old = OldSegment::of(segment)?;
            if old.rows == 0 {
                standing.empty.push(old.name);
                continue;
            }
            if let Some(owner) = owners.get(&(old.name.as_str(), old.crc))
                && input(owner)?.is_some_and(|input| input.fingerprint == *fingerprint)
            {
                standing.fitting.push(old.name);
                continue;
            }
            let is_current = input(&old.name)?
                .is_some_and(|input| input.hash == old.crc.to_string() && input.fingerprint == *fingerprint);
            let is_here = |record: &&SegmentRecord| {
                record.pushed.is_none() && !burnt.contains(&record.name) && self.archives().join(&record.file).exists()
            };
            match records.get(&old.name).and_then(|records| records.first()).filter(is_here).filter(|_| is_current) {
                Some(record) => standing.rewritten.push((old, record.clone())),
                None => standing.missing.push(old),
            }
        }
        Ok(standing)
    }

    fn rewrite_all(
        &self,
        manifest: &mut Manifest,
        wanted: &Wanted,
        missing: &[OldSegment],
        options: &RewriteOptions<'_>,
        observer: &dyn Observer,
    ) -> Result<()> {
        for folder in [self.archives(), self.downloads()] {
            fs::create_dir_all(&folder)
                .map_err(|error| Error::io(error, "cannot create a folder of the state", &folder))?;
        }
        let (_, epoch) = manifest.begin()?;
        let prefix = self.prefix(manifest)?;
        let before = manifest.segments()?;
        let numbers = missing.iter().map(|old| manifest.sequence(&old.name)).collect::<Result<Vec<u64>>>()?;
        observer.started(missing.len(), missing.iter().map(|old| old.bytes).sum());
        let (next, stop) = (AtomicUsize::new(0), AtomicBool::new(false));
        let shared = Mutex::new((manifest, None::<Error>));
        let worker = || {
            while !stop.load(Ordering::Relaxed) {
                let at = next.fetch_add(1, Ordering::Relaxed);
                let (Some(old), Some(number)) = (missing.get(at), numbers.get(at)) else { break };
                let name = format!("{prefix}{epoch}_{number}");
                let made = self.rewrite_one(wanted, old, (*number, name), options, &stop);
                let Ok(mut shared) = shared.lock() else { break };
                let (manifest, failure) = &mut *shared;
                let earlier = before.get(&old.name).map_or(&[][..], Vec::as_slice);
                match made.and_then(|record| {
                    record.map_or(Ok(()), |record| self.keep(manifest, wanted, old, record, earlier))
                }) {
                    Ok(()) => observer.advanced(old.rows, old.bytes),
                    Err(error) => {
                        stop.store(true, Ordering::Relaxed);
                        // What was only given up because of another failure is none of its own.
                        if failure.as_ref().is_none_or(|known| known.kind() == ErrorKind::Cancelled) {
                            *failure = Some(error.with("segment", &old.name));
                        }
                    }
                }
            }
        };
        std::thread::scope(|scope| {
            for _ in 0..options.parallelism.clamp(1, missing.len()) {
                scope.spawn(worker);
            }
        });
        match shared.into_inner() {
            Ok((_, None)) => Ok(()),
            Ok((_, Some(error))) => Err(error),
            Err(_) => Err(Error::unexpected("a worker thread panicked")),
        }
    }

    /// One segment; nothing when it has gone or become another one meanwhile.
    fn rewrite_one(
        &self,
        wanted: &Wanted,
        old: &OldSegment,
        (number, name): (u64, String),
        options: &RewriteOptions<'_>,
        stop: &AtomicBool,
    ) -> Result<Option<SegmentRecord>> {
        let (controller, table) = (&self.target.controller, &self.target.table);
        let archive = self.downloads().join(format!("{number}-{}.tar.gz", old.crc));
        let make = || {
            if !archive.exists() {
                self.wait(options.cancel, controller.download_segment(table, &old.name, &archive))?;
            }
            let cancelled = || options.cancel.load(Ordering::Relaxed) || stop.load(Ordering::Relaxed);
            let place = (&*self.archives(), options.creation_time_millis);
            wanted.documents.rewrite(old, &archive, name, place, &cancelled)
        };
        let made = make();
        if !made.as_ref().is_err_and(|error| error.kind() == ErrorKind::Cancelled) {
            remove(&archive)?;
        }
        match made {
            Err(error) if error.kind() != ErrorKind::Cancelled => {
                let snapshot = self.wait(options.cancel, self.target.snapshot())?;
                let is_same = snapshot.visible().contains(old.name.as_str())
                    && snapshot.segment(&old.name).is_some_and(|segment| segment.crc == Some(old.crc));
                if is_same { Err(error) } else { Ok(None) }
            }
            made => made.map(Some),
        }
    }

    fn keep(
        &self,
        manifest: &mut Manifest,
        wanted: &Wanted,
        old: &OldSegment,
        record: SegmentRecord,
        earlier: &[SegmentRecord],
    ) -> Result<()> {
        let counts = Counts { read: old.rows, written: record.num_docs, ..Counts::default() };
        let input = InputRecord {
            size: old.bytes,
            mtime_nanos: 0,
            hash: old.crc.to_string(),
            fingerprint: wanted.documents.fingerprint.clone(),
            counts,
        };
        manifest.commit(&[(old.name.clone(), input)], counts, &[record])?;
        earlier.iter().try_for_each(|record| remove(&self.archives().join(&record.file)))
    }

    /// All in one step.
    fn replace(
        &self,
        manifest: &mut Manifest,
        wanted: &Wanted,
        segments: Vec<(OldSegment, SegmentRecord)>,
        options: &RewriteOptions<'_>,
        observer: &dyn Observer,
        summary: &mut RewriteSummary,
    ) -> Result<()> {
        let rows = segments.iter().fold((0, 0), |(old, new), it| (old + it.0.rows, new + it.1.num_docs));
        if rows.0 != rows.1 {
            return Err(Error::unexpected(format!("{} rows would become {}", rows.0, rows.1)));
        }
        let snapshot = self.wait(options.cancel, self.target.snapshot())?;
        let mut to = Vec::new();
        for (old, new) in &segments {
            let path = self.archives().join(&new.file);
            summary.bytes += fs::metadata(&path)
                .map_err(|error| Error::io(error, "cannot read the segment's archive", &path))?
                .len();
            // Whose rows these are stays known: a job that finds its own under other names does not push them once more.
            let mut custom = snapshot.segment(&old.name).map(|segment| segment.custom.clone()).unwrap_or_default();
            custom.insert(REWRITTEN.into(), old.name.clone());
            to.push(LocalSegment {
                name: new.name.clone(),
                crc: new.crc,
                num_docs: new.num_docs,
                path,
                partitions: BTreeMap::new(),
                custom,
                archive_uri: None,
                stored: None,
            });
        }
        let publication = Publication {
            to,
            from: segments.iter().map(|(old, _)| (old.name.clone(), old.crc)).collect(),
            own_prefix: Some(self.prefix(manifest)?),
            overwrite: false,
            history: None,
            time_to_live: None,
        };
        let push = PushOptions {
            parallelism: options.parallelism,
            wait_seconds: options.wait_seconds.max(60),
            ..PushOptions::default()
        };
        let table = &wanted.comparison.table;
        self.wait(options.cancel, publish(&self.target, table, &publication, &push, observer))?;
        let snapshot = self.wait(options.cancel, self.target.snapshot())?;
        let visible = snapshot.visible();
        if let Some((_, new)) = segments.iter().find(|(_, new)| !visible.contains(new.name.as_str())) {
            return Err(Error::new(ErrorKind::CommitConflict, "queries do not see a segment that was published")
                .with("table", self.key())
                .with("segment", &new.name)
                .action("look at the table's replacements with `pinotage push --list` for one that hides it"));
        }
        let names = segments.iter().map(|(_, new)| new.name.clone()).collect();
        manifest.published(&self.key(), &Pending { to: names, from: BTreeMap::new() })?;
        segments.iter().try_for_each(|(_, new)| remove(&self.archives().join(&new.file)))?;
        let standing = self.look(Some(manifest), &snapshot, wanted)?;
        summary.late = standing.missing.into_iter().map(|segment| segment.name).collect();
        summary.replaced = segments.into_iter().map(|(old, _)| old).collect();
        Ok(())
    }

    fn archives(&self) -> PathBuf {
        self.state.join("segments")
    }

    fn downloads(&self) -> PathBuf {
        self.state.join("downloads")
    }

    fn wait<T>(&self, cancel: &AtomicBool, call: impl Future<Output = Result<T>>) -> Result<T> {
        self.runtime.block_on(until_cancelled(cancel, call))
    }
}

/// Where the state of a table's rewriting lies by default, below the working directory.
pub fn default_rewrite_state(table: &str) -> PathBuf {
    Path::new(".pinotage").join(format!("rewrite-{table}"))
}
