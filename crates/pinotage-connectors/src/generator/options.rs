//! What is generated.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Rows that are computed from their numbers: the same ones in every run.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct GeneratorOptions {
    /// Rows in all. Default: rows without an end.
    #[serde(default)]
    pub rows: Option<u64>,
    /// Rows a second at most, of all splits together. Default: as fast as they are taken.
    #[serde(default)]
    pub rows_per_second: Option<u64>,
    /// Splits that are read beside each other.
    #[serde(default = "one")]
    pub splits: u32,
    /// Another seed makes other random values.
    #[serde(default)]
    pub seed: u64,
    /// The columns, by name. Values depend on the name, so that a new column changes no other one.
    pub columns: BTreeMap<String, GeneratedColumn>,
}

fn one() -> u32 {
    1
}

/// A generated column.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct GeneratedColumn {
    /// INT, LONG, FLOAT, DOUBLE, BOOLEAN, TIMESTAMP (milliseconds) or STRING.
    pub r#type: String,
    /// Its values.
    pub values: Values,
    /// The share of rows without a value, from 0 to 1.
    #[serde(default)]
    pub nulls: f64,
}

/// How values come about.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub enum Values {
    /// `start` and so on, `step` more with each row of the source.
    Sequence {
        /// The value of the first row.
        #[serde(default)]
        start: i64,
        /// What the next one has more.
        #[serde(default = "one_more")]
        step: i64,
    },
    /// Random numbers between two, both included.
    Uniform {
        /// The least.
        min: f64,
        /// The greatest.
        max: f64,
    },
    /// One of some whole numbers from 0, behind a prefix in a column of type STRING.
    Key {
        /// How many there are.
        distinct: u64,
        /// Stands before the number.
        #[serde(default)]
        prefix: String,
    },
    /// One of these texts, as values of the column's type.
    OneOf(Vec<String>),
}

fn one_more() -> i64 {
    1
}
