//! What the kit asks of every sink, into a folder; with clusters the same is done by jobs.

use std::fs;
use std::path::Path;
use std::sync::Arc;

use arrow::array::{ArrayRef, Int64Array, RecordBatch, StringArray};
use pinotage_common::ArchiveLevel;
use pinotage_connector::kit::{SinkCase, SinkTarget, row_texts};
use pinotage_connector::{Clock, Committable, Context, OpenBuffer, Sink, by_partition};
use pinotage_segment::read::{ScanOptions, Segment};
use pinotage_sink::Snapshot;
use pinotage_sink::upsert::{CreationTimes, KeySerializer, StreamKey, Ties};
use pinotage_sink::writer::{Destination, PinotSink, Sealing, StagedSegment, Upload};
use pinotage_spec::{PinotVersion, Schema, TableConfig};
use tempfile::TempDir;

use crate::staged::untar;

struct Folder {
    folder: TempDir,
    /// Where rows wait, if that is elsewhere.
    other_disk: Option<TempDir>,
    archives: bool,
    sealing: Sealing,
    partitioned: bool,
    /// Keeps one row of each key, in this mode.
    upsert: Option<&'static str>,
    /// Where segments are built.
    pool: Arc<rayon::ThreadPool>,
    partitions: u32,
    /// What is read of the target.
    columns: &'static [&'static str],
}

pub(crate) fn sealing(max_rows: usize) -> Sealing {
    Sealing { max_rows, max_bytes: 64 << 20, task_bytes: 128 << 20, max_age: None, event_time: None, queue: 2 }
}

pub(crate) fn pool() -> Arc<rayon::ThreadPool> {
    Arc::new(rayon::ThreadPoolBuilder::new().num_threads(2).build().unwrap())
}

fn schema(keyed: bool) -> Schema {
    let at = if keyed { r#", {"name": "at", "dataType": "LONG"}"# } else { "" };
    let key = if keyed { r#", "primaryKeyColumns": ["key"]"# } else { "" };
    let columns = r#"{"name": "id", "dataType": "LONG"}, {"name": "key", "dataType": "STRING"}"#;
    Schema::from_json(&format!(r#"{{"schemaName": "t", "dimensionFieldSpecs": [{columns}{at}]{key}}}"#)).unwrap()
}

impl Folder {
    fn new(max_rows: usize, partitioned: bool) -> Self {
        Self {
            folder: tempfile::tempdir().unwrap(),
            other_disk: None,
            archives: false,
            sealing: sealing(max_rows),
            partitioned,
            upsert: None,
            pool: pool(),
            partitions: 4,
            columns: &["id", "key"],
        }
    }

    fn staging(&self) -> std::path::PathBuf {
        self.other_disk.as_ref().unwrap_or(&self.folder).path().join("staging")
    }

    fn shared(&self) -> PinotSink {
        self.table_sink().with_shared_partitions()
    }

    fn batch(&self, ids: std::ops::Range<i64>) -> RecordBatch {
        let batch = rows(ids);
        if self.upsert.is_none() {
            return batch;
        }
        let columns = [("id", 0), ("key", 1), ("at", 0)].map(|(name, from)| (name, Arc::clone(batch.column(from))));
        RecordBatch::try_from_iter(columns).unwrap()
    }

    fn table_sink(&self) -> PinotSink {
        let partitions = match self.partitioned {
            true => format!(
                r#"{{"columnPartitionMap": {{"key": {{"functionName": "Murmur", "numPartitions": {}}}}}}}"#,
                self.partitions
            ),
            false => "{}".into(),
        };
        let upsert = match self.upsert {
            Some("PARTIAL") => {
                r#", "upsertConfig": {"mode": "PARTIAL", "comparisonColumns": ["at"],
                "partialUpsertStrategies": {"id": "INCREMENT"}}"#
            }
            Some(_) => r#", "upsertConfig": {"mode": "FULL", "comparisonColumns": ["at"]}"#,
            None => "",
        };
        let table = format!(
            r#"{{"tableName": "t", "tableType": "OFFLINE", "tableIndexConfig": {{"nullHandlingEnabled": true, "segmentPartitionConfig": {partitions}}}{upsert}}}"#
        );
        let table = TableConfig::from_json(&table).unwrap();
        let archives = self.archives.then(ArchiveLevel::default);
        let to = Destination::Folder { path: self.folder.path().join("out"), archives };
        let sink = PinotSink::try_new(
            (schema(self.upsert.is_some()), table, PinotVersion::NEWEST),
            self.staging(),
            self.sealing.clone(),
            to,
            Arc::clone(&self.pool),
        );
        sink.unwrap()
    }
}

impl SinkTarget for Folder {
    fn sink(&self) -> Box<dyn Sink> {
        Box::new(self.table_sink())
    }

    fn rows(&self) -> Vec<RecordBatch> {
        let Ok(entries) = fs::read_dir(self.folder.path().join("out")) else { return Vec::new() };
        let mut batches = Vec::new();
        let seen = |path: &std::path::PathBuf| path.is_dir() || path.extension().is_some_and(|end| end == "gz");
        for path in entries.map(|entry| entry.unwrap().path()).filter(seen) {
            let unpacked = tempfile::tempdir().unwrap();
            let path = if self.archives { untar(&path, unpacked.path()) } else { path };
            let segment = Segment::open(&path).unwrap();
            if self.partitioned {
                let key = segment.metadata().columns.iter().find(|(name, _)| *name == "key").unwrap().1;
                assert_eq!(key.partition.as_ref().unwrap().partitions.len(), 1, "rows of several partitions");
            }
            let columns = self.columns.iter().map(|column| (*column).to_owned()).collect();
            let options = ScanOptions { columns: Some(columns), ..ScanOptions::default() };
            batches.extend(segment.scan(options).unwrap().map(|batch| batch.unwrap()));
        }
        batches
    }
}

fn rows(ids: std::ops::Range<i64>) -> RecordBatch {
    let keys: ArrayRef = Arc::new(StringArray::from_iter_values(ids.clone().map(|id| format!("k{}", id % 13))));
    let ids: ArrayRef = Arc::new(Int64Array::from_iter_values(ids));
    RecordBatch::try_from_iter([("id", ids), ("key", keys)]).unwrap()
}

fn files_below(folder: &Path) -> Vec<String> {
    let Ok(entries) = fs::read_dir(folder) else { return Vec::new() };
    let paths = entries.map(|entry| entry.unwrap().path());
    paths.flat_map(|path| if path.is_dir() { files_below(&path) } else { vec![path.display().to_string()] }).collect()
}

#[test]
fn holds_the_promises_of_sinks() {
    let epochs = [rows(0..40), rows(40..41), rows(41..120), rows(120..133)];
    for (max_rows, partitioned) in [(1000, false), (16, true)] {
        let make = move || Box::new(Folder::new(max_rows, partitioned)) as Box<dyn SinkTarget>;
        SinkCase { make: &make, epochs: &epochs }.all();
    }
}

/// The disk that rows wait on is another one than that of the output.
#[test]
fn staging_may_be_on_another_disk() {
    use std::os::unix::fs::MetadataExt as _;
    let (memory, output) = (Path::new("/dev/shm"), std::env::temp_dir());
    let device = |folder: &Path| fs::metadata(folder).map(|metadata| metadata.dev()).ok();
    if device(memory).is_none() || device(memory) == device(&output) {
        eprintln!("SKIPPED: staging on another disk, because /dev/shm is none");
        return;
    }
    let epochs = [rows(0..40), rows(40..90)];
    for archives in [false, true] {
        let make = || {
            let staging = tempfile::tempdir_in(memory).unwrap();
            Box::new(Folder { other_disk: Some(staging), archives, ..Folder::new(16, true) }) as Box<dyn SinkTarget>
        };
        let case = SinkCase { make: &make, epochs: &epochs };
        case.committing_again_changes_nothing();
        case.survives_death_at_every_step();
    }
}

/// While no segment can be built, writing goes on until `queue` sealed segments wait, and then waits itself.
#[test]
fn writing_waits_for_sealed_segments() {
    // Rows of a table with keys wait as they are: nothing but building needs a worker.
    let epochs: Vec<RecordBatch> = (0..12)
        .map(|part| {
            let ids: ArrayRef = Arc::new(Int64Array::from_iter_values(part * 10..part * 10 + 10));
            let keys: ArrayRef = Arc::new(StringArray::from_iter_values((0..10).map(|row| format!("k{part}-{row}"))));
            RecordBatch::try_from_iter([("id", ids.clone()), ("key", keys), ("at", ids)]).unwrap()
        })
        .collect();
    for queue in [1, 2, 4] {
        let workers = Arc::new(rayon::ThreadPoolBuilder::new().num_threads(1).build().unwrap());
        let make = || {
            let folder = Folder::new(10, true);
            let sealing = Sealing { queue, ..folder.sealing.clone() };
            let (upsert, pool) = (Some("FULL"), Arc::clone(&workers));
            Box::new(Folder { upsert, pool, sealing, partitions: 1, columns: &["id", "key", "at"], ..folder })
                as Box<dyn SinkTarget>
        };
        let hold = |_: &dyn SinkTarget| -> Box<dyn std::any::Any> {
            let (held, until) = std::sync::mpsc::channel::<()>();
            workers.spawn(move || {
                let _ = until.recv();
            });
            Box::new(held)
        };
        let taken = SinkCase { make: &make, epochs: &epochs }.waits_for_a_target_that_is_held(&hold);
        assert_eq!(taken, queue, "batches were taken where {queue} sealed segments may wait");
    }
}

/// A writer that lives through many epochs: nothing stays in staging but what the last record needs.
#[test]
fn staging_is_empty_behind_the_last_epoch() {
    let target = Folder::new(50, false);
    let sink = target.sink();
    let context = Context::new("j", "0");
    let mut writer = sink.open(Vec::new(), &context).unwrap();
    let mut committer = sink.committer(&context).unwrap();
    let mut kept = Vec::new();
    for epoch in 1..=150 {
        let first = (epoch as i64 - 1) * 3;
        writer.write(0, rows(first..first + 3)).unwrap();
        let prepared = writer.prepare(epoch, epoch == 150).unwrap();
        kept.push(files_below(&target.staging()).len());
        committer.commit(&prepared.committables).unwrap();
        writer.recorded(epoch).unwrap();
    }
    assert!(kept.iter().all(|files| *files <= 68), "{kept:?}");
    assert_eq!(files_below(&target.staging()), Vec::<String>::new());
    let mut found = row_texts(&target.rows());
    found.sort();
    let mut expected = row_texts(&[rows(0..450)]);
    expected.sort();
    assert_eq!(found, expected);
}

/// More than 64 files of one segment become one, and the rows stay what they are.
#[test]
fn many_small_epochs_are_put_together() {
    let target = Folder::new(10_000, false);
    let sink = target.sink();
    let mut writer = sink.open(Vec::new(), &Context::new("j", "0")).unwrap();
    let mut open: Vec<OpenBuffer> = Vec::new();
    for epoch in 1..=100 {
        writer.write(3, rows(epoch as i64 * 2..epoch as i64 * 2 + 2)).unwrap();
        open = writer.prepare(epoch, false).unwrap().open;
        writer.recorded(epoch).unwrap();
    }
    assert_eq!((open.len(), open[0].rows, open[0].partition), (1, 200, 3));
    let files = files_below(&target.staging()).len();
    assert!(files < 66, "{files}");
    drop(writer);
    let context = Context { epoch: 100, ..Context::new("j", "0") };
    let mut writer = sink.open(open, &context).unwrap();
    let prepared = writer.prepare(101, true).unwrap();
    sink.committer(&context).unwrap().commit(&prepared.committables).unwrap();
    let mut found = row_texts(&target.rows());
    found.sort();
    let mut expected = row_texts(&[rows(2..202)]);
    expected.sort();
    assert_eq!(found, expected);
}

#[test]
fn rows_that_are_gone_or_spoilt_are_errors_that_name_the_file() {
    let target = Folder::new(1000, false);
    let sink = target.sink();
    let mut writer = sink.open(Vec::new(), &Context::new("j", "0")).unwrap();
    writer.write(0, rows(0..5)).unwrap();
    let open = writer.prepare(1, false).unwrap().open;
    drop(writer);
    let context = Context { epoch: 1, ..Context::new("j", "0") };
    let file = files_below(&target.staging()).remove(0);
    let intact = fs::read(&file).unwrap();
    let mut spoilt = intact.clone();
    *spoilt.last_mut().unwrap() ^= 1;
    for (bytes, kind) in
        [(Some(&spoilt[..]), "corrupt-segment"), (Some(&intact[..9]), "corrupt-segment"), (None, "not-found")]
    {
        match bytes {
            Some(bytes) => fs::write(&file, bytes).unwrap(),
            None => fs::remove_file(&file).unwrap(),
        }
        let error = sink.open(open.clone(), &context).err().unwrap();
        assert_eq!(error.kind().name(), kind, "{error}");
        assert!(error.to_string().contains(&file), "{error}");
    }
}

/// Old rows seal their segment, and the largest goes first when all of them are too large together.
#[test]
fn age_and_memory_seal() {
    #[derive(Debug)]
    struct Later(std::sync::atomic::AtomicI64);
    impl pinotage_connector::Clock for Later {
        fn now_millis(&self) -> i64 {
            self.0.load(std::sync::atomic::Ordering::Relaxed)
        }
    }
    let mut target = Folder::new(100_000, false);
    target.sealing.max_age = Some(std::time::Duration::from_secs(60));
    let clock = Arc::new(Later(0.into()));
    let context = Context { clock: clock.clone(), ..Context::new("j", "0") };
    let mut writer = target.sink().open(Vec::new(), &context).unwrap();
    writer.write(0, rows(0..5)).unwrap();
    clock.0.store(59_999, std::sync::atomic::Ordering::Relaxed);
    assert_eq!(writer.prepare(1, false).unwrap().open.len(), 1);
    clock.0.store(60_000, std::sync::atomic::Ordering::Relaxed);
    let sealed = |prepared: pinotage_connector::Prepared| {
        let named = prepared.open.iter().any(|open| open.detail.contains("t_j_0_2_0_0"));
        named || !prepared.committables.is_empty()
    };
    assert!(sealed(writer.prepare(2, false).unwrap()));

    let mut target = Folder::new(10_000_000, false);
    target.sealing.task_bytes = 1 << 20;
    let mut writer = target.sink().open(Vec::new(), &Context::new("j", "0")).unwrap();
    for part in 0..40 {
        writer.write(part % 2, rows(i64::from(part) * 5000..i64::from(part + 1) * 5000)).unwrap();
    }
    let prepared = writer.prepare(1, false).unwrap();
    let sealed = prepared.open.iter().filter(|open| open.detail.contains("sealed\":[")).count();
    assert!(sealed + prepared.committables.len() > 0, "{prepared:?}");
}

/// Somebody else needs memory: what is open and does not fit into the rest is built, and no row is lost.
#[test]
fn memory_is_given_back() {
    let target = Folder::new(10_000_000, true);
    let (sink, context) = (target.table_sink(), Context::new("j", "0"));
    let mut writer = sink.open(Vec::new(), &context).unwrap();
    let write = |writer: &mut dyn pinotage_connector::Writer, ids| {
        by_partition(&sink, rows(ids), 0).unwrap().into_iter().for_each(|(at, part)| writer.write(at, part).unwrap());
    };
    write(&mut *writer, 0..100_000);
    let metric = |name| context.metrics.now()[name];
    let open = metric("segments open");
    assert!(open > 1 && metric("segments sealed") == 0, "{:?}", context.metrics.now());
    assert!(writer.shrink(64 << 20).unwrap());
    assert_eq!((metric("segments open"), metric("segments sealed")), (open, 0), "there is room for them");
    assert!(writer.shrink(1 << 20).unwrap());
    let sealed = metric("segments sealed by memory");
    assert!(sealed > 0 && metric("segments open") + sealed == open, "{:?}", context.metrics.now());
    write(&mut *writer, 100_000..200_000);
    assert!(metric("segments sealed") > sealed, "later segments are smaller");
    let prepared = writer.prepare(1, true).unwrap();
    sink.committer(&context).unwrap().commit(&prepared.committables).unwrap();
    let sorted = |batches: &[RecordBatch]| {
        let mut rows = row_texts(batches);
        rows.sort();
        rows
    };
    assert!(sorted(&target.rows()) == sorted(&[rows(0..200_000)]), "rows are there once");

    let target = Folder { upsert: Some("PARTIAL"), ..Folder::new(10_000_000, true) };
    let mut writer = target.sink().open(Vec::new(), &Context::new("j", "0")).unwrap();
    assert!(!writer.shrink(1 << 20).unwrap(), "rows of a key stay together");
}

/// Rows with keys of 13, and a time that grows.
fn keyed(ids: std::ops::Range<i64>) -> RecordBatch {
    let plain = rows(ids.clone());
    let at: ArrayRef = Arc::new(Int64Array::from_iter_values(ids.map(|id| id / 2)));
    let columns = [("id", plain.column(0).clone()), ("key", plain.column(1).clone()), ("at", at)];
    RecordBatch::try_from_iter(columns).unwrap()
}

/// Writes epochs with new writers each, as after crashes, and gives the rows of the target back.
fn written(target: &Folder, epochs: &[RecordBatch]) -> Vec<String> {
    let sink = target.sink();
    let mut open = Vec::new();
    for (at, batch) in epochs.iter().enumerate() {
        let context = Context { epoch: at as u64, ..Context::new("j", "0") };
        let mut writer = sink.open(open, &context).unwrap();
        let partitions = sink.partitions(batch).unwrap().unwrap();
        for (row, partition) in partitions.into_iter().enumerate() {
            writer.write(partition, batch.slice(row, 1)).unwrap();
        }
        let prepared = writer.prepare(at as u64 + 1, at + 1 == epochs.len()).unwrap();
        sink.committer(&context).unwrap().commit(&prepared.committables).unwrap();
        open = prepared.open;
    }
    let mut found = row_texts(&target.rows());
    found.sort();
    found
}

/// Of the rows of a key the latest is written, whatever epoch they come in; the rows of a segment compete, segments do not.
#[test]
fn losers_are_not_written() {
    let target = Folder { upsert: Some("FULL"), ..Folder::new(1000, true) };
    let found = written(&target, &[keyed(0..40), keyed(40..41), keyed(41..130)]);
    let mut expected = row_texts(&[rows(117..130)]);
    expected.sort();
    assert_eq!(found, expected);
}

/// A clock that stands still, or was set back.
#[derive(Debug)]
struct Stopped(i64);

impl Clock for Stopped {
    fn now_millis(&self) -> i64 {
        self.0
    }
}

/// Pinot shows the row in the segment that was created later where two compare as equal: that is the one that came later, however
/// many segments a millisecond has and wherever the clock stands.
#[test]
fn later_segments_of_keys_are_created_later() {
    let target = Folder { upsert: Some("FULL"), partitions: 1, ..Folder::new(5, true) };
    let mut times = Vec::new();
    for (epoch, now) in [(0, 1_700_000_000_000), (1, 1_600_000_000_000)] {
        let sink = target.table_sink();
        let sink = match times.last() {
            Some(last) => sink.created_behind(*last),
            None => sink,
        };
        let clock = Arc::new(Stopped(now));
        let mut writer = sink.open(Vec::new(), &Context { epoch, clock, ..Context::new("j", "r") }).unwrap();
        for (partition, part) in by_partition(&sink, target.batch(0..23), 0).unwrap() {
            writer.write(partition, part).unwrap();
        }
        let prepared = writer.prepare(epoch + 1, true).unwrap();
        times.extend(prepared.committables.iter().map(|one| StagedSegment::of(one).unwrap().creation_millis));
    }
    assert_eq!(times.len(), 10);
    assert!(times[0] == 1_700_000_000_000 && times.is_sorted_by(|one, other| one < other), "{times:?}");
}

/// The rows of a key are merged over all epochs.
#[test]
fn partial_rows_are_merged_to_the_end() {
    let target = Folder { upsert: Some("PARTIAL"), ..Folder::new(7, true) };
    let found = written(&target, &[keyed(0..40), keyed(40..41), keyed(41..130)]);
    let mut expected: Vec<String> =
        (0..13).map(|key| format!("{}\u{1}k{key}", (0..130).filter(|id| id % 13 == key).sum::<i64>())).collect();
    expected.sort();
    assert_eq!(found, expected);
}

/// A column that the schema gets while rows wait has no value in them.
#[test]
fn kept_rows_get_the_columns_of_a_later_schema() {
    let target = Folder::new(1000, true);
    let sink = target.sink();
    let mut writer = sink.open(Vec::new(), &Context::new("j", "0")).unwrap();
    let old = rows(0..3).project(&[1]).unwrap();
    let partition = sink.partitions(&old).unwrap().unwrap()[0];
    // As a writer did whose schema had no `id`.
    writer.write(partition, rows(0..1)).unwrap();
    let mut open = writer.prepare(1, false).unwrap().open;
    drop(writer);
    let file = files_below(&target.staging()).remove(0);
    let mut bytes = Vec::new();
    let batch = old.slice(0, 1);
    let mut ipc = arrow::ipc::writer::StreamWriter::try_new(&mut bytes, &batch.schema()).unwrap();
    ipc.write(&batch).unwrap();
    ipc.finish().unwrap();
    drop(ipc);
    let mut kept: serde_json::Value = serde_json::from_str(&open[0].detail).unwrap();
    kept["files"][0]["bytes"] = bytes.len().into();
    kept["files"][0]["hash"] = xxhash_rust::xxh3::xxh3_64(&bytes).into();
    open[0].detail = kept.to_string();
    fs::write(&file, bytes).unwrap();
    let context = Context { epoch: 1, ..Context::new("j", "0") };
    let prepared = sink.open(open, &context).unwrap().prepare(2, true).unwrap();
    sink.committer(&context).unwrap().commit(&prepared.committables).unwrap();
    assert_eq!(row_texts(&target.rows()), ["\u{0}\u{1}k0"]);
}

/// Rows that were kept while segments were larger are sealed as they are, and the next ones as it is asked now.
#[test]
fn smaller_segments_take_kept_rows_up() {
    let mut target = Folder::new(1000, false);
    let mut writer = target.sink().open(Vec::new(), &Context::new("j", "0")).unwrap();
    writer.write(0, rows(0..50)).unwrap();
    let open = writer.prepare(1, false).unwrap().open;
    drop(writer);
    target.sealing.max_rows = 7;
    let context = Context { epoch: 1, ..Context::new("j", "0") };
    let sink = target.sink();
    let mut writer = sink.open(open, &context).unwrap();
    writer.write(0, rows(50..60)).unwrap();
    let prepared = writer.prepare(2, true).unwrap();
    assert_eq!(prepared.committables.iter().map(|it| it.rows).collect::<Vec<_>>(), [50, 7, 3]);
    sink.committer(&context).unwrap().commit(&prepared.committables).unwrap();
    let (mut found, mut expected) = (row_texts(&target.rows()), row_texts(&[rows(0..60)]));
    found.sort();
    expected.sort();
    assert_eq!(found, expected);
}

/// Tasks of an engine that spreads rows in its own way: each has rows of each partition, and all buffers go to fewer tasks.
#[test]
fn tasks_share_partitions() {
    for upsert in [None, Some("FULL")] {
        let target = Folder { upsert, ..Folder::new(7, true) };
        let sink = target.shared();
        let context = |epoch, task, tasks| Context { epoch, task, tasks, ..Context::new("j", "0a") };
        let mut committables = Vec::new();
        let mut open = Vec::new();
        for task in 0..3 {
            let mut writer = sink.open(Vec::new(), &context(0, task, 3)).unwrap();
            let first = i64::from(task) * 20;
            for (partition, part) in by_partition(&sink, target.batch(first..first + 20), 0).unwrap() {
                writer.write(partition, part).unwrap();
            }
            // Epochs are numbered by somebody else, who leaves some out.
            let prepared = writer.prepare(5, false).unwrap();
            committables.extend(prepared.committables);
            open.extend(prepared.open);
        }
        let mut writer = sink.open(open, &context(5, 0, 1)).unwrap();
        writer.begin(9);
        for (partition, part) in by_partition(&sink, target.batch(60..80), 0).unwrap() {
            writer.write(partition, part).unwrap();
        }
        let prepared = writer.prepare(9, true).unwrap();
        assert!(prepared.open.is_empty());
        committables.extend(prepared.committables);
        let segments: Vec<_> = committables.iter().map(|one| StagedSegment::of(one).unwrap()).collect();
        let names: std::collections::BTreeSet<_> = segments.iter().map(|segment| &segment.name).collect();
        assert_eq!(names.len(), segments.len(), "two segments of one name");
        assert!(segments.iter().all(|segment| segment.epoch <= 5 || segment.epoch == 9));
        sink.committer(&context(9, 0, 1)).unwrap().commit(&committables).unwrap();
        let (mut found, mut expected) = (row_texts(&target.rows()), row_texts(&[rows(0..80)]));
        found.sort();
        expected.sort();
        match upsert {
            None => assert_eq!(found, expected),
            // The rows that lost within a segment are gone, the latest of each key is there.
            Some(_) => assert!(
                rows(67..80).num_rows() == 13 && row_texts(&[rows(67..80)]).iter().all(|row| found.contains(row))
            ),
        }
    }
}

/// What a process of a run would be told that goes on behind an epoch; `lives` are all that the run has had.
fn process(lives: &[(&str, u64)], epoch: u64) -> Context {
    let mut context = Context { epoch, ..Context::new("j", "0123456789abcdef") };
    lives.iter().for_each(|(life, behind)| context.lives.begin(*life, *behind));
    context
}

/// Segments that are sealed and wait for a folder, and the sink and context that bring them there.
fn sealed_for(staging: &Path, out: &Path) -> (PinotSink, Context, Vec<Committable>) {
    let table = TableConfig::from_json(r#"{"tableName": "t", "tableType": "OFFLINE"}"#).unwrap();
    let to = Destination::Folder { path: out.to_owned(), archives: None };
    let documents = (schema(false), table, PinotVersion::NEWEST);
    let sink = PinotSink::try_new(documents, staging.to_owned(), sealing(9), to, pool()).unwrap();
    let context = Context::new("j", "0123456789abcdef");
    let mut writer = sink.open(Vec::new(), &context).unwrap();
    writer.write(0, rows(0..20)).unwrap();
    let committables = writer.prepare(1, true).unwrap().committables;
    (sink, context, committables)
}

/// An age beyond what clocks count is none.
#[test]
fn a_segment_that_may_become_as_old_as_it_likes_stays_open() {
    let mut target = Folder::new(9, false);
    target.sealing.max_age = Some(std::time::Duration::from_millis(u64::MAX));
    let mut writer = target.sink().open(Vec::new(), &Context::new("j", "0a")).unwrap();
    writer.write(0, rows(0..5)).unwrap();
    assert_eq!(writer.prepare(1, false).unwrap().committables, []);
}

/// Nobody goes on without having looked whether there is a copy of the state.
#[test]
fn an_output_that_cannot_be_looked_into_is_an_error() {
    let folder = tempfile::tempdir().unwrap();
    let out = folder.path().join("out");
    let (sink, context, _) = sealed_for(&folder.path().join("staging"), &out);
    let check = || sink.committer(&context).unwrap().check(0);
    check().unwrap();
    fs::write(&out, "a file").unwrap();
    assert_eq!(check().unwrap_err().kind().name(), "invalid-config");
    fs::remove_file(&out).unwrap();
    fs::create_dir(&out).unwrap();
    let fence = out.join(".t_j_0123456789abcdef_published");
    std::os::unix::fs::symlink(&fence, &fence).unwrap();
    assert!(check().unwrap_err().to_string().contains("_published"));
}

/// Rows that are in the output have come, whatever becomes of what was staged: who is told that they have not writes them again.
#[test]
fn staging_that_lets_nothing_go_fails_no_commit() {
    let folder = tempfile::tempdir().unwrap();
    let (staging, out) = (folder.path().join("staging"), folder.path().join("out"));
    let (sink, context, committables) = sealed_for(&staging, &out);
    let mut committer = sink.committer(&context).unwrap();
    committer.commit(&committables).unwrap();
    let segment = StagedSegment::of(&committables[0]).unwrap();
    let life = staging.join(&context.run).join(Path::new(&segment.file).parent().unwrap());
    fs::remove_dir_all(&life).unwrap();
    fs::write(&life, "nothing can be removed from here").unwrap();
    committer.commit(&committables).unwrap();
    assert!(committer.abort(&committables).is_err(), "something can be removed");
}

#[test]
fn who_waits_for_another_process_can_be_stopped() {
    let folder = tempfile::tempdir().unwrap();
    let out = folder.path().join("out");
    let (sink, context, committables) = sealed_for(&folder.path().join("staging"), &out);
    fs::create_dir(&out).unwrap();
    let other = fs::File::create(out.join(".t_j_0123456789abcdef_published")).unwrap();
    other.lock().unwrap();
    context.cancel.cancel();
    let mut committer = sink.committer(&context).unwrap();
    assert_eq!(committer.commit(&committables).unwrap_err().kind().name(), "cancelled");
    drop(other);
    let context = Context::new("j", "0123456789abcdef");
    sink.committer(&context).unwrap().commit(&committables).unwrap();
}

/// Two copies of a state that are at work at the same time, and never choose one name: the one that comes later is refused before
/// a row is there twice, whichever it is, and whoever has the rows that are there goes on.
#[test]
fn copies_of_a_state_are_told_apart_while_they_run() {
    let target = Folder::new(5, false);
    let mut began = process(&[("one", 0)], 0);
    let sealed = |context: &Context, empty: u64, ids: std::ops::Range<i64>| {
        let mut writer = target.sink().open(Vec::new(), context).unwrap();
        for epoch in 1..=empty {
            writer.prepare(context.epoch + epoch, false).unwrap();
        }
        writer.write(0, rows(ids)).unwrap();
        writer.prepare(context.epoch + empty + 1, true).unwrap().committables
    };
    // What both know.
    let common = sealed(&began, 0, 0..5);
    target.sink().committer(&began).unwrap().commit(&common).unwrap();
    began.epoch = 1;
    let copy = process(&[("one", 0), ("two", 1)], 1);
    // Both have looked before either of them has brought anything.
    let (mut first, mut second) = (target.sink().committer(&began).unwrap(), target.sink().committer(&copy).unwrap());
    first.check(1).unwrap();
    second.check(1).unwrap();
    let (of_first, of_second) = (sealed(&began, 0, 5..10), sealed(&copy, 1, 5..10));
    assert!(of_first[0].detail.contains("_2_0_0") && of_second[0].detail.contains("_3_0_0"), "they share a name");
    first.commit(&of_first).unwrap();
    assert_eq!(second.commit(&of_second).unwrap_err().kind().name(), "commit-conflict");
    // One that begins now is refused at once, and the first one may bring the same once more.
    let late = process(&[("one", 0), ("three", 1)], 1);
    assert_eq!(first_error(&target, &late).kind().name(), "commit-conflict");
    first.commit(&of_first).unwrap();
    let (mut found, mut expected) = (row_texts(&target.rows()), row_texts(&[rows(0..10)]));
    found.sort();
    expected.sort();
    assert_eq!(found, expected);
    // Who goes on with the state of the first one is no copy.
    let next = process(&[("one", 0), ("four", 2)], 2);
    let mut committer = target.sink().committer(&next).unwrap();
    committer.check(2).unwrap();
    committer.commit(&sealed(&next, 0, 10..12)).unwrap();
    assert_eq!(first.check(2).unwrap_err().kind().name(), "commit-conflict");
}

fn first_error(target: &Folder, context: &Context) -> pinotage_common::Error {
    target.sink().committer(context).unwrap().check(context.epoch).unwrap_err()
}

/// Beside a stream a row without a key is refused by its place where a table keeps one row of each key, and nowhere else.
#[test]
fn rows_without_a_key_have_no_partition_of_a_stream() {
    let table = |more: &str| {
        TableConfig::from_json(&format!(r#"{{"tableName": "t", "tableType": "REALTIME"{more}}}"#)).unwrap()
    };
    let upserts = r#", "upsertConfig": {"mode": "FULL", "comparisonColumns": ["at"]}"#;
    let key = StreamKey { columns: vec!["key".into()], serializer: KeySerializer::String, partitions: 8 };
    let keys: ArrayRef = Arc::new(StringArray::from(vec![Some("a"), None, Some("b"), None]));
    let numbers: ArrayRef = Arc::new(Int64Array::from(vec![1, 2, 3, 4]));
    let columns = [("id", numbers.clone(), true), ("key", keys, true), ("at", numbers, true)];
    let batch = RecordBatch::try_from_iter_with_nullable(columns).unwrap();
    for (more, refused) in [(upserts, vec![1, 3]), ("", vec![])] {
        let upload = Upload { version: PinotVersion::NEWEST, key: key.clone() };
        let times = CreationTimes::of(&Snapshot::default(), Ties::Live, PinotVersion::NEWEST, 1).unwrap();
        let folder = tempfile::tempdir().unwrap();
        let to = Destination::Folder { path: folder.path().into(), archives: Some(ArchiveLevel::default()) };
        let staging = folder.path().join("staging");
        let documents = (schema(!more.is_empty()), table(more));
        let sink = PinotSink::beside_stream(documents, staging, sealing(9), to, (upload, times), pool()).unwrap();
        let found = sink.refused(&batch).unwrap();
        assert_eq!(found.iter().map(|row| row.row).collect::<Vec<_>>(), refused);
        assert!(found.iter().all(|row| row.rule == "no-key" && row.column.as_deref() == Some("key")), "{found:?}");
        assert_eq!(sink.partitions(&batch).is_err(), !refused.is_empty());
    }
}
