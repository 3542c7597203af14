//! What to fit, and how: checked once, then trusted.

use super::schedule::WorkingSet;
use crate::scheduler;

/// How strong the penalty is.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Lambda {
    /// λ itself.
    Value(f64),
    /// A fraction of λ_max, the smallest λ at which every penalised coefficient is zero:
    /// `max_j |x_j·(y − ȳ)| / (W A f_j)` over centred columns.
    Ratio(f64),
}

/// Who is updated next.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Scheduler {
    /// Working sets by violation of optimality, solved jointly.
    WorkingSet,
    /// One of the papers' arms: blocks of single coordinate steps.
    Coordinates(scheduler::Policy, scheduler::PolicyOptions),
}

/// Options of a fit.
///
/// | Name | Default | Purpose | Range |
/// |---|---|---|---|
/// | `lambda` | `Ratio(0.1)` | strength of the penalty | > 0; ratio in (0, 1] or more |
/// | `l1_ratio` | 1 | `A`: 1 is the Lasso, 0 ridge | [0, 1] |
/// | `intercept` | true | fit `b` | |
/// | `standardize` | false | penalise coefficients of unit-variance columns | |
/// | `positive` | false | `β ≥ 0` | |
/// | `tolerance` | 1e-6 | stop at a duality gap of this fraction of `Σ w (y − ȳ)² / 2W` | ≥ 0 |
/// | `screening` | true | leave out columns that provably stay zero (Gap Safe) | |
/// | `scheduler` | `WorkingSet` | who is updated next | |
/// | `certify_every` | 1000 | coordinate arms: updates between two certificates | ≥ 1 |
/// | `max_rounds` | 1 000 000 | give up after so many rounds an epoch | ≥ 1 |
/// | `max_seconds` | none | give up an epoch at the first certificate after so many seconds: results then depend on the machine | ≥ 0 |
#[derive(Clone, Debug, PartialEq)]
pub struct Options {
    /// Strength of the penalty.
    pub lambda: Lambda,
    /// Share of the l1 part.
    pub l1_ratio: f64,
    /// Whether to fit an unpenalised intercept.
    pub intercept: bool,
    /// Whether the penalty acts on unit-variance columns.
    pub standardize: bool,
    /// Whether coefficients must not be negative.
    pub positive: bool,
    /// Relative duality gap to stop at.
    pub tolerance: f64,
    /// Whether columns that provably stay zero are left out.
    pub screening: bool,
    /// Who is updated next.
    pub scheduler: Scheduler,
    /// For the coordinate arms: updates between two certificates.
    pub certify_every: u64,
    /// Rounds after which an epoch is given up.
    pub max_rounds: u64,
    /// Seconds after which an epoch is given up.
    pub max_seconds: Option<f64>,
}

impl Default for Options {
    fn default() -> Self {
        Options {
            lambda: Lambda::Ratio(0.1),
            l1_ratio: 1.0,
            intercept: true,
            standardize: false,
            positive: false,
            tolerance: 1e-6,
            screening: true,
            scheduler: Scheduler::WorkingSet,
            certify_every: 1000,
            max_rounds: 1_000_000,
            max_seconds: None,
        }
    }
}

impl Options {
    /// Checks every range.
    ///
    /// # Errors
    /// One line that names the option, what was expected and what was found.
    pub fn check(&self) -> Result<(), String> {
        let expect = |ok: bool, name: &str, range: &str, found: f64| match ok {
            true => Ok(()),
            false => Err(format!("{name}: expected {range}, found {found}")),
        };
        match self.lambda {
            Lambda::Value(x) => expect(x > 0.0 && x.is_finite(), "lambda", "a number > 0", x)?,
            Lambda::Ratio(x) => {
                expect(x > 0.0 && x.is_finite(), "lambda-ratio", "a number > 0", x)?;
            }
        }
        expect((0.0..=1.0).contains(&self.l1_ratio), "l1-ratio", "0 to 1", self.l1_ratio)?;
        let ridge = self.l1_ratio == 0.0 && matches!(self.lambda, Lambda::Ratio(_));
        expect(!ridge, "lambda-ratio", "an l1-ratio > 0 (λ_max is infinite without it)", 0.0)?;
        expect(self.tolerance >= 0.0, "tol", "a number >= 0", self.tolerance)?;
        expect(self.max_rounds > 0, "max-rounds", "a number >= 1", 0.0)?;
        expect(self.certify_every > 0, "certify-every", "a number >= 1", 0.0)?;
        let seconds = self.max_seconds.unwrap_or(0.0);
        expect(seconds >= 0.0, "max-seconds", "a number >= 0", seconds)
    }
}

/// The scheduler the options ask for.
pub fn scheduler(options: &Options) -> Box<dyn scheduler::Scheduler<u32>> {
    match options.scheduler {
        Scheduler::WorkingSet => Box::new(WorkingSet::new(options.tolerance, options.max_rounds)),
        Scheduler::Coordinates(policy, policy_options) => {
            let policy = scheduler::build::<u32>(policy, policy_options);
            let stopping = scheduler::Stopping {
                tolerance: options.tolerance,
                every: options.certify_every,
                max_updates: u64::MAX,
                max_rounds: options.max_rounds,
            };
            Box::new(scheduler::Certified::new(policy, stopping))
        }
    }
}
