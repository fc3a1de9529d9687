//! Maps: structs, maps and JSON objects to keys with JSON values, as Jackson writes what Java read of them.

use std::sync::Arc;

use arrow::array::{Array, ArrayRef, AsArray, MapBuilder, StringBuilder};
use arrow::datatypes::{DataType as Arrow, Field};
use pinotage_common::{Error, Result};
use pinotage_spec::java::double_to_string;
use serde_json::{Map, Value};

use crate::json::write_string;
use crate::outcome::Outcome;
use crate::{nested, rule};

/// One map a row. Numbers with a fraction or an exponent are doubles, as Java's; the order of keys is kept, of equal ones the last.
pub(crate) fn to_map(array: &ArrayRef, outcome: &mut Outcome<'_>) -> Result<ArrayRef> {
    let failed = |error| Error::unexpected("cannot make maps").caused_by(error);
    let values = Arc::new(Field::new("values", Arrow::Utf8, false));
    let mut maps = MapBuilder::new(None, StringBuilder::new(), StringBuilder::new()).with_values_field(values);
    let mut text = String::new();
    let mut append = |object: Option<&Map<String, Value>>| -> Result<bool> {
        let mut fits = true;
        for (key, value) in object.into_iter().flatten() {
            text.clear();
            fits &= write(value, &mut text);
            maps.keys().append_value(key);
            maps.values().append_value(&text);
        }
        maps.append(object.is_some()).map_err(failed)?;
        Ok(fits)
    };
    let mut one = |at: usize, line: &str, parsed: Option<&Value>| -> Result<()> {
        match parsed {
            None if array.is_null(at) => append(None).map(drop),
            Some(Value::Object(object)) => {
                if !append(Some(object))? {
                    outcome.bad(at, rule::OUT_OF_RANGE, "numbers of at most 64 bits in a map", line);
                }
                Ok(())
            }
            _ => {
                outcome.bad(at, rule::WRONG_TYPE, "a JSON object", line);
                append(None).map(drop)
            }
        }
    };
    if *array.data_type() == Arrow::Utf8 {
        for (at, line) in array.as_string::<i32>().iter().enumerate() {
            let parsed = line.and_then(|line| serde_json::from_str::<Value>(line).ok());
            one(at, line.unwrap_or_default(), parsed.as_ref())?;
        }
    } else {
        let lines = nested::lines(array)
            .map_err(|error| Error::unexpected("cannot write nested values as JSON").caused_by(error))?;
        for (at, line) in lines.split(|byte| *byte == b'\n').take(array.len()).enumerate() {
            // Each line is {"v":…}.
            let parsed = serde_json::from_slice::<Value>(line).ok().filter(|_| array.is_valid(at));
            one(at, &String::from_utf8_lossy(line), parsed.as_ref().and_then(|line| line.get("v")))?;
        }
    }
    Ok(Arc::new(maps.finish()))
}

/// Where Jackson writes bytes, it writes each half of a pair of surrogates by its number.
fn write_text(text: &str, out: &mut String) {
    let start = out.len();
    write_string(text, out);
    if text.chars().any(|c| c.len_utf16() == 2) {
        let plain = out.split_off(start);
        for c in plain.chars() {
            match c.len_utf16() {
                1 => out.push(c),
                _ => c.encode_utf16(&mut [0; 2]).iter().for_each(|unit| out.push_str(&format!("\\u{unit:04X}"))),
            }
        }
    }
}

/// Writes a value; false if Java's double cannot hold a number in it.
fn write(value: &Value, out: &mut String) -> bool {
    match value {
        Value::Null => out.push_str("null"),
        Value::Bool(flag) => out.push_str(if *flag { "true" } else { "false" }),
        Value::String(text) => write_text(text, out),
        Value::Number(number) => {
            let text = number.as_str();
            if !text.contains(['.', 'e', 'E']) {
                out.push_str(if text == "-0" { "0" } else { text });
            } else {
                let double = text.parse::<f64>().unwrap_or(f64::INFINITY);
                out.push_str(&double_to_string(double));
                return double.is_finite();
            }
        }
        Value::Array(items) => {
            out.push('[');
            let mut fits = true;
            for (at, item) in items.iter().enumerate() {
                out.push_str(if at == 0 { "" } else { "," });
                fits &= write(item, out);
            }
            out.push(']');
            return fits;
        }
        Value::Object(entries) => {
            out.push('{');
            let mut fits = true;
            for (at, (key, inner)) in entries.iter().enumerate() {
                out.push_str(if at == 0 { "" } else { "," });
                write_text(key, out);
                out.push(':');
                fits &= write(inner, out);
            }
            out.push('}');
            return fits;
        }
    }
    true
}

#[cfg(test)]
mod tests {
    use arrow::array::{Float64Array, Int32Array, RecordBatch, StringArray, StructArray};
    use arrow::datatypes::Schema as ArrowSchema;
    use pinotage_spec::{ColumnPlan, Schema, TableConfig};

    use crate::{ConformOptions, Conformed, Conformer};

    use super::*;

    fn conformed(array: ArrayRef) -> Conformed {
        let schema = r#"{"schemaName": "t", "complexFieldSpecs": [{"name": "m", "dataType": "MAP"}]}"#;
        let table = TableConfig::from_json(r#"{"tableName": "t"}"#).unwrap();
        let plan = ColumnPlan::resolve(&Schema::from_json(schema).unwrap(), &table).unwrap();
        let input = ArrowSchema::new(vec![Field::new("m", array.data_type().clone(), true)]);
        let conformer = Conformer::try_new(&plan, None, &input, ConformOptions::default()).unwrap();
        conformer.conform(&RecordBatch::try_new(Arc::new(input), vec![array]).unwrap()).unwrap()
    }

    fn entries(maps: &ArrayRef, row: usize) -> Vec<(String, String)> {
        let map = maps.as_map().value(row);
        let text = |column: usize, at: usize| map.column(column).as_string::<i32>().value(at).to_owned();
        (0..map.len()).map(|at| (text(0, at), text(1, at))).collect()
    }

    #[test]
    fn values_are_written_as_java_writes_them() {
        let texts = StringArray::from(vec![
            Some(
                r#"{"b": 1.50, "a": {"x": [1E3, null, "\u00e9😀\n"]}, "b": -0, "big": 123456789012345678901, "t": true}"#,
            ),
            None,
            Some("{}"),
            Some("[1]"),
            Some("{\"n\": 1e999}"),
        ]);
        let found = conformed(Arc::new(texts));
        let maps = found.batch.column(0);
        let expected = [
            ("b", "0"),
            ("a", "{\"x\":[1000.0,null,\"é\\uD83D\\uDE00\\n\"]}"),
            ("big", "123456789012345678901"),
            ("t", "true"),
        ];
        assert_eq!(entries(maps, 0), expected.map(|(key, value)| (key.to_owned(), value.to_owned())));
        assert!(maps.is_null(1) && entries(maps, 2).is_empty());
        assert_eq!(found.bad.iter().map(|bad| bad.row).collect::<Vec<_>>(), [3, 4]);
    }

    #[test]
    fn structs_become_maps_of_their_fields() {
        let fields: Vec<(Arc<Field>, ArrayRef)> = vec![
            (Arc::new(Field::new("n", Arrow::Int32, true)), Arc::new(Int32Array::from(vec![Some(1), None]))),
            (Arc::new(Field::new("x", Arrow::Float64, false)), Arc::new(Float64Array::from(vec![2.0, 1e10]))),
        ];
        let found = conformed(Arc::new(StructArray::from(fields)));
        let maps = found.batch.column(0);
        let pairs = |n: &str, x: &str| vec![("n".to_owned(), n.to_owned()), ("x".to_owned(), x.to_owned())];
        assert_eq!((entries(maps, 0), entries(maps, 1)), (pairs("1", "2.0"), pairs("null", "1.0E10")));
    }
}
