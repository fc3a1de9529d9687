//! A limit of bytes a second, shared by all uploads.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use pinotage_common::{Error, Result};
use tokio::time::Instant;

/// A limit of bytes a second. Clones share it.
#[derive(Debug, Clone)]
pub(super) struct Limiter {
    bytes_a_second: u64,
    /// When what was granted so far will have been sent.
    free: Arc<Mutex<Instant>>,
}

impl Limiter {
    pub(super) fn new(bytes_a_second: u64) -> Result<Self> {
        if bytes_a_second == 0 {
            return Err(Error::invalid_config("no byte a second is too slow to upload anything")
                .with("option", "uploadBandwidth")
                .action("give a size such as `50MiB`, or leave the option out for no limit"));
        }
        Ok(Self { bytes_a_second, free: Arc::new(Mutex::new(Instant::now())) })
    }

    /// Waits until these bytes may be sent.
    pub(super) async fn grant(&self, bytes: usize) {
        let begin = self.book(Instant::now(), bytes);
        tokio::time::sleep_until(begin).await;
    }

    fn book(&self, now: Instant, bytes: usize) -> Instant {
        // Holds a time only: nothing can be half done in it.
        let mut free = self.free.lock().unwrap_or_else(PoisonError::into_inner);
        let begin = (*free).max(now);
        *free = begin + Duration::from_secs_f64(bytes as f64 / self.bytes_a_second as f64);
        begin
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn clones_share_the_limit_and_an_idle_time_is_not_saved_up() {
        let limiter = Limiter::new(1_000).unwrap();
        let now = Instant::now() + Duration::from_secs(1);
        assert_eq!(limiter.book(now, 500), now);
        assert_eq!(limiter.clone().book(now, 500), now + Duration::from_millis(500));
        let later = now + Duration::from_secs(60);
        assert_eq!(limiter.book(later, 500), later);
        assert_eq!(limiter.book(later, 1), later + Duration::from_millis(500));
        assert!(Limiter::new(0).is_err());
    }
}
