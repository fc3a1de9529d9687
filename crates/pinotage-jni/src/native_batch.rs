//! `io.pinotage.jni.NativeBatch`

use arrow::array::UInt32Array;
use arrow::compute::take_record_batch;
use arrow::datatypes::SchemaRef;
use jni::EnvUnowned;
use jni::objects::{JClass, JIntArray, JLongArray};
use jni::sys::jlong;
use pinotage_common::Error;

use crate::convert::numbers;
use crate::errors::call;
use crate::{c_data, handles};

#[unsafe(no_mangle)]
extern "system" fn Java_io_pinotage_jni_NativeBatch_releaseCallbacks<'l>(
    env: EnvUnowned<'l>,
    _class: JClass<'l>,
) -> JLongArray<'l> {
    call(env, |env| {
        let callbacks = c_data::release_callbacks();
        let array = JLongArray::new(env, callbacks.len())?;
        array.set_region(env, 0, &callbacks)?;
        Ok(array)
    })
}

#[unsafe(no_mangle)]
extern "system" fn Java_io_pinotage_jni_NativeBatch_releaseArray<'l>(
    env: EnvUnowned<'l>,
    _class: JClass<'l>,
    array: jlong,
) {
    call(env, |_| {
        c_data::release_array_at(array);
        Ok(())
    });
}

#[unsafe(no_mangle)]
extern "system" fn Java_io_pinotage_jni_NativeBatch_releaseSchema<'l>(
    env: EnvUnowned<'l>,
    _class: JClass<'l>,
    schema: jlong,
) {
    call(env, |_| {
        c_data::release_schema_at(schema);
        Ok(())
    });
}

#[unsafe(no_mangle)]
extern "system" fn Java_io_pinotage_jni_NativeBatch_importSchema<'l>(
    env: EnvUnowned<'l>,
    _class: JClass<'l>,
    schema: jlong,
) -> jlong {
    call(env, |_| Ok(handles::put::<SchemaRef>(c_data::import_schema(schema)?)))
}

#[unsafe(no_mangle)]
extern "system" fn Java_io_pinotage_jni_NativeBatch_closeSchema<'l>(
    env: EnvUnowned<'l>,
    _class: JClass<'l>,
    handle: jlong,
) {
    call(env, |_| {
        handles::remove(handle);
        Ok(())
    });
}

#[unsafe(no_mangle)]
extern "system" fn Java_io_pinotage_jni_NativeBatch_take<'l>(
    env: EnvUnowned<'l>,
    _class: JClass<'l>,
    schema: jlong,
    array: jlong,
    rows: JIntArray<'l>,
    to: jlong,
) {
    call(env, |env| {
        let schema = handles::get::<SchemaRef>(schema)?;
        let batch = c_data::import(&schema, array)?;
        let rows = numbers(env, &rows)?;
        let bad = rows.iter().find(|row| usize::try_from(**row).map_or(true, |row| row >= batch.num_rows()));
        if let Some(row) = bad {
            return Err(
                Error::invalid_config(format!("the batch has {} rows, and no row {row}", batch.num_rows())).into()
            );
        }
        let rows = UInt32Array::from_iter_values(rows.into_iter().map(|row| row as u32));
        let taken = take_record_batch(&batch, &rows)
            .map_err(|error| Error::unexpected("cannot take rows of a batch").caused_by(error))?;
        c_data::export(taken, to);
        Ok(())
    });
}
