//! The funnel: every error and panic becomes an `io.pinotage.PinotageException`.

use std::any::Any;
use std::error::Error as _;

use jni::errors::ErrorPolicy;
use jni::objects::{JObject, JString, JThrowable};
use jni::{Env, EnvUnowned, JValue, jni_sig, jni_str};
use pinotage_common::{Error, Origin, Retry};

use crate::convert::strings;

/// What a native method can end with.
#[derive(Debug)]
pub(crate) enum Failure {
    /// An error of ours.
    Ours(Error),
    /// The JVM refused something; it may have an exception of its own pending.
    Java(jni::errors::Error),
}

impl From<Error> for Failure {
    fn from(error: Error) -> Self {
        Self::Ours(error)
    }
}

impl From<jni::errors::Error> for Failure {
    fn from(error: jni::errors::Error) -> Self {
        Self::Java(error)
    }
}

/// The result of a native method.
pub(crate) type Outcome<T> = Result<T, Failure>;

/// Runs a native method: what fails in it is thrown in Java, and nothing unwinds into the JVM.
pub(crate) fn call<'local, T: Default>(
    mut env: EnvUnowned<'local>,
    body: impl FnOnce(&mut Env<'local>) -> Outcome<T>,
) -> T {
    env.with_env(body).resolve::<Throw>()
}

struct Throw;

impl<T: Default> ErrorPolicy<T, Failure> for Throw {
    type Captures<'unowned: 'method, 'method> = ();

    fn on_error<'unowned: 'method, 'method>(
        env: &mut Env<'unowned>,
        (): &mut (),
        failure: Failure,
    ) -> jni::errors::Result<T> {
        throw(env, failure)?;
        Ok(T::default())
    }

    fn on_panic<'unowned: 'method, 'method>(
        env: &mut Env<'unowned>,
        (): &mut (),
        payload: Box<dyn Any + Send + 'static>,
    ) -> jni::errors::Result<T> {
        throw(env, Failure::Ours(panicked(&*payload)))?;
        Ok(T::default())
    }
}

/// The error of a panic.
pub(crate) fn panicked(payload: &(dyn Any + Send)) -> Error {
    let text = payload.downcast_ref::<&str>().map(|text| (*text).to_owned());
    let text = text.or_else(|| payload.downcast_ref::<String>().cloned());
    Error::unexpected(format!("the native library panicked: {}", text.as_deref().unwrap_or("nobody knows why")))
}

fn throw(env: &mut Env<'_>, failure: Failure) -> jni::errors::Result<()> {
    if env.exception_check() {
        // It says more than we could.
        return Ok(());
    }
    let error = match failure {
        Failure::Ours(error) => error,
        Failure::Java(error) => Error::unexpected("the JVM refused a call").caused_by(error),
    };
    let exception = exception(env, &error)?;
    match env.throw(exception) {
        // That is how it says that it was thrown.
        Err(jni::errors::Error::JavaException) | Ok(()) => Ok(()),
        Err(other) => Err(other),
    }
}

fn exception<'local>(env: &mut Env<'local>, error: &Error) -> jni::errors::Result<JThrowable<'local>> {
    let origin = match error.origin() {
        Origin::User => "USER",
        Origin::Remote => "REMOTE",
        Origin::Internal => "INTERNAL",
    };
    let mut causes = Vec::new();
    let mut next = error.source();
    while let Some(cause) = next {
        causes.push(cause.to_string());
        next = cause.source();
    }
    let pairs = error.context().iter().flat_map(|(key, value)| [(*key).to_owned(), value.clone()]);
    let context = strings(env, pairs.map(Some))?;
    let kind = JString::from_str(env, error.kind().name())?;
    let origin = JString::from_str(env, origin)?;
    let message = JString::from_str(env, error.to_string())?;
    let advice = JString::from_str(env, error.advice())?;
    let cause = match causes.is_empty() {
        true => JObject::null(),
        false => JString::from_str(env, causes.join("; caused by: "))?.into(),
    };
    let class = env.find_class(jni_str!("io/pinotage/PinotageException"))?;
    let made = env.call_static_method(
        class,
        jni_str!("of"),
        jni_sig!(
            "(Ljava/lang/String;Ljava/lang/String;ZLjava/lang/String;Ljava/lang/String;[Ljava/lang/String;Ljava/lang/String;)Lio/pinotage/PinotageException;"
        ),
        &[
            JValue::Object(&kind),
            JValue::Object(&origin),
            JValue::Bool(error.retry() == Retry::Temporary),
            JValue::Object(&message),
            JValue::Object(&advice),
            JValue::Object(&context),
            JValue::Object(&cause),
        ],
    )?;
    env.cast_local::<JThrowable>(made.l()?)
}
