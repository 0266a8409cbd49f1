//! How many OpenLineage events a second are durable and visible.

use std::io::Write;
use std::net::{SocketAddr, TcpStream};
use std::path::Path;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};
use rustix::event::{PollFd, PollFlags, Timespec, poll};

use crate::Settings;
use crate::http::{Answer, Connection, post_into};
use crate::places::Places;
use crate::process;
use crate::run_event::{Generator, Run, Said};
use crate::service::Service;
use crate::table::{Table, Times, count, mebibytes, millis, rate, seconds};

const PATH: &str = "/api/v1/lineage";
const JOBS: u64 = 1_000;
/// Before measuring, at least this long and every job once.
const WARM_UP: Duration = Duration::from_secs(2);
/// Clients at a time, and how many jobs they go round; without a number every run is of a new job.
const CASES: [(usize, Option<u64>); 4] = [
    (1, Some(JOBS)),
    (8, Some(JOBS)),
    (64, Some(JOBS)),
    (64, None),
];

/// What was measured of one case.
struct Sample {
    window: Duration,
    times: Vec<Duration>,
    refused_count: u64,
    body_bytes: u64,
    service_cpu: Duration,
    generator_cpu: Duration,
}

pub(crate) fn run(places: &Places, settings: &Settings) -> Result<()> {
    let mut table = Table::new(&[
        "clients",
        "jobs",
        "events/s",
        "p50",
        "p99",
        "CPU service",
        "CPU generator",
        "service CPU per event",
        "generator's share of the CPU used",
        "bytes per event: sent",
        "in the log",
        "service memory after",
        "refused as busy",
    ]);
    for (clients_count, jobs_count) in CASES {
        table.row(case(places, settings, clients_count, jobs_count)?);
    }
    println!("{table}");
    Ok(())
}

fn case(
    places: &Places,
    settings: &Settings,
    clients_count: usize,
    jobs_count: Option<u64>,
) -> Result<Vec<String>> {
    let folder = tempfile::tempdir()?;
    let data = folder.path().join("data");
    let service = Service::start(places, &data)?;
    let mut generator = Generator::new(jobs_count)?;
    let mut load = Load::open(service.address, clients_count)?;
    let warm_up = Instant::now();
    let warm_events_min = jobs_count.map_or(0, |jobs| 2 * jobs);
    let mut warm_events = 0;
    while warm_up.elapsed() < WARM_UP || warm_events < warm_events_min {
        let window = Duration::from_millis(250);
        warm_events += load.run(&mut generator, window)?.times.len() as u64;
    }
    let log_before = bytes_below(&data.join("log"))?;
    let (service_cpu, own_cpu) = (service.cpu()?, process::own_cpu()?);
    let mut sample = load.run(&mut generator, Duration::from_secs(settings.seconds))?;
    sample.service_cpu = service.cpu()?.saturating_sub(service_cpu);
    sample.generator_cpu = process::own_cpu()?.saturating_sub(own_cpu);
    let log_bytes = bytes_below(&data.join("log"))? - log_before;
    let resident = service.resident()?;
    service.stop()?;
    Ok(cells(
        clients_count,
        jobs_count,
        sample,
        log_bytes,
        resident,
    ))
}

fn cells(
    clients_count: usize,
    jobs_count: Option<u64>,
    sample: Sample,
    log_bytes: u64,
    resident: u64,
) -> Vec<String> {
    let events = sample.times.len().max(1);
    let per_event = sample.service_cpu.as_secs_f64() * 1e6 / events as f64;
    let used = (sample.service_cpu + sample.generator_cpu).as_secs_f64();
    let share = 100.0 * sample.generator_cpu.as_secs_f64() / used.max(f64::EPSILON);
    let events = events as u64;
    let times = Times::new(sample.times);
    vec![
        clients_count.to_string(),
        jobs_count.map_or("each new".to_owned(), count),
        rate(events, sample.window),
        millis(times.percentile(50)),
        millis(times.percentile(99)),
        seconds(sample.service_cpu),
        seconds(sample.generator_cpu),
        format!("{per_event:.0} µs"),
        format!("{share:.0} %"),
        count(sample.body_bytes / events),
        count(log_bytes / events),
        mebibytes(resident),
        count(sample.refused_count),
    ]
}

fn bytes_below(folder: &Path) -> Result<u64> {
    let mut bytes = 0;
    for entry in std::fs::read_dir(folder)? {
        bytes += entry?.metadata()?.len();
    }
    Ok(bytes)
}

/// Sends START and COMPLETE of so many runs of `jobs_count` jobs, one after the other.
pub(crate) fn send(address: SocketAddr, jobs_count: u64, runs_count: u64) -> Result<()> {
    let mut generator = Generator::new(Some(jobs_count))?;
    let mut connection = Connection::open(address)?;
    let (mut body, mut request) = (Vec::new(), Vec::new());
    for _ in 0..runs_count {
        let run = generator.run();
        for said in [Said::Start, Said::Complete] {
            generator.write(run, said, &mut body);
            post_into(&mut request, PATH, &body);
            let status = connection.ask(&request)?.status;
            ensure!(status == 201, "an event is answered with {status}");
        }
    }
    Ok(())
}

/// Clients that each send their next event as soon as the last one is answered; all on one thread.
struct Load {
    streams: Vec<TcpStream>,
    clients: Vec<Client>,
    body: Vec<u8>,
    request: Vec<u8>,
}

struct Client {
    answer: Answer,
    /// The run that has begun and not ended.
    run: Option<Run>,
    sent_at: Instant,
    /// Of what was sent last.
    body_bytes: u64,
}

impl Client {
    /// Sends the next event: START of a new run, then its COMPLETE.
    fn send(
        &mut self,
        mut stream: &TcpStream,
        generator: &mut Generator,
        body: &mut Vec<u8>,
        request: &mut Vec<u8>,
    ) -> Result<()> {
        let (run, said) = match self.run.take() {
            Some(run) => (run, Said::Complete),
            None => (generator.run(), Said::Start),
        };
        if said == Said::Start {
            self.run = Some(run);
        }
        generator.write(run, said, body);
        post_into(request, PATH, body);
        self.body_bytes = body.len() as u64;
        self.answer.clear();
        self.sent_at = Instant::now();
        stream.write_all(request).context("an event can't be sent")
    }

    /// Reads what has arrived; the status, once the answer is whole.
    fn read(&mut self, stream: &TcpStream) -> Result<Option<u16>> {
        self.answer.read_from(stream)?;
        Ok(self.answer.whole()?.map(|whole| whole.status))
    }
}

impl Load {
    fn open(address: SocketAddr, clients_count: usize) -> Result<Self> {
        let mut streams = Vec::new();
        let mut clients = Vec::new();
        for _ in 0..clients_count {
            let Connection { stream, answer } = Connection::open(address)?;
            streams.push(stream);
            clients.push(Client {
                answer,
                run: None,
                sent_at: Instant::now(),
                body_bytes: 0,
            });
        }
        Ok(Self {
            streams,
            clients,
            body: Vec::new(),
            request: Vec::new(),
        })
    }

    /// Sends for that long, then waits for what is under way; counts what was answered in time.
    fn run(&mut self, generator: &mut Generator, window: Duration) -> Result<Sample> {
        let mut sample = Sample {
            window,
            times: Vec::new(),
            refused_count: 0,
            body_bytes: 0,
            service_cpu: Duration::ZERO,
            generator_cpu: Duration::ZERO,
        };
        let timeout = Timespec {
            tv_sec: 60,
            tv_nsec: 0,
        };
        let end = Instant::now() + window;
        for (stream, client) in self.streams.iter().zip(&mut self.clients) {
            client.send(stream, generator, &mut self.body, &mut self.request)?;
        }
        let mut waiting: Vec<PollFd<'_>> = self
            .streams
            .iter()
            .map(|stream| PollFd::new(stream, PollFlags::IN))
            .collect();
        let mut under_way = self.streams.len();
        while under_way > 0 {
            let ready = poll(&mut waiting, Some(&timeout)).context("cannot wait for answers")?;
            ensure!(ready > 0, "nothing is answered for a minute");
            for (at, waiting) in waiting.iter().enumerate() {
                if waiting.revents().is_empty() {
                    continue;
                }
                let (stream, client) = (&self.streams[at], &mut self.clients[at]);
                let Some(status) = client.read(stream)? else {
                    continue;
                };
                let now = Instant::now();
                let is_in_time = now < end;
                match status {
                    201 if is_in_time => {
                        sample.times.push(now - client.sent_at);
                        sample.body_bytes += client.body_bytes;
                    }
                    201 => {}
                    503 => sample.refused_count += 1,
                    other => anyhow::bail!("an event is answered with {other}"),
                }
                if is_in_time {
                    client.send(stream, generator, &mut self.body, &mut self.request)?;
                } else {
                    under_way -= 1;
                }
            }
        }
        Ok(sample)
    }
}
