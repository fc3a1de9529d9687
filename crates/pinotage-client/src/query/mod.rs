//! The query side: what servers are asked by gRPC, and what they answer.
//!
//! [`GrpcServers`] asks one server for some segments ([`ServerQuery`]), [`Blocks`] gives the answer part by part and ends
//! with an error unless it is whole, [`DataTable`] reads a part as Arrow, [`ServerFailure`] says who may answer instead.
//!
//! | here | on the wire | Pinot's class |
//! | --- | --- | --- |
//! | `message` | `PinotQueryServer.Submit` of `server.proto`: SQL and segments, then a stream of data tables | `GrpcQueryServer`, `ServerQueryRequest` |
//! | `blocks` | `data` messages, then one `metadata` message; or one `nonStreaming` message | `StreamingResponseUtils` |
//! | `failure` | codes in the exceptions of a data table, status of gRPC | `QueryErrorCode` |
//! | `data_table` | the payload of a message | `DataTableImplV4` |

mod blocks;
mod data_table;
mod failure;
mod grpc;
mod message;
mod server;

pub use blocks::Blocks;
pub use data_table::{Column, ColumnDataType, DataTable, Intermediate, Metadata};
pub use failure::{Remedy, ServerFailure};
pub use grpc::GrpcServers;
pub use server::{ServerAddress, ServerQuery};
