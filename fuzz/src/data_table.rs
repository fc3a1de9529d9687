//! A server's answer.

use arrow::array::Array;
use arrow::datatypes::{DataType, Field};
use bytes::Bytes;
use fastrand::Rng;
use pinotage_client::DataTable;

use crate::mutate::words;
use crate::{listed, root};

/// Answers that the client's tests keep.
pub(crate) fn seeds() -> Vec<Vec<u8>> {
    listed(&root().join("crates/pinotage-client/tests/data"))
        .iter()
        .filter(|path| path.extension().is_some_and(|kind| kind == "bin"))
        .map(|path| std::fs::read(path).unwrap())
        .collect()
}

pub(crate) fn mutate(input: &mut Vec<u8>, rng: &mut Rng) {
    words(input, 0, rng);
}

/// Every column as its own type and as the dictionary that scans ask for.
pub(crate) fn run(input: &[u8]) {
    let Ok(table) = DataTable::parse(Bytes::copy_from_slice(input)) else { return };
    assert!(table.num_rows() <= input.len() && table.columns().len() <= input.len());
    for (at, column) in table.columns().iter().enumerate() {
        let dictionary = DataType::Dictionary(Box::new(DataType::Int32), Box::new(DataType::Utf8));
        for data_type in column.data_type.to_arrow().into_iter().chain([dictionary]) {
            if let Ok(array) = table.column(at, &Field::new(&column.name, data_type, true)) {
                assert_eq!(array.len(), table.num_rows(), "column {at}");
            }
        }
        if let Ok(intermediates) = table.intermediates(at) {
            assert_eq!(intermediates.len(), table.num_rows(), "intermediates of column {at}");
        }
    }
}
