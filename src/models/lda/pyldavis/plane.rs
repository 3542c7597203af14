//! Distances to places in the plane.

/// Sweeps of the power method for a coordinate.
const POWERS: usize = 200;

/// Classical scaling of a symmetric matrix of distances to two coordinates.
pub(super) fn plane(distances: &[f64]) -> [Vec<f64>; 2] {
    let count = distances.len().isqrt();
    let mut squares: Vec<f64> = distances.iter().map(|d| -0.5 * d * d).collect();
    let means: Vec<f64> =
        squares.chunks(count.max(1)).map(|row| row.iter().sum::<f64>() / count as f64).collect();
    let mean = means.iter().sum::<f64>() / count.max(1) as f64;
    for (row, values) in squares.chunks_mut(count.max(1)).enumerate() {
        for (column, value) in values.iter_mut().enumerate() {
            *value += mean - means[row] - means[column];
        }
    }
    let first = coordinate(&squares, count, None);
    let second = coordinate(&squares, count, Some(&first));
    [first, second].map(|Axis { direction, value }| {
        let scale = value.max(0.0).sqrt();
        direction.into_iter().map(|part| part * scale).collect()
    })
}

/// An eigenvector of length 1 with its eigenvalue.
struct Axis {
    direction: Vec<f64>,
    value: f64,
}

/// The leading axis of a symmetric matrix, without what lies along another, by the power method.
fn coordinate(matrix: &[f64], count: usize, without: Option<&Axis>) -> Axis {
    // No direction that is special: the fractions of multiples of the golden ratio.
    let mut direction: Vec<f64> =
        (1..=count).map(|at| (at as f64 * 0.618_033_988_749_894_9).fract() - 0.5).collect();
    let mut value = 0.0;
    for _ in 0..POWERS {
        if let Some(other) = without {
            let along: f64 = direction.iter().zip(&other.direction).map(|(a, b)| a * b).sum();
            let parts = direction.iter_mut().zip(&other.direction);
            parts.for_each(|(part, other)| *part -= along * other);
        }
        let length = direction.iter().map(|part| part * part).sum::<f64>().sqrt();
        if length == 0.0 {
            break;
        }
        direction.iter_mut().for_each(|part| *part /= length);
        let product: Vec<f64> = matrix
            .chunks(count.max(1))
            .map(|row| row.iter().zip(&direction).map(|(a, b)| a * b).sum())
            .collect();
        value = product.iter().zip(&direction).map(|(a, b)| a * b).sum();
        direction = product;
    }
    let length = direction.iter().map(|part| part * part).sum::<f64>().sqrt();
    if length > 0.0 {
        direction.iter_mut().for_each(|part| *part /= length);
    }
    Axis { direction, value }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn points_in_a_plane_keep_their_distances() {
        let points = [(0.0, 0.0), (3.0, 0.0), (0.0, 4.0), (1.0, 1.0)];
        let distances: Vec<f64> = points
            .iter()
            .flat_map(|a| points.map(|b: (f64, f64)| (a.0 - b.0).hypot(a.1 - b.1)))
            .collect();
        let [x, y] = plane(&distances);
        for a in 0..4 {
            for b in 0..4 {
                let found = (x[a] - x[b]).hypot(y[a] - y[b]);
                assert!((found - distances[4 * a + b]).abs() < 1e-6, "{a} {b}: {found}");
            }
        }
    }
}
