//! What is done with every measured point: the log, the progress line, the page's picture.

use std::sync::{Mutex, PoisonError};

use serde_json::{Value, json};
use strads::models::lasso::Point;

use super::arguments::Arguments;
use crate::failure::Failure;
use crate::output::figure;
use crate::run::Journal;

/// Watches a fit. Only process 0 sees points.
pub struct Watch {
    pub journal: Journal,
    folds: Option<Folds>,
    points: Option<Mutex<Vec<Point>>>,
}

/// Where in a cross-validation an epoch is.
struct Folds {
    path: u64,
    count: u64,
}

impl Watch {
    /// Opens the log, on the process that writes.
    pub fn new(arguments: &Arguments, writes: bool) -> Result<Self, Failure> {
        let steps = arguments.model.steps().zip(arguments.model.cv);
        let quiet = arguments.output.quiet;
        Ok(Watch {
            journal: Journal::new(arguments.log.as_deref(), quiet, writes)?,
            folds: steps.map(|(path, count)| Folds { path: path as u64, count: count as u64 }),
            points: arguments.report.as_ref().map(|_| Mutex::default()),
        })
    }

    /// Takes in a point.
    pub fn see(&self, point: &Point) {
        let measure = &point.measure;
        let message = format!(
            "lambda {}, round {}, objective {}, relative gap {:.1e}, {} nonzeros",
            figure(measure.lambda),
            point.round,
            figure(measure.objective()),
            measure.relative_gap(),
            measure.nonzeros
        );
        self.journal.point(&message, &self.record(point, self.journal.seconds()));
        if let Some(points) = &self.points {
            points.lock().unwrap_or_else(PoisonError::into_inner).push(*point);
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
            "couples": measure.couples,
        });
        let Some(Folds { path, count }) = self.folds else { return record };
        let past = point.epoch.checked_sub(path);
        let fold = past.map(|past| past / path).filter(|fold| *fold < count);
        if let (Some(fold), Some(record)) = (fold, record.as_object_mut()) {
            record.insert("fold".into(), fold.into());
        }
        record
    }

    /// All points, if they are kept for a page.
    pub fn points(&self) -> Vec<Point> {
        let points = self.points.as_ref();
        points.map_or_else(Vec::new, |points| {
            std::mem::take(&mut points.lock().unwrap_or_else(PoisonError::into_inner))
        })
    }
}
