//! A server's answer, part by part, and whether it is whole.

use std::time::Duration;

use pinotage_common::{Error, Result};
use tonic::Streaming;

use super::data_table::{DataTable, Metadata};
use super::failure::Asked;
use super::message::{ResponseType, ServerResponse};
use super::netty::Answer;
use super::server::ServerQuery;

/// How much longer than the server's own time-out the client waits for a message.
const GRACE: Duration = Duration::from_secs(5);

/// A server's answer, part by part. Dropping it leaves the server alone with its answer: Pinot's servers up to 1.5 work on to
/// the answer's end or their time-out, and send nothing any more.
///
/// It ends with an error unless it is whole: [`Blocks::next`] gives the error before its end, and [`Blocks::finish`]
/// gives nothing but an error then. Nothing of an answer that is not whole may be used.
pub struct Blocks {
    messages: Messages,
    asked: Asked,
    num_segments: usize,
    more_segments: bool,
    patience: Duration,
    state: State,
}

/// Where the parts come from.
enum Messages {
    /// gRPC.
    Stream(Box<Streaming<ServerResponse>>),
    /// Netty: a single part, until it was given.
    Whole(Option<Box<Answer>>),
}

enum State {
    /// Some tables may come.
    Open,
    /// The last message came; nothing may follow.
    Closing(Metadata),
    /// All came.
    Whole(Metadata),
    /// Something is missing.
    Failed,
}

impl Blocks {
    pub(super) fn stream(messages: Streaming<ServerResponse>, asked: Asked, query: &ServerQuery) -> Self {
        Self::new(Messages::Stream(Box::new(messages)), asked, query)
    }

    pub(super) fn whole(answer: Answer, asked: Asked, query: &ServerQuery) -> Self {
        Self::new(Messages::Whole(Some(Box::new(answer))), asked, query)
    }

    fn new(messages: Messages, asked: Asked, query: &ServerQuery) -> Self {
        Self {
            messages,
            asked,
            num_segments: query.segments.len(),
            more_segments: query.more_segments,
            patience: Self::patience(query.timeout),
            state: State::Open,
        }
    }

    /// How long to wait for a message of a query with this time-out. The server stops after the time-out, but a reader
    /// may take as long as it likes: the whole answer has no time.
    pub(super) fn patience(timeout: Duration) -> Duration {
        timeout.saturating_add(GRACE)
    }

    /// The number under which the server knows the query.
    pub fn request_id(&self) -> i64 {
        self.asked.request_id
    }

    /// The next part, in any order; nothing when the answer is whole.
    ///
    /// # Errors
    ///
    /// Those of the server, of the connection and of [`DataTable::parse`], and `unavailable` when the answer ends without
    /// its last message, or that message says that segments or groups are missing. [`crate::ServerFailure`] is the cause.
    pub async fn next(&mut self) -> Option<Result<DataTable>> {
        let next = self.step().await;
        if next.is_err() {
            self.state = State::Failed;
        }
        next.transpose()
    }

    /// What the server says about the whole answer, once [`Blocks::next`] has given all of it.
    ///
    /// # Errors
    ///
    /// `unexpected` when it has not, or gave an error.
    pub fn finish(self) -> Result<Metadata> {
        match self.state {
            State::Whole(metadata) => Ok(metadata),
            _ => Err(self.asked.named(Error::unexpected("expected an answer that was read to its end"))),
        }
    }

    async fn step(&mut self) -> Result<Option<DataTable>> {
        loop {
            if matches!(self.state, State::Whole(_) | State::Failed) {
                return Ok(None);
            }
            let Some((kind, table)) = self.message().await? else {
                return match std::mem::replace(&mut self.state, State::Failed) {
                    State::Closing(metadata) => {
                        self.state = State::Whole(metadata);
                        Ok(None)
                    }
                    _ => Err(self.asked.incomplete("its end before its last message")),
                };
            };
            if !matches!(self.state, State::Open) {
                return Err(self.asked.incomplete("more after its last message"));
            }
            if !table.exceptions().is_empty() {
                return Err(self.asked.exceptions(table.exceptions()));
            }
            match kind {
                Some(ResponseType::Data) => return Ok(Some(table)),
                Some(ResponseType::Metadata) => self.close(&table)?,
                Some(ResponseType::NonStreaming) => {
                    self.close(&table)?;
                    return Ok(Some(table));
                }
                None => return Err(self.asked.incomplete("a message of an unknown type")),
            }
        }
    }

    /// The next message, and what it says that it is.
    async fn message(&mut self) -> Result<Option<(Option<ResponseType>, DataTable)>> {
        let (asked, patience) = (&self.asked, self.patience);
        match &mut self.messages {
            Messages::Stream(messages) => {
                let message = tokio::time::timeout(patience, messages.message()).await;
                let message = message.map_err(|_| asked.silent(patience))?.map_err(|status| asked.status(&status))?;
                let Some(message) = message else { return Ok(None) };
                let kind = message.response_type();
                let table = DataTable::parse(message.payload).map_err(|error| asked.named(error))?;
                Ok(Some((kind, table)))
            }
            Messages::Whole(answer) => {
                if let Some(answer) = answer {
                    answer.read(asked, patience).await?;
                }
                let table = answer.take().map(|answer| answer.table(asked)).transpose()?;
                Ok(table.map(|table| (Some(ResponseType::NonStreaming), table)))
            }
        }
    }

    /// The last message: does it say that anything is missing?
    fn close(&mut self, table: &DataTable) -> Result<()> {
        let metadata = table.metadata();
        let queried = metadata.num_segments_queried;
        let all = match queried.and_then(|queried| usize::try_from(queried).ok()) {
            // Segments that the server does not have are exceptions, so the ones that were asked for are among them.
            Some(queried) if self.more_segments => queried >= self.num_segments,
            queried => queried == Some(self.num_segments),
        };
        if !all {
            let found = queried.map_or_else(|| "no number".into(), |queried| queried.to_string());
            let asked = self.num_segments;
            return Err(self.asked.incomplete(format_args!("{found} segments where {asked} were asked for")));
        }
        if let Some(invalid @ 1..) = metadata.num_segments_pruned_by_invalid {
            return Err(self.asked.stale(invalid));
        }
        let cut = if metadata.num_groups_limit_reached {
            Some("only some of the groups (`numGroupsLimit`)")
        } else if metadata.groups_trimmed {
            Some("only some of the groups (`minServerGroupTrimSize`)")
        } else if metadata.incomplete_merge {
            Some("the results of only some of the segments")
        } else if metadata.lite_mode_leaf_stage_limit_reached {
            Some("only as many rows as the lite mode gives")
        } else {
            None
        };
        if let Some(cut) = cut {
            return Err(self.asked.limited(cut));
        }
        if let Some(reason) = &metadata.early_termination_reason {
            return Err(self.asked.limited(&format!("an early end ({reason})")));
        }
        self.state = State::Closing(metadata.clone());
        Ok(())
    }
}
