//! Rows as texts, to compare them.

use arrow::array::RecordBatch;
use arrow::util::display::{ArrayFormatter, FormatOptions};

/// Each row as one line: its values in the order of the columns, a null unlike any text.
///
/// # Panics
///
/// For types that have no text.
pub fn row_texts(batches: &[RecordBatch]) -> Vec<String> {
    let options = FormatOptions::default().with_null("\u{0}");
    let mut texts = Vec::new();
    for batch in batches {
        let columns: Vec<_> = batch
            .columns()
            .iter()
            .map(|column| ArrayFormatter::try_new(column, &options).expect("values of this type have a text"))
            .collect();
        for row in 0..batch.num_rows() {
            let values: Vec<String> = columns.iter().map(|column| column.value(row).to_string()).collect();
            texts.push(values.join("\u{1}"));
        }
    }
    texts
}
