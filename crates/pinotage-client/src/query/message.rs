//! The messages of the service `org.apache.pinot.common.proto.PinotQueryServer` (`server.proto`).

use std::collections::HashMap;

use bytes::Bytes;

/// The only method of the service.
pub(super) const SUBMIT: &str = "/org.apache.pinot.common.proto.PinotQueryServer/Submit";

/// A query for some segments. The fields 4 to 6 are other ways to ask.
#[derive(Clone, PartialEq, prost::Message)]
pub(super) struct ServerRequest {
    #[prost(map = "string, string", tag = "1")]
    pub(super) metadata: HashMap<String, String>,
    #[prost(string, tag = "2")]
    pub(super) sql: String,
    #[prost(string, repeated, tag = "3")]
    pub(super) segments: Vec<String>,
}

/// A data table.
#[derive(Clone, PartialEq, prost::Message)]
pub(super) struct ServerResponse {
    #[prost(map = "string, string", tag = "1")]
    pub(super) metadata: HashMap<String, String>,
    /// Not copied: a part of the message that came in.
    #[prost(bytes = "bytes", tag = "2")]
    pub(super) payload: Bytes,
}

/// What a response is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum ResponseType {
    /// Some rows.
    Data,
    /// No rows: the streamed answer is at its end.
    Metadata,
    /// The whole answer.
    NonStreaming,
}

impl ServerResponse {
    pub(super) fn response_type(&self) -> Option<ResponseType> {
        Some(match self.metadata.get("responseType")?.as_str() {
            "data" => ResponseType::Data,
            "metadata" => ResponseType::Metadata,
            "nonStreaming" => ResponseType::NonStreaming,
            _ => return None,
        })
    }
}
