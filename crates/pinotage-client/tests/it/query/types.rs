//! What comes is what was stored.

use std::sync::Arc;

use arrow::array::{Array, AsArray, RecordBatch};
use arrow::compute::{cast, concat_batches};
use arrow::datatypes::{DataType as Arrow, Field, Int64Type, Schema as ArrowSchema};
use pinotage_client::{Intermediate, Metadata};
use pinotage_common::ErrorKind;

use super::places::{
    Place, ask, by_netty, connection, golden, netty, query, server, servers, table, table_of, without,
};

/// Columns that servers cannot answer with: lists of bytes before 1.6.
const UNANSWERED: [&str; 1] = ["yMv"];

/// Columns that 0.11 has not: dimensions of decimals too.
const TOO_NEW: [&str; 2] = ["yMv", "bd"];

/// Asks for all columns, the last first, and compares them with what the segment holds.
async fn compare(place: Place, case: &str, options: &str) {
    let Some(cluster) = place.cluster() else { return };
    let name = format!("{}_{}", case.replace('-', "_"), options.len());
    let case = golden(case);
    let (segment, expected) = match place {
        Place::Oldest => {
            let (schema, rows) = without(&case, &TOO_NEW);
            (table_of(cluster, &name, schema, &rows), rows)
        }
        _ => (table(cluster, &case, &name), without(&case, &UNANSWERED).1),
    };
    let (servers, server) = (servers(&connection(cluster)), server(cluster, 0).await);
    let netty = netty(cluster, 0).await;
    let schema = expected.schema();
    let columns: Vec<String> = schema.fields().iter().rev().map(|field| format!("\"{}\"", field.name())).collect();
    let select = format!("SELECT {} FROM t LIMIT 1000000", columns.join(", "));
    let option = if options.is_empty() { "" } else { "enableNullHandling" };
    let names: Vec<&str> = schema.fields().iter().map(|field| field.name().as_str()).collect();
    let streamed = query(&name, options, &select, &[&segment]);
    let questions = [
        (&server, with(&streamed, true)),
        (&server, with(&streamed, false)),
        (&netty, by_netty(&name, option, &names, &[&segment])),
    ];
    for (server, query) in questions {
        let (tables, metadata) = ask(&servers, server, &query).await.unwrap();
        assert_eq!(metadata.num_segments_queried, Some(1));
        assert_eq!(metadata.total_docs, Some(case.rows.len() as i64));
        let version = if place == Place::Oldest { 3 } else { 4 };
        assert!(!tables.is_empty() && tables.iter().all(|table| table.version() == version), "{}", case.name);
        assert!(tables.iter().all(|table| table.has_null_bitmaps() == options.contains("enableNullHandling=true")));
        let batches: Vec<RecordBatch> = tables.iter().map(|table| table.batch(&schema).unwrap()).collect();
        let found = concat_batches(&schema, &batches).unwrap();
        for (at, field) in schema.fields().iter().enumerate() {
            assert_eq!(found.column(at), expected.column(at), "{} {} of {}", case.name, field.name(), name);
        }
    }
}

#[tokio::test]
async fn every_type_comes_as_it_was_stored() {
    for name in ["dict-all-types", "raw-all-types", "multi-values", "var-length-dictionary"] {
        compare(Place::Modern, name, "").await;
    }
}

#[tokio::test]
async fn nulls_come_as_nulls() {
    for name in ["nulls-by-table", "nulls-by-column", "dict-all-types"] {
        compare(Place::Modern, name, "SET enableNullHandling=true;").await;
    }
}

#[tokio::test]
async fn every_type_comes_from_the_oldest_release() {
    for name in ["dict-all-types", "multi-values", "var-length-dictionary"] {
        compare(Place::Oldest, name, "").await;
    }
}

/// The broker merges one server's answer: it has to say the same.
#[tokio::test]
async fn aggregations_are_those_of_the_broker() {
    for place in [Place::Modern, Place::Oldest] {
        let Some(cluster) = place.cluster() else { return };
        let (servers, server) = (servers(&connection(cluster)), server(cluster, 0).await);
        let segment = table(cluster, &golden("indexes"), "aggregations");
        // Brokers come behind servers.
        cluster.await_count("aggregations", golden("indexes").batch().num_rows() as u64);
        let what = "COUNT(*), SUM(i), MIN(i), MAX(i), AVG(i), MINMAXRANGE(i)";
        let select = format!("SELECT {what} FROM t");
        let expected = cluster.query(&format!("SELECT {what} FROM aggregations"))["resultTable"]["rows"][0].clone();
        let expected: Vec<f64> = expected.as_array().unwrap().iter().map(|value| value.as_f64().unwrap()).collect();
        for streaming in [true, false] {
            let mut query = query("aggregations", "", &select, &[&segment]);
            query.streaming = streaming;
            let (tables, _) = ask(&servers, &server, &query).await.unwrap();
            let [table] = tables.as_slice() else { panic!("{} tables", tables.len()) };
            let found: Vec<f64> = (0..6)
                .map(|column| match table.intermediates(column).unwrap()[0] {
                    Intermediate::Long(count) => count as f64,
                    Intermediate::Double(value) => value,
                    Intermediate::Average { sum, count } => sum / count as f64,
                    Intermediate::MinMax { min, max } => max - min,
                    other => panic!("{other:?}"),
                })
                .collect();
            assert_eq!(found, expected, "{place:?} {streaming}");
        }
    }
}

#[tokio::test]
async fn columns_are_what_was_asked_for_or_an_error() {
    let Some(cluster) = Place::Modern.cluster() else { return };
    let (servers, server) = (servers(&connection(cluster)), server(cluster, 0).await);
    let case = golden("dict-all-types");
    let segment = table(cluster, &case, "asked_columns");
    let (tables, metadata): (_, Metadata) =
        ask(&servers, &server, &query("asked_columns", "", "SELECT s, l FROM t LIMIT 100", &[&segment])).await.unwrap();
    assert_eq!(metadata.num_docs_scanned, Some(50));
    let schema = |fields: Vec<Field>| Arc::new(ArrowSchema::new(fields));
    let texts = Arrow::Dictionary(Box::new(Arrow::Int32), Box::new(Arrow::Utf8));
    let batch = tables[0].batch(&schema(vec![Field::new("s", texts, false)])).unwrap();
    let expected = case.batch();
    assert_eq!(&cast(batch.column(0), &Arrow::Utf8).unwrap(), expected.column_by_name("s").unwrap());
    assert!(batch.column(0).as_any_dictionary().values().len() < 50);
    // Nothing but the number of rows.
    assert_eq!(tables[0].batch(&schema(vec![])).unwrap().num_rows(), 50);

    let error = tables[0].batch(&schema(vec![Field::new("l", Arrow::Int32, true)])).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::SchemaMismatch);
    let text = error.to_string();
    assert!(text.contains("Int32") && text.contains("LONG") && text.contains("column: l"), "{text}");
    let error = tables[0].batch(&schema(vec![Field::new("nope", Arrow::Int32, true)])).unwrap_err();
    assert!(error.to_string().contains("nope"), "{error}");

    // Whatever a server says of an empty answer.
    let none = query("asked_columns", "", "SELECT s, l FROM t WHERE s = 'no such text' LIMIT 100", &[&segment]);
    for streaming in [true, false] {
        let (tables, _) = ask(&servers, &server, &with(&none, streaming)).await.unwrap();
        let wanted = schema(vec![Field::new("l", Arrow::Int64, false)]);
        for table in tables {
            let batch = table.batch(&wanted).unwrap();
            assert_eq!((batch.num_rows(), batch.column(0).as_primitive::<Int64Type>().len()), (0, 0));
        }
    }
}

fn with(query: &pinotage_client::ServerQuery, streaming: bool) -> pinotage_client::ServerQuery {
    pinotage_client::ServerQuery { streaming, ..query.clone() }
}
