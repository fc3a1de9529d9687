//! `io.pinotage.jni.NativeSink`

use arrow::datatypes::SchemaRef;
use jni::EnvUnowned;
use jni::objects::{JClass, JIntArray, JObjectArray, JString};
use jni::sys::{jboolean, jlong};
use pinotage_connector::Delivery;

use crate::convert::{bad_rows, string, strings, text};
use crate::errors::call;
use crate::table::Table;
use crate::{c_data, handles, partitioner};

#[unsafe(no_mangle)]
extern "system" fn Java_io_pinotage_jni_NativeSink_open<'l>(
    env: EnvUnowned<'l>,
    _class: JClass<'l>,
    options: JString<'l>,
) -> jlong {
    call(env, |env| Ok(handles::put(Table::resolve(&text(env, &options)?)?)))
}

#[unsafe(no_mangle)]
extern "system" fn Java_io_pinotage_jni_NativeSink_of<'l>(
    env: EnvUnowned<'l>,
    _class: JClass<'l>,
    description: JString<'l>,
) -> jlong {
    call(env, |env| Ok(handles::put(Table::of(&text(env, &description)?)?)))
}

#[unsafe(no_mangle)]
extern "system" fn Java_io_pinotage_jni_NativeSink_description<'l>(
    env: EnvUnowned<'l>,
    _class: JClass<'l>,
    sink: jlong,
) -> JString<'l> {
    call(env, |env| Ok(string(env, &handles::get::<Table>(sink)?.description()?)?))
}

#[unsafe(no_mangle)]
extern "system" fn Java_io_pinotage_jni_NativeSink_types<'l>(
    env: EnvUnowned<'l>,
    _class: JClass<'l>,
    sink: jlong,
) -> JObjectArray<'l, JString<'l>> {
    call(env, |env| {
        let table = handles::get::<Table>(sink)?;
        Ok(strings(env, table.schema.fields().map(|field| Some(field.data_type.name().to_owned())))?)
    })
}

#[unsafe(no_mangle)]
extern "system" fn Java_io_pinotage_jni_NativeSink_schema<'l>(
    env: EnvUnowned<'l>,
    _class: JClass<'l>,
    sink: jlong,
    to: jlong,
) {
    call(env, |_| Ok(c_data::export_schema(&handles::get::<Table>(sink)?.arrow_schema(), to)?));
}

#[unsafe(no_mangle)]
extern "system" fn Java_io_pinotage_jni_NativeSink_primaryKey<'l>(
    env: EnvUnowned<'l>,
    _class: JClass<'l>,
    sink: jlong,
) -> JObjectArray<'l, JString<'l>> {
    call(env, |env| {
        let table = handles::get::<Table>(sink)?;
        Ok(strings(env, table.schema.primary_key_columns().iter().cloned().map(Some))?)
    })
}

#[unsafe(no_mangle)]
extern "system" fn Java_io_pinotage_jni_NativeSink_timeColumn<'l>(
    env: EnvUnowned<'l>,
    _class: JClass<'l>,
    sink: jlong,
) -> JString<'l> {
    call(env, |env| match handles::get::<Table>(sink)?.config.time_column() {
        Some(column) => Ok(string(env, column)?),
        None => Ok(JString::null()),
    })
}

#[unsafe(no_mangle)]
extern "system" fn Java_io_pinotage_jni_NativeSink_timeMillis<'l>(
    env: EnvUnowned<'l>,
    _class: JClass<'l>,
    sink: jlong,
    value: jlong,
) -> jlong {
    call(env, |_| Ok(handles::get::<Table>(sink)?.time_millis(value)?))
}

#[unsafe(no_mangle)]
extern "system" fn Java_io_pinotage_jni_NativeSink_sortedColumn<'l>(
    env: EnvUnowned<'l>,
    _class: JClass<'l>,
    sink: jlong,
) -> JString<'l> {
    call(env, |env| match handles::get::<Table>(sink)?.config.sorted_column() {
        Some(column) => Ok(string(env, &column)?),
        None => Ok(JString::null()),
    })
}

#[unsafe(no_mangle)]
extern "system" fn Java_io_pinotage_jni_NativeSink_deleteColumn<'l>(
    env: EnvUnowned<'l>,
    _class: JClass<'l>,
    sink: jlong,
) -> JString<'l> {
    call(env, |env| {
        let table = handles::get::<Table>(sink)?;
        match table.sink.upserts().and_then(|upserts| upserts.delete_column.as_deref()) {
            Some(column) => Ok(string(env, column)?),
            None => Ok(JString::null()),
        }
    })
}

#[unsafe(no_mangle)]
extern "system" fn Java_io_pinotage_jni_NativeSink_upserts<'l>(
    env: EnvUnowned<'l>,
    _class: JClass<'l>,
    sink: jlong,
) -> jboolean {
    call(env, |_| Ok(handles::get::<Table>(sink)?.sink.upserts().is_some()))
}

#[unsafe(no_mangle)]
extern "system" fn Java_io_pinotage_jni_NativeSink_realtime<'l>(
    env: EnvUnowned<'l>,
    _class: JClass<'l>,
    sink: jlong,
) -> jboolean {
    call(env, |_| Ok(handles::get::<Table>(sink)?.job.beside_stream()))
}

#[unsafe(no_mangle)]
extern "system" fn Java_io_pinotage_jni_NativeSink_partitioning<'l>(
    env: EnvUnowned<'l>,
    _class: JClass<'l>,
    sink: jlong,
) -> JObjectArray<'l, JString<'l>> {
    call(env, |env| {
        let table = handles::get::<Table>(sink)?;
        match table.sink.partitioning().and_then(|it| partitioner::parts(&table.schema, it)) {
            None => Ok(JObjectArray::<JString>::null()),
            Some(parts) => Ok(strings(env, parts.into_iter().map(Some))?),
        }
    })
}

#[unsafe(no_mangle)]
extern "system" fn Java_io_pinotage_jni_NativeSink_delivery<'l>(
    env: EnvUnowned<'l>,
    _class: JClass<'l>,
    sink: jlong,
) -> JString<'l> {
    call(env, |env| {
        let text = match handles::get::<Table>(sink)?.promises() {
            Delivery::AtLeastOnce => "at-least-once",
            Delivery::Idempotent => "idempotent",
            Delivery::Transactional => "transactional",
        };
        Ok(string(env, text)?)
    })
}

#[unsafe(no_mangle)]
extern "system" fn Java_io_pinotage_jni_NativeSink_needsEnd<'l>(
    env: EnvUnowned<'l>,
    _class: JClass<'l>,
    sink: jlong,
) -> jboolean {
    call(env, |_| Ok(handles::get::<Table>(sink)?.sink.merges_rows()))
}

#[unsafe(no_mangle)]
extern "system" fn Java_io_pinotage_jni_NativeSink_replaces<'l>(
    env: EnvUnowned<'l>,
    _class: JClass<'l>,
    sink: jlong,
) -> jboolean {
    call(env, |_| Ok(handles::get::<Table>(sink)?.config.is_refresh()))
}

#[unsafe(no_mangle)]
extern "system" fn Java_io_pinotage_jni_NativeSink_check<'l>(
    env: EnvUnowned<'l>,
    _class: JClass<'l>,
    sink: jlong,
    schema: jlong,
) {
    call(env, |_| {
        let rows = handles::get::<SchemaRef>(schema)?;
        handles::get::<Table>(sink)?.conversion(&rows)?;
        Ok(())
    });
}

#[unsafe(no_mangle)]
extern "system" fn Java_io_pinotage_jni_NativeSink_partitions<'l>(
    env: EnvUnowned<'l>,
    _class: JClass<'l>,
    sink: jlong,
    schema: jlong,
    array: jlong,
) -> JIntArray<'l> {
    call(env, |env| {
        let rows = handles::get::<SchemaRef>(schema)?;
        let batch = c_data::import(&rows, array)?;
        let Some(partitions) = handles::get::<Table>(sink)?.partitions(&rows, &batch)? else {
            return Ok(JIntArray::null());
        };
        let partitioned = JIntArray::new(env, partitions.len())?;
        partitioned.set_region(env, 0, &partitions)?;
        Ok(partitioned)
    })
}

#[unsafe(no_mangle)]
extern "system" fn Java_io_pinotage_jni_NativeSink_rejected<'l>(
    env: EnvUnowned<'l>,
    _class: JClass<'l>,
    sink: jlong,
    schema: jlong,
    array: jlong,
) -> JObjectArray<'l, JString<'l>> {
    call(env, |env| {
        let rows = handles::get::<SchemaRef>(schema)?;
        let batch = c_data::import(&rows, array)?;
        let rejected = handles::get::<Table>(sink)?.rejected(&rows, &batch)?;
        Ok(strings(env, bad_rows(rejected))?)
    })
}

#[unsafe(no_mangle)]
extern "system" fn Java_io_pinotage_jni_NativeSink_writeProbe<'l>(
    env: EnvUnowned<'l>,
    _class: JClass<'l>,
    sink: jlong,
    name: JString<'l>,
    probe: JString<'l>,
) {
    call(env, |env| {
        let table = handles::get::<Table>(sink)?;
        Ok(table.place.write_probe(&text(env, &name)?, &text(env, &probe)?)?)
    });
}

#[unsafe(no_mangle)]
extern "system" fn Java_io_pinotage_jni_NativeSink_readProbe<'l>(
    env: EnvUnowned<'l>,
    _class: JClass<'l>,
    sink: jlong,
    name: JString<'l>,
) -> JString<'l> {
    call(env, |env| {
        let probe = handles::get::<Table>(sink)?.place.read_probe(&text(env, &name)?)?;
        Ok(string(env, &probe)?)
    })
}

#[unsafe(no_mangle)]
extern "system" fn Java_io_pinotage_jni_NativeSink_removeProbe<'l>(
    env: EnvUnowned<'l>,
    _class: JClass<'l>,
    sink: jlong,
    name: JString<'l>,
) {
    call(env, |env| Ok(handles::get::<Table>(sink)?.place.remove_probe(&text(env, &name)?)?));
}

#[unsafe(no_mangle)]
extern "system" fn Java_io_pinotage_jni_NativeSink_close<'l>(env: EnvUnowned<'l>, _class: JClass<'l>, sink: jlong) {
    call(env, |_| {
        handles::remove(sink);
        Ok(())
    });
}
