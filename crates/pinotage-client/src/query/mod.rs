//! The query side: what servers are asked by gRPC or by Netty, and what they answer.
//!
//! [`QueryServers`] asks one server for some segments ([`ServerQuery`]), [`Blocks`] gives the answer part by part and ends
//! with an error unless it is whole, [`DataTable`] reads a part as Arrow, [`ServerFailure`] says who may answer instead.
//!
//! | here | on the wire | Pinot's class |
//! | --- | --- | --- |
//! | `message` | `PinotQueryServer.Submit` of `server.proto`: SQL and segments, then a stream of data tables | `GrpcQueryServer`, `ServerQueryRequest` |
//! | `netty` | a frame with a thrift `InstanceRequest`, then one with a data table | `InstanceRequestHandler`, `ServerChannels` |
//! | `blocks` | `data` messages, then one `metadata` message; or one `nonStreaming` message | `StreamingResponseUtils` |
//! | `failure` | codes in the exceptions of a data table, status of gRPC | `QueryErrorCode` |
//! | `data_table` | the payload of a message | `DataTableImplV4` |

mod blocks;
mod data_table;
mod failure;
mod grpc;
mod message;
mod netty;
mod server;
mod servers;

pub use blocks::Blocks;
pub use data_table::{Column, ColumnDataType, DataTable, Intermediate, Metadata};
pub use failure::{Remedy, ServerFailure};
pub use server::{Protocol, ServerAddress, ServerQuery, Statement};
pub use servers::QueryServers;
