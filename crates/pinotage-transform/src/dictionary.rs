//! Text that stays a dictionary: each distinct text is looked at once.

use std::sync::Arc;

use arrow::array::{Array, ArrayRef, AsArray};
use arrow::datatypes::{DataType as Arrow, Int32Type};
use pinotage_common::Result;
use pinotage_spec::{DataType, FieldSpec};

use crate::conform::ConformOptions;
use crate::outcome::Outcome;
use crate::text;

/// The array itself when it may stay a dictionary: its keys are of 32 bits, and no text in it, used or not, needs a change.
///
/// In all other cases the rows are looked at one by one, as those of plain text.
pub(crate) fn keep(field: &FieldSpec, array: &ArrayRef, options: &ConformOptions) -> Result<Option<ArrayRef>> {
    let wanted = options.keep_dictionaries && field.single_value && field.data_type == DataType::String;
    if !wanted || !is_text(array.data_type()) {
        return Ok(None);
    }
    let texts = array.as_dictionary::<Int32Type>().values();
    let mut outcome = Outcome::new(&field.name, false);
    let clean = Arc::ptr_eq(&text::sanitize(field, Arc::clone(texts), &mut outcome)?, texts);
    let clean = clean && outcome.bad.is_empty() && outcome.changes.is_empty() && texts.null_count() == 0;
    Ok(clean.then(|| Arc::clone(array)))
}

/// Text behind keys of 32 bits.
pub(crate) fn is_text(arrow: &Arrow) -> bool {
    matches!(arrow, Arrow::Dictionary(key, value) if **key == Arrow::Int32 && **value == Arrow::Utf8)
}
