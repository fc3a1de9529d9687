//! Session clusters whose parts are processes of their own, with the connector as user code of each job.

use std::sync::{Mutex, MutexGuard, OnceLock, PoisonError};

use pinotage_testkit::flink::{Job, JobState, Session, SessionOptions};

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
        let session = Session::start(line, &options)?;
        let folder = tempfile::tempdir().unwrap();
        let jar = session.upload(&line.job_jar(folder.path(), true)?);
        Some(Mutex::new(Shared { session, jar }))
    });
    // Tests that failed leave it as it was.
    Some(shared.as_ref()?.lock().unwrap_or_else(PoisonError::into_inner))
}

impl Shared {
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
        let (rows, savepoints) = (60_000, format!("file://{}", table.folder("savepoints").display()));
        let slow = table.options(rows, &[("rate", "4000"), ("segmentRows", "7000")]);
        let job = shared.submit(&slow, None);
        job.await_checkpoints(3);
        let first = job.stop_with_savepoint(&savepoints);
        assert_eq!(job.wait(), JobState::Finished);
        table.is_never_doubled(rows);
        let job = shared.submit(&slow, Some(&first));
        job.await_checkpoints(8);
        let second = job.stop_with_savepoint(&savepoints);
        let fast = table.options(rows, &[("segmentRows", "7000")]);
        let JobState::Failed(reason) = shared.submit(&fast, Some(&first)).wait() else { panic!("it is behind the table") };
        assert!(reason.contains("commit-conflict"), "{reason}");
        shared.submit(&fast, Some(&second)).finish();
        table.is_exact(rows);
    }
);
