//! `docs/reference/functions.md` is what the registry says.

use std::sync::Arc;

use arrow::datatypes::{DataType, Field, Schema as ArrowSchema};
use pinotage_common::ErrorKind;
use pinotage_spec::{PinotVersion, Schema, TableConfig};
use pinotage_transform::{Ingestion, function_reference};
use serde_json::json;

const PAGE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/reference/functions.md");

/// With `PINOTAGE_UPDATE_DOCS` set the page is written.
#[test]
fn the_page_of_functions_is_that_of_the_registry() {
    let expected = function_reference();
    if std::env::var_os("PINOTAGE_UPDATE_DOCS").is_some() {
        std::fs::write(PAGE, &expected).unwrap();
    }
    let page = std::fs::read_to_string(PAGE).unwrap_or_default();
    assert!(page == expected, "the page is an old one: run this test with PINOTAGE_UPDATE_DOCS=1");
}

/// IP addresses, H3, sketches, vectors and all others of that part of the page: `check` says why, before the first row.
#[test]
fn functions_that_are_not_there_are_refused_by_name() {
    let schema =
        Schema::from_json(r#"{"schemaName": "t", "dimensionFieldSpecs": [{"name": "c", "dataType": "STRING"}]}"#);
    let schema = schema.unwrap();
    let input = Arc::new(ArrowSchema::new(vec![Field::new("s", DataType::Utf8, true)]));
    let page = function_reference();
    let refused = page.split_once("## Refused by name").unwrap().1;
    let mut count = 0;
    for line in refused.lines().filter(|line| line.starts_with("| `")) {
        let cells: Vec<&str> = line.trim_matches(['|', ' ']).split(" | ").collect();
        for name in cells[0].split('`').skip(1).step_by(2) {
            let config = json!({"tableName": "t", "ingestionConfig":
                {"transformConfigs": [{"columnName": "c", "transformFunction": format!("\"{name}\"(s)")}]}});
            let table = TableConfig::from_document(config).unwrap();
            let error = Ingestion::try_new(&schema, &table, &input, PinotVersion::NEWEST).unwrap_err();
            assert_eq!(error.kind(), ErrorKind::Unsupported, "{name}: {error}");
            assert!(error.to_string().contains(&format!("`{name}` is not there: {}", cells[1])), "{name}: {error}");
            count += 1;
        }
    }
    assert!(count > 150, "{count}");
}
