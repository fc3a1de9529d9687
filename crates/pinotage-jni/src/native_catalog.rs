//! `io.pinotage.jni.NativeCatalog`

use jni::EnvUnowned;
use jni::objects::{JClass, JObjectArray, JString};
use jni::sys::{jboolean, jlong};

use crate::catalog::Catalog;
use crate::convert::{strings, text};
use crate::errors::call;
use crate::handles;

#[unsafe(no_mangle)]
extern "system" fn Java_io_pinotage_jni_NativeCatalog_open<'l>(
    env: EnvUnowned<'l>,
    _class: JClass<'l>,
    options: JString<'l>,
) -> jlong {
    call(env, |env| Ok(handles::put(Catalog::open(&text(env, &options)?)?)))
}

#[unsafe(no_mangle)]
extern "system" fn Java_io_pinotage_jni_NativeCatalog_tables<'l>(
    env: EnvUnowned<'l>,
    _class: JClass<'l>,
    catalog: jlong,
) -> JObjectArray<'l, JString<'l>> {
    call(env, |env| {
        let tables = handles::get::<Catalog>(catalog)?.tables()?;
        Ok(strings(env, tables.into_iter().map(Some))?)
    })
}

#[unsafe(no_mangle)]
extern "system" fn Java_io_pinotage_jni_NativeCatalog_has<'l>(
    env: EnvUnowned<'l>,
    _class: JClass<'l>,
    catalog: jlong,
    table: JString<'l>,
) -> jboolean {
    call(env, |env| {
        let table = text(env, &table)?;
        Ok(handles::get::<Catalog>(catalog)?.has(&table)?)
    })
}

#[unsafe(no_mangle)]
extern "system" fn Java_io_pinotage_jni_NativeCatalog_create<'l>(
    env: EnvUnowned<'l>,
    _class: JClass<'l>,
    catalog: jlong,
    schema: JString<'l>,
    config: JString<'l>,
) {
    call(env, |env| {
        let (schema, config) = (text(env, &schema)?, text(env, &config)?);
        Ok(handles::get::<Catalog>(catalog)?.create(&schema, &config)?)
    });
}

#[unsafe(no_mangle)]
extern "system" fn Java_io_pinotage_jni_NativeCatalog_drop<'l>(
    env: EnvUnowned<'l>,
    _class: JClass<'l>,
    catalog: jlong,
    table: JString<'l>,
) {
    call(env, |env| {
        let table = text(env, &table)?;
        Ok(handles::get::<Catalog>(catalog)?.drop_table(&table)?)
    });
}

#[unsafe(no_mangle)]
extern "system" fn Java_io_pinotage_jni_NativeCatalog_close<'l>(
    env: EnvUnowned<'l>,
    _class: JClass<'l>,
    catalog: jlong,
) {
    call(env, |_| {
        handles::remove(catalog);
        Ok(())
    });
}
