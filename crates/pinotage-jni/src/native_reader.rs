//! `io.pinotage.jni.NativeReader`

use std::time::Duration;

use jni::EnvUnowned;
use jni::objects::{JByteArray, JClass};
use jni::sys::{jboolean, jint, jlong};

use crate::convert::count;
use crate::errors::call;
use crate::scan_reader::{Next, Reader, Task};
use crate::{c_data, handles};

#[unsafe(no_mangle)]
extern "system" fn Java_io_pinotage_jni_NativeReader_open<'l>(
    env: EnvUnowned<'l>,
    _class: JClass<'l>,
    split: JByteArray<'l>,
) -> jlong {
    call(env, |env| {
        let bytes = env.convert_byte_array(&split)?;
        Ok(handles::put(Reader::open(Task::of_bytes(&bytes)?)?))
    })
}

#[unsafe(no_mangle)]
extern "system" fn Java_io_pinotage_jni_NativeReader_schema<'l>(
    env: EnvUnowned<'l>,
    _class: JClass<'l>,
    reader: jlong,
    to: jlong,
) {
    call(env, |_| Ok(c_data::export_schema(handles::get::<Reader>(reader)?.schema(), to)?));
}

#[unsafe(no_mangle)]
extern "system" fn Java_io_pinotage_jni_NativeReader_isRepeatable<'l>(
    env: EnvUnowned<'l>,
    _class: JClass<'l>,
    reader: jlong,
) -> jboolean {
    call(env, |_| Ok(handles::get::<Reader>(reader)?.repeatable))
}

#[unsafe(no_mangle)]
extern "system" fn Java_io_pinotage_jni_NativeReader_poll<'l>(
    env: EnvUnowned<'l>,
    _class: JClass<'l>,
    reader: jlong,
    to: jlong,
    millis: jlong,
) -> jint {
    call(env, |_| {
        let wait = Duration::from_millis(count("a time to wait", millis)?);
        Ok(match handles::get::<Reader>(reader)?.next(wait)? {
            Next::Batch(batch) => {
                c_data::export(batch, to);
                1
            }
            Next::NotYet => 2,
            Next::End => 0,
        })
    })
}

#[unsafe(no_mangle)]
extern "system" fn Java_io_pinotage_jni_NativeReader_cancel<'l>(
    env: EnvUnowned<'l>,
    _class: JClass<'l>,
    reader: jlong,
) {
    call(env, |_| {
        handles::get::<Reader>(reader)?.cancel();
        Ok(())
    });
}

#[unsafe(no_mangle)]
extern "system" fn Java_io_pinotage_jni_NativeReader_close<'l>(env: EnvUnowned<'l>, _class: JClass<'l>, reader: jlong) {
    call(env, |_| {
        handles::remove(reader);
        Ok(())
    });
}
