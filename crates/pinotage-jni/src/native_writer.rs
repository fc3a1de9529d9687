//! `io.pinotage.jni.NativeWriter`

use arrow::datatypes::SchemaRef;
use jni::objects::{JByteArray, JClass, JObjectArray, JString};
use jni::sys::{jboolean, jint, jlong};
use jni::{Env, EnvUnowned};
use pinotage_connector::OpenBuffer;
use pinotage_sink::writer::StagedSegment;

use crate::convert::{bad_rows, byte_arrays, byte_arrays_for, count, strings, text};
use crate::errors::{Outcome, call};
use crate::table::Table;
use crate::writer::{Task, TaskWriter};
use crate::{c_data, handles, wire};

fn open_buffers(env: &mut Env<'_>, open: &JObjectArray<'_, JByteArray<'_>>) -> Outcome<Vec<OpenBuffer>> {
    let open = byte_arrays(env, open)?;
    Ok(open.iter().map(|bytes| wire::open(bytes)).collect::<Result<_, _>>()?)
}

#[unsafe(no_mangle)]
extern "system" fn Java_io_pinotage_jni_NativeWriter_open<'l>(
    env: EnvUnowned<'l>,
    _class: JClass<'l>,
    sink: jlong,
    schema: jlong,
    run: JString<'l>,
    epoch: jlong,
    task: jint,
    tasks: jint,
    memory: jlong,
    apart: jboolean,
    open: JObjectArray<'l, JByteArray<'l>>,
) -> jlong {
    call(env, |env| {
        let table = handles::get::<Table>(sink)?;
        let rows = handles::get::<SchemaRef>(schema)?;
        let open = open_buffers(env, &open)?;
        let task = Task {
            run: text(env, &run)?,
            epoch: count("an epoch", epoch)?,
            task: count("a task", task)?,
            tasks: count("tasks", tasks)?,
            memory: count("memory", memory)?,
            apart,
        };
        Ok(handles::put(TaskWriter::open(table, SchemaRef::clone(&rows), task, open)?))
    })
}

#[unsafe(no_mangle)]
extern "system" fn Java_io_pinotage_jni_NativeWriter_write<'l>(
    env: EnvUnowned<'l>,
    _class: JClass<'l>,
    writer: jlong,
    array: jlong,
) -> JObjectArray<'l, JString<'l>> {
    call(env, |env| {
        let writer = handles::get::<TaskWriter>(writer)?;
        let batch = c_data::import(&writer.rows, array)?;
        let rejected = writer.write(&batch)?;
        Ok(strings(env, bad_rows(rejected))?)
    })
}

#[unsafe(no_mangle)]
extern "system" fn Java_io_pinotage_jni_NativeWriter_refused<'l>(
    env: EnvUnowned<'l>,
    _class: JClass<'l>,
    writer: jlong,
    rows: jlong,
    message: JString<'l>,
) {
    call(env, |env| {
        let message = text(env, &message)?;
        Ok(handles::get::<TaskWriter>(writer)?.refused(count("rows", rows)?, &message)?)
    });
}

#[unsafe(no_mangle)]
extern "system" fn Java_io_pinotage_jni_NativeWriter_prepare<'l>(
    env: EnvUnowned<'l>,
    _class: JClass<'l>,
    writer: jlong,
    epoch: jlong,
    last: jboolean,
) -> JObjectArray<'l, JObjectArray<'l, JByteArray<'l>>> {
    call(env, |env| {
        let writer = handles::get::<TaskWriter>(writer)?;
        let prepared = writer.prepare(count("an epoch", epoch)?, last)?;
        let mut committables = Vec::with_capacity(prepared.committables.len());
        for committable in &prepared.committables {
            let sealed = StagedSegment::of(committable)?.epoch;
            committables.push(wire::committable_bytes(committable, sealed));
        }
        let open: Vec<Vec<u8>> = prepared.open.iter().map(wire::open_bytes).collect();
        let committables = byte_arrays_for(env, &committables)?;
        let open = byte_arrays_for(env, &open)?;
        let both = JObjectArray::<JObjectArray<JByteArray>>::new(env, 2, &committables)?;
        both.set_element(env, 1, &open)?;
        Ok(both)
    })
}

#[unsafe(no_mangle)]
extern "system" fn Java_io_pinotage_jni_NativeWriter_staged<'l>(
    env: EnvUnowned<'l>,
    _class: JClass<'l>,
    writer: jlong,
    open: JObjectArray<'l, JByteArray<'l>>,
) -> JObjectArray<'l, JString<'l>> {
    call(env, |env| {
        let writer = handles::get::<TaskWriter>(writer)?;
        let names = writer.staged(&open_buffers(env, &open)?)?;
        Ok(strings(env, names.into_iter().map(Some))?)
    })
}

#[unsafe(no_mangle)]
extern "system" fn Java_io_pinotage_jni_NativeWriter_beginEpoch<'l>(
    env: EnvUnowned<'l>,
    _class: JClass<'l>,
    writer: jlong,
    epoch: jlong,
) {
    call(env, |_| {
        handles::get::<TaskWriter>(writer)?.begin(count("an epoch", epoch)?);
        Ok(())
    });
}

#[unsafe(no_mangle)]
extern "system" fn Java_io_pinotage_jni_NativeWriter_watermark<'l>(
    env: EnvUnowned<'l>,
    _class: JClass<'l>,
    writer: jlong,
    millis: jlong,
) {
    call(env, |_| Ok(handles::get::<TaskWriter>(writer)?.watermark(millis)?));
}

#[unsafe(no_mangle)]
extern "system" fn Java_io_pinotage_jni_NativeWriter_shrink<'l>(
    env: EnvUnowned<'l>,
    _class: JClass<'l>,
    writer: jlong,
    memory: jlong,
) -> jboolean {
    call(env, |_| Ok(handles::get::<TaskWriter>(writer)?.shrink(count("memory", memory)?)?))
}

#[unsafe(no_mangle)]
extern "system" fn Java_io_pinotage_jni_NativeWriter_recorded<'l>(
    env: EnvUnowned<'l>,
    _class: JClass<'l>,
    writer: jlong,
    epoch: jlong,
) {
    call(env, |_| Ok(handles::get::<TaskWriter>(writer)?.recorded(count("an epoch", epoch)?)?));
}

#[unsafe(no_mangle)]
extern "system" fn Java_io_pinotage_jni_NativeWriter_metrics<'l>(
    env: EnvUnowned<'l>,
    _class: JClass<'l>,
    writer: jlong,
) -> JObjectArray<'l, JString<'l>> {
    call(env, |env| {
        let metrics = handles::get::<TaskWriter>(writer)?.metrics();
        let pairs = metrics.into_iter().flat_map(|(name, number)| [name.to_owned(), number.to_string()]);
        Ok(strings(env, pairs.map(Some))?)
    })
}

#[unsafe(no_mangle)]
extern "system" fn Java_io_pinotage_jni_NativeWriter_cancel<'l>(
    env: EnvUnowned<'l>,
    _class: JClass<'l>,
    writer: jlong,
) {
    call(env, |_| {
        handles::get::<TaskWriter>(writer)?.cancel();
        Ok(())
    });
}

#[unsafe(no_mangle)]
extern "system" fn Java_io_pinotage_jni_NativeWriter_close<'l>(env: EnvUnowned<'l>, _class: JClass<'l>, writer: jlong) {
    call(env, |_| {
        handles::remove(writer);
        Ok(())
    });
}
