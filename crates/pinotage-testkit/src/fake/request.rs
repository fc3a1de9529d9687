//! A request as it arrived.

/// A request as it arrived.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Request {
    /// The method.
    pub method: String,
    /// The path as it was sent, without its query; of a request to a proxy the whole URL.
    pub path: String,
    /// What stands behind `?`.
    pub query: String,
    /// Names in lower case.
    pub headers: Vec<(String, String)>,
    /// The whole body; empty when the fake did not read it.
    pub body: Vec<u8>,
}

impl Request {
    /// The value of a header.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(known, _)| known == name).map(|(_, value)| value.as_str())
    }

    /// What the only part of a form says of itself, and what it holds.
    pub fn part(&self) -> Option<(String, &[u8])> {
        let boundary = self.header("content-type")?.strip_prefix("multipart/form-data; boundary=")?;
        let body = self.body.strip_prefix(format!("--{boundary}\r\n").as_bytes())?;
        let body = body.strip_suffix(format!("\r\n--{boundary}--\r\n").as_bytes())?;
        let split = body.windows(4).position(|bytes| bytes == b"\r\n\r\n")?;
        Some((String::from_utf8_lossy(&body[..split]).into_owned(), &body[split + 4..]))
    }
}
