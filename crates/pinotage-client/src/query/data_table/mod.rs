//! The answer of a server: the binary format `DataTable`, versions 3 and 4, read straight into Arrow columns.
//!
//! | part | holds | Pinot's class |
//! | --- | --- | --- |
//! | 13 × int32 | version, rows, columns, start and length of each section | `DataTableImplV4`, `DataTableImplV3` |
//! | exceptions | code and text | `DataTable.getExceptions` |
//! | dictionary | the texts, each once; V3: for each column | `DataTableImplV4.serializeStringDictionary` |
//! | schema | names and types | `DataSchema` |
//! | fixed-size data | a row after the other, cells of 4 or 8 bytes; then where the null bitmaps are | `DataBlockUtils.computeColumnOffsets` |
//! | variable-size data | what cells point to | `DataTableBuilderV4`, `BaseDataTableBuilder` |
//! | metadata | counts and reasons | `DataTable.MetadataKey` |
//!
//! Everything is big-endian but the bitmaps. V4 has one dictionary, cells of 4 bytes for FLOAT, bytes as they are, and null
//! bitmaps; V3 (the default of 0.11 and 0.12) a dictionary for each column, 8 bytes for FLOAT, bytes as hexadecimal
//! text in the dictionary, and no nulls.
//!
//! No length is trusted: what is allocated for the bytes of a table is bounded by their number, but for two things that
//! are larger as Arrow than on the wire: texts, of which a dictionary has each only once, and decimals with large scales.
//! Neither passes 2 GiB a column.

mod column_type;
mod cursor;
mod decimal;
mod dictionary;
mod fixed;
mod intermediate;
mod metadata;
mod variable;

use std::sync::Arc;

use arrow::array::{
    Array, ArrayRef, BooleanBufferBuilder, NullArray, RecordBatch, RecordBatchOptions, new_empty_array,
};
use arrow::buffer::NullBuffer;
use arrow::datatypes::{DataType as Arrow, Field, SchemaRef};
use arrow::error::ArrowError;
use bytes::Bytes;
use pinotage_common::{Error, ErrorKind, Result};
use pinotage_spec::DataType;
use roaring::RoaringBitmap;

use self::cursor::{Cursor, malformed};
use self::dictionary::Dictionary;
use crate::broker::QueryException;

pub use column_type::ColumnDataType;
pub use intermediate::Intermediate;
pub use metadata::Metadata;

/// Version, rows, columns, and start and length of five sections.
const HEADER_BYTES: usize = 13 * 4;

/// An answer of a server, or a part of one. Nothing is decoded before it is asked for.
///
/// # Pinot equivalent
///
/// `org.apache.pinot.common.datatable.DataTableImplV4`
pub struct DataTable {
    version: i32,
    num_rows: usize,
    columns: Vec<Column>,
    row_bytes: usize,
    exceptions: Vec<QueryException>,
    metadata: Metadata,
    dictionary: Dictionary,
    rows: Bytes,
    /// Offset and length of a bitmap for each column.
    null_bitmaps: Option<Bytes>,
    variable: Bytes,
}

/// A column of an answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Column {
    /// Its name: that of the table's column, or the text of the expression.
    pub name: String,
    /// Its type.
    pub data_type: ColumnDataType,
    /// Where its cell is in a row.
    offset: usize,
}

impl DataTable {
    /// Reads everything but the columns.
    ///
    /// # Errors
    ///
    /// `unsupported` for bytes that are no data table of version 3 or 4, and for a column of an unknown type.
    pub fn parse(bytes: Bytes) -> Result<Self> {
        let mut header = Cursor::new("header", bytes.get(..HEADER_BYTES).unwrap_or(&bytes));
        let version = header.int()?;
        if !matches!(version, 3 | 4) {
            return Err(malformed(format!("version 3 or 4, found {version}")));
        }
        let (num_rows, num_columns) = (header.length()?, header.length()?);
        let mut end = 0;
        let mut section = |name| {
            let (start, length) = (header.length()?, header.length()?);
            // Both are below 2³¹.
            end = start + length;
            if end > bytes.len() {
                return Err(malformed(format!("the {name} before the end, found them to end at byte {end}")));
            }
            Ok(bytes.slice(start..end))
        };
        let exceptions = exceptions(&section("exceptions")?)?;
        let dictionary = Dictionary::read(section("dictionary")?, version)?;
        let schema = section("schema")?;
        let fixed = section("fixed-size data")?;
        let variable = section("variable-size data")?;
        let mut rest = Cursor::new("metadata", bytes.get(end..).unwrap_or_default());
        let length = rest.length()?;
        let metadata = Metadata::read(rest.bytes(length)?)?;

        let (columns, row_bytes) = columns(&schema, num_columns, version)?;
        let data_bytes = num_rows.checked_mul(row_bytes).filter(|length| *length <= fixed.len());
        let data_bytes = data_bytes.filter(|_| num_rows == 0 || row_bytes > 0).ok_or_else(|| {
            malformed(format!("{num_rows} rows of {row_bytes} bytes each, found {} bytes", fixed.len()))
        })?;
        let null_bitmaps = match fixed.len() - data_bytes {
            0 => None,
            found if found >= 8 * columns.len() => Some(fixed.slice(data_bytes..)),
            found => return Err(malformed(format!("the places of the null bitmaps, found {found} bytes"))),
        };
        let rows = fixed.slice(..data_bytes);
        Ok(Self {
            version,
            num_rows,
            columns,
            row_bytes,
            exceptions,
            metadata,
            dictionary,
            rows,
            null_bitmaps,
            variable,
        })
    }

    /// 3 or 4.
    pub fn version(&self) -> i32 {
        self.version
    }

    /// The number of rows.
    pub fn num_rows(&self) -> usize {
        self.num_rows
    }

    /// The columns in the server's order, which need not be that of the query. Of an empty table the types mean nothing:
    /// servers say STRING for all.
    pub fn columns(&self) -> &[Column] {
        &self.columns
    }

    /// What went wrong.
    pub fn exceptions(&self) -> &[QueryException] {
        &self.exceptions
    }

    /// What the server says about how it answered.
    pub fn metadata(&self) -> &Metadata {
        &self.metadata
    }

    /// The server tells which values are null. If not, a null is the column's default value.
    pub fn has_null_bitmaps(&self) -> bool {
        self.null_bitmaps.is_some()
    }

    /// A column as the field asks for it: the type of [`ColumnDataType::to_arrow`], or `Dictionary(Int32, Utf8)` for texts.
    ///
    /// # Errors
    ///
    /// `schema-mismatch` when the column is of another type, or has nulls and the field is not nullable;
    /// `unsupported` for bytes that are no such column; `resource-exhausted` for more than 2 GiB of texts.
    pub fn column(&self, index: usize, field: &Field) -> Result<ArrayRef> {
        let column = self.columns.get(index).ok_or_else(|| {
            Error::unexpected(format!("expected a column below {}, found {index}", self.columns.len()))
        })?;
        if self.num_rows == 0 {
            return Ok(new_empty_array(field.data_type()));
        }
        let array = self.decode(column, index, field).map_err(|error| error.with("column", &column.name))?;
        if !field.is_nullable() && array.logical_null_count() > 0 {
            return Err(Error::schema_mismatch("expected no nulls, found some")
                .with("column", &column.name)
                .action("declare the column nullable, or turn null handling off"));
        }
        Ok(array)
    }

    /// The rows as the schema asks for them: columns are found by their names, see [`DataTable::column`].
    ///
    /// # Errors
    ///
    /// Those of [`DataTable::column`], and `schema-mismatch` for a column that is not there.
    pub fn batch(&self, schema: &SchemaRef) -> Result<RecordBatch> {
        if self.num_rows == 0 {
            return Ok(RecordBatch::new_empty(schema.clone()));
        }
        let named = |column: &Column, field: &Field| column.name == *field.name();
        let arrays = schema.fields().iter().enumerate().map(|(at, field)| {
            // Mostly the order is that of the query.
            let here = self.columns.get(at).filter(|column| named(column, field)).map(|_| at);
            match here.or_else(|| self.columns.iter().position(|column| named(column, field))) {
                Some(index) => self.column(index, field),
                None => {
                    let found: Vec<_> = self.columns.iter().map(|column| column.name.as_str()).collect();
                    Err(Error::schema_mismatch("expected the column in the server's answer, found others")
                        .with("column", field.name())
                        .with("found", crate::http::cut(found.join(", "), 300)))
                }
            }
        });
        let arrays = arrays.collect::<Result<Vec<_>>>()?;
        let options = RecordBatchOptions::new().with_row_count(Some(self.num_rows));
        RecordBatch::try_new_with_options(schema.clone(), arrays, &options).map_err(invalid)
    }

    fn decode(&self, column: &Column, index: usize, field: &Field) -> Result<ArrayRef> {
        let nulls = self.nulls(index)?;
        let asked = field.data_type();
        if !fits(column.data_type, asked) {
            return Err(Error::schema_mismatch(format!("expected {asked}, found {} in the answer", column.data_type)));
        }
        use ColumnDataType::{Array, Map, Object, Single, Unknown, Uuid, UuidArray};
        use DataType as T;
        match column.data_type {
            Single(T::Int) => Ok(self.ints(column, nulls)),
            Single(T::Long) => Ok(self.longs(column, nulls)),
            Single(T::Float) => Ok(self.floats(column, nulls)),
            Single(T::Double) => Ok(self.doubles(column, nulls)),
            Single(T::Boolean) => Ok(self.booleans(column, nulls)),
            Single(T::Timestamp) => Ok(self.timestamps(column, nulls)),
            Single(T::String | T::Json) => self.texts(column, nulls, asked),
            Single(T::Bytes) if self.version < 4 => self.hex(column, nulls),
            Single(T::Bytes) => self.binaries(column, nulls),
            Single(T::BigDecimal) => self.decimals(column, nulls),
            Uuid => self.uuids(column, nulls),
            Map | Single(T::Map) => self.maps(column, nulls, asked),
            Array(_) | UuidArray => self.lists(column, nulls, asked),
            Unknown => Ok(Arc::new(NullArray::new(self.num_rows))),
            Object => Err(Error::unsupported("an aggregation in between is no Arrow column")),
        }
    }

    /// Which rows of a column are not null; nothing when all are.
    fn nulls(&self, index: usize) -> Result<Option<NullBuffer>> {
        let Some(places) = &self.null_bitmaps else { return Ok(None) };
        let mut place = Cursor::new("places of the null bitmaps", places.get(8 * index..).unwrap_or_default());
        let (start, length) = (place.length()?, place.length()?);
        if length == 0 {
            return Ok(None);
        }
        let bytes = start.checked_add(length).and_then(|end| self.variable.get(start..end));
        let bytes = bytes.ok_or_else(|| malformed("the null bitmap inside the variable-size data"))?;
        let rows = RoaringBitmap::deserialize_from(bytes)
            .map_err(|error| malformed("a roaring bitmap of nulls").caused_by(error))?;
        match rows.max() {
            None => return Ok(None),
            Some(last) if last as usize >= self.num_rows => {
                return Err(malformed(format!("nulls in rows below {}, found row {last}", self.num_rows)));
            }
            Some(_) => {}
        }
        let mut valid = BooleanBufferBuilder::new(self.num_rows);
        valid.append_n(self.num_rows, true);
        rows.iter().for_each(|row| valid.set_bit(row as usize, false));
        Ok(Some(NullBuffer::new(valid.finish())))
    }
}

/// Whether a column of the type can be read as asked. The names of items do not matter.
fn fits(data_type: ColumnDataType, asked: &Arrow) -> bool {
    let Some(own) = data_type.to_arrow() else { return false };
    match (&own, asked) {
        (Arrow::Utf8, Arrow::Dictionary(key, value)) => {
            data_type != ColumnDataType::Single(DataType::BigDecimal)
                && (&**key, &**value) == (&Arrow::Int32, &Arrow::Utf8)
        }
        (Arrow::List(own), Arrow::List(asked)) => own.data_type() == asked.data_type(),
        (Arrow::Map(..), Arrow::Map(entries, _)) => match entries.data_type() {
            Arrow::Struct(fields) => fields.iter().map(|field| field.data_type()).eq([&Arrow::Utf8, &Arrow::Utf8]),
            _ => false,
        },
        _ => own == *asked,
    }
}

fn exceptions(bytes: &[u8]) -> Result<Vec<QueryException>> {
    if bytes.is_empty() {
        return Ok(Vec::new());
    }
    let mut cursor = Cursor::new("exceptions", bytes);
    let count = cursor.count(8)?;
    (0..count)
        .map(|_| Ok(QueryException { error_code: cursor.int()?.into(), message: cursor.text()?.to_owned() }))
        .collect()
}

/// The columns, and the number of bytes of a row.
fn columns(bytes: &[u8], num_columns: usize, version: i32) -> Result<(Vec<Column>, usize)> {
    if bytes.is_empty() {
        return match num_columns {
            0 => Ok((Vec::new(), 0)),
            _ => Err(malformed(format!("the schema of {num_columns} columns, found none"))),
        };
    }
    let mut cursor = Cursor::new("schema", bytes);
    let count = cursor.count(8)?;
    if count != num_columns {
        return Err(malformed(format!("the schema of {num_columns} columns, found that of {count}")));
    }
    let names = (0..count).map(|_| cursor.text().map(str::to_owned)).collect::<Result<Vec<_>>>()?;
    let mut offset = 0;
    let columns = names.into_iter().map(|name| {
        let data_type: ColumnDataType = cursor.text()?.parse().map_err(|error: Error| error.with("column", &name))?;
        let column = Column { name, data_type, offset };
        offset += data_type.width(version);
        Ok(column)
    });
    let columns = columns.collect::<Result<Vec<_>>>()?;
    Ok((columns, offset))
}

/// Arrays are made of checked parts.
fn invalid(error: ArrowError) -> Error {
    Error::unexpected("expected parts that make an Arrow array").caused_by(error)
}

/// More texts than an Arrow array can hold.
fn too_long() -> Error {
    Error::new(ErrorKind::ResourceExhausted, "expected at most 2 GiB in a column of a batch, found more")
        .action("ask for fewer rows at once")
}
