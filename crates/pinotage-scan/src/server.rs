//! Requests to servers: an answer counts when all of it is there, and is asked for again elsewhere when it is not.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use arrow::array::RecordBatch;
use pinotage_client::{Controller, GrpcServers, Remedy, ServerAddress, ServerFailure, ServerQuery};
use pinotage_common::{Error, Result, Retry};
use tokio::sync::mpsc;

use crate::cache::blocking;
use crate::plan::ScanPlan;
use crate::scanner::Inner;
use crate::split::Split;
use crate::spool::Spool;
use crate::sql;

/// The pause after every replica was asked, and after a server that has too much to do; twice as long each time.
const PAUSE: Duration = Duration::from_millis(500);
/// How many segments of a request an error names.
const SHOWN: usize = 10;

const MAX_PAUSE: Duration = Duration::from_secs(10);

/// The servers of a cluster, by instance id.
#[derive(Debug)]
pub(crate) struct Servers {
    grpc: GrpcServers,
    addresses: Mutex<HashMap<String, ServerAddress>>,
}

impl Servers {
    pub(crate) fn new(controller: &Controller) -> Result<Self> {
        Ok(Self { grpc: GrpcServers::new(controller.http())?, addresses: Mutex::default() })
    }

    async fn address(&self, inner: &Inner, server: &str) -> Result<ServerAddress> {
        let known = |addresses: &Mutex<HashMap<String, ServerAddress>>| {
            addresses.lock().unwrap_or_else(PoisonError::into_inner).get(server).cloned()
        };
        if let Some(address) = known(&self.addresses) {
            return Ok(address);
        }
        let tls = inner.options.server_tls.unwrap_or(inner.controller().address().is_https());
        let address = ServerAddress::of(&inner.controller().instance(server).await?, tls)?;
        let mut addresses = self.addresses.lock().unwrap_or_else(PoisonError::into_inner);
        addresses.insert(server.to_owned(), address.clone());
        Ok(address)
    }

    /// A server that does not answer may have come back at another port.
    fn forget(&self, server: &str) {
        self.addresses.lock().unwrap_or_else(PoisonError::into_inner).remove(server);
    }
}

/// Reads one split: asks one candidate after the other until an answer is whole, then gives it.
pub(crate) async fn read(
    inner: &Inner,
    plan: &ScanPlan,
    split: &Split,
    segments: &[String],
    candidates: &[String],
    sender: &mpsc::Sender<Result<RecordBatch>>,
) -> Result<()> {
    let mut pause = PAUSE;
    let mut attempt = 0;
    let spool = loop {
        let server = candidates
            .get(attempt % candidates.len().max(1))
            .ok_or_else(|| Error::unexpected("a request has a server to be sent to"))?;
        attempt += 1;
        let error = match ask(inner, plan, split, server, segments).await {
            Ok(spool) => break spool,
            Err(error) => error,
        };
        let remedy = ServerFailure::of(&error).map(|failure| failure.remedy);
        let again = match remedy {
            Some(remedy) => remedy != Remedy::Nobody,
            None => error.retry() == Retry::Temporary,
        };
        if !again || attempt >= inner.options.attempts as usize {
            let shown = segments.iter().take(SHOWN).map(String::as_str).collect::<Vec<_>>().join(", ");
            let more = if segments.len() > SHOWN { ", …" } else { "" };
            return Err(error.with("segments", format_args!("{shown}{more}")).with("attempts", attempt));
        }
        inner.servers.forget(server);
        tracing::warn!(server, attempt, %error, "asking again");
        if remedy == Some(Remedy::Later) || attempt % candidates.len() == 0 {
            tokio::time::sleep(pause).await;
            pause = (pause * 2).min(MAX_PAUSE);
        }
    };
    let (sender, rows) = (sender.clone(), inner.options.batch_rows);
    blocking(move || {
        spool.give(&mut |batch| {
            (0..batch.num_rows())
                .step_by(rows)
                .all(|at| sender.blocking_send(Ok(batch.slice(at, rows.min(batch.num_rows() - at)))).is_ok())
        })
    })
    .await
}

/// The whole answer of one server.
async fn ask(inner: &Inner, plan: &ScanPlan, split: &Split, server: &str, segments: &[String]) -> Result<Spool> {
    let half = plan.half(split);
    let typed = inner.controller().http().qualified(&half.table_type.of(&plan.table));
    let columns: Vec<&str> = plan.schema.fields().iter().map(|field| field.name().as_str()).collect();
    let limit = plan.limit.filter(|_| plan.exact);
    // Filters mean the same without it, and the oldest servers refuse it.
    let nulls = plan.schema.fields().iter().any(|field| field.is_nullable());
    let filter = half.filter.as_ref();
    let query = ServerQuery {
        sql: sql::select(&typed, &columns, filter, limit, nulls, &inner.options),
        timeout: inner.options.timeout.duration(),
        ..ServerQuery::new(typed, "", segments.to_vec())
    };
    let gate = inner.gate(server);
    let _permit = gate.acquire().await.map_err(|error| Error::unexpected("a gate is never closed").caused_by(error))?;
    let address = inner.servers.address(inner, server).await?;
    let mut blocks = inner.servers.grpc.submit(&address, &query).await?;
    let mut spool = Spool::new(&inner.budget, &plan.schema);
    while let Some(table) = blocks.next().await {
        let table = table?;
        if nulls
            && table.version() < 4
            && table.num_rows() > 0
            && plan.schema.fields().iter().any(|it| it.is_nullable())
        {
            return Err(Error::unsupported("the server sends no nulls")
                .with("server", server)
                .action("read with `reader=direct`, or set `nulls: default` if nulls may be read as default values"));
        }
        inner.pace.pass(table.num_rows()).await;
        if table.num_rows() > 0 {
            spool = spool.push(table.batch(&plan.schema)?).await?;
        }
    }
    blocks.finish()?;
    Ok(spool)
}
