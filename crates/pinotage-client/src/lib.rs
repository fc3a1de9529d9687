//! A client of Pinot's controllers, brokers and servers.
//!
//! [`Connection`] is what a job file says about reaching a cluster; [`Controller`] is where everything begins.
//! Every future may be dropped at any time: its request stops, and nothing goes on in the background.
#![forbid(unsafe_code)]

mod broker;
mod controller;
mod flink;
mod http;
mod names;
mod options;
mod query;
mod server;
mod trace;

pub use broker::{Broker, DataSchema, Query, QueryAnswer, QueryException, ResultTable, RoutingTable, TimeBoundary};
pub use controller::{
    BrokerInstance, ColumnPartition, ConsumingSegment, Controller, CopyToDeepStore, CustomMap, Instance, LineageEntry,
    LineageState, MetadataOnly, Replacement, Saved, SchemaUpdate, SegmentFilter, SegmentSize, SegmentState,
    SegmentStates, SegmentStatus, SegmentZkMetadata, TableConfigs, TableHalfSize, TableInstances, TableSize, Tenants,
    Upload, hidden_segments,
};
pub use flink::{FlinkCluster, FlinkJob, FlinkProgram};
pub use http::{Address, Http, tls_configuration};
pub use names::TableType;
pub use options::{Auth, Connection, KeyStore, Proxy, Retries, Timeouts, Tls, TrustStore};
pub use query::{
    Blocks, Column, ColumnDataType, DataTable, Intermediate, Metadata, Protocol, QueryServers, Remedy, ServerAddress,
    ServerFailure, ServerQuery, Statement,
};
pub use server::{SegmentError, ServerAdmin, ServerSegment, ServerTableSize, ValidDocs};
pub use trace::thrown;
