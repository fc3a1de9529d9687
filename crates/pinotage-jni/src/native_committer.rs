//! `io.pinotage.jni.NativeCommitter`

use std::sync::Arc;

use jni::EnvUnowned;
use jni::objects::{JByteArray, JClass, JLongArray, JObjectArray, JString};
use jni::sys::jlong;
use pinotage_common::{Error, Result};
use pinotage_connector::{Committable, Lives, Sink as _};
use pinotage_sink::writer::Replacing;

use crate::convert::{byte_arrays, count, string, strings, text, texts};
use crate::errors::call;
use crate::publication::{Publication, committing};
use crate::table::Table;
use crate::{handles, wire};

/// The committer of a run.
struct Committer {
    table: Arc<Table>,
    run: String,
    lives: Lives,
}

/// Processes of a run as text; none of an empty one.
fn lives(text: &str) -> Result<Lives> {
    if text.is_empty() {
        return Ok(Lives::default());
    }
    serde_json::from_str(text).map_err(|error| {
        Error::invalid_data("what a state says of the processes that wrote it makes no sense").caused_by(error)
    })
}

fn committables(bytes: &[Vec<u8>]) -> Result<Vec<Committable>> {
    bytes.iter().map(|bytes| wire::committable(bytes)).collect()
}

/// As `io.pinotage.sink.Replacing` writes it.
fn replacing(json: &str) -> Result<Replacing> {
    serde_json::from_str(json).map_err(|error| Error::unexpected("cannot read what is replaced").caused_by(error))
}

#[unsafe(no_mangle)]
extern "system" fn Java_io_pinotage_jni_NativeCommitter_open<'l>(
    env: EnvUnowned<'l>,
    _class: JClass<'l>,
    sink: jlong,
    run: JString<'l>,
    known: JString<'l>,
) -> jlong {
    call(env, |env| {
        let committer =
            Committer { table: handles::get(sink)?, run: text(env, &run)?, lives: lives(&text(env, &known)?)? };
        Ok(handles::put(committer))
    })
}

#[unsafe(no_mangle)]
extern "system" fn Java_io_pinotage_jni_NativeCommitter_begin<'l>(
    env: EnvUnowned<'l>,
    _class: JClass<'l>,
    known: JString<'l>,
    life: JString<'l>,
    behind: jlong,
) -> JString<'l> {
    call(env, |env| {
        let mut lives = lives(&text(env, &known)?)?;
        lives.begin(text(env, &life)?, count("an epoch", behind)?);
        let text = serde_json::to_string(&lives)
            .map_err(|error| Error::unexpected("processes of a run are no text").caused_by(error))?;
        Ok(string(env, &text)?)
    })
}

#[unsafe(no_mangle)]
extern "system" fn Java_io_pinotage_jni_NativeCommitter_check<'l>(
    env: EnvUnowned<'l>,
    _class: JClass<'l>,
    committer: jlong,
    epoch: jlong,
) {
    call(env, |_| {
        let Committer { table, run, lives } = &*handles::get::<Committer>(committer)?;
        let epoch = count("an epoch", epoch)?;
        let sink = table.committing(Replacing::Nothing, Arc::new(()))?;
        Ok(sink.committer(&committing(table, run, lives, epoch))?.check(epoch)?)
    });
}

#[unsafe(no_mangle)]
extern "system" fn Java_io_pinotage_jni_NativeCommitter_start<'l>(
    env: EnvUnowned<'l>,
    _class: JClass<'l>,
    committer: jlong,
    all: JObjectArray<'l, JByteArray<'l>>,
    replacing: JString<'l>,
) -> jlong {
    call(env, |env| {
        let Committer { table, run, lives } = &*handles::get::<Committer>(committer)?;
        let all = committables(&byte_arrays(env, &all)?)?;
        let replacing = self::replacing(&text(env, &replacing)?)?;
        Ok(handles::put(Publication::start(Arc::clone(table), run, lives, all, replacing)?))
    })
}

#[unsafe(no_mangle)]
extern "system" fn Java_io_pinotage_jni_NativeCommitter_checkReplacing<'l>(
    env: EnvUnowned<'l>,
    _class: JClass<'l>,
    committer: jlong,
    replacing: JString<'l>,
) {
    call(env, |env| {
        let Committer { table, .. } = &*handles::get::<Committer>(committer)?;
        let replacing = self::replacing(&text(env, &replacing)?)?;
        Ok(table.committing(replacing, Arc::new(()))?.check_replacing(&table.job.name)?)
    });
}

#[unsafe(no_mangle)]
extern "system" fn Java_io_pinotage_jni_NativeCommitter_forget<'l>(
    env: EnvUnowned<'l>,
    _class: JClass<'l>,
    committer: jlong,
) {
    call(env, |_| {
        let Committer { table, run, lives } = &*handles::get::<Committer>(committer)?;
        let sink = table.committing(Replacing::Nothing, Arc::new(()))?;
        Ok(sink.forget(&committing(table, run, lives, 0))?)
    });
}

#[unsafe(no_mangle)]
extern "system" fn Java_io_pinotage_jni_NativeCommitter_lives<'l>(
    env: EnvUnowned<'l>,
    _class: JClass<'l>,
    committer: jlong,
) -> JObjectArray<'l, JString<'l>> {
    call(env, |env| {
        let Committer { table, run, lives } = &*handles::get::<Committer>(committer)?;
        let sink = table.committing(Replacing::Nothing, Arc::new(()))?;
        let staged = sink.lives(&committing(table, run, lives, 0))?;
        Ok(strings(env, staged.into_iter().map(Some))?)
    })
}

#[unsafe(no_mangle)]
extern "system" fn Java_io_pinotage_jni_NativeCommitter_forgetLives<'l>(
    env: EnvUnowned<'l>,
    _class: JClass<'l>,
    committer: jlong,
    over: JObjectArray<'l, JString<'l>>,
    needed: JObjectArray<'l, JString<'l>>,
) {
    call(env, |env| {
        let Committer { table, run, lives } = &*handles::get::<Committer>(committer)?;
        let (over, needed) = (texts(env, &over)?, texts(env, &needed)?);
        let sink = table.committing(Replacing::Nothing, Arc::new(()))?;
        Ok(sink.forget_lives(&committing(table, run, lives, 0), &over, &needed)?)
    });
}

#[unsafe(no_mangle)]
extern "system" fn Java_io_pinotage_jni_NativeCommitter_abort<'l>(
    env: EnvUnowned<'l>,
    _class: JClass<'l>,
    committer: jlong,
    all: JObjectArray<'l, JByteArray<'l>>,
) {
    call(env, |env| {
        let Committer { table, run, lives } = &*handles::get::<Committer>(committer)?;
        let all = committables(&byte_arrays(env, &all)?)?;
        let sink = table.committing(Replacing::Nothing, Arc::new(()))?;
        Ok(sink.committer(&committing(table, run, lives, 0))?.abort(&all)?)
    });
}

#[unsafe(no_mangle)]
extern "system" fn Java_io_pinotage_jni_NativeCommitter_close<'l>(
    env: EnvUnowned<'l>,
    _class: JClass<'l>,
    committer: jlong,
) {
    call(env, |_| {
        handles::remove(committer);
        Ok(())
    });
}

#[unsafe(no_mangle)]
extern "system" fn Java_io_pinotage_jni_NativeCommitter_poll<'l>(
    env: EnvUnowned<'l>,
    _class: JClass<'l>,
    publication: jlong,
) -> JLongArray<'l> {
    call(env, |env| {
        let progress = handles::get::<Publication>(publication)?.progress();
        let array = JLongArray::new(env, progress.len())?;
        array.set_region(env, 0, &progress)?;
        Ok(array)
    })
}

#[unsafe(no_mangle)]
extern "system" fn Java_io_pinotage_jni_NativeCommitter_failure<'l>(
    env: EnvUnowned<'l>,
    _class: JClass<'l>,
    publication: jlong,
) {
    call(env, |_| Ok(handles::get::<Publication>(publication)?.failure()?));
}

#[unsafe(no_mangle)]
extern "system" fn Java_io_pinotage_jni_NativeCommitter_warnings<'l>(
    env: EnvUnowned<'l>,
    _class: JClass<'l>,
    publication: jlong,
) -> JObjectArray<'l, JString<'l>> {
    call(env, |env| {
        let warnings = handles::get::<Publication>(publication)?.warnings();
        Ok(strings(env, warnings.into_iter().map(Some))?)
    })
}

#[unsafe(no_mangle)]
extern "system" fn Java_io_pinotage_jni_NativeCommitter_cancel<'l>(
    env: EnvUnowned<'l>,
    _class: JClass<'l>,
    publication: jlong,
) {
    call(env, |_| {
        handles::get::<Publication>(publication)?.cancel();
        Ok(())
    });
}

#[unsafe(no_mangle)]
extern "system" fn Java_io_pinotage_jni_NativeCommitter_closePublication<'l>(
    env: EnvUnowned<'l>,
    _class: JClass<'l>,
    publication: jlong,
) {
    call(env, |_| {
        handles::remove(publication);
        Ok(())
    });
}
