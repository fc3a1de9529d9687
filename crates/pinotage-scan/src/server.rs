//! Requests to servers: an answer counts when all of it is there, and is asked for again elsewhere when it is not.

use std::sync::Arc;
use std::time::Duration;

use arrow::array::RecordBatch;
use arrow::datatypes::SchemaRef;
use pinotage_client::{DataTable, Remedy, ServerFailure, ServerQuery};
use pinotage_common::{Error, ErrorKind, Result, Retry};
use pinotage_spec::PinotQuery;
use tokio::sync::{OwnedSemaphorePermit, mpsc};

use crate::cache::joined;
use crate::outlived::explained;
use crate::plan::{HalfPlan, ScanPlan};
use crate::query::{self, Common};
use crate::scanner::Inner;
use crate::split::Request;
use crate::spool::Spool;

/// The pause after every replica was asked, and after a server that has too much to do; twice as long each time.
const PAUSE: Duration = Duration::from_millis(500);
const MAX_PAUSE: Duration = Duration::from_secs(10);

/// How many segments of a request an error names.
const SHOWN: usize = 10;

/// What servers are asked, and how their answers are read.
pub(crate) trait Question: Send + Sync + 'static {
    /// The columns of what is read.
    fn schema(&self) -> &SchemaRef;

    /// Nulls matter: servers are to treat them as SQL does.
    fn nulls(&self) -> bool;

    /// The question.
    fn query(&self, common: &Common<'_>) -> PinotQuery;

    /// A part of an answer that has some rows.
    fn batch(&self, table: &DataTable) -> Result<RecordBatch>;
}

impl Question for ScanPlan {
    fn schema(&self) -> &SchemaRef {
        &self.schema
    }

    fn nulls(&self) -> bool {
        // Filters mean the same without it, and the oldest servers refuse it.
        self.schema.fields().iter().any(|field| field.is_nullable())
    }

    fn query(&self, common: &Common<'_>) -> PinotQuery {
        let columns: Vec<&str> = self.schema.fields().iter().map(|field| field.name().as_str()).collect();
        match &self.top {
            Some(top) => query::first_rows(common, &columns, top),
            None => query::select(common, &columns, self.limit.filter(|_| self.exact)),
        }
    }

    fn batch(&self, table: &DataTable) -> Result<RecordBatch> {
        table.batch(&self.schema)
    }
}

/// The complete answer to a split; as long as it is held, its server gets no other request in its place.
pub(crate) type Answer = (Spool, Option<OwnedSemaphorePermit>);

/// Reads one split: asks one candidate after the other until an answer is whole.
pub(crate) async fn read<Q: Question>(
    inner: &Inner,
    question: &Arc<Q>,
    plan: &HalfPlan,
    request: &Request,
) -> Result<Answer> {
    let (half, table) = (plan.table_type, inner.table.name());
    let mut request = request.clone();
    let mut pause = PAUSE;
    let mut attempt = 0;
    let mut turn = 0;
    loop {
        if request.segments.is_empty() {
            // They are gone since the plan was made.
            return Ok((Spool::new(&inner.budget, question.schema()), None));
        }
        let server = request
            .candidates
            .get(turn % request.candidates.len().max(1))
            .ok_or_else(|| Error::unexpected("a request has a server to be sent to"))?;
        attempt += 1;
        turn += 1;
        let answer = ask(inner, question, plan, server, &request).await;
        let again = match &answer {
            Ok(_) => true,
            Err(error) => match ServerFailure::of(error) {
                Some(failure) => failure.remedy != Remedy::Nobody,
                None => error.retry() == Retry::Temporary,
            },
        };
        // Rows may have gone to segments that were not asked for, or the segments that were are no more.
        let renewed = if again { request.renewed(inner.controller(), table, half).await? } else { None };
        let error = match answer {
            Ok(spool) if renewed.is_none() => return Ok(spool),
            Ok(_) => Error::new(ErrorKind::Unavailable, "the table got new segments while it was read")
                .with("table", half.of(table))
                .action("read it again when fewer segments come and go, or raise `attempts`"),
            // A plan that is out of date gives no answer, however often it is asked.
            Err(error) if again && renewed.is_none() => {
                explained(inner, plan, request.segments.iter().map(String::as_str), error).await
            }
            Err(error) => error,
        };
        let again = again && error.kind() != ErrorKind::CommitConflict;
        if !again || attempt >= inner.options.attempts as usize {
            let shown = request.segments.iter().take(SHOWN).map(String::as_str).collect::<Vec<_>>().join(", ");
            let more = if request.segments.len() > SHOWN { ", …" } else { "" };
            return Err(error.with("segments", format_args!("{shown}{more}")).with("attempts", attempt));
        }
        tracing::warn!(server, attempt, %error, "asking again");
        if let Some(renewed) = renewed {
            (request, turn) = (renewed, 0);
            continue;
        }
        inner.servers.forget(server);
        let later = ServerFailure::of(&error).is_some_and(|failure| failure.remedy == Remedy::Later);
        if later || turn % request.candidates.len() == 0 {
            tokio::time::sleep(pause).await;
            pause = (pause * 2).min(MAX_PAUSE);
        }
    }
}

/// A server has rows of these segments, whether they count or not.
pub(crate) async fn has_rows(inner: &Inner, typed: &str, server: &str, segments: Vec<String>) -> Result<bool> {
    let query = ServerQuery {
        timeout: inner.options.timeout.duration(),
        more_segments: true,
        ..ServerQuery::new(typed, query::any_row(typed, &segments, &inner.options), segments)
    };
    let mut blocks = inner.servers.submit(server, &query).await?;
    let mut rows = 0;
    while let Some(table) = blocks.next().await {
        rows += table?.num_rows();
    }
    blocks.finish()?;
    Ok(rows > 0)
}

/// The whole answer of one server. It comes as fast as the server gives it, which would run out of time otherwise; where rows
/// have to wait, the server gets its next request when these are given.
async fn ask<Q: Question>(
    inner: &Inner,
    question: &Arc<Q>,
    half: &HalfPlan,
    server: &str,
    request: &Request,
) -> Result<Answer> {
    let typed = inner.controller().http().qualified(&half.table_type.of(inner.table.name()));
    let (filter, nulls, options) = (half.filter.as_ref(), question.nulls(), &inner.options);
    let only = request.partitions.is_some().then_some(request.segments.as_slice());
    let query = ServerQuery {
        timeout: inner.options.timeout.duration(),
        more_segments: only.is_some(),
        ..ServerQuery::new(
            &typed,
            question.query(&Common { typed: &typed, filter, segments: only, nulls, options }),
            request.segments.clone(),
        )
    };
    let permit = inner.gate(server).acquire_owned().await;
    let permit = permit.map_err(|error| Error::unexpected("a gate is never closed").caused_by(error))?;
    let mut blocks = inner.servers.submit(server, &query).await?;
    // A part is decoded while the next one comes: who receives does nothing else.
    let (sender, mut receiver) = mpsc::channel::<DataTable>(1);
    let (mut spool, question) = (Spool::new(&inner.budget, question.schema()), Arc::clone(question));
    let decoding = tokio::task::spawn_blocking(move || {
        while let Some(table) = receiver.blocking_recv() {
            spool.push(question.batch(&table)?)?;
        }
        Ok(spool)
    });
    while let Some(table) = blocks.next().await {
        let table = table?;
        if nulls && table.version() < 4 && table.num_rows() > 0 {
            return Err(Error::unsupported("the server sends no nulls")
                .with("server", server)
                .action("read with `reader=direct`, or set `nulls: default` if nulls may be read as default values"));
        }
        // Nobody takes it after an error, which comes below.
        if table.num_rows() > 0 && sender.send(table).await.is_err() {
            break;
        }
    }
    drop(sender);
    let spool = joined(decoding).await?;
    blocks.finish()?;
    Ok((spool, inner.options.rows_per_second.map(|_| permit)))
}
