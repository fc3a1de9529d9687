//! `io.pinotage.jni.NativeLibrary`

use jni::EnvUnowned;
use jni::objects::{JClass, JString};
use jni::sys::jint;

use crate::convert::string;
use crate::errors::call;
use crate::threads;

/// What Java and the library say to each other; `NativeLibrary.INTERFACE` is the same number, and grows with every change.
const INTERFACE: jint = 3;

#[unsafe(no_mangle)]
extern "system" fn Java_io_pinotage_jni_NativeLibrary_interfaceVersion<'l>(
    env: EnvUnowned<'l>,
    _class: JClass<'l>,
) -> jint {
    call(env, |_| Ok(INTERFACE))
}

#[unsafe(no_mangle)]
extern "system" fn Java_io_pinotage_jni_NativeLibrary_libraryVersion<'l>(
    env: EnvUnowned<'l>,
    _class: JClass<'l>,
) -> JString<'l> {
    call(env, |env| Ok(string(env, env!("CARGO_PKG_VERSION"))?))
}

#[unsafe(no_mangle)]
extern "system" fn Java_io_pinotage_jni_NativeLibrary_libraryThreads<'l>(
    env: EnvUnowned<'l>,
    _class: JClass<'l>,
) -> jint {
    call(env, |_| Ok(threads::running()))
}

/// For the tests of panics; a release has none.
#[cfg(debug_assertions)]
#[unsafe(no_mangle)]
extern "system" fn Java_io_pinotage_check_Errors_panicOnPurpose<'l>(env: EnvUnowned<'l>, _class: JClass<'l>) {
    call::<()>(env, |_| panic!("on purpose"));
}
