//! The generated cases: what the golden segments, being small, do not hold.

use pinotage_spec::CalendarUnit;
use serde_json::{Value as Json, json};

use crate::case::Case;

/// Characters whose order differs between UTF-8 and UTF-16, that properties escape, and that Java trims.
const WORDS: [&str; 16] = [
    "",
    "a",
    "a,b",
    ",",
    " lead",
    "trail ",
    "back\\slash",
    "é",
    "日本",
    "😀",
    "\u{FFFD}",
    "\u{E000}x",
    "tab\tline\n",
    "null",
    "${x}",
    "=:#!",
];

impl Case {
    /// Every generated case; `full` takes the large sizes.
    pub fn all(full: bool) -> Vec<Case> {
        vec![
            strings(),
            numbers(),
            one_row(),
            lists(false),
            lists(true),
            huge_values(),
            odd_names(),
            defaults(),
            untracked_nulls(),
            epoch_days(),
            timestamp(),
            timestamp_index(),
            optimized(),
            sorted(if full { 300_000 } else { 30_000 }),
            high_cardinality(if full { 500_000 } else { 100_000 }),
            star_trees(),
            million(),
        ]
    }
}

fn case(name: &'static str, num_rows: usize, fields: Json, table: Json, row: impl Fn(usize) -> Json + 'static) -> Case {
    let mut schema = json!({"schemaName": name.replace('-', "_"), "enableColumnBasedNullHandling": true});
    schema.as_object_mut().unwrap().extend(fields.as_object().unwrap().clone());
    let mut config = json!({"tableName": format!("{}_OFFLINE", name.replace('-', "_")), "tableType": "OFFLINE",
                            "segmentsConfig": {"replication": "1"}, "tenants": {}, "tableIndexConfig": {"loadMode": "MMAP"}, "metadata": {}});
    for (key, value) in table.as_object().unwrap() {
        config[key].as_object_mut().unwrap().extend(value.as_object().unwrap().clone());
    }
    Case { name, schema, table: config, num_rows, row: Box::new(row), sorted_by: None }
}

/// A number that looks random and depends on the row alone (SplitMix64).
fn noise(row: usize, salt: u64) -> u64 {
    let mut z = (row as u64).wrapping_add(salt.wrapping_mul(0x9E37_79B9_7F4A_7C15)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    z = (z ^ (z >> 30)).wrapping_mul(0x94D0_49BB_1331_11EB);
    z ^ (z >> 31)
}

fn strings() -> Case {
    let fields = json!({"dimensionFieldSpecs": [
        {"name": "word", "dataType": "STRING", "notNull": true}, {"name": "raw", "dataType": "STRING", "notNull": true},
        {"name": "list", "dataType": "STRING", "singleValueField": false, "notNull": true}, {"name": "lone", "dataType": "STRING", "notNull": true}]});
    let table = json!({"tableIndexConfig": {"noDictionaryColumns": ["raw"], "invertedIndexColumns": ["word", "list"],
                                            "createInvertedIndexDuringSegmentGeneration": true, "varLengthDictionaryColumns": ["list"]}});
    case("strings", 300, fields, table, |row| {
        let word = |salt| WORDS[noise(row, salt) as usize % WORDS.len()];
        // Blanks at both ends are the hardest bound to store.
        json!({"word": word(1), "raw": word(2), "list": [word(3), word(4)], "lone": " , "})
    })
}

fn numbers() -> Case {
    let dimension = |name: &str, data_type: &str| json!({"name": name, "dataType": data_type});
    let fields = json!({
        "dimensionFieldSpecs": [dimension("i", "INT"), dimension("l", "LONG"), dimension("f", "FLOAT"), dimension("d", "DOUBLE"),
                                dimension("rawD", "DOUBLE"), dimension("b", "BIG_DECIMAL"), dimension("rawB", "BIG_DECIMAL")],
        "metricFieldSpecs": [dimension("m", "DOUBLE"), dimension("rawM", "FLOAT")]});
    let table = json!({"tableIndexConfig": {"noDictionaryColumns": ["rawD", "rawB", "rawM"]}});
    case("numbers", 7, fields, table, |row| {
        let int = [i32::MIN, i32::MAX, 0, -1, 1, 7, 1_000_000][row];
        let long = [i64::MIN, i64::MAX, 0, -1, 1, 1 << 53, -(1 << 40)][row];
        let double = [
            json!(f64::MAX),
            json!(f64::MIN),
            json!(5e-324),
            json!("Infinity"),
            json!("-Infinity"),
            json!(0.0),
            json!("-Infinity"),
        ];
        let float = [
            json!(f32::MAX),
            json!(-1.0e-3),
            json!(1.4e-45),
            json!("Infinity"),
            json!("-Infinity"),
            json!(0.0),
            json!("-Infinity"),
        ];
        let decimal = ["0", "1000", "-0.001", "12345678901234567890123456789.5", "1.5", "-129", "128"][row];
        let mut all = json!({"i": int, "l": long, "f": float[row], "d": double[row], "rawD": double[row], "b": decimal, "rawB": decimal,
                             "m": double[row], "rawM": float[row]});
        if row == 5 {
            // Minus zero is stored as zero.
            all["$input"] = json!({"d": -0.0, "rawD": -0.0, "f": -0.0, "m": -0.0});
        }
        if row == 6 {
            // Not a number is null: the default value is stored, zero for a metric.
            (all["m"], all["rawM"]) = (json!(0.0), json!(0.0));
            all["$nulls"] = json!(["f", "d", "rawD", "m", "rawM"]);
        }
        all
    })
}

fn one_row() -> Case {
    let fields = json!({"dimensionFieldSpecs": [{"name": "s", "dataType": "STRING"}, {"name": "i", "dataType": "INT", "singleValueField": false},
                                                {"name": "y", "dataType": "BYTES"}, {"name": "raw", "dataType": "LONG"}]});
    let table = json!({"tableIndexConfig": {"noDictionaryColumns": ["raw"], "invertedIndexColumns": ["s", "i"],
                                            "createInvertedIndexDuringSegmentGeneration": true}});
    case("one-row", 1, fields, table, |_| json!({"s": "only", "i": [3], "y": "00ff", "raw": -5}))
}

/// Empty lists are stored as the default value; long ones span several chunks of offsets.
fn lists(raw: bool) -> Case {
    let list = |name: &str, data_type: &str| json!({"name": name, "dataType": data_type, "singleValueField": false});
    let fields = json!({"dimensionFieldSpecs": [list("i", "INT"), list("l", "LONG"), list("d", "DOUBLE"), list("s", "STRING"), list("y", "BYTES")]});
    let table =
        if raw { json!({"tableIndexConfig": {"noDictionaryColumns": ["i", "l", "d", "s", "y"]}}) } else { json!({}) };
    case(if raw { "lists-raw" } else { "lists" }, 500, fields, table, |row| {
        let len = match row % 50 {
            0 => 0,
            1 => 1000,
            _ => 1 + noise(row, 9) as usize % 5,
        };
        if len == 0 {
            return json!({"i": [i32::MIN], "l": [i64::MIN], "d": ["-Infinity"], "s": ["null"], "y": [""], "$nulls": ["i", "l", "d", "s", "y"],
                          "$input": {"i": [], "s": []}});
        }
        let values = |salt: u64| (0..len).map(move |at| noise(row * 1000 + at, salt));
        json!({"i": values(1).map(|v| v as i32 % 100).collect::<Vec<_>>(), "l": values(2).map(|v| v as i64).collect::<Vec<_>>(),
               "d": values(3).map(|v| (v % 1000) as f64 / 8.0).collect::<Vec<_>>(),
               "s": values(4).map(|v| WORDS[1 + v as usize % (WORDS.len() - 1)]).collect::<Vec<_>>(),
               "y": values(5).map(|v| format!("{:04x}", v % 65536)).collect::<Vec<_>>()})
    })
}

/// Values larger than a chunk stand alone in it; bounds longer than 512 are left out.
fn huge_values() -> Case {
    let fields = json!({"dimensionFieldSpecs": [{"name": "raw", "dataType": "STRING", "maxLength": 3_000_000, "notNull": true},
                                                {"name": "dict", "dataType": "STRING", "maxLength": 100_000, "notNull": true},
                                                {"name": "bytes", "dataType": "BYTES", "maxLength": 3_000_000, "notNull": true}]});
    let table = json!({"tableIndexConfig": {"noDictionaryConfig": {"raw": "LZ4", "bytes": "ZSTANDARD"}}});
    case("huge-values", 60, fields, table, |row| {
        let len = if row % 20 == 7 { 1_500_000 } else { row * 37 };
        json!({"raw": "é".repeat(len / 2), "dict": "x".repeat(if row == 3 { 90_000 } else { row }), "bytes": "0f".repeat(len)})
    })
}

fn odd_names() -> Case {
    let names = ["a b", "a.b.c", "dict:ionary", "eq=ual", "grüße", "back\\slash", "日本", "x.forward_index"];
    let fields =
        json!({"dimensionFieldSpecs": names.map(|name| json!({"name": name, "dataType": "INT", "notNull": true}))});
    let table = json!({"tableIndexConfig": {"noDictionaryColumns": ["a b"]}});
    case("odd-names", 50, fields, table, move |row| {
        names.iter().map(|name| ((*name).to_owned(), json!(row as i64 % 7))).collect()
    })
}

fn defaults() -> Case {
    let fields = json!({
        "dimensionFieldSpecs": [{"name": "s", "dataType": "STRING", "defaultNullValue": "n/a, none"}, {"name": "i", "dataType": "INT", "defaultNullValue": -1},
                                {"name": "y", "dataType": "BYTES", "defaultNullValue": "beef"}, {"name": "b", "dataType": "BOOLEAN", "defaultNullValue": "true"},
                                {"name": "l", "dataType": "STRING", "singleValueField": false, "defaultNullValue": "none"}],
        "metricFieldSpecs": [{"name": "m", "dataType": "DOUBLE", "defaultNullValue": 1.5}]});
    case("defaults", 40, fields, json!({}), |row| {
        if row % 3 == 0 {
            json!({"s": "n/a, none", "i": -1, "y": "beef", "b": 1, "l": ["none"], "m": 1.5, "$nulls": ["s", "i", "y", "b", "l", "m"]})
        } else {
            json!({"s": "x", "i": row, "y": "00", "b": row % 2, "l": ["a", "b"], "m": 0.25})
        }
    })
}

/// Without null handling a null is its default value and nothing else.
fn untracked_nulls() -> Case {
    let fields = json!({"enableColumnBasedNullHandling": false, "dimensionFieldSpecs": [{"name": "s", "dataType": "STRING"}, {"name": "i", "dataType": "INT"},
                            {"name": "cut", "dataType": "STRING", "maxLength": 5, "defaultNullValue": "none at all"},
                            {"name": "cutBytes", "dataType": "BYTES", "maxLength": 2, "maxLengthExceedStrategy": "TRIM_LENGTH", "defaultNullValue": "abcdef"}],
                        "metricFieldSpecs": [{"name": "m", "dataType": "LONG"}]});
    case("untracked-nulls", 40, fields, json!({}), |row| {
        if row % 4 == 1 {
            let absent = ["s", "i", "m", "cut", "cutBytes"];
            json!({"s": "null", "i": i32::MIN, "m": 0, "cut": "none ", "cutBytes": "abcd", "$absent": absent})
        } else {
            json!({"s": WORDS[row % 5], "i": row, "m": -(row as i64), "cut": "x", "cutBytes": "01"})
        }
    })
}

fn epoch_days() -> Case {
    let fields = json!({"dimensionFieldSpecs": [{"name": "s", "dataType": "STRING"}],
                        "dateTimeFieldSpecs": [{"name": "day", "dataType": "INT", "format": "EPOCH|DAYS", "granularity": "DAYS|1"}]});
    let table = json!({"segmentsConfig": {"timeColumnName": "day"}});
    case("epoch-days", 100, fields, table, |row| json!({"s": "x", "day": 19_000 + (noise(row, 1) % 400) as i64}))
}

fn timestamp() -> Case {
    let fields = json!({"dimensionFieldSpecs": [{"name": "s", "dataType": "STRING"}],
                        "dateTimeFieldSpecs": [{"name": "at", "dataType": "TIMESTAMP", "format": "TIMESTAMP", "granularity": "1:MILLISECONDS"}]});
    let table =
        json!({"segmentsConfig": {"timeColumnName": "at"}, "tableIndexConfig": {"noDictionaryColumns": ["at"]}});
    case(
        "timestamp",
        3000,
        fields,
        table,
        |row| json!({"s": "x", "at": 1_700_000_000_000_i64 + (noise(row, 1) % 1_000_000) as i64}),
    )
}

/// Hidden columns are not in the input.
fn timestamp_index() -> Case {
    let fields = json!({"dimensionFieldSpecs": [{"name": "s", "dataType": "STRING"}],
                        "dateTimeFieldSpecs": [{"name": "at", "dataType": "TIMESTAMP", "format": "TIMESTAMP", "granularity": "1:MILLISECONDS"}]});
    let granularities: Vec<&str> = CalendarUnit::ALL.iter().map(|unit| unit.name()).collect();
    let mut case = case("timestamp-index", 3000, fields, json!({}), move |row| {
        let at = 1_700_000_000_000_i64 - (noise(row, 1) % 400_000_000_000) as i64;
        let columns = CalendarUnit::ALL.map(|unit| (format!("$at${}", unit.name()), unit));
        let hidden: Vec<&String> = columns.iter().map(|(column, _)| column).collect();
        let is_null = row % 11 == 3;
        let mut all = json!({"s": "x", "at": if is_null { 0 } else { at }, "$absent": hidden});
        if is_null {
            all["$nulls"] = hidden.iter().map(|column| column.as_str()).chain(["at"]).collect();
        }
        for (column, unit) in &columns {
            all[column] = json!(if is_null { 0 } else { unit.floor(at) });
        }
        all
    });
    case.table["fieldConfigList"] = json!([{"name": "at", "timestampConfig": {"granularities": granularities}}]);
    case
}

/// Dictionaries only where they save space.
fn optimized() -> Case {
    let fields = json!({"dimensionFieldSpecs": [{"name": "few", "dataType": "LONG", "notNull": true}, {"name": "many", "dataType": "LONG", "notNull": true},
                                                {"name": "text", "dataType": "STRING", "notNull": true}],
                        "metricFieldSpecs": [{"name": "m", "dataType": "DOUBLE", "notNull": true}]});
    let table = json!({"tableIndexConfig": {"optimizeDictionary": true}});
    case(
        "optimized",
        4000,
        fields,
        table,
        |row| json!({"few": noise(row, 1) as i64 % 9, "many": noise(row, 2) as i64, "text": format!("t{}", row % 100), "m": (noise(row, 3) % 4096) as f64 / 2.0}),
    )
}

fn sorted(num_rows: usize) -> Case {
    let fields = json!({"dimensionFieldSpecs": [{"name": "key", "dataType": "STRING", "notNull": true}, {"name": "i", "dataType": "INT"},
                                                {"name": "l", "dataType": "INT", "singleValueField": false}, {"name": "raw", "dataType": "STRING"}]});
    let table = json!({"tableIndexConfig": {"sortedColumn": ["key"], "noDictionaryColumns": ["raw"], "invertedIndexColumns": ["i", "key"],
                                            "createInvertedIndexDuringSegmentGeneration": true}});
    let case = case("sorted-by-us", num_rows, fields, table, |row| {
        let key = format!("{}{}", WORDS[noise(row, 1) as usize % WORDS.len()], noise(row, 2) % 100);
        let key = key.trim_matches(' ');
        let mut all = json!({"key": key, "i": (noise(row, 3) % 1000) as i64, "l": [row as i64 % 10, row as i64 % 3], "raw": format!("row {row}")});
        if row % 11 == 0 {
            (all["i"], all["raw"]) = (json!(i32::MIN), json!("null"));
            all["$nulls"] = json!(["i", "raw"]);
        }
        all
    });
    Case { sorted_by: Some("key"), ..case }
}

/// More than 65,536 distinct values: several containers in a bitmap, wide dictionary ids.
fn high_cardinality(num_rows: usize) -> Case {
    let fields = json!({"dimensionFieldSpecs": [{"name": "s", "dataType": "STRING", "notNull": true}, {"name": "l", "dataType": "LONG", "notNull": true},
                                                {"name": "few", "dataType": "INT"}]});
    let table = json!({"tableIndexConfig": {"invertedIndexColumns": ["few"], "createInvertedIndexDuringSegmentGeneration": true}});
    case("high-cardinality", num_rows, fields, table, |row| {
        let mut all =
            json!({"s": format!("{:x}", noise(row, 1)), "l": noise(row, 2) as i64, "few": (row / 1000 % 7) as i64});
        if noise(row, 3).is_multiple_of(5) {
            all["few"] = json!(i32::MIN);
            all["$nulls"] = json!(["few"]);
        }
        all
    })
}

/// Three star-trees: functions of every kind, options of the layout, and the default one.
fn star_trees() -> Case {
    let fields = json!({
        "dimensionFieldSpecs": [{"name": "city", "dataType": "STRING"}, {"name": "kind", "dataType": "INT"}, {"name": "shop.id x", "dataType": "STRING"},
                                {"name": "text", "dataType": "STRING", "notNull": true}, {"name": "list", "dataType": "INT", "singleValueField": false, "notNull": true}],
        "metricFieldSpecs": [{"name": "m", "dataType": "LONG"}, {"name": "x", "dataType": "DOUBLE", "notNull": true}, {"name": "f", "dataType": "FLOAT", "notNull": true},
                             {"name": "big", "dataType": "BIG_DECIMAL", "notNull": true}],
        "dateTimeFieldSpecs": [{"name": "day", "dataType": "INT", "format": "EPOCH|DAYS", "granularity": "1:DAYS", "notNull": true}]});
    let trees = json!([
        {"dimensionsSplitOrder": ["city", "kind", "shop.id x"], "skipStarNodeCreationForDimensions": ["kind"], "maxLeafRecords": 20,
         "functionColumnPairs": ["COUNT__*", "SUM__m", "MIN__x", "MAX__x", "AVG__x", "MINMAXRANGE__m", "SUM__f", "SUM__big", "AVG__kind",
                                 "DISTINCTCOUNTHLL__text", "DISTINCTCOUNTHLL__x", "DISTINCTCOUNTBITMAP__text", "DISTINCTCOUNTBITMAP__x", "DISTINCTCOUNTBITMAP__m",
                                 "SUMMV__list", "COUNTMV__list", "AVGMV__list"]},
        {"dimensionsSplitOrder": ["shop.id x", "day"], "maxLeafRecords": 1, "aggregationConfigs": [
            {"columnName": "x", "aggregationFunction": "SUM", "targetDocsPerChunk": 100},
            {"columnName": "text", "aggregationFunction": "DISTINCTCOUNTHLL", "functionParameters": {"log2m": "5"}, "indexVersion": 2, "deriveNumDocsPerChunk": true},
            {"columnName": "x", "aggregationFunction": "AVG", "compressionCodec": "LZ4", "targetMaxChunkSize": "4K"}]}]);
    let table = json!({"segmentsConfig": {"timeColumnName": "day"}, "tableIndexConfig": {"noDictionaryColumns": ["x", "f"], "starTreeIndexConfigs": trees, "enableDefaultStarTree": true}});
    case("star-trees", 3000, fields, table, |row| {
        let noise = |salt| noise(row, salt);
        let list: Vec<i64> = (0..1 + row as u64 % 2).map(|at| (noise(5 + at) % 9) as i64 - 2).collect();
        let mut all = json!({"city": format!("city {}", noise(1) % 7), "kind": (noise(2) % 13) as i64, "shop.id x": format!("{:x}", noise(3) % 300),
                             "text": format!("{}{}", WORDS[1], noise(4) % 1000), "list": list,
                             "m": noise(7) as i32 as i64, "x": (noise(8) % 100_000) as f64 / 1000.0, "f": (noise(9) % 999) as f32 / 8.0,
                             "big": format!("{}.5", noise(10) as i64), "day": 19_000 + (noise(11) % 40) as i64});
        if row % 31 == 0 {
            (all["city"], all["m"]) = (json!("null"), json!(0));
            all["$nulls"] = json!(["city", "m"]);
        }
        all
    })
}

fn million() -> Case {
    let fields = json!({"dimensionFieldSpecs": [{"name": "city", "dataType": "STRING", "notNull": true}, {"name": "n", "dataType": "INT"}],
                        "metricFieldSpecs": [{"name": "amount", "dataType": "DOUBLE", "notNull": true}],
                        "dateTimeFieldSpecs": [{"name": "ts", "dataType": "LONG", "format": "EPOCH|MILLISECONDS", "granularity": "1:MILLISECONDS", "notNull": true}]});
    let table = json!({"segmentsConfig": {"timeColumnName": "ts"}, "tableIndexConfig": {"noDictionaryColumns": ["amount"], "invertedIndexColumns": ["city"],
                       "createInvertedIndexDuringSegmentGeneration": true}});
    case("million", 1_000_000, fields, table, |row| {
        let mut all = json!({"city": format!("city {}", noise(row, 1) % 300), "n": (noise(row, 2) % 100_000) as i64,
                             "amount": (noise(row, 3) % 1_000_000) as f64 / 100.0, "ts": 1_700_000_000_000_i64 + row as i64 / 3});
        if row % 97 == 0 {
            all["n"] = json!(i32::MIN);
            all["$nulls"] = json!(["n"]);
        }
        all
    })
}
