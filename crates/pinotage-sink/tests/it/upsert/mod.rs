//! Upserts beside Pinot's own classes and Kafka's own producer (`java/conformance`).

mod keys;
mod rows;

use std::process::Command;
use std::sync::Arc;

use arrow::array::RecordBatch;
use arrow::datatypes::Schema as ArrowSchema;
use pinotage_spec::{Schema, arrow_field};
use pinotage_testkit::stored;
use serde_json::{Value as Json, json};

/// Where `cargo xtask test` says how to start the judge.
const JUDGE: &str = "PINOTAGE_CONFORMANCE_CLASSPATH";

/// What the judge says to the cases; nothing without it, which is said.
fn judged(command: &str, cases: &[Json]) -> Option<Vec<Json>> {
    let Ok(class_path) = std::env::var(JUDGE) else {
        eprintln!("SKIPPED: no judge, because {JUDGE} is not set; `cargo xtask test` builds it and sets it");
        return None;
    };
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("cases.json");
    std::fs::write(&file, json!({ "cases": cases }).to_string()).unwrap();
    let judge = Command::new("java")
        .args(["-Xmx1g", "-cp", &class_path, "io.pinotage.conformance.Conformance", command])
        .arg(&file)
        .output()
        .unwrap();
    assert!(judge.status.success(), "{}", String::from_utf8_lossy(&judge.stderr));
    let answers = String::from_utf8(judge.stdout).unwrap();
    let answers: Vec<Json> = answers.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!(answers.len(), cases.len());
    Some(answers)
}

/// Rows of JSON in the canonical types of a schema, all nullable.
pub(crate) fn batch(schema: &Schema, rows: &[Json]) -> RecordBatch {
    let fields: Vec<_> = schema.fields().map(|field| arrow_field(field, true)).collect();
    let schema = Arc::new(ArrowSchema::new(fields));
    let mut decoder =
        arrow::json::ReaderBuilder::new(schema.clone()).with_batch_size(rows.len().max(1)).build_decoder().unwrap();
    let text: String = rows.iter().map(|row| format!("{row}\n")).collect();
    assert_eq!(decoder.decode(text.as_bytes()).unwrap(), text.len());
    decoder.flush().unwrap().unwrap_or_else(|| RecordBatch::new_empty(schema))
}

/// The rows of a batch as the judge writes them: every value as Java's text of it.
fn written(rows: &RecordBatch) -> Vec<Json> {
    let schema = rows.schema();
    let row = |at: usize| {
        let values = schema.fields().iter().zip(rows.columns());
        values
            .map(|(field, column)| (field.name().clone(), stored(column, at)))
            .collect::<serde_json::Map<_, _>>()
            .into()
    };
    (0..rows.num_rows()).map(row).collect()
}
