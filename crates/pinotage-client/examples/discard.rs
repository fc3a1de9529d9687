//! Asks a server as a scan does and throws away what comes, undecoded: the fastest that any reader can be.
//!
//! `cargo run --release -p pinotage-client --example discard -- localhost:8090 t_OFFLINE "SELECT …" 2 segment_0 segment_1,segment_2`
//! sends a request for each list of segments, two at a time, and prints a line of JSON.

use std::collections::HashMap;
use std::error::Error;
use std::time::Instant;

use bytes::Buf as _;
use futures::{StreamExt as _, TryStreamExt as _, stream};
use hyper::http::uri::PathAndQuery;
use tonic::client::Grpc;
use tonic::codec::{Codec, DecodeBuf, Decoder};
use tonic::transport::Endpoint;
use tonic::{Request, Status};
use tonic_prost::ProstCodec;

/// `ServerRequest` of `server.proto`.
#[derive(Clone, PartialEq, prost::Message)]
struct ServerRequest {
    #[prost(map = "string, string", tag = "1")]
    metadata: HashMap<String, String>,
    #[prost(string, tag = "2")]
    sql: String,
    #[prost(string, repeated, tag = "3")]
    segments: Vec<String>,
}

/// Requests as they are; of answers nothing but their length.
struct Discard;

impl Codec for Discard {
    type Encode = ServerRequest;
    type Decode = usize;
    type Encoder = <ProstCodec<ServerRequest, ServerRequest> as Codec>::Encoder;
    type Decoder = Self;

    fn encoder(&mut self) -> Self::Encoder {
        ProstCodec::<ServerRequest, ServerRequest>::default().encoder()
    }

    fn decoder(&mut self) -> Self::Decoder {
        Self
    }
}

impl Decoder for Discard {
    type Item = usize;
    type Error = Status;

    fn decode(&mut self, source: &mut DecodeBuf<'_>) -> Result<Option<usize>, Status> {
        let length = source.remaining();
        source.advance(length);
        Ok(Some(length))
    }
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [address, table, sql, at_a_time, splits @ ..] = arguments.as_slice() else {
        return Err(
            "expected an address, a table, a query, a number of requests at a time, and lists of segments".into()
        );
    };
    // As `QueryServers` has it.
    let endpoint = Endpoint::from_shared(format!("http://{address}"))?
        .initial_stream_window_size(4 << 20)
        .initial_connection_window_size((1 << 31) - 1)
        .max_frame_size(1 << 20);
    let start = Instant::now();
    let channel = endpoint.connect().await?;
    let ask = async |(number, segments): (usize, &String)| -> Result<usize, Box<dyn Error>> {
        let metadata = [
            ("requestId", (u64::from(std::process::id()) << 16 | number as u64).to_string()),
            ("brokerId", "discard".to_owned()),
            ("tableName", table.clone()),
            ("enableStreaming", "true".to_owned()),
            ("payloadType", "sql".to_owned()),
        ];
        let request = ServerRequest {
            metadata: metadata.into_iter().map(|(key, value)| (key.to_owned(), value)).collect(),
            sql: sql.clone(),
            segments: segments.split(',').map(str::to_owned).collect(),
        };
        let mut client = Grpc::new(channel.clone()).max_decoding_message_size(1 << 30);
        client.ready().await?;
        let path = PathAndQuery::from_static("/org.apache.pinot.common.proto.PinotQueryServer/Submit");
        let mut messages = client.server_streaming(Request::new(request), path, Discard).await?.into_inner();
        let mut bytes = 0;
        while let Some(length) = messages.message().await? {
            bytes += length;
        }
        Ok(bytes)
    };
    let requests = stream::iter(splits.iter().enumerate()).map(ask).buffer_unordered(at_a_time.parse()?);
    let bytes: usize = requests.try_fold(0, async |sum, bytes| Ok(sum + bytes)).await?;
    let seconds = start.elapsed().as_secs_f64();
    let status = std::fs::read_to_string("/proc/self/status")?;
    let peak = status.lines().find_map(|line| line.strip_prefix("VmHWM:")?.trim().strip_suffix(" kB"));
    let peak: u64 = peak.ok_or("the system does not tell the peak of memory")?.parse()?;
    println!("{}", serde_json::json!({"bytes": bytes, "seconds": seconds, "peakKib": peak}));
    Ok(())
}
