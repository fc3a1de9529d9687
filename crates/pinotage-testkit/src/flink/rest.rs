//! Jobs of a session cluster, by its REST.

use std::fs;
use std::path::Path;
use std::thread;
use std::time::{Duration, Instant};

use serde_json::{Value as Json, json};

use super::Session;

/// How long a job may take.
const JOB_LIMIT: Duration = Duration::from_secs(15 * 60);
const PAUSE: Duration = Duration::from_millis(100);

/// Separates the parts of an upload; long enough not to occur in one.
const BOUNDARY: &str = "pinotage-testkit-0b1d83a6c4e97f25";

/// A job that was submitted.
pub struct Job<'s> {
    session: &'s Session,
    /// Its id.
    pub id: String,
}

/// What became of a job so far.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum JobState {
    /// It goes on, or will.
    Running,
    /// All its input is through.
    Finished,
    /// Somebody cancelled it.
    Canceled,
    /// It failed for good; why.
    Failed(String),
}

impl Session {
    /// Uploads a jar; its id.
    pub fn upload(&self, jar: &Path) -> String {
        let head = format!(
            "--{BOUNDARY}\r\nContent-Disposition: form-data; name=\"jarfile\"; filename=\"job.jar\"\r\n\
             Content-Type: application/x-java-archive\r\n\r\n"
        );
        let mut body = head.into_bytes();
        body.extend(fs::read(jar).unwrap());
        body.extend(format!("\r\n--{BOUNDARY}--\r\n").bytes());
        let content_type = format!("multipart/form-data; boundary={BOUNDARY}");
        let answer = self.http.post(&format!("{}/jars/upload", self.url), &content_type, &body);
        let answer = json(&answer.unwrap_or_else(|error| panic!("{error}")));
        answer["filename"].as_str().unwrap().rsplit('/').next().unwrap().to_owned()
    }

    /// Runs a class of an uploaded jar, from a savepoint or checkpoint if one is named, or says why it was not submitted.
    pub fn run(&self, jar: &str, class: &str, args: &[String], from: Option<&str>) -> Result<Job<'_>, String> {
        let mut request = json!({"entryClass": class, "programArgsList": args});
        if let Some(from) = from {
            request["savepointPath"] = json!(from);
        }
        let answer = json(&self.http.post_json(&format!("{}/jars/{jar}/run", self.url), &request)?);
        Ok(self.job(answer["jobid"].as_str().unwrap()))
    }

    /// Cancels all jobs that run, and waits until they do not.
    pub fn cancel_all(&self) {
        let jobs = json(&self.http.get(&format!("{}/jobs", self.url)).unwrap_or_else(|error| panic!("{error}")));
        for id in jobs["jobs"].as_array().into_iter().flatten().filter_map(|job| job["id"].as_str()) {
            let job = self.job(id);
            if job.state() == JobState::Running {
                job.cancel();
            }
        }
    }

    /// The job of an id.
    pub fn job(&self, id: &str) -> Job<'_> {
        Job { session: self, id: id.to_owned() }
    }
}

impl Job<'_> {
    fn url(&self, rest: &str) -> String {
        format!("{}/jobs/{}{rest}", self.session.url, self.id)
    }

    fn get(&self, rest: &str) -> Json {
        self.session.http.get(&self.url(rest)).map_or(Json::Null, |answer| json(&answer))
    }

    /// What it is doing.
    pub fn state(&self) -> JobState {
        match self.get("")["state"].as_str() {
            Some("FINISHED") => JobState::Finished,
            Some("CANCELED") => JobState::Canceled,
            Some("FAILED") => JobState::Failed(self.failure()),
            _ => JobState::Running,
        }
    }

    /// The last failure, which a job that goes on may have had too; empty without one.
    pub fn failure(&self) -> String {
        self.get("/exceptions?maxExceptions=1")["exceptionHistory"]["entries"][0]["stacktrace"]
            .as_str()
            .unwrap_or_default()
            .to_owned()
    }

    /// Waits until it does not run any more.
    ///
    /// # Panics
    /// When that takes too long.
    pub fn wait(&self) -> JobState {
        let end = Instant::now() + JOB_LIMIT;
        loop {
            let state = self.state();
            if state != JobState::Running {
                return state;
            }
            assert!(Instant::now() < end, "job {} runs on; {}\n{}", self.id, self.failure(), self.session.logs());
            thread::sleep(PAUSE);
        }
    }

    /// Waits for its end.
    ///
    /// # Panics
    /// When it fails.
    pub fn finish(&self) {
        let state = self.wait();
        assert_eq!(state, JobState::Finished, "{}", self.session.logs());
    }

    /// The number of checkpoints that were complete.
    pub fn checkpoints(&self) -> u64 {
        self.get("/checkpoints")["counts"]["completed"].as_u64().unwrap_or_default()
    }

    /// Waits until so many checkpoints were complete.
    ///
    /// # Panics
    /// When it ends before.
    pub fn await_checkpoints(&self, count: u64) {
        let end = Instant::now() + JOB_LIMIT;
        while self.checkpoints() < count {
            let state = self.state();
            assert_eq!(state, JobState::Running, "{}", self.session.logs());
            assert!(Instant::now() < end, "no {count} checkpoints; {}\n{}", self.failure(), self.session.logs());
            thread::sleep(PAUSE);
        }
    }

    /// Cancels it and waits until it is.
    pub fn cancel(&self) -> JobState {
        // One that has ended meanwhile is not there to be cancelled.
        let _ = self.session.http.patch(&self.url("?mode=cancel"));
        self.wait()
    }

    /// Stops it with a savepoint in a folder, given as a URI; the savepoint's place.
    ///
    /// # Panics
    /// When there is none in the end.
    pub fn stop_with_savepoint(&self, folder: &str) -> String {
        let request = json!({"targetDirectory": folder, "drain": false, "formatType": "CANONICAL"});
        let answer = self.session.http.post_json(&self.url("/stop"), &request);
        let trigger =
            json(&answer.unwrap_or_else(|error| panic!("{error}")))["request-id"].as_str().unwrap().to_owned();
        let end = Instant::now() + JOB_LIMIT;
        loop {
            let answer = self.get(&format!("/savepoints/{trigger}"));
            if answer["status"]["id"] == "COMPLETED" {
                let place = answer["operation"]["location"].as_str();
                return place.unwrap_or_else(|| panic!("no savepoint: {answer}\n{}", self.session.logs())).to_owned();
            }
            assert!(Instant::now() < end, "no savepoint: {answer}\n{}", self.session.logs());
            thread::sleep(PAUSE);
        }
    }
}

fn json(body: &[u8]) -> Json {
    serde_json::from_slice(body).unwrap_or_else(|error| panic!("{error}: {}", String::from_utf8_lossy(body)))
}
