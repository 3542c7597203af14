//! First and second moments of a column.

use super::codes::Codes;
use super::dense;
use super::path::Path;
use super::sparse::Entries;

/// Weights of the rows, and their sum.
///
/// The sum is taken once here, so that the moments of a sparse column take time proportional to its
/// stored entries.
#[derive(Clone, Copy, Debug)]
pub struct Weights<'a> {
    values: &'a [f64],
    total: f64,
}

impl<'a> Weights<'a> {
    /// One finite, non-negative weight a row.
    pub fn new(values: &'a [f64]) -> Self {
        Weights { values, total: dense::sum(Path::best(), values, values, |weight, _| weight) }
    }

    /// Weights whose sum is known.
    pub(crate) fn of_total(values: &'a [f64], total: f64) -> Self {
        Weights { values, total }
    }

    /// The weights.
    pub fn values(&self) -> &'a [f64] {
        self.values
    }

    /// `Σ_i w_i`.
    pub fn total(&self) -> f64 {
        self.total
    }
}

/// Moments of a column. Without weights, every row weighs 1.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Moments {
    /// `Σ_i w_i x_i`.
    pub sum: f64,
    /// `Σ_i w_i x_i²`.
    pub squares: f64,
    /// `Σ_i w_i (x_i - m)²` about the weighted mean `m`, computed in two passes: accurate, and
    /// never negative, even if the mean is large against the spread.
    pub centred: f64,
    /// The number of rows whose value is not zero, whatever their weight.
    pub nonzeros: usize,
}

/// The mean; 0 if nothing weighs anything.
fn mean(sum: f64, total: f64) -> f64 {
    if total > 0.0 { sum / total } else { 0.0 }
}

/// Moments of a dense column whose stored numbers stand for `value(x_i)`; sums in the order of
/// [`super::dense`].
pub(super) fn dense<T>(x: &[T], value: impl Fn(f64) -> f64, weights: Option<Weights<'_>>) -> Moments
where
    T: Copy + Into<f64>,
{
    match weights {
        None => dense_by(x, x, x.len() as f64, value, |_| 1.0),
        Some(weights) => dense_by(x, weights.values, weights.total, value, |w| w),
    }
}

/// Row `i` weighs `weight(w_i)`.
fn dense_by<T, U>(
    x: &[T],
    w: &[U],
    total: f64,
    value: impl Fn(f64) -> f64,
    weight: impl Fn(f64) -> f64,
) -> Moments
where
    T: Copy + Into<f64>,
    U: Copy + Into<f64>,
{
    let sum = dense::sum(Path::best(), x, w, |x, w| weight(w) * value(x));
    let mean = mean(sum, total);
    let square = |x: f64| x * x;
    Moments {
        sum,
        squares: dense::sum(Path::best(), x, w, |x, w| weight(w) * square(value(x))),
        centred: dense::sum(Path::best(), x, w, |x, w| weight(w) * square(value(x) - mean)),
        nonzeros: x.iter().filter(|&&x| value(x.into()) != 0.0).count(),
    }
}

/// Moments of a two-bit column. Without weights each code's count enters once, in the order of the
/// codes; with weights sums are those of a dense column.
pub(super) fn codes(column: &Codes<'_>, weights: Option<Weights<'_>>) -> Moments {
    let counts = column.counts();
    let total = weights.map_or(column.rows as f64, |weights| weights.total);
    let weigh = |table: [f64; 4]| match weights {
        None => dense::dot(Path::best(), &counts.map(|count| count as f64), &table),
        Some(weights) => Codes { table: &table, ..*column }.dot(Path::best(), weights.values),
    };
    let sum = weigh(*column.table);
    let mean = mean(sum, total);
    let nonzeros = counts.iter().zip(column.table).filter(|(_, x)| **x != 0.0).map(|(n, _)| n);
    Moments {
        sum,
        squares: weigh(column.table.map(|x| x * x)),
        centred: weigh(column.table.map(|x| (x - mean) * (x - mean))),
        nonzeros: nonzeros.sum(),
    }
}

/// Moments of a sparse column over `rows` rows: the stored entries, then the zeros' part.
pub(super) fn sparse<T>(x: &Entries<'_, T>, rows: usize, weights: Option<Weights<'_>>) -> Moments
where
    T: Copy + Into<f64>,
{
    match weights {
        None => sparse_by(x, rows, rows as f64, |_| 1.0),
        Some(weights) => sparse_by(x, rows, weights.total, |row| weights.values[row]),
    }
}

fn sparse_by<T>(
    x: &Entries<'_, T>,
    rows: usize,
    total: f64,
    weight: impl Fn(usize) -> f64,
) -> Moments
where
    T: Copy + Into<f64>,
{
    let sum = x.sum(|row, x| weight(row) * x);
    let mean = mean(sum, total);
    let stored = x.sum(|row, x| weight(row) * ((x - mean) * (x - mean)));
    // What the difference of two sums over the rows may be by rounding is no weight: else a
    // constant column would seem to vary.
    let zeros = total - x.sum(|row, _| weight(row));
    let zeros = if zeros > rows as f64 * f64::EPSILON * total { zeros } else { 0.0 };
    Moments {
        sum,
        squares: x.sum(|row, x| weight(row) * (x * x)),
        centred: stored + zeros * (mean * mean),
        nonzeros: x.iter().filter(|&(_, x)| x != 0.0).count(),
    }
}
