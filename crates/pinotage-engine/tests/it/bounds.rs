//! MIN and MAX of segments: from their metadata where that is exact, else from their rows.

use std::fs;
use std::path::Path;

use arrow::array::RecordBatch;
use pinotage_segment::read::Segment;
use pinotage_segment::write::{NameInput, SegmentBuilder};
use pinotage_spec::{ColumnPlan, DataType, Schema, SegmentNameGenerator, TableConfig, arrow_schema, is_hidden};
use pinotage_testkit::{golden_cases, rows_to_batch};
use serde_json::{Value as Json, json};

use crate::ask;

/// A folder of two segments. Nulls are only in the second one; some texts cannot be bounds, or could be others.
fn table(folder: &Path) {
    let column = |(name, data_type): (&str, &str)| json!({"name": name, "dataType": data_type});
    let names = ["word", "comma", "blank", "smile", "private"];
    let texts = names.map(|name| column((name, "STRING")));
    let mut columns =
        [("i", "INT"), ("l", "LONG"), ("raw", "LONG"), ("f", "DOUBLE"), ("b", "BOOLEAN"), ("n", "INT"), ("x", "BYTES")]
            .map(column)
            .to_vec();
    columns.extend(texts);
    columns.push(json!({"name": "list", "dataType": "INT", "singleValueField": false}));
    let schema = json!({
        "schemaName": "t", "dimensionFieldSpecs": columns,
        "dateTimeFieldSpecs": [{"name": "at", "dataType": "TIMESTAMP", "format": "TIMESTAMP", "granularity": "1:MILLISECONDS"}],
    });
    let config = json!({
        "tableName": "t", "tableType": "OFFLINE", "tenants": {}, "metadata": {}, "segmentsConfig": {"replication": "1"},
        "tableIndexConfig": {"loadMode": "MMAP", "nullHandlingEnabled": true, "noDictionaryColumns": ["raw"]},
    });
    let row = |id: i64| {
        json!({
            "i": 70 - id, "l": (id - 50) << 50, "raw": id * id - 30 * id, "f": id as f64 / 4.0, "b": id % 2, "n": id,
            "x": format!("{id:02x}"), "list": [id, -id], "at": 1_700_000_000_000_i64 + id, "word": format!("w{id:03}"),
            "comma": format!("{id:03},"), "blank": format!(" {id:03}"), "smile": if id == 7 { "😀" } else { "a" },
            // Above a surrogate in UTF-16, below it in UTF-8.
            "private": match id { 3 => "\u{ffee}", 4 => "😀", _ => "a" },
        })
    };
    let (schema, config) = (Schema::from_document(schema).unwrap(), TableConfig::from_document(config).unwrap());
    for segment in 0..2 {
        let rows: Vec<Json> = (segment * 40..segment * 40 + 40)
            .map(|id| {
                let mut row = row(id);
                if segment == 1 && id % 5 == 0 {
                    row["$nulls"] = json!(["n"]);
                    row["n"] = i32::MIN.into();
                }
                row
            })
            .collect();
        let batch = rows_to_batch(&schema, &rows);
        let canonical = std::sync::Arc::new(arrow_schema(&ColumnPlan::resolve(&schema, &config).unwrap()));
        let columns = canonical.fields().iter().map(|field| batch[field.name().as_str()].clone()).collect();
        let mut builder = SegmentBuilder::try_new(&schema, &config).unwrap();
        builder.append(&RecordBatch::try_new(canonical, columns).unwrap()).unwrap();
        let generator = SegmentNameGenerator::Fixed { name: format!("t_{segment}") };
        let built = builder.finish(&NameInput { generator: &generator, sequence: None }, 1).unwrap();
        built.write_dir(folder).unwrap();
    }
}

/// The answer, and whether a row was read for it.
fn answer(folder: &Path, sql: &str) -> (String, bool) {
    let tables = [("t", folder.to_owned())];
    let plan = ask(&format!("EXPLAIN {sql}"), &tables).join("\n");
    (ask(sql, &tables).join("\n"), plan.contains("PartsExec"))
}

#[test]
fn bounds_answer_where_they_are_exact() {
    let folder = tempfile::tempdir().unwrap();
    table(folder.path());
    let metadata = [
        ("SELECT MIN(i), MAX(i), COUNT(*) FROM t", "-9 70 80"),
        ("SELECT MAX(l) - MIN(l), COUNT(i) FROM t", "88946092640567296 80"),
        ("SELECT MIN(raw), MAX(raw) FROM t", "-225 3871"),
        ("SELECT MIN(at), MAX(at) FROM t", "2023-11-14T22:13:20Z 2023-11-14T22:13:20.079Z"),
        ("SELECT MIN(word), MAX(word) FROM t", "w000 w079"),
        ("SELECT MIN(private), MIN(smile) FROM t", "a a"),
        ("SELECT COUNT(*) FROM t", "80"),
    ];
    for (sql, expected) in metadata {
        assert_eq!(answer(folder.path(), sql), (expected.to_owned(), false), "{sql}");
    }
    let rows = [
        ("SELECT MIN(n), MAX(n), COUNT(n) FROM t", "0 79 72"),
        ("SELECT MIN(i), MIN(n) FROM t", "-9 0"),
        ("SELECT MIN(f), MAX(f) FROM t", "0.0 19.75"),
        ("SELECT MIN(x), MAX(x) FROM t", "00 4f"),
        ("SELECT MIN(comma), MAX(comma) FROM t", "000, 079,"),
        ("SELECT MIN(blank), MAX(blank) FROM t", " 000  079"),
        ("SELECT MAX(smile) FROM t", "😀"),
        ("SELECT MAX(private) FROM t", "😀"),
        ("SELECT MAX(b) FROM t", "true"),
        ("SELECT MIN(i), MAX(i) FROM t WHERE word > 'w050'", "-9 19"),
        ("SELECT MAX(i) FROM (SELECT i FROM t ORDER BY i LIMIT 3)", "-7"),
        ("SELECT MAX(i) < 71, COUNT(*) FROM (SELECT i FROM t LIMIT 3)", "true 3"),
        ("SELECT SUM(i) FROM t", "2440"),
    ];
    for (sql, expected) in rows {
        assert_eq!(answer(folder.path(), sql), (expected.to_owned(), true), "{sql}");
    }
}

/// The bounds that Pinot wrote are those of its rows.
#[test]
fn bounds_by_pinot_answer_as_the_rows_do() {
    let mut from_metadata = 0;
    for case in golden_cases() {
        let folder = case.folder.join("segment");
        let segment = Segment::open(&case.segment()).unwrap();
        for (name, column) in &segment.metadata().columns {
            // Hidden columns are not in the table, and maps have no order.
            let is_asked = column.single_value && !is_hidden(name) && column.data_type != DataType::Map;
            if !is_asked || segment.metadata().num_docs == 0 {
                continue;
            }
            for (function, order) in [("MIN", "ASC"), ("MAX", "DESC")] {
                let (found, read) = answer(&folder, &format!("SELECT {function}(\"{name}\") FROM t"));
                if !read {
                    let sorted = format!("SELECT \"{name}\" FROM t ORDER BY \"{name}\" {order} NULLS LAST LIMIT 1");
                    assert_eq!(answer(&folder, &sorted), (found, true), "{}: {sorted}", case.name);
                    from_metadata += 1;
                }
            }
        }
    }
    assert!(from_metadata > 40, "{from_metadata}");
}

/// The answer is that of the metadata, unless it says that it does not know.
#[test]
fn bounds_that_are_not_valid_are_not_used() {
    let folder = tempfile::tempdir().unwrap();
    table(folder.path());
    let path = folder.path().join("t_0/v3/metadata.properties");
    let text = fs::read_to_string(&path).unwrap();
    assert!(text.contains("column.i.maxValue = 70\n"));
    let sql = "SELECT MAX(i) FROM t";
    fs::write(&path, text.replace("column.i.maxValue = 70\n", "column.i.maxValue = 71\n")).unwrap();
    assert_eq!(answer(folder.path(), sql), ("71".into(), false));
    for change in ["column.i.minMaxValueInvalid = true\ncolumn.i.maxValue = 71\n", ""] {
        fs::write(&path, text.replace("column.i.maxValue = 70\n", change)).unwrap();
        assert_eq!(answer(folder.path(), sql), ("70".into(), true), "{change}");
    }
    // A file says nothing of itself.
    fs::write(folder.path().join("rows.csv"), "i\n3\n5\n").unwrap();
    assert_eq!(answer(&folder.path().join("rows.csv"), sql), ("5".into(), true));
}
