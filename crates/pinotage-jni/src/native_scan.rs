//! `io.pinotage.jni.NativeScan`

use jni::EnvUnowned;
use jni::objects::{JByteArray, JClass, JIntArray, JLongArray, JObjectArray, JString};
use jni::sys::{jint, jlong};
use pinotage_common::{Error, Result};

use crate::convert::{count, string, strings, text};
use crate::errors::call;
use crate::scan_reader::{head, tail};
use crate::scan_table::{Planned, ReadPlan, ReadTable};
use crate::{c_data, handles, scan_options};

#[unsafe(no_mangle)]
extern "system" fn Java_io_pinotage_jni_NativeScan_optionNames<'l>(
    env: EnvUnowned<'l>,
    _class: JClass<'l>,
) -> JObjectArray<'l, JString<'l>> {
    call(env, |env| Ok(strings(env, scan_options::names()?.into_iter().map(Some))?))
}

#[unsafe(no_mangle)]
extern "system" fn Java_io_pinotage_jni_NativeScan_open<'l>(
    env: EnvUnowned<'l>,
    _class: JClass<'l>,
    options: JString<'l>,
) -> jlong {
    call(env, |env| Ok(handles::put(ReadTable::open(&text(env, &options)?)?)))
}

#[unsafe(no_mangle)]
extern "system" fn Java_io_pinotage_jni_NativeScan_schema<'l>(
    env: EnvUnowned<'l>,
    _class: JClass<'l>,
    table: jlong,
    to: jlong,
) {
    call(env, |_| Ok(c_data::export_schema(&handles::get::<ReadTable>(table)?.arrow_schema(), to)?));
}

#[unsafe(no_mangle)]
extern "system" fn Java_io_pinotage_jni_NativeScan_types<'l>(
    env: EnvUnowned<'l>,
    _class: JClass<'l>,
    table: jlong,
) -> JObjectArray<'l, JString<'l>> {
    call(env, |env| {
        let table = handles::get::<ReadTable>(table)?;
        let fields = table.scanner.table().schema().fields();
        Ok(strings(env, fields.map(|field| Some(field.data_type.name().to_owned())))?)
    })
}

#[unsafe(no_mangle)]
extern "system" fn Java_io_pinotage_jni_NativeScan_primaryKey<'l>(
    env: EnvUnowned<'l>,
    _class: JClass<'l>,
    table: jlong,
) -> JObjectArray<'l, JString<'l>> {
    call(env, |env| {
        let table = handles::get::<ReadTable>(table)?;
        let columns = table.scanner.table().schema().primary_key_columns();
        Ok(strings(env, columns.iter().cloned().map(Some))?)
    })
}

#[unsafe(no_mangle)]
extern "system" fn Java_io_pinotage_jni_NativeScan_timeColumn<'l>(
    env: EnvUnowned<'l>,
    _class: JClass<'l>,
    table: jlong,
) -> JString<'l> {
    call(env, |env| {
        let table = handles::get::<ReadTable>(table)?;
        let column = table.scanner.table().halves().iter().find_map(|(_, config)| config.time_column());
        match column {
            Some(column) => Ok(string(env, column)?),
            None => Ok(JString::null()),
        }
    })
}

#[unsafe(no_mangle)]
extern "system" fn Java_io_pinotage_jni_NativeScan_pushdown<'l>(
    env: EnvUnowned<'l>,
    _class: JClass<'l>,
    table: jlong,
    conditions: JObjectArray<'l, JString<'l>>,
) -> JIntArray<'l> {
    call(env, |env| {
        let table = handles::get::<ReadTable>(table)?;
        let mut all = Vec::new();
        for at in 0..conditions.len(env)? {
            let condition = conditions.get_element(env, at)?;
            all.push(table.pushdown(&text(env, &condition)?)? as i32);
        }
        let array = JIntArray::new(env, all.len())?;
        array.set_region(env, 0, &all)?;
        Ok(array)
    })
}

#[unsafe(no_mangle)]
extern "system" fn Java_io_pinotage_jni_NativeScan_plan<'l>(
    env: EnvUnowned<'l>,
    _class: JClass<'l>,
    table: jlong,
    request: JString<'l>,
) -> jlong {
    call(env, |env| {
        let request = text(env, &request)?;
        Ok(handles::put(handles::get::<ReadTable>(table)?.plan(&request)?))
    })
}

#[unsafe(no_mangle)]
extern "system" fn Java_io_pinotage_jni_NativeScan_planSchema<'l>(
    env: EnvUnowned<'l>,
    _class: JClass<'l>,
    plan: jlong,
    to: jlong,
) {
    call(env, |_| Ok(c_data::export_schema(&handles::get::<ReadPlan>(plan)?.schema, to)?));
}

#[unsafe(no_mangle)]
extern "system" fn Java_io_pinotage_jni_NativeScan_planText<'l>(
    env: EnvUnowned<'l>,
    _class: JClass<'l>,
    plan: jlong,
) -> JString<'l> {
    call(env, |env| Ok(string(env, &handles::get::<ReadPlan>(plan)?.text)?))
}

#[unsafe(no_mangle)]
extern "system" fn Java_io_pinotage_jni_NativeScan_planWarnings<'l>(
    env: EnvUnowned<'l>,
    _class: JClass<'l>,
    plan: jlong,
) -> JObjectArray<'l, JString<'l>> {
    call(env, |env| {
        let plan = handles::get::<ReadPlan>(plan)?;
        Ok(strings(env, plan.plan.warnings.iter().cloned().map(Some))?)
    })
}

#[unsafe(no_mangle)]
extern "system" fn Java_io_pinotage_jni_NativeScan_planNumbers<'l>(
    env: EnvUnowned<'l>,
    _class: JClass<'l>,
    plan: jlong,
) -> JLongArray<'l> {
    call(env, |env| {
        let plan = handles::get::<ReadPlan>(plan)?;
        let halves = &plan.plan.halves;
        let number = |number: u64| i64::try_from(number).unwrap_or(i64::MAX);
        let numbers = [
            i64::from(plan.plan.exact),
            i64::from(plan.aggregated),
            i64::from(plan.ordered),
            plan.plan.exact_rows.map_or(-1, number),
            number(halves.iter().map(|half| half.expected_rows).sum()),
            number(halves.iter().map(|half| half.expected_bytes).sum()),
            plan.plan.requests() as i64,
            plan.splits.len() as i64,
        ];
        let array = JLongArray::new(env, numbers.len())?;
        array.set_region(env, 0, &numbers)?;
        Ok(array)
    })
}

fn split(plan: &ReadPlan, at: jint) -> Result<&Planned> {
    plan.splits.get(count::<usize>("a split", at)?).ok_or_else(|| Error::unexpected("there is no such split"))
}

#[unsafe(no_mangle)]
extern "system" fn Java_io_pinotage_jni_NativeScan_split<'l>(
    env: EnvUnowned<'l>,
    _class: JClass<'l>,
    plan: jlong,
    at: jint,
) -> JByteArray<'l> {
    call(env, |env| {
        let plan = handles::get::<ReadPlan>(plan)?;
        let bytes = tail(&split(&plan, at)?.part)?;
        Ok(env.byte_array_from_slice(&bytes)?)
    })
}

#[unsafe(no_mangle)]
extern "system" fn Java_io_pinotage_jni_NativeScan_splitHead<'l>(
    env: EnvUnowned<'l>,
    _class: JClass<'l>,
    plan: jlong,
) -> JByteArray<'l> {
    call(env, |env| {
        let bytes = head(&handles::get::<ReadPlan>(plan)?.origin)?;
        Ok(env.byte_array_from_slice(&bytes)?)
    })
}

#[unsafe(no_mangle)]
extern "system" fn Java_io_pinotage_jni_NativeScan_splitHosts<'l>(
    env: EnvUnowned<'l>,
    _class: JClass<'l>,
    plan: jlong,
    at: jint,
) -> JObjectArray<'l, JString<'l>> {
    call(env, |env| {
        let plan = handles::get::<ReadPlan>(plan)?;
        Ok(strings(env, split(&plan, at)?.hosts.iter().cloned().map(Some))?)
    })
}

#[unsafe(no_mangle)]
extern "system" fn Java_io_pinotage_jni_NativeScan_splitSizes<'l>(
    env: EnvUnowned<'l>,
    _class: JClass<'l>,
    plan: jlong,
) -> JLongArray<'l> {
    call(env, |env| {
        let plan = handles::get::<ReadPlan>(plan)?;
        let sizes: Vec<i64> =
            plan.splits.iter().map(|split| i64::try_from(split.expected_bytes).unwrap_or(i64::MAX)).collect();
        let array = JLongArray::new(env, sizes.len())?;
        array.set_region(env, 0, &sizes)?;
        Ok(array)
    })
}

#[unsafe(no_mangle)]
extern "system" fn Java_io_pinotage_jni_NativeScan_planPartitioner<'l>(
    env: EnvUnowned<'l>,
    _class: JClass<'l>,
    plan: jlong,
) -> JObjectArray<'l, JString<'l>> {
    call(env, |env| match &handles::get::<ReadPlan>(plan)?.partitioner {
        None => Ok(JObjectArray::<JString>::null()),
        Some(parts) => Ok(strings(env, parts.iter().cloned().map(Some))?),
    })
}

#[unsafe(no_mangle)]
extern "system" fn Java_io_pinotage_jni_NativeScan_splitPartitions<'l>(
    env: EnvUnowned<'l>,
    _class: JClass<'l>,
    plan: jlong,
) -> JIntArray<'l> {
    call(env, |env| {
        let plan = handles::get::<ReadPlan>(plan)?;
        let number = |number: u32| i32::try_from(number).unwrap_or(-1);
        let numbers: Vec<i32> = plan.splits.iter().map(|split| split.partition.map_or(-1, number)).collect();
        let array = JIntArray::new(env, numbers.len())?;
        array.set_region(env, 0, &numbers)?;
        Ok(array)
    })
}

#[unsafe(no_mangle)]
extern "system" fn Java_io_pinotage_jni_NativeScan_close<'l>(env: EnvUnowned<'l>, _class: JClass<'l>, handle: jlong) {
    call(env, |_| {
        handles::remove(handle);
        Ok(())
    });
}
