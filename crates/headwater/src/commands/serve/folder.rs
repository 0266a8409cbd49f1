//! What the service keeps in its data folder: opened at the start, closed at the end.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use anyhow::Context as _;
use headwater_engine::{Engine, EngineOptions, ReadAhead};
use headwater_store::{
    Excerpt, Log, LogError, Offset, OpeningState, SegmentLog, SegmentOptions, SledOptions,
    SledState, State, StateError,
};
use tokio::task::JoinHandle;

use crate::data_folder::DataFolder;
use crate::failure::{Exit, Failure};
use crate::serve_config::{LimitsConfig, ServeConfig};

/// Opens the log, the state and the engine over them.
pub(super) fn open(config: &ServeConfig) -> anyhow::Result<(Engine, Arc<OpeningState<SledState>>)> {
    let data = &config.data;
    std::fs::create_dir_all(data).map_err(|error| {
        Failure::new(
            Exit::Failed,
            format!("cannot make folder {}", data.display()),
        )
        .because(error)
    })?;
    // Both are large: they are read while the log and the state are opened.
    let read_ahead = ReadAhead::begin(&data.join("graph"));
    let options = SegmentOptions {
        segment_bytes: config.limits.log_segment_bytes,
        reserve_bytes: config.limits.disk_reserve_bytes,
        ..SegmentOptions::default()
    };
    let (log, report) =
        SegmentLog::open(&data.join("log"), options).map_err(|error| match &error {
            LogError::Locked { .. } => DataFolder(data.to_owned()).refused(error).into(),
            _ => anyhow::Error::new(error)
                .context(format!("the log in {} can't be opened", data.display())),
        })?;
    if let Some(tail) = &report.torn_tail {
        tracing::warn!(
            segment = %tail.segment, byte_offset = tail.byte_offset,
            "the log's torn end is cut: it was never acknowledged"
        );
    }
    let log: Arc<dyn Log> = Arc::new(log);
    let state = Arc::new(begin_state(data, &config.limits, log.last_offset())?);
    match open_engine(config, &log, &state, read_ahead) {
        Err(error) if state.refusal().is_some() => {
            tracing::warn!("{error:#}: the state is opened without its excerpt");
            drop(state);
            let state = open_state(&data.join("state"), &config.limits)?;
            let state = Arc::new(OpeningState::opened(state));
            let read_ahead = ReadAhead::begin(&data.join("graph"));
            Ok((open_engine(config, &log, &state, read_ahead)?, state))
        }
        opened => Ok((opened?, state)),
    }
}

fn open_engine(
    config: &ServeConfig,
    log: &Arc<dyn Log>,
    state: &Arc<OpeningState<SledState>>,
    read_ahead: ReadAhead,
) -> anyhow::Result<Engine> {
    let options = EngineOptions {
        queue_submissions_max: config.limits.queue_submissions_max,
        commit_submissions_max: config.limits.commit_submissions_max,
        submission_facts_max: config.limits.submission_facts_max,
        graph_file: Some(config.data.join("graph")),
        ..EngineOptions::default()
    };
    let state: Arc<dyn State> = Arc::<OpeningState<SledState>>::clone(state);
    let (engine, recovery) =
        Engine::open_with(Arc::clone(log), state, options, Some(read_ahead))
            .with_context(|| format!("the data in {} can't be used", config.data.display()))?;
    tracing::info!(
        offset = recovery.offset.get(),
        entries_replayed_count = recovery.replayed_count,
        "everything up to offset {} is visible",
        recovery.offset
    );
    Ok(engine)
}

/// Opens the state beside all else, if what a start needs of it is kept from a clean stop.
fn begin_state(
    data: &Path,
    limits: &LimitsConfig,
    last_offset: Offset,
) -> anyhow::Result<OpeningState<SledState>> {
    let folder = data.join("state");
    let excerpt = Excerpt::take(&excerpt_file(data)).unwrap_or_else(|error| {
        tracing::warn!(%error, "the excerpt of the state is not used: {error}");
        None
    });
    if let Some(excerpt) = excerpt.filter(|excerpt| excerpt.applied() == last_offset) {
        let options = sled_options(limits);
        return Ok(OpeningState::begin(excerpt, move || {
            SledState::open(&folder, options)
        }));
    }
    Ok(OpeningState::opened(open_state(&folder, limits)?))
}

fn sled_options(limits: &LimitsConfig) -> SledOptions {
    SledOptions {
        cache_bytes: limits.state_cache_bytes,
        ..SledOptions::default()
    }
}

/// Opens the state; one that is damaged is removed, since everything in it can be rebuilt from the log.
fn open_state(folder: &Path, limits: &LimitsConfig) -> anyhow::Result<SledState> {
    let options = sled_options(limits);
    match SledState::open(folder, options) {
        Err(StateError::Corrupt(reason)) => {
            tracing::warn!("the state is damaged ({reason}): it is rebuilt from the log");
            SledState::remove(folder)?;
            Ok(SledState::open(folder, options)?)
        }
        opened => {
            opened.with_context(|| format!("the state in {} can't be opened", folder.display()))
        }
    }
}

/// Closes the state, and keeps what the next start needs of it at once.
pub(super) fn close(
    engine: Arc<Engine>,
    state: Arc<OpeningState<SledState>>,
    data: &Path,
) -> anyhow::Result<()> {
    let excerpt = engine.excerpt();
    drop(engine);
    // Nobody holds it any more, unless a request was cut off and its thread still reads.
    let Some(state) = Arc::into_inner(state) else {
        return Ok(());
    };
    let closed = state.into_inner().and_then(SledState::close);
    closed.context("the state is not closed as it should be")?;
    let kept = match excerpt {
        Ok(Some(excerpt)) => excerpt
            .write(&excerpt_file(data))
            .map_err(anyhow::Error::from),
        Ok(None) => Ok(()),
        Err(error) => Err(error.into()),
    };
    if let Err(error) = kept {
        tracing::warn!(%error, "the next start waits for the state: {error}");
    }
    Ok(())
}

fn excerpt_file(data: &Path) -> PathBuf {
    // Whoever removes the state removes what is known of it.
    data.join("state/excerpt")
}

/// Ready if the state that is being opened can't be; otherwise never.
pub(super) async fn failed(opened: &mut JoinHandle<Result<(), StateError>>) -> anyhow::Error {
    match opened.await {
        Ok(Ok(())) => std::future::pending().await,
        Ok(Err(error)) => error.into(),
        Err(error) => error.into(),
    }
}
