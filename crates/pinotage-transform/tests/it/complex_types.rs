//! `complexTypeConfig` beside Pinot's own transform pipeline, row by row.

use std::sync::Arc;

use arrow::array::{ArrayRef, RecordBatch, StringArray};
use arrow::datatypes::{DataType, Field, Schema as ArrowSchema};
use pinotage_common::Result;
use pinotage_spec::{ColumnPlan, PinotVersion, Schema, TableConfig};
use pinotage_testkit::stored;
use pinotage_transform::{ConformOptions, Conformer, Ingestion};
use serde_json::{Value, json};

use crate::transforms::judged;

const COLUMNS: [&str; 6] = ["id", "p", "tags", "objs", "n", "deep"];

/// Values of all kinds in every place.
fn rows() -> Vec<Value> {
    vec![
        json!({"id": "1", "n": 5, "p": {"a": 1, "b": {"c": "x", "d": [1, 2]}, "l": [{"k": 1, "n": {"m": "y", "o": {"r": 1}}}, {"k": 2}]},
            "tags": ["u", "v"], "objs": [{"x": 1.5}, {"x": null, "y": true}], "deep": [[1, 2], [3]]}),
        json!({"id": "2", "n": -1, "p": {"a": "text", "b": null, "l": []}, "tags": []}),
        json!({"id": "3", "p": null, "objs": [], "deep": [{"p": [1, {"q": 2}]}]}),
        json!({"id": "4", "n": 0, "p": [1, 2], "tags": [null, "w"]}),
        json!({"id": "5", "p": {"a": [7], "b": {"c": {"e": 5}, "d": 4}}, "tags": "single", "objs": {"x": 7, "y": "false"}}),
        json!({"id": "6", "n": 7, "p": {"a": true, "l": [1, "two", null, {"k": 3}]}, "objs": [[1, 2], [3]]}),
        json!({"id": "7", "p": {"l": [{"k": 1, "in": [{"z": 1}, {"z": 2}]}, {"k": "2", "in": []}, {"in": [4]}]}, "tags": ["only"]}),
        json!({"id": "8", "p": {"a": 2.50, "b": {"c": "\u{e9}\"\n", "d": []}, "l": [{"k": 5_000_000_000_i64, "n": "flat"}]},
            "objs": [{"x": 1e10, "y": false}], "tags": [1, 2.5]}),
        json!({"id": "9", "p": {"l": [{"k": 1, "in": [{"z": {"w": 1}}], "n": {"m": [{"s": 1}], "o": 3}}]}, "objs": [{"x": [1, 2]}]}),
        json!({"id": "10"}),
    ]
}

/// Of one form throughout, as Parquet or Avro have them.
fn typed_rows() -> Vec<Value> {
    vec![
        json!({"id": "1", "n": 5, "p": {"a": 1, "b": {"c": "x", "d": [1, 2]}, "l": [{"k": 1, "in": [{"z": 1}]}, {"k": 2, "in": []}]},
            "tags": ["u", "v"], "objs": [{"x": 1.5, "y": true}], "deep": {"k1": {"v": 1}, "k2": {"v": 2}}}),
        json!({"id": "2", "p": {"a": null, "b": {"c": null, "d": []}, "l": []}, "tags": [], "deep": {}}),
        json!({"id": "3", "n": 0, "p": null, "objs": [], "tags": ["w"]}),
        json!({"id": "4", "n": 9, "p": {"a": 7, "b": null, "l": null}, "tags": null, "objs": [{"x": 0.1, "y": null}, {"x": null, "y": false}],
            "deep": {"k2": {"v": null}}}),
    ]
}

/// As the reader of JSON files gives them.
fn json_batch(rows: &[Value]) -> RecordBatch {
    let fields = COLUMNS.map(|name| match name {
        "id" => Field::new(name, DataType::Utf8, true),
        "n" => Field::new(name, DataType::Int64, true),
        _ => Field::new(name, DataType::Utf8, true)
            .with_metadata([("pinotage.json".to_owned(), "any".to_owned())].into()),
    });
    let column = |name: &str| -> ArrayRef {
        let values = rows.iter().map(|row| row.get(name).filter(|value| !value.is_null()));
        match name {
            "id" => Arc::new(StringArray::from_iter(values.map(|value| Some(value?.as_str().unwrap())))),
            "n" => Arc::new(arrow::array::Int64Array::from_iter(values.map(|value| value?.as_i64()))),
            _ => Arc::new(StringArray::from_iter(values.map(|value| Some(value?.to_string())))),
        }
    };
    RecordBatch::try_new(Arc::new(ArrowSchema::new(fields.to_vec())), COLUMNS.map(column).to_vec()).unwrap()
}

fn typed_batch(rows: &[Value]) -> RecordBatch {
    let list = |item| DataType::new_list(item, true);
    let object = |fields: Vec<(&str, DataType)>| {
        DataType::Struct(fields.into_iter().map(|(name, arrow)| Field::new(name, arrow, true)).collect())
    };
    let inner = object(vec![("z", DataType::Int32)]);
    let entries = object(vec![("key", DataType::Utf8), ("value", object(vec![("v", DataType::Int64)]))]);
    let DataType::Struct(entries) = entries else { unreachable!() };
    let entries = entries.iter().map(|field| field.as_ref().clone().with_nullable(field.name() == "value")).collect();
    let columns = [
        DataType::Utf8,
        object(vec![
            ("a", DataType::Int32),
            ("b", object(vec![("c", DataType::Utf8), ("d", list(DataType::Int32))])),
            ("l", list(object(vec![("k", DataType::Int64), ("in", list(inner))]))),
        ]),
        list(DataType::Utf8),
        list(object(vec![("x", DataType::Float64), ("y", DataType::Boolean)])),
        DataType::Int64,
        DataType::Map(Arc::new(Field::new("entries", DataType::Struct(entries), false)), false),
    ];
    let fields = COLUMNS.iter().zip(columns).map(|(name, arrow)| Field::new(*name, arrow, true));
    let schema = Arc::new(ArrowSchema::new(fields.collect::<Vec<_>>()));
    let mut decoder = arrow::json::ReaderBuilder::new(schema).build_decoder().unwrap();
    let lines: String = rows.iter().map(|row| format!("{row}\n")).collect();
    assert_eq!(decoder.decode(lines.as_bytes()).unwrap(), lines.len());
    decoder.flush().unwrap().unwrap()
}

/// A table with a column beside `id`.
struct Case {
    name: String,
    column: String,
    is_json: bool,
    schema: Value,
    table: Value,
}

fn case(kind: &str, column: &str, config: &Value) -> Case {
    let single = !kind.ends_with("[]");
    let field = json!({"name": column, "dataType": kind.trim_end_matches("[]"), "singleValueField": single});
    Case {
        name: format!("{column} {kind} {config}"),
        column: column.to_owned(),
        is_json: kind == "JSON",
        schema: json!({"schemaName": "t", "dimensionFieldSpecs": [{"name": "id", "dataType": "STRING"}, field]}),
        table: json!({"tableName": "t", "tableType": "OFFLINE", "segmentsConfig": {"replication": "1"},
            "tenants": {}, "tableIndexConfig": {}, "metadata": {}, "ingestionConfig": {"complexTypeConfig": config}}),
    }
}

fn cases() -> Vec<Case> {
    const KINDS: [(&str, &str); 24] = [
        ("p", "JSON"),
        ("p.a", "STRING"),
        ("p.a", "JSON"),
        ("p.b", "JSON"),
        ("p.b.c", "STRING"),
        ("p.b.c", "JSON"),
        ("p.b.d", "INT[]"),
        ("p.b.d", "STRING"),
        ("p.l", "JSON"),
        ("p.l", "STRING"),
        ("p.l.k", "LONG"),
        ("p.l.n.m", "STRING"),
        ("p.l.n.o.r", "INT"),
        ("p.l.in", "STRING"),
        ("p.l.in.z", "INT"),
        ("tags", "STRING[]"),
        ("tags", "STRING"),
        ("objs", "JSON"),
        ("objs", "STRING"),
        ("objs.x", "DOUBLE"),
        ("objs.y", "BOOLEAN"),
        ("deep", "JSON"),
        ("deep.k2.v", "LONG"),
        ("n", "INT"),
    ];
    let mut cases = Vec::new();
    for (column, kind) in KINDS {
        for mode in ["NONE", "NON_PRIMITIVE", "ALL"] {
            for unnest in [
                json!([]),
                json!(["p.l"]),
                json!(["p.l.in", "p.l"]),
                json!(["tags", "objs"]),
                json!(["deep", "nothing"]),
            ] {
                cases.push(case(kind, column, &json!({"fieldsToUnnest": unnest, "collectionNotUnnestedToJson": mode})));
            }
        }
        cases.push(case(kind, column, &json!({})));
    }
    for (kind, column, config) in [
        ("LONG", "p_l_k", json!({"fieldsToUnnest": ["p_l"], "delimiter": "_"})),
        ("STRING", "a", json!({"prefixesToRename": {"p.": ""}})),
        ("STRING", "q.b.c", json!({"prefixesToRename": {"p.b": "q.b", "p.": "r."}})),
        ("LONG", "k", json!({"fieldsToUnnest": ["p.l"], "prefixesToRename": {"p.l.": ""}})),
        ("JSON", "commits", json!({"fieldsToUnnest": ["p.l"], "prefixesToRename": {"p.l": "commits"}})),
        ("STRING", "number", json!({"prefixesToRename": {"n": "number"}})),
        ("STRING", "p.x", json!({"prefixesToRename": {"p.a": "p.x", "p.b.c": "p.x"}})),
        ("STRING[]", "names", json!({"fieldsToUnnest": ["objs"], "prefixesToRename": {"tags": "names"}})),
    ] {
        cases.push(case(kind, column, &config));
    }
    for (kind, expression) in [
        ("STRING", "upper(\"p.b.c\")"),
        ("LONG", "plus(\"p.l.k\", n)"),
        ("STRING", "concat(id, \"p.a\", '-')"),
        ("STRING", "jsonFormat(\"p.b\")"),
    ] {
        let mut one = case(kind, "out", &json!({"fieldsToUnnest": ["p.l"]}));
        one.name = format!("{expression} {}", one.name);
        one.table["ingestionConfig"]["transformConfigs"] =
            json!([{"columnName": "out", "transformFunction": expression}]);
        cases.push(one);
    }
    for filter in ["\"p.l.k\" = 1", "\"p.l.k\" is null", "id = '7'"] {
        let mut one = case("JSON", "p.l.k", &json!({"fieldsToUnnest": ["p.l"]}));
        one.name = format!("filter {filter}");
        one.table["ingestionConfig"]["filterConfig"] = json!({"filterFunction": filter});
        cases.push(one);
    }
    cases
}

type Rows = Vec<std::result::Result<Vec<Value>, String>>;

/// The rows that each row becomes, or why it is bad.
fn ours(case: &Case, batch: &RecordBatch) -> Result<Rows> {
    let schema = Schema::from_document(case.schema.clone())?;
    let table = TableConfig::from_document(case.table.clone())?;
    let plan = ColumnPlan::resolve(&schema, &table)?;
    let ingestion = Ingestion::try_new(&schema, &table, &batch.schema(), PinotVersion::NEWEST)?.unwrap();
    let conformer = Conformer::try_new(&plan, None, &ingestion.schema(), ConformOptions::default())?;
    let ingested = ingestion.apply(batch)?;
    let mut answers: Rows = vec![Ok(Vec::new()); batch.num_rows()];
    let origin = |row: u32| ingested.rows.as_ref().map_or(row, |rows| rows[row as usize]) as usize;
    let (bad, good) = (ingested.bad.len(), batch.num_rows() - ingested.bad.len());
    let left = ingested.batch.num_rows() as u64 + ingested.filtered;
    assert_eq!(left, good as u64 + ingested.made, "{} of {} rows, {bad} bad", case.name, batch.num_rows());
    let conformed = conformer.conform(&ingested.batch)?;
    let kept = conformed.kept.unwrap_or_else(|| (0..ingested.batch.num_rows() as u32).collect());
    for (at, row) in kept.into_iter().enumerate() {
        let value = |column: usize| stored(conformed.batch.column(column), at);
        let values = json!([value(0), normal(&value(1), case.is_json)]);
        answers[origin(row)].as_mut().unwrap().push(values);
    }
    for bad in conformed.bad {
        answers[origin(bad.row)] = Err(bad.message);
    }
    for bad in ingested.bad {
        answers[bad.row as usize] = Err(bad.message);
    }
    Ok(answers)
}

/// JSON text means the same in any order of keys; Pinot copies into hash maps. Numbers of a JSON column have one form here, those
/// of JSON text.
fn normal(value: &Value, is_json: bool) -> Value {
    fn numbers(value: &mut Value) {
        match value {
            Value::Number(number) => *value = number.as_f64().unwrap().into(),
            Value::Array(items) => items.iter_mut().for_each(numbers),
            Value::Object(map) => map.values_mut().for_each(numbers),
            _ => {}
        }
    }
    match value.as_str().filter(|text| is_json || text.starts_with(['[', '{'])).map(serde_json::from_str) {
        Some(Ok(mut parsed)) => {
            if is_json {
                numbers(&mut parsed);
            }
            parsed
        }
        _ => value.clone(),
    }
}

fn compare(rows: &[Value], batch: &RecordBatch, least: usize) {
    let cases = cases();
    let names = COLUMNS.map(|name| {
        let kind = match name {
            "id" => "STRING",
            "n" => "LONG",
            _ => "ANY",
        };
        json!({"name": name, "type": kind})
    });
    let asked: Vec<Value> =
        cases.iter().map(|case| json!({"id": case.name, "schema": case.schema, "table": case.table})).collect();
    let Some(answers) = judged(&json!({"columns": names, "rows": rows, "cases": asked})) else { return };
    let (mut same, mut unnested, mut different, mut refused) = (0, 0, Vec::new(), Vec::new());
    for (case, theirs) in cases.iter().zip(&answers) {
        assert!(theirs["plan"].is_null(), "{theirs}");
        let theirs: Rows = theirs["rows"]
            .as_array()
            .unwrap()
            .iter()
            .map(|row| match row {
                Value::String(error) => Err(error.clone()),
                made => Ok(made
                    .as_array()
                    .unwrap()
                    .iter()
                    .map(|row| json!([row["id"], normal(&row[case.column.as_str()], case.is_json)]))
                    .collect()),
            })
            .collect();
        let ours = match ours(case, batch) {
            Ok(ours) => ours,
            Err(error) => {
                refused.push(format!("{}: {error}", case.name));
                continue;
            }
        };
        let lines: Vec<String> = (0..rows.len())
            .filter(|row| ours[*row] != theirs[*row] && !(ours[*row].is_err() && theirs[*row].is_err()))
            .map(|row| format!("    ours    {:?}\n    Pinot's {:?} of {}", ours[row], theirs[row], rows[row]))
            .collect();
        unnested += usize::from(ours.iter().flatten().any(|rows| rows.len() > 1));
        match lines.is_empty() {
            true => same += 1,
            false => different.push(format!("{}\n{}", case.name, lines.join("\n"))),
        }
    }
    println!("{same} configs are Pinot's, {unnested} of them make rows, {} are refused", refused.len());
    assert!(different.is_empty(), "{} differ:\n{}", different.len(), different.join("\n"));
    refused.retain(|text| {
        ["a column whole", "cannot be made from", "two columns of the input"].iter().all(|known| !text.contains(known))
    });
    assert!(refused.is_empty(), "{} are refused:\n{}", refused.len(), refused.join("\n"));
    assert!(same >= least && unnested > 50, "{same} {unnested}");
}

#[test]
fn json_rows_are_flattened_as_pinot_does() {
    compare(&rows(), &json_batch(&rows()), 350);
}

#[test]
fn typed_rows_are_flattened_as_pinot_does() {
    compare(&typed_rows(), &typed_batch(&typed_rows()), 300);
}
