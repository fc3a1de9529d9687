//! `io.pinotage.jni.NativeMemory`

use jni::EnvUnowned;
use jni::objects::{JByteBuffer, JClass, JLongArray};
use jni::sys::jlong;
use pinotage_common::Error;

use crate::blocks;
use crate::convert::count;
use crate::errors::call;

// SAFETY of the names here and in the other files of native methods: they are those that the JVM looks for, and no other
// library has our package.

#[unsafe(no_mangle)]
extern "system" fn Java_io_pinotage_jni_NativeMemory_allocate<'l>(
    env: EnvUnowned<'l>,
    _class: JClass<'l>,
    bytes: jlong,
) -> jlong {
    call(env, |_| Ok(blocks::allocate(count("a size", bytes)?)?))
}

#[unsafe(no_mangle)]
extern "system" fn Java_io_pinotage_jni_NativeMemory_reallocate<'l>(
    env: EnvUnowned<'l>,
    _class: JClass<'l>,
    address: jlong,
    bytes: jlong,
) -> jlong {
    call(env, |_| Ok(blocks::reallocate(address, count("a size", bytes)?)?))
}

#[unsafe(no_mangle)]
extern "system" fn Java_io_pinotage_jni_NativeMemory_free<'l>(env: EnvUnowned<'l>, _class: JClass<'l>, address: jlong) {
    call(env, |_| Ok(blocks::free(address)?));
}

#[unsafe(no_mangle)]
extern "system" fn Java_io_pinotage_jni_NativeMemory_buffer<'l>(
    env: EnvUnowned<'l>,
    _class: JClass<'l>,
    address: jlong,
    bytes: jlong,
) -> JByteBuffer<'l> {
    call(env, |env| {
        if address == 0 {
            return Err(Error::unexpected("expected the address of a buffer").into());
        }
        // SAFETY: callers (`Block`, `CData`, `Column`) forget the buffer before its memory goes.
        Ok(unsafe { env.new_direct_byte_buffer(blocks::pointer(address), count("a size", bytes)?) }?)
    })
}

#[unsafe(no_mangle)]
extern "system" fn Java_io_pinotage_jni_NativeMemory_outstanding<'l>(
    env: EnvUnowned<'l>,
    _class: JClass<'l>,
) -> JLongArray<'l> {
    call(env, |env| {
        let (blocks, bytes) = blocks::outstanding();
        let array = JLongArray::new(env, 2)?;
        array.set_region(env, 0, &[blocks, bytes])?;
        Ok(array)
    })
}
