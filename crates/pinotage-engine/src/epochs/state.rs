//! What a job with epochs remembers.

use std::collections::BTreeMap;

use pinotage_common::{Error, ErrorKind, Result};
use pinotage_connector::{Committable, Lives, OpenBuffer, SplitState};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use crate::manifest::Counts;

/// Documents by key, changed several at a time or not at all, and by nobody who has lost the right to.
pub(crate) trait Documents: Send {
    /// Those whose keys begin so.
    fn read(&mut self, prefix: &str) -> Result<BTreeMap<String, String>>;

    /// Sets documents, and removes those without a text, in one step that survives a power failure.
    ///
    /// `commit-conflict` when another process has taken over: then nothing was changed.
    fn write(&mut self, changes: &[(String, Option<String>)]) -> Result<()>;
}

/// The form of the documents. A later one is refused.
const FORM: u32 = 1;

const RUN: &str = "run";
const EPOCH: &str = "epoch";
const WAITING: &str = "waiting/";
const PUBLICATION: &str = "publication";
const LIVES: &str = "lives";

/// Whose state this is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Run {
    form: u32,
    pub(crate) id: String,
    pub(crate) job: String,
    pub(crate) created_millis: i64,
}

impl Run {
    fn check(self) -> Result<Self> {
        match self.form > FORM {
            false => Ok(self),
            true => Err(Error::unsupported("the job's state was written by a newer version")
                .action("use that version, or give the job another `state`")),
        }
    }
}

/// The last epoch that has ended.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct EpochRecord {
    /// Its number, from 1.
    pub(crate) epoch: u64,
    /// How far the source has been read.
    pub(crate) splits: Vec<SplitState>,
    /// Rows that are read and in no committable yet.
    pub(crate) open: Vec<OpenBuffer>,
    /// The rows of all epochs.
    pub(crate) counts: Counts,
    /// The file of its bad rows, in the quarantine.
    pub(crate) quarantine: Option<String>,
    /// The source has come to its end.
    pub(crate) finished: bool,
    /// When it ended.
    pub(crate) millis: i64,
    /// The latest creation time of segments of all epochs that were sealed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) created_millis: Option<i64>,
}

/// What was recorded and is not in the target yet.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Waiting {
    /// By epoch.
    pub(crate) epochs: BTreeMap<u64, Vec<Committable>>,
    /// A publication of all up to this epoch has begun.
    pub(crate) through: Option<u64>,
}

/// All that a state says, at one moment.
#[derive(Debug, Clone)]
pub(crate) struct Remembered {
    pub(crate) run: Run,
    /// The last epoch; none before the first.
    pub(crate) last: Option<EpochRecord>,
    pub(crate) waiting: Waiting,
}

impl Remembered {
    /// Reads all documents of a state; none when it has not been begun.
    pub(crate) fn of(mut documents: BTreeMap<String, String>) -> Result<Option<Self>> {
        let Some(run) = documents.remove(RUN) else { return Ok(None) };
        let run = parse::<Run>(RUN, &run)?.check()?;
        let last = documents.remove(EPOCH).map(|text| parse(EPOCH, &text)).transpose()?;
        let through = documents.remove(PUBLICATION);
        documents.retain(|key, _| key.starts_with(WAITING));
        Ok(Some(Self { run, last, waiting: Waiting::of(documents, through)? }))
    }
}

impl Waiting {
    fn of(documents: BTreeMap<String, String>, through: Option<String>) -> Result<Self> {
        let mut waiting = Self::default();
        for (key, text) in documents {
            let epoch = key.strip_prefix(WAITING).and_then(|epoch| epoch.parse().ok());
            let epoch = epoch.ok_or_else(|| senseless(&key))?;
            waiting.epochs.insert(epoch, parse(&key, &text)?);
        }
        waiting.through = through.map(|text| parse(PUBLICATION, &text)).transpose()?;
        Ok(waiting)
    }
}

/// The state of a job with epochs.
pub(crate) struct State {
    documents: Box<dyn Documents>,
    run: Run,
}

impl State {
    /// Reads the state of a job, or makes its first. A replay has the run of its job.
    pub(crate) fn open(
        mut documents: Box<dyn Documents>,
        job: &str,
        replay_of: Option<&str>,
        now_millis: i64,
    ) -> Result<Self> {
        let run = match documents.read(RUN)?.remove(RUN) {
            Some(text) => parse::<Run>(RUN, &text)?.check()?,
            None => {
                let id = replay_of.map_or_else(|| format!("{:016x}", fastrand::u64(..)), str::to_owned);
                let run = Run { form: FORM, id, job: job.to_owned(), created_millis: now_millis };
                documents.write(&[(RUN.to_owned(), Some(text(&run)?))])?;
                run
            }
        };
        if run.job != job {
            return Err(Error::invalid_config(format!("the state is that of the job `{}`", run.job))
                .with("option", "state")
                .action("give each job a state of its own"));
        }
        if replay_of.is_some_and(|of| run.id != of) {
            return Err(Error::invalid_config(
                "the replay's state belongs to a state that the job does not have any more",
            )
            .with("run", &run.id)
            .action(
                "remove the replay's state: the folder `replay` in that of the job, or its documents in the database",
            ));
        }
        Ok(Self { documents, run })
    }

    /// The id of the run, drawn when the state was made.
    pub(crate) fn run(&self) -> &str {
        &self.run.id
    }

    /// The last epoch; none before the first.
    pub(crate) fn last(&mut self) -> Result<Option<EpochRecord>> {
        self.documents.read(EPOCH)?.remove(EPOCH).map(|text| parse(EPOCH, &text)).transpose()
    }

    /// Another process goes on behind an epoch. Returns all that there have been.
    pub(crate) fn begin_life(&mut self, behind: u64) -> Result<Lives> {
        let lives = self.documents.read(LIVES)?.remove(LIVES).map(|text| parse::<Lives>(LIVES, &text)).transpose()?;
        let mut lives = lives.unwrap_or_default();
        lives.begin(format!("{:016x}", fastrand::u64(..)), behind);
        self.documents.write(&[(LIVES.to_owned(), Some(text(&lives)?))])?;
        Ok(lives)
    }

    /// Ends an epoch, in one step.
    pub(crate) fn record(&mut self, record: &EpochRecord, committables: &[Committable]) -> Result<()> {
        let mut changes = vec![(EPOCH.to_owned(), Some(text(record)?))];
        if !committables.is_empty() {
            changes.push((waiting_key(record.epoch), Some(text(&committables)?)));
        }
        self.documents.write(&changes)
    }

    /// What has to come into the target.
    pub(crate) fn waiting(&mut self) -> Result<Waiting> {
        let waiting = self.documents.read(WAITING)?;
        let through = self.documents.read(PUBLICATION)?.remove(PUBLICATION);
        Waiting::of(waiting, through)
    }

    /// The error of a process that has lost the state to another.
    pub(super) fn lost(&mut self) -> Option<Error> {
        self.documents.write(&[]).err().filter(|error| error.kind() == ErrorKind::CommitConflict)
    }

    /// Everything up to an epoch is about to come into the target together.
    pub(crate) fn begin_publication(&mut self, through: u64) -> Result<()> {
        self.documents.write(&[(PUBLICATION.to_owned(), Some(text(&through)?))])
    }

    /// These epochs are in the target.
    pub(crate) fn end_publication(&mut self, epochs: impl Iterator<Item = u64>) -> Result<()> {
        let mut changes: Vec<_> = epochs.map(|epoch| (waiting_key(epoch), None)).collect();
        changes.push((PUBLICATION.to_owned(), None));
        self.documents.write(&changes)
    }
}

fn waiting_key(epoch: u64) -> String {
    format!("{WAITING}{epoch:020}")
}

fn text(value: &impl Serialize) -> Result<String> {
    serde_json::to_string(value).map_err(|error| Error::unexpected("the state cannot be written down").caused_by(error))
}

fn parse<T: DeserializeOwned>(key: &str, text: &str) -> Result<T> {
    serde_json::from_str(text).map_err(|error| senseless(key).caused_by(error))
}

fn senseless(key: &str) -> Error {
    Error::invalid_data("the job's state makes no sense").with("document", key).action("bring it back from a copy")
}
