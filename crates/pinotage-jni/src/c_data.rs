//! Batches and schemas that change hands (Arrow's C data interface).

use std::ffi::c_void;
use std::ptr;
use std::sync::Arc;

use arrow::array::{Array as _, ArrayRef, RecordBatch, StructArray, make_array};
use arrow::datatypes::{DataType, Field, FieldRef, Fields, Schema, SchemaRef};
use arrow::ffi::{FFI_ArrowArray, FFI_ArrowSchema, from_ffi_and_data_type};
use pinotage_common::{Error, Result};

use crate::blocks;
use crate::blocks::pointer;

/// `struct ArrowSchema`
#[repr(C)]
struct CSchema {
    format: *const u8,
    name: *const u8,
    metadata: *const u8,
    flags: i64,
    n_children: i64,
    children: *mut *mut CSchema,
    dictionary: *mut CSchema,
    release: Option<unsafe extern "C" fn(*mut CSchema)>,
    private_data: *mut c_void,
}

/// `struct ArrowArray`
#[repr(C)]
struct CArray {
    length: i64,
    null_count: i64,
    offset: i64,
    n_buffers: i64,
    n_children: i64,
    buffers: *mut *mut c_void,
    children: *mut *mut CArray,
    dictionary: *mut CArray,
    release: Option<unsafe extern "C" fn(*mut CArray)>,
    private_data: *mut c_void,
}

/// Releases a schema that Java made: all that it refers to lies in one block.
unsafe extern "C" fn release_schema(schema: *mut CSchema) {
    // SAFETY: who releases a struct has it, by the rules of the interface. `CData.write` put the block's address there.
    unsafe {
        let _ = blocks::free((*schema).private_data as i64);
        (*schema).release = None;
    }
}

/// Releases an array that Java made: each buffer is a block, and all structs below the root lie in one.
unsafe extern "C" fn release_array(array: *mut CArray) {
    // SAFETY: who releases a struct has it, by the rules of the interface. `BatchBuilder.finish` put blocks there.
    unsafe {
        free_buffers(array);
        let _ = blocks::free((*array).private_data as i64);
        (*array).release = None;
    }
}

unsafe fn free_buffers(array: *const CArray) {
    // SAFETY: as for the caller, for each child.
    unsafe {
        for at in 0..(*array).n_buffers as usize {
            let buffer = *(*array).buffers.add(at);
            if !buffer.is_null() {
                let _ = blocks::free(buffer as i64);
            }
        }
        for at in 0..(*array).n_children as usize {
            free_buffers(*(*array).children.add(at));
        }
    }
}

/// A child goes with its root.
unsafe extern "C" fn release_child_schema(schema: *mut CSchema) {
    // SAFETY: who releases a struct has it.
    unsafe { (*schema).release = None };
}

/// A child goes with its root.
unsafe extern "C" fn release_child_array(array: *mut CArray) {
    // SAFETY: who releases a struct has it.
    unsafe { (*array).release = None };
}

/// The functions for structs that Java makes: a schema, an array, and the same for children.
pub(crate) fn release_callbacks() -> [i64; 4] {
    let schema = |function: unsafe extern "C" fn(*mut CSchema)| function as usize as i64;
    let array = |function: unsafe extern "C" fn(*mut CArray)| function as usize as i64;
    [schema(release_schema), array(release_array), schema(release_child_schema), array(release_child_array)]
}

/// Releases the array at an address, if it is not released.
pub(crate) fn release_array_at(address: i64) {
    // SAFETY: `RecordBatch` has the struct, and gives its address for the length of the call. Dropping what is taken out of it
    // calls its release once; an empty struct stays there.
    drop(unsafe { FFI_ArrowArray::from_raw(pointer(address)) });
}

/// Releases the schema at an address, if it is not released.
pub(crate) fn release_schema_at(address: i64) {
    // SAFETY: as for an array.
    drop(unsafe { FFI_ArrowSchema::from_raw(pointer(address)) });
}

/// Takes a schema from Java. Columns and what is in them may be null: what that means is the table's to say.
///
/// # Errors
///
/// `schema-mismatch` for types that Arrow does not have.
pub(crate) fn import_schema(address: i64) -> Result<SchemaRef> {
    // SAFETY: `CData` has written the struct, and forgets it.
    let schema = unsafe { FFI_ArrowSchema::from_raw(pointer(address)) };
    let schema = Schema::try_from(&schema)
        .map_err(|error| Error::schema_mismatch("columns from Java make no sense").caused_by(error))?;
    Ok(Arc::new(Schema::new(schema.fields().iter().map(nullable).collect::<Fields>())))
}

fn nullable(field: &FieldRef) -> FieldRef {
    let data_type = match field.data_type() {
        DataType::List(element) => DataType::List(nullable(element)),
        DataType::Struct(fields) => DataType::Struct(fields.iter().map(nullable).collect()),
        other => other.clone(),
    };
    Arc::new(Field::new(field.name(), data_type, true))
}

/// Takes a batch from Java.
///
/// # Errors
///
/// `invalid-data` for text that is not UTF-8, among others.
pub(crate) fn import(schema: &SchemaRef, address: i64) -> Result<RecordBatch> {
    // SAFETY: `RecordBatch.address` gives addresses of structs alone, and whoever has taken one leaves it released.
    let array = unsafe { FFI_ArrowArray::from_raw(pointer(address)) };
    if array.is_released() {
        return Err(Error::unexpected("a batch was consumed twice"));
    }
    if array.num_children() != schema.fields().len() {
        return Err(Error::schema_mismatch(format!(
            "expected a batch of {} columns, found {}",
            schema.fields().len(),
            array.num_children()
        )));
    }
    let rows = array.len();
    let failed = |error| Error::invalid_data("a batch from Java is not what Arrow demands").caused_by(error);
    // SAFETY: the buffers are as long as lengths and offsets in them say, because `ColumnBuilder` has made room for what it
    // wrote; they are alive until the release function is called, when nobody refers to them any more.
    let data = unsafe { from_ffi_and_data_type(array, DataType::Struct(schema.fields().clone())) }.map_err(failed)?;
    data.validate_full().map_err(failed)?;
    let columns: Vec<ArrayRef> = data.child_data().iter().cloned().map(make_array).collect();
    let options = arrow::array::RecordBatchOptions::new().with_row_count(Some(rows));
    RecordBatch::try_new_with_options(Arc::clone(schema), columns, &options).map_err(failed)
}

/// Gives a batch to Java, into a struct that it has.
pub(crate) fn export(batch: RecordBatch, to: i64) {
    let array = FFI_ArrowArray::new(&StructArray::from(batch).into_data());
    // SAFETY: `RecordBatch.read` has allocated the struct, and what is in it is not released by anybody.
    unsafe { ptr::write(pointer(to), array) };
}

/// Gives a schema to Java, into a struct that it has.
///
/// # Errors
///
/// `unexpected` for a type that the interface does not have.
pub(crate) fn export_schema(schema: &Schema, to: i64) -> Result<()> {
    let schema = FFI_ArrowSchema::try_from(schema)
        .map_err(|error| Error::unexpected("columns cannot be given to Java").caused_by(error))?;
    // SAFETY: `CData.readSchema` has allocated the struct.
    unsafe { ptr::write(pointer(to), schema) };
    Ok(())
}
