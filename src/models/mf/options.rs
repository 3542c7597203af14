//! What to fit, and how: checked once, then trusted.

use super::Ratings;
use crate::scheduler::Policy;

/// How the factors are found.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Solver {
    /// By goal: see [`chosen`](super::chosen).
    #[default]
    Auto,
    /// Coordinate descent over blocks of factors: the lowest objective soonest.
    Ccd,
    /// Stochastic gradient descent on rotating strata: the lowest error on unseen ratings soonest.
    Sgd,
}

/// Options of a fit.
///
/// | Name | Default | Purpose | Range |
/// |---|---|---|---|
/// | `rank` | 40 | length of the factors | 1 to 65 535 |
/// | `lambda` | by the data | strength of the penalty; see [`Options::strength`] | ≥ 0 |
/// | `weighted_lambda` | false | penalise a row by λ times its number of ratings | |
/// | `biases` | false | a bias for each user and item, penalised like factors | not implicit |
/// | `centre` | true | take off the mean rating: see [`Options::centres`] | |
/// | `nonnegative` | false | no negative factor | `Ccd`, without biases |
/// | `implicit` | none | α: ratings are confidences | ≥ 0, `Ccd` |
/// | `solver` | `Auto` | how: see [`chosen`](super::chosen) | |
/// | `recommends` | false | the factors are to predict what is not rated: a hint to `Auto` | |
/// | `iterations` | the solver's | sweeps or epochs; exactly so many if no tolerance is given | ≥ 1 |
/// | `tolerance` | the solver's | stop when a sweep lowers the objective by less than this fraction | ≥ 0 |
/// | `max_rounds` | 1 000 000 000 | give up after so many rounds | ≥ 1 |
/// | `max_seconds` | none | give up after so many seconds: results then depend on the machine | ≥ 0 |
/// | `scheduler` | `RoundRobin` | which block of factors is next | `Ccd` |
/// | `seed` | 0 | of all random draws | |
#[derive(Clone, Debug, PartialEq)]
pub struct Options {
    /// Length of the factors.
    pub rank: usize,
    /// Strength of the penalty, if not the solver's default.
    pub lambda: Option<f64>,
    /// Whether a row's penalty is λ times its number of ratings.
    pub weighted_lambda: bool,
    /// Whether users and items have biases.
    pub biases: bool,
    /// Whether the mean rating is taken off where that makes sense.
    pub centre: bool,
    /// Whether factors must not be negative.
    pub nonnegative: bool,
    /// α, if ratings are confidences in a preference.
    pub implicit: Option<f64>,
    /// How the factors are found.
    pub solver: Solver,
    /// Whether the factors are to predict what is not rated, as for recommendations: what
    /// [`Solver::Auto`] goes by beside what else is asked for.
    pub recommends: bool,
    /// Sweeps (`Ccd`) or epochs (`Sgd`).
    pub iterations: Option<u64>,
    /// Fraction of the objective below which a sweep is the last.
    pub tolerance: Option<f64>,
    /// Rounds after which the fit is given up.
    pub max_rounds: u64,
    /// Seconds after which the fit is given up.
    pub max_seconds: Option<f64>,
    /// Which block of factors is next: in turn (the paper's way), or by progress.
    pub scheduler: Policy,
    /// Seed of all random draws.
    pub seed: u64,
}

impl Default for Options {
    fn default() -> Self {
        Options {
            rank: 40,
            lambda: None,
            weighted_lambda: false,
            biases: false,
            centre: true,
            nonnegative: false,
            implicit: None,
            solver: Solver::Auto,
            recommends: false,
            iterations: None,
            tolerance: None,
            max_rounds: 1_000_000_000,
            max_seconds: None,
            scheduler: Policy::RoundRobin,
            seed: 0,
        }
    }
}

impl Options {
    /// λ for each rating with `weighted_lambda`, unless one is asked for.
    pub const EACH: f64 = 0.1;

    /// Whether `μ` is the mean rating: if asked for, but neither for non-negative factors, whose
    /// products could not explain ratings below it, nor for implicit feedback. Else `μ` is 0.
    pub fn centres(&self) -> bool {
        self.centre && !self.nonnegative && self.implicit.is_none()
    }

    /// λ for these ratings: what was asked for, or [`Options::EACH`] with `weighted_lambda`, or else
    /// twice that times the mean number of ratings of a user or item.
    pub fn strength(&self, train: &Ratings) -> f64 {
        let rows = train.users.len() + train.items.len();
        let usual = 2.0 * train.len() as f64 / rows.max(1) as f64;
        let ratings = if self.weighted_lambda { 1.0 } else { 2.0 * usual };
        self.lambda.unwrap_or(Self::EACH * ratings)
    }

    /// Checks every range.
    ///
    /// # Errors
    /// One line that names the option, what was expected and what was found.
    pub fn check(&self) -> Result<(), String> {
        let expect = |ok: bool, name: &str, range: &str, found: f64| match ok {
            true => Ok(()),
            false => Err(format!("{name}: expected {range}, found {found}")),
        };
        let number = |name: &str, value: Option<f64>| {
            let value = value.unwrap_or(0.0);
            expect(value >= 0.0 && value.is_finite(), name, "a number >= 0", value)
        };
        let rank = (1..=65_535).contains(&self.rank);
        expect(rank, "rank", "1 to 65535", self.rank as f64)?;
        number("lambda", self.lambda)?;
        number("alpha", self.implicit)?;
        number("tol", self.tolerance)?;
        number("max-seconds", self.max_seconds)?;
        expect(self.iterations != Some(0), "iterations", "a number >= 1", 0.0)?;
        expect(self.max_rounds > 0, "max-rounds", "a number >= 1", 0.0)?;
        let refused = [
            (self.biases && self.nonnegative, "biases: not with nonnegative"),
            (self.biases && self.implicit.is_some(), "biases: not with implicit"),
            (self.solver == Solver::Sgd && self.nonnegative, "nonnegative: not with solver sgd"),
            (
                self.solver == Solver::Sgd && self.implicit.is_some(),
                "implicit: not with solver sgd",
            ),
        ];
        match refused.into_iter().find(|(is, _)| *is) {
            Some((_, why)) => Err(why.into()),
            None => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ranges_are_checked() {
        let usual = Options::default;
        assert_eq!(usual().check(), Ok(()));
        let sgd = Solver::Sgd;
        let zero = Options { lambda: Some(0.0), tolerance: Some(0.0), ..usual() };
        assert_eq!(zero.check(), Ok(()));
        for bad in [
            Options { rank: 0, ..usual() },
            Options { rank: 70_000, ..usual() },
            Options { lambda: Some(-1.0), ..usual() },
            Options { lambda: Some(f64::NAN), ..usual() },
            Options { implicit: Some(f64::INFINITY), ..usual() },
            Options { tolerance: Some(-1e-9), ..usual() },
            Options { iterations: Some(0), ..usual() },
            Options { max_rounds: 0, ..usual() },
            Options { max_seconds: Some(-1.0), ..usual() },
            Options { biases: true, nonnegative: true, ..usual() },
            Options { biases: true, implicit: Some(1.0), ..usual() },
            Options { solver: sgd, nonnegative: true, ..usual() },
            Options { solver: sgd, implicit: Some(1.0), ..usual() },
        ] {
            assert!(bad.check().is_err(), "{bad:?}");
        }
    }
}
