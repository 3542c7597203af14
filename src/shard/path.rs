//! Which instructions kernels run with.
//!
//! **Determinism.** A path never changes a result: every kernel keeps, on every path, the order of
//! summation of [`super::dense`], and rounds every product before it is added. Compilers do not
//! fuse the two on their own, so the same source may be compiled for wider vector units.
//!
//! The fastest path of the processor is taken unless the environment variable `STRADS_VECTORS`
//! names another: `portable`, `avx2` or `avx512`.

use std::sync::OnceLock;

#[cfg(target_arch = "x86_64")]
use pulp::x86::{V3, V4};

/// The instructions that kernels run with. Only what the processor has can be had.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Path {
    /// What every processor of the target has.
    Portable,
    /// AVX2: vectors of four numbers.
    #[cfg(target_arch = "x86_64")]
    Avx2(V3),
    /// AVX-512: vectors of eight numbers.
    #[cfg(target_arch = "x86_64")]
    Avx512(V4),
}

impl Path {
    /// The path that kernels take in this process: the fastest, or the one that is asked for.
    #[inline]
    pub(crate) fn best() -> Path {
        match chosen() {
            Ok(path) => *path,
            Err(_) => Path::Portable,
        }
    }

    /// All paths of this processor, the portable one first, the fastest last.
    pub(crate) fn all() -> Vec<Path> {
        #[cfg(target_arch = "x86_64")]
        {
            let wide = [V3::try_new().map(Path::Avx2), V4::try_new().map(Path::Avx512)];
            [Path::Portable].into_iter().chain(wide.into_iter().flatten()).collect()
        }
        #[cfg(not(target_arch = "x86_64"))]
        vec![Path::Portable]
    }

    fn name(self) -> &'static str {
        match self {
            Path::Portable => "portable",
            #[cfg(target_arch = "x86_64")]
            Path::Avx2(_) => "avx2",
            #[cfg(target_arch = "x86_64")]
            Path::Avx512(_) => "avx512",
        }
    }

    /// The path for dense columns of `T`. Columns of 8-byte numbers do not begin at cache lines, so
    /// that most vectors of eight would straddle two, which costs more than they gain: such columns
    /// are read in vectors of four.
    #[inline(always)]
    pub(super) fn of_dense<T>(self) -> Path {
        match self {
            #[cfg(target_arch = "x86_64")]
            Path::Avx512(simd) if size_of::<T>() == size_of::<f64>() => Path::Avx2(*simd),
            path => path,
        }
    }

    /// Runs `f`, compiled for the path; all that `f` calls must be inlined into it.
    #[inline(always)]
    pub(crate) fn run<R>(self, f: impl FnOnce() -> R) -> R {
        match self {
            Path::Portable => f(),
            #[cfg(target_arch = "x86_64")]
            Path::Avx2(simd) => with_unit(simd, f),
            #[cfg(target_arch = "x86_64")]
            Path::Avx512(simd) => with_unit(simd, f),
        }
    }
}

/// The environment variable that names a path.
const VARIABLE: &str = "STRADS_VECTORS";

/// The path of this process, decided when it is first asked for.
fn chosen() -> &'static Result<Path, String> {
    static CHOSEN: OnceLock<Result<Path, String>> = OnceLock::new();
    CHOSEN.get_or_init(|| {
        let asked = std::env::var_os(VARIABLE);
        choose(asked.as_ref().map(|name| name.to_string_lossy()).as_deref())
    })
}

/// The path that is asked for, or the fastest.
fn choose(asked: Option<&str>) -> Result<Path, String> {
    let paths = Path::all();
    let found = match asked {
        None => paths.last(),
        Some(name) => paths.iter().find(|path| path.name() == name),
    };
    found.copied().ok_or_else(|| {
        let names: Vec<&str> = paths.iter().map(|path| path.name()).collect();
        let (names, asked) = (names.join(", "), asked.unwrap_or_default());
        format!("{VARIABLE}: expected one of {names} on this processor, found `{asked}`")
    })
}

/// The instructions that the kernels of this process run with: `portable`, `avx2` or `avx512`. The
/// results are the same bits with all of them.
///
/// # Errors
/// One line if the environment variable `STRADS_VECTORS` names something that this processor does
/// not have; kernels are then the portable ones.
pub fn vectors() -> Result<&'static str, String> {
    chosen().as_ref().map(|path| path.name()).map_err(String::clone)
}

/// Runs `f`, compiled for a vector unit; all that `f` calls must be inlined into it.
///
/// Closures are to be passed here directly: the bound makes them [`FnOnce`], which is what gets
/// inlined. As [`Fn`] they would be called through a function compiled without the unit.
#[cfg(target_arch = "x86_64")]
#[inline(always)]
pub(crate) fn with_unit<S: pulp::Simd, R>(simd: S, f: impl FnOnce() -> R) -> R {
    simd.vectorize(f)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::super::ColumnShard;
    use super::{Path, choose};

    /// Numbers of many magnitudes and both signs, exactly `f32` if `narrow`, from a seed.
    fn numbers(seed: u64, count: usize, narrow: bool) -> Vec<f64> {
        let mut state = seed;
        let next = || {
            state = state.wrapping_mul(6364136223846793005).wrapping_add(1442695040888963407);
            let value = (state >> 11) as f64 / (1u64 << 52) as f64 - 1.0;
            let value = value * f64::from(1 << (state % 24));
            if narrow { f64::from(value as f32) } else { value }
        };
        std::iter::repeat_with(next).take(count).collect()
    }

    /// A column of every form: two-bit, dense `f32`, dense `f64`, one-byte, sparse of both kinds.
    fn columns(rows: usize, seed: u64) -> ColumnShard {
        let mut shard = ColumnShard::new(rows);
        let (wide, narrow) = (numbers(seed, rows, false), numbers(seed ^ 1, rows, true));
        let codes: Vec<u8> = wide.iter().map(|v| (v.to_bits() >> 20) as u8 & 3).collect();
        shard.push_codes(&codes, [0.3, -1e9, 1e-7, -0.0]);
        shard.push_dense(&narrow);
        shard.push_dense(&wide);
        let stored: Vec<u32> = (0..rows as u32).filter(|row| row % 3 != 1).collect();
        let small: Vec<f64> = wide.iter().map(|v| ((v.to_bits() >> 9) as u8).into()).collect();
        shard.push_dense(&small);
        for values in [&narrow, &wide] {
            let kept: Vec<f64> = stored.iter().map(|&row| values[row as usize]).collect();
            shard.push_sparse(&stored, &kept);
        }
        shard
    }

    fn bits(values: &[f64]) -> Vec<u64> {
        values.iter().map(|value| value.to_bits()).collect()
    }

    /// The bits of every kernel of every form.
    fn results(path: Path, shard: &ColumnShard, seed: u64) -> Vec<Vec<u64>> {
        let r = [2, 3, 4, 5].map(|at| numbers(seed ^ at, shard.rows(), false));
        let w = numbers(seed ^ 6, shard.rows(), false);
        let mut results = Vec::new();
        for column in 0..shard.len() {
            let dots = r.each_ref().map(|r| shard.dot_on(path, column, r));
            let together = shard.dot4_on(path, column, r.each_ref().map(|r| &r[..]));
            assert_eq!(bits(&dots), bits(&together));
            let (mut plain, mut weighted) = (r[0].clone(), r[0].clone());
            shard.axpy_on(path, column, 0.7, -0.1, &mut plain);
            shard.axpy_weighted_on(path, column, [0.7, -0.1], &w, &mut weighted);
            let shifted = [0.0, 0.3, -1e6].map(|by| shard.dot_shifted_on(path, column, by, &r[0]));
            assert_eq!(
                shifted[0].to_bits() << 1,
                dots[0].to_bits() << 1,
                "no shift, no sign of zero"
            );
            for (by, shifted) in [0.3, -1e6].into_iter().zip(&shifted[1..]) {
                let term = |row: usize| (shard.value(column, row) - by) * r[0][row];
                let sum: f64 = (0..shard.rows()).map(term).sum();
                let size: f64 = (0..shard.rows()).map(|row| term(row).abs()).sum();
                assert!((shifted - sum).abs() <= 1e-12 * size, "{shifted} for {sum}");
            }
            results.extend([bits(&dots), bits(&shifted), bits(&plain), bits(&weighted)]);
        }
        results
    }

    fn check(rows: usize, seed: u64) {
        let shard = columns(rows, seed);
        let portable = results(Path::Portable, &shard, seed);
        for path in Path::all() {
            assert_eq!(results(path, &shard, seed), portable, "{path:?}, {rows} rows");
        }
    }

    #[test]
    fn a_path_is_asked_for_by_name() {
        for path in Path::all() {
            assert_eq!(choose(Some(path.name())).map(Path::name), Ok(path.name()));
        }
        let fastest = Path::all().last().map(|path| path.name());
        assert_eq!(choose(None).ok().map(Path::name), fastest);
        assert!(
            choose(Some("mmx")).is_err_and(|why| why.contains("portable") && why.contains("mmx"))
        );
    }

    #[test]
    fn every_length_up_to_three_lines_gives_the_same_bits_on_all_paths() {
        (0..=3 * 256).for_each(|rows| check(rows, rows as u64));
    }

    proptest! {
        #[test]
        fn all_paths_give_the_same_bits(rows in 0..2000usize, seed: u64) {
            check(rows, seed);
        }
    }
}
