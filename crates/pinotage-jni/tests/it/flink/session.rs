//! Session clusters whose parts are processes of their own, with the connector as user code of each job.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard, OnceLock, PoisonError};
use std::thread;
use std::time::Duration;

use pinotage_testkit::cluster::eventually;
use pinotage_testkit::fake::{Gate, Side};
use pinotage_testkit::flink::{Connector, Job, JobState, Session, SessionOptions};
use pinotage_testkit::is_full;

use super::lines::Line;
use super::on_each_line;
use super::table::Table;

const SUBMIT: &str = "io.pinotage.flink.scenarios.Submit";

/// A session cluster with two TaskManagers of two slots, and a jar of the scenarios in it.
pub(super) struct Shared {
    pub(super) session: Session,
    pub(super) jar: String,
}

/// The one that tests of a line share, one at a time; none without that line.
pub(super) fn shared(line: Line) -> Option<MutexGuard<'static, Shared>> {
    static SHARED: [OnceLock<Option<Mutex<Shared>>>; 2] = [const { OnceLock::new() }; 2];
    let shared = SHARED[line as usize].get_or_init(|| {
        let options =
            SessionOptions { task_managers: 2, slots: 2, library: Some(crate::java::library()), ..Default::default() };
        Shared::start(line, &options, Connector::InJob).map(Mutex::new)
    });
    let shared = shared.as_ref()?.lock().unwrap_or_else(PoisonError::into_inner);
    // A test that failed may have left some.
    shared.session.cancel_all();
    Some(shared)
}

impl Shared {
    /// A session cluster of a test's own.
    pub(super) fn start(line: Line, options: &SessionOptions, connector: Connector<'_>) -> Option<Self> {
        let session = Session::start(line, options)?;
        let folder = tempfile::tempdir().unwrap();
        let jar = session.upload(&line.job_jar(folder.path(), connector)?);
        Some(Self { session, jar })
    }

    pub(super) fn submit(&self, options: &[(&str, String)], from: Option<&str>) -> Job<'_> {
        let args: Vec<String> = options.iter().map(|(name, value)| format!("{name}={value}")).collect();
        self.session
            .run(&self.jar, SUBMIT, &args, from)
            .unwrap_or_else(|error| panic!("{error}\n{}", self.session.logs()))
    }

    /// The job of an id.
    pub(super) fn job(&self, id: &str) -> Job<'_> {
        self.session.job(id)
    }
}

on_each_line!(
    /// Stopped with a savepoint and gone on with from there. Behind a savepoint that the table is ahead of it is stopped.
    jobs_stop_and_go_on,
    |line| {
        let Some(table) = Table::create("flink_session", line) else { return };
        let Some(shared) = shared(line) else { return };
        let (rows, savepoints) = (12_000, format!("file://{}", table.folder("savepoints").display()));
        // So slow that it does not end before it is stopped.
        let slow = table.options(rows, &[("rate", "100"), ("segmentRows", "200")]);
        let job = shared.submit(&slow, None);
        job.await_checkpoints(2);
        let first = job.stop_with_savepoint(&savepoints);
        assert_eq!(job.wait(), JobState::Finished);
        table.is_never_doubled(rows);
        let known = table.rows();
        let job = shared.submit(&slow, Some(&first));
        // More than what waited in the savepoint.
        eventually("later rows", || if table.rows() > known + 1_000 { Ok(()) } else { Err(job.failure()) });
        let second = job.stop_with_savepoint(&savepoints);
        let fast = table.options(rows, &[("segmentRows", "1000")]);
        let JobState::Failed(reason) = shared.submit(&fast, Some(&first)).wait() else { panic!("it is behind the table") };
        assert!(reason.contains("commit-conflict"), "{reason}");
        shared.submit(&fast, Some(&second)).finish();
        table.is_exact(rows);
    }
);

on_each_line!(
    /// Two jobs go on from one savepoint at the same time, at different paces. Whoever publishes later is stopped, and no row is there twice.
    of_two_copies_one_is_stopped,
    |line| {
        // The same on both lines; the small size takes one.
        if line == Line::V1_20 && !is_full() {
            return;
        }
        let Some(table) = Table::create("flink_copies", line) else { return };
        let Some(shared) = shared(line) else { return };
        let rows = 24_000;
        let options = |rate| {
            let further = [("rate", rate), ("segmentRows", "1500"), ("publishMillis", "0"), ("restarts", "100")];
            table.options(rows, &further)
        };
        let job = shared.submit(&options("200"), None);
        job.await_checkpoints(2);
        let savepoint = job.stop_with_savepoint(&format!("file://{}", table.folder("savepoints").display()));
        let jobs = ["1500", "1000"].map(|rate| shared.submit(&options(rate), Some(&savepoint)));
        let ends = jobs.each_ref().map(|job| {
            while job.state() == JobState::Running && !job.failure().contains("commit-conflict") {
                table.is_never_doubled(rows);
                thread::sleep(Duration::from_millis(200));
            }
            job.failure()
        });
        assert!(ends.iter().any(|failure| failure.contains("commit-conflict")), "{ends:?}");
        let states = jobs.each_ref().map(Job::cancel);
        table.is_never_doubled(rows);
        if states.contains(&JobState::Finished) {
            table.is_exact(rows);
        }
    }
);

on_each_line!(
    /// Its TaskManagers die while a publication has everything but its end: the job goes on with that very publication, and nothing of
    /// it stays in the way.
    a_publication_that_was_cut_short_is_ended,
    |line| {
        let Some(table) = Table::create("flink_cut_short", line) else { return };
        let Some(mut shared) = shared(line) else { return };
        let gate = Gate::new(&table.cluster.controller);
        let hold = gate.hold(Side::Before, |request| request.path.ends_with("/endReplaceSegments"));
        let (rows, url) = (30_000, gate.url());
        let further = [("controller", url.as_str()), ("rate", "2000"), ("segmentRows", "1500"), ("restarts", "100")];
        let job = shared.submit(&table.options(rows, &further), None).id;
        hold.await_own_call();
        for _ in 0..2 {
            shared.session.kill_task_manager(0);
            shared.session.add_task_manager();
        }
        // The call never comes.
        drop(hold);
        shared.job(&job).finish();
        table.is_exact(rows);
        let url = format!("{}/segments/{}/lineage?type=OFFLINE", table.cluster.controller, table.name);
        let lineage = table.cluster.get_json(&url).to_string();
        assert!(lineage.contains("COMPLETED") && !lineage.contains("IN_PROGRESS"), "{lineage}");
    }
);

/// What writers have in staging.
fn staged(folder: &Path) -> BTreeSet<PathBuf> {
    let mut files = BTreeSet::new();
    for entry in fs::read_dir(folder).into_iter().flatten().flatten() {
        match entry.path().is_dir() {
            true => files.extend(staged(&entry.path())),
            false => drop(files.insert(entry.path())),
        }
    }
    // What tasks tell each other is no row.
    files.retain(|file| !file.file_name().unwrap().to_string_lossy().starts_with("probe-"));
    files
}

on_each_line!(
    /// Its TaskManager is killed while staging has segments that no checkpoint knows yet: they go behind a later publication, what the
    /// state needs stays until it is in the table, and behind the last one nothing is left.
    what_killed_writers_have_staged_goes,
    |line| {
        let Some(table) = Table::create("flink_leftovers", line) else { return };
        let Some(mut shared) = shared(line) else { return };
        let (rows, staging) = (16_000, table.folder("staging"));
        let further = [("rate", "200"), ("segmentRows", "250"), ("checkpointMillis", "4000"), ("retention", "1"),
            ("restarts", "100"), ("publishMillis", "0")];
        let job = shared.submit(&table.options(rows, &further), None).id;
        shared.job(&job).await_checkpoints(2);
        let known = staged(&staging);
        let mut lost = BTreeSet::new();
        eventually("segments behind the checkpoint", || {
            lost = staged(&staging).difference(&known).cloned().collect();
            lost.retain(|file| file.extension().is_some_and(|end| end == "gz"));
            if lost.len() > 1 { Ok(()) } else { Err(format!("{known:?}")) }
        });
        shared.session.kill_task_manager(0);
        shared.session.add_task_manager();
        eventually("nothing of killed writers", || {
            let left: Vec<PathBuf> = lost.intersection(&staged(&staging)).cloned().collect();
            if left.is_empty() { Ok(()) } else { Err(format!("{left:?}")) }
        });
        assert_eq!(shared.job(&job).state(), JobState::Running, "it went at the end alone");
        shared.job(&job).finish();
        table.is_exact(rows);
        assert_eq!(staged(&staging), BTreeSet::new());
    }
);

on_each_line!(
    /// 3, 5 and 2 tasks on processes of one slot each, from savepoints in mid-job.
    tasks_become_more_and_fewer,
    |line| {
        // The mini cluster has the small size of it.
        if !is_full() {
            return;
        }
        let Some(table) = Table::create("flink_rescaled_processes", line) else { return };
        let options = SessionOptions { task_managers: 5, slots: 1, library: Some(crate::java::library()), ..Default::default() };
        let Some(shared) = Shared::start(line, &options, Connector::InJob) else { return };
        let (rows, savepoints) = (60_000, format!("file://{}", table.folder("savepoints").display()));
        let mut from = None;
        for parallelism in ["3", "5"] {
            let further = [("parallelism", parallelism), ("rate", "500"), ("segmentRows", "4000")];
            let job = shared.submit(&table.options(rows, &further), from.as_deref());
            job.await_checkpoints(5);
            from = Some(job.stop_with_savepoint(&savepoints));
            table.is_never_doubled(rows);
        }
        let further = [("parallelism", "2"), ("segmentRows", "4000")];
        shared.submit(&table.options(rows, &further), from.as_deref()).finish();
        table.is_exact(rows);
    }
);
