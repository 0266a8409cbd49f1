//! The memory for bodies, and when it is given back.

use std::future::Future;
use std::pin::pin;
use std::sync::{Arc, mpsc};
use std::task::{Context, Waker};

use headwater_server::Limits;
use headwater_store::{Entry, Log, LogError, MemoryLog, Offset, Payload};

use crate::support::{Service, event, metric, post};

const BYTES: &str = "headwater_bodies_bytes";

/// A log whose appends wait until they are let through.
struct Held {
    log: MemoryLog,
    gate: std::sync::Mutex<mpsc::Receiver<()>>,
}

impl Log for Held {
    fn append(&self, batch: &[Payload]) -> Result<headwater_store::Appended, LogError> {
        let gate = self.gate.lock().expect("the gate");
        gate.recv().expect("the test lets it through");
        self.log.append(batch)
    }

    fn read_after(
        &self,
        offset: Offset,
        entries_max: u32,
        bytes_max: u64,
    ) -> Result<Vec<Entry>, LogError> {
        self.log.read_after(offset, entries_max, bytes_max)
    }

    fn last_offset(&self) -> Offset {
        self.log.last_offset()
    }

    fn first_offset(&self) -> Option<Offset> {
        self.log.first_offset()
    }

    fn bytes_on_disk(&self) -> u64 {
        self.log.bytes_on_disk()
    }

    fn segments_count(&self) -> usize {
        self.log.segments_count()
    }
}

#[tokio::test]
async fn a_body_counts_until_the_writer_is_done_with_it_though_its_client_left() {
    let (open, gate) = mpsc::channel();
    let log = Arc::new(Held {
        log: MemoryLog::new(),
        gate: std::sync::Mutex::new(gate),
    });
    let service = Service::over(log, Limits::default());
    let text = event(1);
    {
        let asked = service.ask(post("/api/v1/lineage", &[], text.clone()));
        let mut asked = pin!(asked);
        let mut context = Context::from_waker(Waker::noop());
        assert!(asked.as_mut().poll(&mut context).is_pending());
        assert_eq!(metric(&service, BYTES).await, text.len() as u64);
    }
    assert_eq!(
        metric(&service, BYTES).await,
        text.len() as u64,
        "the client left"
    );
    open.send(()).expect("the writer waits");
    service.engine.shut_down();
    assert_eq!(metric(&service, BYTES).await, 0);
    assert_eq!(
        service.engine.stats().offset,
        1,
        "it was accepted all the same"
    );
}
