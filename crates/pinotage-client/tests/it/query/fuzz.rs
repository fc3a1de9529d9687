//! Bytes of real servers, whole and spoilt: none makes the reader panic or allocate what is not there.
//!
//! `tests/data/*.bin` are payloads as servers sent them; `PINOTAGE_CAPTURE=1` with both clusters writes them anew.

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use arrow::array::Array;
use arrow::datatypes::{DataType, Field, Schema};
use bytes::Bytes;
use hyper::http::uri::PathAndQuery;
use pinotage_client::DataTable;
use pinotage_common::ErrorKind;
use proptest::prelude::*;
use tonic::Request;
use tonic::client::Grpc;
use tonic::transport::Endpoint;
use tonic_prost::ProstCodec;

use super::places::{Place, golden, query, server, table, table_of, without};

#[derive(Clone, PartialEq, prost::Message)]
struct ServerRequest {
    #[prost(map = "string, string", tag = "1")]
    metadata: HashMap<String, String>,
    #[prost(string, tag = "2")]
    sql: String,
    #[prost(string, repeated, tag = "3")]
    segments: Vec<String>,
}

#[derive(Clone, PartialEq, prost::Message)]
struct ServerResponse {
    #[prost(bytes = "vec", tag = "2")]
    payload: Vec<u8>,
}

/// Reads all that can be read.
fn read(bytes: Bytes) -> Result<(), pinotage_common::Error> {
    let length = bytes.len();
    let table = DataTable::parse(bytes)?;
    assert!(table.num_rows() <= length && table.columns().len() <= length);
    let dictionary = DataType::Dictionary(Box::new(DataType::Int32), Box::new(DataType::Utf8));
    let mut first = Ok(());
    for (at, column) in table.columns().iter().enumerate() {
        let asked = column.data_type.to_arrow();
        for data_type in asked.into_iter().chain([dictionary.clone()]) {
            // Texts and decimals may be longer than their bytes; they are cut at 2 GiB.
            let bounded = data_type != DataType::Utf8
                && !matches!(&data_type, DataType::List(item) if *item.data_type() == DataType::Utf8);
            let wrong = data_type == dictionary;
            match table.column(at, &Field::new(&column.name, data_type, true)) {
                Ok(array) => {
                    assert_eq!(array.len(), table.num_rows());
                    assert!(!bounded || array.get_array_memory_size() <= 64 * length + 4096, "{}", column.data_type);
                }
                Err(error) if !wrong => first = first.and(Err(error)),
                Err(_) => {}
            }
        }
        let _ = table.intermediates(at);
    }
    let fields = table.columns().iter().filter_map(|it| Some(Field::new(&it.name, it.data_type.to_arrow()?, true)));
    let _ = table.batch(&Arc::new(Schema::new(fields.collect::<Vec<_>>())));
    first
}

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data")
}

pub(super) fn payloads() -> Vec<Bytes> {
    let mut files: Vec<_> = std::fs::read_dir(folder()).unwrap().map(|entry| entry.unwrap().path()).collect();
    files.sort();
    let files = files.into_iter().filter(|file| file.extension().is_some_and(|kind| kind == "bin"));
    files.map(|file| std::fs::read(file).unwrap().into()).collect()
}

#[test]
fn what_servers_sent_is_read() {
    let payloads = payloads();
    assert!(payloads.len() >= 6);
    payloads.into_iter().for_each(|payload| read(payload).unwrap());
}

#[test]
fn a_type_of_a_later_release_is_an_error_that_names_the_column() {
    let known = b"\0\0\0\x04LONG";
    let mut changed = 0;
    for payload in payloads() {
        let Some(at) = payload.windows(known.len()).position(|bytes| bytes == known) else { continue };
        let mut bytes = payload.to_vec();
        bytes[at + 4..at + 8].copy_from_slice(b"LUNG");
        let Err(error) = DataTable::parse(bytes.into()) else { panic!("it was read") };
        assert_eq!(error.kind(), ErrorKind::Unsupported);
        let text = error.to_string();
        assert!(text.contains("`LUNG`") && text.contains("column: "), "{text}");
        changed += 1;
    }
    assert!(changed >= 2, "{changed} answers have such a column");
}

#[test]
fn every_beginning_of_an_answer_is_an_error() {
    for payload in payloads() {
        for length in 0..payload.len() {
            assert!(DataTable::parse(payload.slice(..length)).is_err(), "{length} of {} bytes", payload.len());
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 4_000, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn spoilt_answers_neither_panic_nor_allocate(
        which in any::<prop::sample::Index>(),
        spots in prop::collection::vec((any::<prop::sample::Index>(), any::<[u8; 4]>(), 0..6_u8), 1..6),
    ) {
        let mut bytes = payloads()[which.index(payloads().len())].to_vec();
        for (spot, value, how) in spots {
            let at = spot.index(bytes.len());
            let value = match how {
                // A length or an offset, at its own place or not.
                0 => [0xff; 4],
                1 => i32::MAX.to_be_bytes(),
                2 => 0_i32.to_be_bytes(),
                3 => [0, 0, value[2], value[3]],
                _ => value,
            };
            let at = if how == 5 { at % 52 } else { at } & !3;
            bytes.iter_mut().skip(at).zip(value).for_each(|(byte, value)| *byte = value);
        }
        let _ = read(bytes.into());
    }

    #[test]
    fn any_bytes_neither_panic_nor_allocate(version in 3..5_u8, rest in prop::collection::vec(any::<u8>(), 0..400)) {
        let mut bytes = vec![0, 0, 0, version];
        bytes.extend(rest);
        let _ = read(bytes.into());
    }
}

async fn capture(place: Place, name: &str, table: &str, options: &str, select: &str, segment: &str) {
    let Some(cluster) = place.cluster() else { return };
    let server = server(cluster, 0).await;
    let endpoint = Endpoint::from_shared(format!("http://{server}")).unwrap();
    let mut client = Grpc::new(endpoint.connect_lazy()).max_decoding_message_size(1 << 30);
    client.ready().await.unwrap();
    let metadata = HashMap::from([("enableStreaming".to_owned(), "true".to_owned())]);
    let query = query(table, options, select, &[segment]);
    let request = ServerRequest { metadata, sql: query.statement.to_string(), segments: query.segments };
    let path = PathAndQuery::from_static("/org.apache.pinot.common.proto.PinotQueryServer/Submit");
    let codec = ProstCodec::<ServerRequest, ServerResponse>::default();
    let mut messages = client.server_streaming(Request::new(request), path, codec).await.unwrap().into_inner();
    let mut number = 0;
    while let Some(message) = messages.message().await.unwrap() {
        let payload: Bytes = message.payload.into();
        read(payload.clone()).unwrap();
        if std::env::var_os("PINOTAGE_CAPTURE").is_some() {
            let release = if place == Place::Oldest { "0.11.0" } else { "1.5.1" };
            std::fs::write(folder().join(format!("{release}-{name}-{number}.bin")), payload).unwrap();
        }
        number += 1;
    }
    assert!(number >= 2, "{name}");
}

#[tokio::test]
async fn answers_of_today_are_read() {
    for place in [Place::Modern, Place::Oldest] {
        let Some(cluster) = place.cluster() else { return };
        let case = golden("dict-all-types");
        let (schema, rows) = without(&case, &["yMv", "bd"]);
        let segment = table_of(cluster, "capture", schema, &rows);
        capture(place, "all-types", "capture", "", "SELECT * FROM t LIMIT 8", &segment).await;
        let what = "SELECT COUNT(*), SUM(i), AVG(l), MINMAXRANGE(d) FROM t";
        capture(place, "aggregations", "capture", "", what, &segment).await;
        if place == Place::Modern {
            let segment = table(cluster, &golden("nulls-by-table"), "capture_nulls");
            let options = "SET enableNullHandling=true;";
            capture(place, "nulls", "capture_nulls", options, "SELECT * FROM t LIMIT 12", &segment).await;
        }
    }
}
