//! Upsert tables read directly: the rows that a server says count, if nobody writes meanwhile.

use std::sync::Arc;

use futures::future::try_join_all;
use pinotage_client::{ServerAdmin, ValidDocs};
use pinotage_common::{Error, ErrorKind, Result};
use tokio::sync::mpsc;

use crate::cache::blocking;
use crate::plan::ScanPlan;
use crate::scanner::Inner;
use crate::server::{self, Answer, has_rows};
use crate::split::{DirectSegment, Split, ValidPartition};
use crate::spool::Spool;

/// Questions to a server at a time.
const QUESTIONS: usize = 8;

/// Reads the rows of a partition that count: directly, or by a server if they change meanwhile.
pub(crate) async fn read(
    inner: &Arc<Inner>,
    plan: &Arc<ScanPlan>,
    split: &Split,
    partition: &ValidPartition,
) -> Result<Answer> {
    let error = match read_directly(inner, plan, split, partition).await {
        Ok(spool) => return Ok((spool, None)),
        Err(error) => error,
    };
    if let Some(reason) = &plan.half(split).against_servers {
        return Err(error.with("why no server is asked", reason));
    }
    tracing::warn!(table = plan.table, %error, "a server reads the partition");
    server::read(inner, plan, plan.half(split), &partition.request).await
}

/// The same rows of the same segments count before and after, and there are no others: so it was in between, because what is
/// written to the partition stays in a segment of it.
async fn read_directly(
    inner: &Arc<Inner>,
    plan: &Arc<ScanPlan>,
    split: &Split,
    partition: &ValidPartition,
) -> Result<Spool> {
    let before = valid_docs(inner, plan, split, partition).await?;
    let mut spool = Spool::new(&inner.budget, &plan.schema);
    for (segment, valid) in partition.segments.iter().zip(&before) {
        let (sender, mut receiver) = mpsc::channel(1);
        let docs = Some(valid.docs.clone());
        let read = async {
            let sender = sender;
            inner.read_direct(plan, split, segment, docs, &sender).await
        };
        let collect = async {
            while let Some(batch) = receiver.recv().await {
                let batch = batch?;
                spool = blocking(move || spool.push(batch).map(|()| spool)).await?;
            }
            Ok(spool)
        };
        (_, spool) = tokio::try_join!(read, collect)?;
    }
    let half = plan.half(split).table_type;
    let renewed = partition.request.renewed(inner.controller(), &plan.table, half).await?;
    if renewed.is_some() || valid_docs(inner, plan, split, partition).await? != before {
        return Err(Error::new(ErrorKind::Unavailable, "rows were written while the partition was read")
            .with("table", half.of(&plan.table)));
    }
    Ok(spool)
}

/// The rows of each segment that count, all told by one server that has no other rows of the partition.
async fn valid_docs(
    inner: &Inner,
    plan: &ScanPlan,
    split: &Split,
    partition: &ValidPartition,
) -> Result<Vec<ValidDocs>> {
    let half = plan.half(split);
    let typed = inner.controller().http().qualified(&half.table_type.of(&plan.table));
    let server = partition.request.candidates.first().map(String::as_str).unwrap_or_default();
    let whole = |name: &&String| partition.segments.iter().any(|segment| segment.name == **name);
    let growing: Vec<String> = partition.request.segments.iter().filter(|name| !whole(name)).cloned().collect();
    if !growing.is_empty() && has_rows(inner, &typed, server, growing).await? {
        return Err(Error::new(ErrorKind::Unavailable, "the partition has rows in a segment that still grows")
            .with("server", server));
    }
    let admin = inner.admin(server).await?;
    let question = |segment| valid_docs_of(&admin, &typed, segment, half.deletes);
    let mut all = Vec::with_capacity(partition.segments.len());
    for segments in partition.segments.chunks(QUESTIONS) {
        all.extend(try_join_all(segments.iter().map(question)).await?);
    }
    Ok(all)
}

async fn valid_docs_of(admin: &ServerAdmin, typed: &str, segment: &DirectSegment, deletes: bool) -> Result<ValidDocs> {
    let valid = admin.valid_docs(typed, &segment.name, deletes).await?;
    if valid.crc.is_none() || valid.crc != segment.crc {
        return Err(Error::new(ErrorKind::Unavailable, "the server has another version of the segment")
            .with("segment", &segment.name)
            .with("server", admin.address()));
    }
    Ok(valid)
}
