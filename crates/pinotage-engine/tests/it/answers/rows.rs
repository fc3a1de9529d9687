//! Rows with every type, nulls and lists, made from a seed.

use std::sync::Arc;

use arrow::array::{
    Array as _, ArrayRef, BinaryArray, BooleanArray, Decimal128Array, Float32Array, Float64Array, Int32Array,
    Int64Array, ListArray, RecordBatch, StringArray, TimestampMillisecondArray,
};
use arrow::buffer::{NullBuffer, OffsetBuffer};
use arrow::datatypes::Field;
use pinotage_testkit::cluster::Version;
use serde_json::{Value as Json, json};

pub(crate) const ROWS: usize = 20_000;

/// Every column takes its values from so many; the n-th value of each is larger than the one before it.
pub(crate) const VALUES: u64 = 400;

/// SplitMix64
pub(crate) struct Random(pub(crate) u64);

impl Random {
    pub(crate) fn below(&mut self, bound: u64) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        (z ^ (z >> 31)) % bound
    }

    /// The number of a value; one of eight is null.
    fn value(&mut self, nullable: bool) -> Option<u64> {
        (!nullable || self.below(8) > 0).then(|| self.below(VALUES))
    }
}

/// What the n-th value of a type is, in the rows and in SQL.
pub(crate) struct Kind {
    pub(crate) pinot: &'static str,
    pub(crate) array: fn(&[Option<u64>]) -> ArrayRef,
    pub(crate) literal: fn(u64) -> String,
    /// `<` means the same to everybody.
    pub(crate) is_ordered: bool,
    /// Both can be summed up, exactly in any order.
    pub(crate) is_summed: bool,
}

/// A column; lists have up to three values.
pub(crate) struct Column {
    pub(crate) name: &'static str,
    pub(crate) kind: &'static Kind,
    pub(crate) is_list: bool,
    pub(crate) nullable: bool,
}

fn signed(n: u64) -> i64 {
    n as i64 - 200
}

fn word(n: u64) -> String {
    // The longer word is the larger one, and so are its bytes in UTF-8.
    format!("{} {n:03}", ["Alpha", "beta", "gamma", "Ωmega"][n as usize * 4 / VALUES as usize])
}

fn document(n: u64) -> String {
    format!("{{\"k\":{n},\"of\":\"{}\"}}", word(n))
}

static INT: Kind = Kind {
    pinot: "INT",
    array: |values| Arc::new(values.iter().map(|n| n.map(|n| signed(n) as i32)).collect::<Int32Array>()),
    literal: |n| signed(n).to_string(),
    is_ordered: true,
    is_summed: true,
};
static LONG: Kind = Kind {
    pinot: "LONG",
    array: |values| Arc::new(values.iter().map(|n| n.map(|n| signed(n) << 28)).collect::<Int64Array>()),
    literal: |n| (signed(n) << 28).to_string(),
    is_ordered: true,
    is_summed: true,
};
/// Over the whole range: a double does not hold them.
static BIG: Kind = Kind {
    pinot: "LONG",
    array: |values| Arc::new(values.iter().map(|n| n.map(|n| signed(n) * (i64::MAX / 201))).collect::<Int64Array>()),
    literal: |n| (signed(n) * (i64::MAX / 201)).to_string(),
    is_ordered: true,
    is_summed: false,
};
static FLOAT: Kind = Kind {
    pinot: "FLOAT",
    array: |values| Arc::new(values.iter().map(|n| n.map(|n| signed(n) as f32 / 8.0)).collect::<Float32Array>()),
    literal: |n| format!("{:?}", signed(n) as f64 / 8.0),
    is_ordered: true,
    is_summed: true,
};
static DOUBLE: Kind = Kind {
    pinot: "DOUBLE",
    array: |values| Arc::new(values.iter().map(|n| n.map(|n| signed(n) as f64 * 1000.0625)).collect::<Float64Array>()),
    literal: |n| format!("{:?}", signed(n) as f64 * 1000.0625),
    is_ordered: true,
    is_summed: true,
};
static BIG_DECIMAL: Kind = Kind {
    pinot: "BIG_DECIMAL",
    array: |values| {
        let numbers = values.iter().map(|n| n.map(|n| i128::from(signed(n)) * 12_345));
        Arc::new(numbers.collect::<Decimal128Array>().with_precision_and_scale(18, 3).unwrap())
    },
    literal: |n| format!("[decimal;{:.3}]", signed(n) as f64 * 12.345),
    is_ordered: true,
    is_summed: false,
};
static BOOLEAN: Kind = Kind {
    pinot: "BOOLEAN",
    array: |values| Arc::new(values.iter().map(|n| n.map(|n| n >= VALUES / 2)).collect::<BooleanArray>()),
    literal: |n| (n >= VALUES / 2).to_string(),
    is_ordered: false,
    is_summed: false,
};
static TIMESTAMP: Kind = Kind {
    pinot: "TIMESTAMP",
    array: |values| Arc::new(values.iter().map(|n| n.map(millis)).collect::<TimestampMillisecondArray>()),
    literal: |n| format!("[millis;{}]", millis(n)),
    is_ordered: true,
    is_summed: false,
};
static STRING: Kind = Kind {
    pinot: "STRING",
    array: |values| Arc::new(values.iter().map(|n| n.map(word)).collect::<StringArray>()),
    literal: |n| format!("'{}'", word(n)),
    is_ordered: true,
    is_summed: false,
};
static JSON: Kind = Kind {
    pinot: "JSON",
    array: |values| Arc::new(values.iter().map(|n| n.map(document)).collect::<StringArray>()),
    literal: |n| format!("'{}'", document(n)),
    is_ordered: false,
    is_summed: false,
};
static BYTES: Kind = Kind {
    pinot: "BYTES",
    array: |values| {
        Arc::new(values.iter().map(|n| n.map(|n| (n * 161).to_be_bytes()[5..].to_vec())).collect::<BinaryArray>())
    },
    literal: |n| format!("[bytes;{:06x}]", n * 161),
    is_ordered: true,
    is_summed: false,
};

fn millis(n: u64) -> i64 {
    1_700_000_000_000 + n as i64 * 3_600_001
}

const fn column(name: &'static str, kind: &'static Kind) -> Column {
    Column { name, kind, is_list: false, nullable: true }
}

const fn list(name: &'static str, kind: &'static Kind) -> Column {
    Column { name, kind, is_list: true, nullable: true }
}

/// `id` comes besides: it is the number of the row.
pub(crate) static COLUMNS: [Column; 22] = [
    column("n_int", &INT),
    Column { name: "bucket", kind: &INT, is_list: false, nullable: false },
    column("n_long", &LONG),
    column("n_big", &BIG),
    column("n_float", &FLOAT),
    column("n_double", &DOUBLE),
    column("amount", &BIG_DECIMAL),
    column("flag", &BOOLEAN),
    Column { name: "happened", kind: &TIMESTAMP, is_list: false, nullable: false },
    column("seen", &TIMESTAMP),
    column("word", &STRING),
    column("raw_word", &STRING),
    column("doc", &JSON),
    column("hash", &BYTES),
    list("ints", &INT),
    list("longs", &LONG),
    list("floats", &FLOAT),
    list("doubles", &DOUBLE),
    list("flags", &BOOLEAN),
    list("times", &TIMESTAMP),
    list("words", &STRING),
    list("hashes", &BYTES),
];

/// The rows as the input has them: with nulls, and lists that are empty.
pub(crate) fn rows(random: &mut Random) -> RecordBatch {
    let id: ArrayRef = Arc::new(Int64Array::from_iter_values(0..ROWS as i64));
    let mut columns = vec![("id", id)];
    for Column { name, kind, is_list, nullable } in &COLUMNS {
        columns.push((
            *name,
            match is_list {
                true => lists(random, kind),
                false => (kind.array)(&(0..ROWS).map(|_| random.value(*nullable)).collect::<Vec<_>>()),
            },
        ));
    }
    RecordBatch::try_from_iter_with_nullable(columns.into_iter().map(|(name, array)| (name, array, true))).unwrap()
}

fn lists(random: &mut Random, kind: &Kind) -> ArrayRef {
    let lengths: Vec<Option<usize>> = (0..ROWS).map(|_| random.value(true).map(|_| random.below(4) as usize)).collect();
    let total = lengths.iter().flatten().sum();
    let items = (kind.array)(&(0..total).map(|_| Some(random.below(VALUES))).collect::<Vec<_>>());
    let field = Arc::new(Field::new("item", items.data_type().clone(), true));
    let offsets = OffsetBuffer::from_lengths(lengths.iter().map(|length| length.unwrap_or_default()));
    let nulls = lengths.iter().map(Option::is_some).collect::<NullBuffer>();
    Arc::new(ListArray::new(field, offsets, items, Some(nulls)))
}

pub(crate) fn schema(table: &str) -> Json {
    let list = |wanted: fn(&Column) -> bool| {
        let fields = COLUMNS.iter().filter(|column| wanted(column)).map(|column| {
            let mut field = json!({"name": column.name, "dataType": column.kind.pinot});
            if column.is_list {
                field["singleValueField"] = false.into();
            }
            if is_time(column) {
                field["format"] = "1:MILLISECONDS:TIMESTAMP".into();
                field["granularity"] = "1:MILLISECONDS".into();
            }
            field
        });
        fields.collect::<Vec<_>>()
    };
    let mut dimensions = list(|column| !is_time(column) && !is_metric(column));
    dimensions.push(json!({"name": "id", "dataType": "LONG"}));
    json!({"schemaName": table, "enableColumnBasedNullHandling": true, "dimensionFieldSpecs": dimensions,
        "metricFieldSpecs": list(is_metric), "dateTimeFieldSpecs": list(is_time)})
}

/// The oldest release knows decimals as metrics alone.
fn is_metric(column: &Column) -> bool {
    ["amount", "n_double"].contains(&column.name)
}

fn is_time(column: &Column) -> bool {
    column.kind.pinot == "TIMESTAMP" && !column.is_list
}

/// With each kind of index; those that segments do not bring are made by the servers.
pub(crate) fn table(table: &str, version: Version) -> Json {
    let mut config = json!({"tableName": format!("{table}_OFFLINE"), "tableType": "OFFLINE", "tenants": {}, "metadata": {},
    "segmentsConfig": {"timeColumnName": "happened", "replication": "1", "segmentPushType": "APPEND"},
    "tableIndexConfig": {
        "loadMode": "MMAP", "nullHandlingEnabled": true, "sortedColumn": ["bucket"],
        "invertedIndexColumns": ["n_int", "word", "words", "ints", "flag"],
        "rangeIndexColumns": ["n_long", "n_big", "n_double", "happened"],
        "bloomFilterColumns": ["id", "word", "n_int"],
        "noDictionaryColumns": ["n_big", "n_float", "amount", "raw_word", "doubles", "doc"],
        "jsonIndexColumns": ["doc"],
    }});
    if version == Version::V0_11 {
        // It reads lists without a dictionary in the older layout alone.
        config["fieldConfigList"] =
            json!([{"name": "doubles", "encodingType": "RAW", "properties": {"rawIndexWriterVersion": "2"}}]);
    }
    config
}
