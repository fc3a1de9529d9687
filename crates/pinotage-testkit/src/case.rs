//! One conformance case and its files.

use std::fs::{self, File};
use std::io::{self, BufWriter, Write};
use std::path::{Path, PathBuf};

use arrow::array::RecordBatch;
use pinotage_spec::java::compare_utf16;
use pinotage_spec::{Schema, TableConfig};
use serde_json::{Value as Json, json};

use crate::row::rows_to_batch;

/// From row number to row: the stored value of every column, and up to three extra keys.
///
/// `$nulls` names columns that are null and tracked, `$absent` columns that are null and not tracked, `$input` gives the
/// raw value where it is not the stored one.
pub(crate) type Rows = Box<dyn Fn(usize) -> Json>;

/// A conformance case.
pub struct Case {
    /// The folder's name.
    pub name: &'static str,
    /// The schema's document.
    pub schema: Json,
    /// The table config's document.
    pub table: Json,
    /// The number of rows.
    pub num_rows: usize,
    pub(crate) row: Rows,
    /// The STRING column that the table is sorted by, when the input is not.
    pub(crate) sorted_by: Option<&'static str>,
}

impl Case {
    /// The parsed schema.
    pub fn schema(&self) -> Schema {
        Schema::from_document(self.schema.clone()).unwrap()
    }

    /// The parsed table config.
    pub fn table(&self) -> TableConfig {
        TableConfig::from_document(self.table.clone()).unwrap()
    }

    /// The name that both segments get.
    pub fn segment_name(&self) -> String {
        format!("{}_0", self.name.replace('-', "_"))
    }

    /// The rows as canonical batches, in the order of the input.
    pub fn batches(&self, batch_rows: usize) -> impl Iterator<Item = RecordBatch> + '_ {
        let schema = self.schema();
        (0..self.num_rows).step_by(batch_rows).map(move |start| {
            let rows: Vec<Json> = (start..self.num_rows.min(start + batch_rows)).map(&self.row).collect();
            rows_to_batch(&schema, &rows)
        })
    }

    /// Writes the files of the case below `root` and returns its folder.
    ///
    /// # Errors
    ///
    /// Those of the file system.
    pub fn write(&self, root: &Path) -> io::Result<PathBuf> {
        let folder = root.join(self.name);
        fs::create_dir_all(&folder)?;
        fs::write(folder.join("schema.json"), self.schema.to_string())?;
        fs::write(folder.join("table.json"), self.table.to_string())?;
        let case = json!({"name": self.name, "sorted": self.sorted_by.is_some(), "segmentName": self.segment_name()});
        fs::write(folder.join("case.json"), case.to_string())?;
        let mut input = BufWriter::new(File::create(folder.join("input.jsonl"))?);
        for row in 0..self.num_rows {
            writeln!(input, "{}", raw((self.row)(row)))?;
        }
        let mut expected = BufWriter::new(File::create(folder.join("expected.jsonl"))?);
        for row in self.order() {
            let mut row = (self.row)(row);
            for key in ["$absent", "$input"] {
                row.as_object_mut().unwrap().shift_remove(key);
            }
            writeln!(expected, "{row}")?;
        }
        input.flush()?;
        expected.flush()?;
        Ok(folder)
    }

    /// The order of the stored rows: by the sorted column, equal values in the order of the input.
    fn order(&self) -> Vec<usize> {
        let mut order: Vec<usize> = (0..self.num_rows).collect();
        if let Some(column) = self.sorted_by {
            let keys: Vec<String> =
                order.iter().map(|row| (self.row)(*row)[column].as_str().unwrap().to_owned()).collect();
            order.sort_by(|a, b| compare_utf16(keys[*a].as_bytes(), keys[*b].as_bytes()));
        }
        order
    }
}

/// The record as it comes in: nulls are left out, raw values put in.
fn raw(mut row: Json) -> Json {
    let object = row.as_object_mut().unwrap();
    for key in ["$nulls", "$absent"] {
        if let Some(Json::Array(columns)) = object.shift_remove(key) {
            columns.iter().for_each(|column| drop(object.shift_remove(column.as_str().unwrap())));
        }
    }
    if let Some(Json::Object(input)) = object.shift_remove("$input") {
        object.extend(input);
    }
    row
}
