//! `pinotage run --engine spark`
//!
//! The driver runs below `spark-submit`, in a process group of its own, so that Ctrl-C in a terminal is ours. It says how it goes on in
//! lines of its standard output that begin with [`SIGN`], and stops when its standard input ends: when it is asked to, and when
//! this process is gone.

use std::collections::VecDeque;
use std::io::{BufRead, BufReader, Read, Write as _};
use std::os::unix::process::CommandExt as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitCode, Stdio};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;
use std::time::Duration;

use pinotage_client::{Address, thrown};
use pinotage_common::{Error, ErrorKind, Result};
use pinotage_engine::{Cancel, Foreign, prepare_foreign};
use pinotage_job::file::DeployMode;
use pinotage_job::pinot_spec::{ForEngine, Runs, is_job_spec};
use pinotage_job::{Plan, Shown, SparkScript};
use tempfile::NamedTempFile;

use crate::commands::engine::{SparkArgs, found, jar_beside, steps};
use crate::commands::job::JobArgs;
use crate::commands::run::stop_on_ctrl_c;
use crate::output::print;

/// What lines of the runner begin with.
const SIGN: &str = "pinotage-job ";

/// How often this process looks whether it is to stop.
const LOOK: Duration = Duration::from_millis(100);

/// Lines of Spark's log that are kept, for a driver that ends without a word.
const LOG_LINES: usize = 40;

/// A line of the runner is not longer; a driver's own output might be.
const LINE_BYTES: u64 = 1 << 20;

/// A job for Spark.
pub(crate) struct ForSpark {
    plan: Plan,
    foreign: Foreign,
    /// With all secrets.
    script: SparkScript,
    /// For people.
    shown: SparkScript,
}

impl ForSpark {
    /// Reads the job, looks at its files, and asks its Pinot unless `offline`. Says on stderr what a person should know.
    pub(crate) fn load(args: &JobArgs, spark: Option<&SparkArgs>, offline: bool) -> Result<Self> {
        let text = args.text()?;
        let in_file = |error: Error| error.with("file", args.job.display());
        let (mut plan, spec) = match is_job_spec(&text) {
            true => {
                let ForEngine { plan, document, notes } =
                    args.load_spec(Runs::Elsewhere)?.for_engine().map_err(in_file)?;
                notes.iter().for_each(|note| eprintln!("note: {note}"));
                (plan, Some(document))
            }
            false => {
                args.no_spec()?;
                (Plan::for_engine(&args.job, args.controller().map(Address::parse).transpose()?)?, None)
            }
        };
        spark.map_or(Ok(()), |spark| given(&mut plan, spark))?;
        let foreign = prepare_foreign(&plan, offline)?;
        let script = |shown| match &spec {
            Some(document) => SparkScript::of_document(document, document, &plan, &foreign.found, shown),
            None => SparkScript::of(&text, &plan, &found(&foreign, args), shown),
        };
        let (shown, script) = (script(Shown::ToPeople).map_err(in_file)?, script(Shown::ToRunner).map_err(in_file)?);
        script.notes.iter().for_each(|note| eprintln!("note: {note}"));
        Ok(Self { plan, foreign, script, shown })
    }

    /// What would be submitted, and what would change in Pinot.
    pub(crate) fn described(&self) -> Result<String> {
        let submit =
            submit_command(&self.plan).map_or_else(|_| "spark-submit".to_owned(), |it| it.display().to_string());
        let arguments = self.shown.arguments(&self.plan, Path::new("<pinotage-spark.jar>"), Path::new("<job>"));
        Ok(format!("{}-- {submit} {}\n{}", steps(&self.foreign), arguments.join(" "), self.shown.to_text()))
    }

    /// The driver is a process of ours.
    fn is_here(&self) -> bool {
        self.plan.file.engine.spark.deploy_mode != Some(DeployMode::Cluster)
    }
}

/// What the command line says of Spark, before the job file.
fn given(plan: &mut Plan, args: &SparkArgs) -> Result<()> {
    let engine = &mut plan.file.engine.spark;
    if let Some(submit) = &args.spark_submit {
        // As every path of a command line: not beside the job file.
        let path = std::path::absolute(submit).map_err(|error| Error::io(error, "cannot find the command", submit))?;
        engine.submit = Some(path.display().to_string());
    }
    if args.master.is_some() {
        engine.master.clone_from(&args.master);
    }
    for setting in &args.conf {
        let Some((name, value)) = setting.split_once('=') else {
            return Err(
                Error::invalid_config(format!("expected NAME=VALUE, found `{setting}`")).with("option", "--conf")
            );
        };
        engine.conf.insert(name.to_owned(), value.into());
    }
    Ok(())
}

/// The command that is asked for, that of `SPARK_HOME`, or the first one of the path.
fn submit_command(plan: &Plan) -> Result<PathBuf> {
    let missing = |error: Error| {
        error.action(
            "install Spark 3.5 or 4 (`pip install pyspark` has all of it), and set SPARK_HOME, or name the command: `--spark-submit FILE`",
        )
    };
    let there = |file: PathBuf, option: &'static str| match file.is_file() {
        true => Ok(file),
        false => Err(missing(
            Error::not_found("there is no spark-submit").with("file", file.display()).with("option", option),
        )),
    };
    if let Some(given) = &plan.file.engine.spark.submit {
        return there(plan.base.join(given), "engine.spark.submit");
    }
    if let Some(home) = std::env::var_os("SPARK_HOME").filter(|home| !home.is_empty()) {
        return there(Path::new(&home).join("bin/spark-submit"), "SPARK_HOME");
    }
    let path = std::env::var_os("PATH").unwrap_or_default();
    let found = std::env::split_paths(&path).map(|folder| folder.join("spark-submit")).find(|file| file.is_file());
    found.ok_or_else(|| missing(Error::not_found("there is no spark-submit on the path, and SPARK_HOME is not set")))
}

/// Submits a job, and stays with it until it is over.
pub(crate) fn run(job: &ForSpark, jar: Option<&Path>) -> Result<ExitCode> {
    let submit = submit_command(&job.plan)?;
    let jar = match jar {
        Some(jar) if jar.is_file() => jar.to_owned(),
        Some(jar) => {
            return Err(Error::not_found("there is no such jar").with("file", jar.display()).with("option", "--jar"));
        }
        None => jar_beside("pinotage-spark-")?,
    };
    let cancel = Arc::new(AtomicBool::new(false));
    stop_on_ctrl_c(&cancel);
    if let Some(cluster) = &job.foreign.cluster {
        for step in cluster.make_table(&Cancel::from(Arc::clone(&cancel)))? {
            print(&format!("table {}: {step} (done)\n", cluster.key()))?;
        }
    }
    // Nobody else can read it, and it goes with this function; the runner removes it as soon as it has read it.
    let file = script_file(&job.script.to_properties(job.is_here()))?;
    let mut command = Command::new(&submit);
    let python = submit.with_file_name("python3");
    if python.is_file() && std::env::var_os("PYSPARK_PYTHON").is_none() {
        // PySpark's own: it asks the Python of its environment where Spark is, and an environment need not be active.
        command.env_remove("SPARK_HOME").env("PYSPARK_PYTHON", python);
    }
    command.args(job.script.arguments(&job.plan, &jar, file.path()));
    command.process_group(0).stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let child = command.spawn().map_err(|error| Error::io(error, "cannot start spark-submit", &submit))?;
    let outcome = Driver::watch(child, &cancel, job.is_here())?;
    let name = &job.plan.file.name;
    print(&match outcome {
        Some(Written { segments, rows, quarantined }) => {
            format!("finished {name}: {rows} rows written in {segments} segments, {quarantined} quarantined\n")
        }
        None => format!("finished {name}\n"),
    })?;
    Ok(ExitCode::SUCCESS)
}

fn script_file(text: &str) -> Result<NamedTempFile> {
    let failed = |error| Error::io(error, "cannot write the job for Spark", std::env::temp_dir());
    let mut file = tempfile::Builder::new().prefix("pinotage-").suffix(".properties").tempfile().map_err(failed)?;
    file.write_all(text.as_bytes()).and_then(|()| file.flush()).map_err(failed)?;
    Ok(file)
}

/// What a job has brought into its table.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Written {
    segments: u64,
    rows: u64,
    quarantined: u64,
}

/// What the runner says.
#[derive(Debug, PartialEq, Eq)]
enum Said {
    /// Something for the person who waits.
    Progress(String),
    Written(Written),
    /// A stack trace.
    Failed(String),
}

impl Said {
    /// A line of standard output; nothing for one that is not the runner's.
    fn parse(line: &str) -> Option<Self> {
        let (word, rest) = line.strip_prefix(SIGN)?.split_once(' ')?;
        match word {
            "progress" => Some(Self::Progress(rest.to_owned())),
            "failed" => Some(Self::Failed(rest.replace("\\n", "\n"))),
            "written" => {
                let mut numbers = rest.split(' ').map(|number| number.parse::<u64>().ok());
                let mut next = || numbers.next().flatten();
                Some(Self::Written(Written { segments: next()?, rows: next()?, quarantined: next()? }))
            }
            _ => None,
        }
    }
}

/// A driver that runs.
struct Driver<'a> {
    child: Child,
    cancel: &'a AtomicBool,
    /// It runs below our own process, and listens.
    is_here: bool,
    log: Arc<Mutex<VecDeque<String>>>,
    written: Option<Written>,
    failed: Option<String>,
}

impl Driver<'_> {
    fn watch(mut child: Child, cancel: &AtomicBool, is_here: bool) -> Result<Option<Written>> {
        let log = Arc::new(Mutex::new(VecDeque::new()));
        let (output, errors) = (child.stdout.take(), child.stderr.take());
        let (said, lines) = channel();
        let readers = [
            output.map(|output| thread::spawn(move || read_output(output, &said))),
            errors.map(|errors| {
                let log = Arc::clone(&log);
                thread::spawn(move || read_log(errors, &log))
            }),
        ];
        let mut driver = Driver { child, cancel, is_here, log, written: None, failed: None };
        driver.listen(&lines);
        let status = driver.child.wait().map_err(|error| Error::io(error, "cannot wait for spark-submit", "."))?;
        for reader in readers.into_iter().flatten() {
            // It has nothing to say but what it has sent.
            drop(reader.join());
        }
        driver.outcome(status.success(), &status.to_string())
    }

    /// Hears the runner until its output ends.
    fn listen(&mut self, lines: &Receiver<Said>) {
        let mut is_stopping = false;
        loop {
            match lines.recv_timeout(LOOK) {
                Ok(Said::Progress(text)) => eprintln!("{text}"),
                Ok(Said::Written(written)) => self.written = Some(written),
                Ok(Said::Failed(trace)) => self.failed = Some(trace),
                Err(RecvTimeoutError::Timeout) => {}
                Err(RecvTimeoutError::Disconnected) => return,
            }
            if self.cancel.load(Ordering::Relaxed) && !is_stopping {
                is_stopping = true;
                eprintln!("stopping");
                // The end of its input is what it listens for.
                self.child.stdin.take();
                if !self.is_here {
                    drop(self.child.kill());
                }
            }
        }
    }

    fn outcome(self, success: bool, status: &str) -> Result<Option<Written>> {
        let is_stopped = self.cancel.load(Ordering::Relaxed);
        match self.failed {
            // What came in before it heard of it is in.
            None if success => return Ok(self.written),
            Some(_) if is_stopped => {
                return Err(Error::new(
                    ErrorKind::Cancelled,
                    "the job was asked to stop, and nothing of it is in the table",
                ));
            }
            Some(trace) => {
                let error = thrown("the job failed", &trace);
                return Err(match error.kind() {
                    ErrorKind::Unexpected => error.action("`-v` shows Spark's own log, which has the whole of it"),
                    _ => error,
                });
            }
            None => {}
        }
        if is_stopped && !self.is_here {
            return Err(Error::new(ErrorKind::Cancelled, "this command has ended; the driver runs on in its cluster")
                .action("stop the application by the means of its cluster"));
        }
        let log = self.log.lock().unwrap_or_else(PoisonError::into_inner);
        let lines: Vec<&str> = log.iter().map(String::as_str).collect();
        let kind = if is_stopped { ErrorKind::Cancelled } else { ErrorKind::Unexpected };
        Err(Error::new(kind, format!("spark-submit ended with {status}; its log ends with\n{}", lines.join("\n")))
            .action("look at the log; `-v` shows all of it"))
    }
}

/// Lines of a stream, whatever their bytes are.
fn each_line(stream: impl Read, mut take: impl FnMut(String)) {
    let mut stream = BufReader::new(stream);
    let mut line = Vec::new();
    while matches!(stream.by_ref().take(LINE_BYTES).read_until(b'\n', &mut line), Ok(read) if read > 0) {
        take(String::from_utf8_lossy(&line).trim_end().to_owned());
        line.clear();
    }
}

fn read_output(output: impl Read, said: &Sender<Said>) {
    each_line(output, |line| match Said::parse(&line) {
        // Nobody listens when the process ends.
        Some(what) => drop(said.send(what)),
        None => tracing::info!("spark: {line}"),
    });
}

fn read_log(errors: impl Read, log: &Mutex<VecDeque<String>>) {
    each_line(errors, |line| {
        tracing::info!("spark: {line}");
        let mut log = log.lock().unwrap_or_else(PoisonError::into_inner);
        if log.len() == LOG_LINES {
            log.pop_front();
        }
        log.push_back(line);
    });
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_of_the_runner_are_told_from_others() {
        let written = Written { segments: 2, rows: 30, quarantined: 1 };
        assert_eq!(Said::parse("pinotage-job written 2 30 1"), Some(Said::Written(written)));
        assert_eq!(Said::parse("pinotage-job progress 1 of 2"), Some(Said::Progress("1 of 2".into())));
        assert_eq!(Said::parse("pinotage-job failed a\\nb"), Some(Said::Failed("a\nb".into())));
        for other in ["pinotage-job written 2", "+---+", "pinotage-job x y"] {
            assert_eq!(Said::parse(other), None, "{other}");
        }
    }

    #[test]
    fn scripts_are_nobody_elses() {
        use std::os::unix::fs::PermissionsExt as _;
        let file = script_file("query=x\n").unwrap();
        assert_eq!(std::fs::metadata(file.path()).unwrap().permissions().mode() & 0o777, 0o600);
    }

    #[test]
    fn logs_keep_their_end() {
        let log = Mutex::new(VecDeque::new());
        let lines: String = (0..100).map(|line| format!("{line}\n")).collect();
        read_log(lines.as_bytes(), &log);
        let log = log.into_inner().unwrap();
        assert_eq!((log.len(), log.back().map(String::as_str)), (LOG_LINES, Some("99")));
    }
}
