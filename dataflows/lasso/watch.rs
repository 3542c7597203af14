//! What is done with every measured point: the log, the progress line, the page's picture.

use std::sync::{Mutex, MutexGuard, OnceLock, PoisonError};
use std::time::Instant;

use serde_json::{Value, json};
use strads::models::lasso::Point;
use strads::report::{Progress, RunLog};

use super::arguments::Arguments;
use crate::failure::{Failure, say};
use crate::output::figure;

/// Watches a fit. Only process 0 sees points.
pub struct Watch {
    progress: Progress,
    started: OnceLock<Instant>,
    folds: Option<Folds>,
    state: Mutex<State>,
}

/// Where in a cross-validation an epoch is.
struct Folds {
    path: u64,
    count: u64,
}

struct State {
    log: Option<RunLog>,
    broken: Option<String>,
    points: Option<Vec<Point>>,
}

impl Watch {
    /// Opens the log, on the process that writes.
    pub fn new(arguments: &Arguments, writes: bool) -> Result<Self, Failure> {
        let log = arguments.log.as_deref().filter(|_| writes);
        let log = log.map(RunLog::create).transpose()?;
        let steps = arguments.model.steps().zip(arguments.model.cv);
        Ok(Watch {
            progress: Progress::spinner(arguments.output.quiet || !writes),
            started: OnceLock::new(),
            folds: steps.map(|(path, count)| Folds { path: path as u64, count: count as u64 }),
            state: Mutex::new(State {
                log,
                broken: None,
                points: arguments.report.as_ref().map(|_| Vec::new()),
            }),
        })
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Training begins.
    pub fn start(&self) {
        self.started.get_or_init(Instant::now);
    }

    /// Takes in a point.
    pub fn see(&self, point: &Point) {
        let seconds = self.started.get().map_or(0.0, |started| started.elapsed().as_secs_f64());
        let measure = &point.measure;
        self.progress.message(&format!(
            "lambda {}, round {}, objective {}, relative gap {:.1e}, {} nonzeros",
            figure(measure.lambda),
            point.round,
            figure(measure.objective()),
            measure.relative_gap(),
            measure.nonzeros
        ));
        let mut state = self.state();
        if let Some(points) = &mut state.points {
            points.push(*point);
        }
        let record = self.record(point, seconds);
        if let Some(Err(error)) = state.log.as_mut().map(|log| log.write(&record)) {
            // The model is worth more than its log: training goes on.
            say(&error.to_string());
            state.broken = Some(error.to_string());
            state.log = None;
        }
    }

    fn record(&self, point: &Point, seconds: f64) -> Value {
        let measure = &point.measure;
        let mut record = json!({
            "epoch": point.epoch,
            "round": point.round,
            "seconds": seconds,
            "lambda": measure.lambda,
            "last_stage": measure.is_last_stage(),
            "objective": measure.objective(),
            "dual_objective": measure.dual_objective(),
            "gap": measure.gap(),
            "relative_gap": measure.relative_gap(),
            "nonzeros": measure.nonzeros,
            "screened": measure.screened,
            "updates": measure.updates,
        });
        let Some(Folds { path, count }) = self.folds else { return record };
        let past = point.epoch.checked_sub(path);
        let fold = past.map(|past| past / path).filter(|fold| *fold < count);
        if let (Some(fold), Some(record)) = (fold, record.as_object_mut()) {
            record.insert("fold".into(), fold.into());
        }
        record
    }

    /// Training is over.
    pub fn finish(&self) {
        self.progress.finish();
    }

    /// Why the log is not whole, if it is not.
    pub fn broken(&self) -> Option<String> {
        self.state().broken.clone()
    }

    /// All points, if they are kept for a page.
    pub fn points(&self) -> Vec<Point> {
        self.state().points.take().unwrap_or_default()
    }
}
