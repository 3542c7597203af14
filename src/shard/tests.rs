//! Every kernel of every form against the plain definition, and columns as words.

use proptest::prelude::*;

use super::bytes::Scale;
use super::{ColumnShard, Weights};

/// How a column is to be stored.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Form {
    Wide,
    Narrow,
    Bytes,
    Codes,
    SparseWide,
    SparseNarrow,
}

const FORMS: [Form; 6] =
    [Form::Wide, Form::Narrow, Form::Bytes, Form::Codes, Form::SparseWide, Form::SparseNarrow];
const ROWS: [usize; 10] = [0, 1, 7, 8, 9, 31, 255, 256, 257, 1000];

/// Numbers in `[-1, 1)` from a seed; `narrow` ones are exactly `f32`.
fn numbers(seed: u64, count: usize, narrow: bool) -> Vec<f64> {
    let mut state = seed;
    let next = || {
        state = state.wrapping_mul(6364136223846793005).wrapping_add(1442695040888963407);
        let value = (state >> 11) as f64 / (1u64 << 52) as f64 - 1.0;
        if narrow { f64::from(value as f32) } else { value }
    };
    std::iter::repeat_with(next).take(count).collect()
}

/// Appends a column of the given form and gives its values.
fn push(shard: &mut ColumnShard, form: Form, seed: u64) -> Vec<f64> {
    let rows = shard.rows();
    let values = numbers(seed, rows, matches!(form, Form::Narrow | Form::SparseNarrow));
    match form {
        Form::Wide | Form::Narrow => {
            shard.push_dense(&values);
            values
        }
        Form::Bytes => {
            let scale = Scale { offset: -1.0, step: 1.0 / 64.0 };
            let codes: Vec<u8> = values.iter().map(|v| (v.to_bits() >> 3) as u8).collect();
            let values = codes.iter().map(|&code| scale.value(code.into())).collect();
            shard.append_bytes(scale, codes.into_iter());
            values
        }
        Form::Codes => {
            let table = [0.0, 1.0, values.first().copied().unwrap_or(2.0), -3.25];
            let codes: Vec<u8> = values.iter().map(|v| (v.to_bits() >> 3) as u8 & 3).collect();
            shard.push_codes(&codes, table);
            codes.iter().map(|&code| table[usize::from(code)]).collect()
        }
        Form::SparseWide | Form::SparseNarrow => {
            let keep = |row: &u32| (seed + u64::from(*row)) % 7 < seed % 5;
            let stored: Vec<u32> = (0..rows as u32).filter(keep).collect();
            let kept: Vec<f64> = stored.iter().map(|&row| values[row as usize]).collect();
            shard.push_sparse(&stored, &kept);
            let mut all = vec![0.0; rows];
            stored.iter().zip(kept).for_each(|(&row, value)| all[row as usize] = value);
            all
        }
    }
}

/// A shard of one column, and the column's values.
fn single(rows: usize, form: Form, seed: u64) -> (ColumnShard, Vec<f64>) {
    let mut shard = ColumnShard::new(rows);
    let values = push(&mut shard, form, seed);
    (shard, values)
}

fn close(a: f64, b: f64, scale: f64) -> bool {
    (a - b).abs() <= 1e-13 * (1.0 + scale)
}

fn arguments() -> impl Strategy<Value = (usize, Form, u64)> {
    (prop::sample::select(&ROWS[..]), prop::sample::select(&FORMS[..]), 0..u64::MAX / 2)
}

proptest! {
    #[test]
    fn values_and_entries((rows, form, seed) in arguments()) {
        let (shard, values) = single(rows, form, seed);
        let mut seen = vec![0.0; rows];
        let mut last = None;
        shard.for_each(0, |row, value| {
            assert!(last < Some(row));
            last = Some(row);
            seen[row] = value;
        });
        for row in 0..rows {
            prop_assert_eq!(shard.value(0, row).to_bits(), values[row].to_bits());
            prop_assert_eq!(seen[row].to_bits(), values[row].to_bits());
        }
        prop_assert!(shard.entries(0) <= rows);
    }

    #[test]
    fn dot((rows, form, seed) in arguments()) {
        let (shard, values) = single(rows, form, seed);
        let r = numbers(seed ^ 1, rows, false);
        let plain: f64 = values.iter().zip(&r).map(|(x, r)| x * r).sum();
        prop_assert!(close(shard.dot(0, &r), plain, rows as f64));
    }

    #[test]
    fn axpy((rows, form, seed) in arguments()) {
        let (shard, values) = single(rows, form, seed);
        let (w, r) = (numbers(seed ^ 2, rows, false), numbers(seed ^ 3, rows, false));
        let (mut plain, mut weighted) = (r.clone(), r.clone());
        shard.axpy(0, -1.7, 0.3, &mut plain);
        shard.axpy_weighted(0, -1.7, 0.3, &w, &mut weighted);
        let shift = if shard.is_sparse(0) { 0.0 } else { 0.3 };
        for row in 0..rows {
            let step = -1.7 * (values[row] - shift);
            prop_assert!(close(plain[row], r[row] + step, 1.0));
            prop_assert!(close(weighted[row], r[row] + w[row] * step, 1.0));
        }
    }

    #[test]
    fn moments((rows, form, seed) in arguments(), weighted: bool) {
        let (shard, values) = single(rows, form, seed);
        let w: Vec<f64> = match weighted {
            true => numbers(seed ^ 4, rows, false).iter().map(|w| w.abs()).collect(),
            false => vec![1.0; rows],
        };
        let found = shard.moments(0, weighted.then(|| Weights::new(&w)));
        let total: f64 = w.iter().sum();
        let sum: f64 = values.iter().zip(&w).map(|(x, w)| w * x).sum();
        let mean = if total > 0.0 { sum / total } else { 0.0 };
        let squares: f64 = values.iter().zip(&w).map(|(x, w)| w * x * x).sum();
        let centred: f64 = values.iter().zip(&w).map(|(x, w)| w * (x - mean).powi(2)).sum();
        let scale = 12.0 * rows as f64;
        prop_assert!(close(found.sum, sum, scale));
        prop_assert!(close(found.squares, squares, scale));
        prop_assert!(close(found.centred, centred, scale) && found.centred >= 0.0);
        prop_assert_eq!(found.nonzeros, values.iter().filter(|&&x| x != 0.0).count());
    }

    #[test]
    fn cross((rows, form, seed) in arguments(), other in prop::sample::select(&FORMS[..])) {
        let (a, x) = single(rows, form, seed);
        let (b, z) = single(rows, other, seed / 3 + 1);
        let plain: f64 = x.iter().zip(&z).map(|(x, z)| x * z).sum();
        let found = a.cross(0, &b, 0);
        prop_assert!(close(found, plain, 12.0 * rows as f64));
        prop_assert_eq!(found.to_bits(), b.cross(0, &a, 0).to_bits());
    }

    #[test]
    fn words_round_trip((rows, form, seed) in arguments()) {
        let mut shard = ColumnShard::new(rows);
        let forms = [form, Form::Codes, form];
        let values: Vec<_> =
            (0..).zip(forms).map(|(at, form)| push(&mut shard, form, seed + at)).collect();
        let mut words = Vec::new();
        (0..3).for_each(|column| shard.encode(column, &mut words));
        let mut copy = ColumnShard::new(rows);
        let mut used = 0;
        for _ in 0..3 {
            used += copy.decode(&words[used..]).unwrap();
        }
        prop_assert_eq!(used, words.len());
        let mut again = Vec::new();
        (0..3).for_each(|column| copy.encode(column, &mut again));
        prop_assert_eq!(&words, &again);
        for (column, values) in values.iter().enumerate() {
            for (row, value) in values.iter().enumerate() {
                prop_assert_eq!(copy.value(column, row).to_bits(), value.to_bits());
            }
        }
    }

    #[test]
    fn damaged_words_are_refused_or_well_formed(
        (rows, form, seed) in arguments(),
        flips in prop::collection::vec((any::<prop::sample::Index>(), 0..64u32), 1..4),
    ) {
        let (shard, _) = single(rows, form, seed);
        let mut words = Vec::new();
        shard.encode(0, &mut words);
        let mut copy = ColumnShard::new(rows);
        for end in 0..words.len() {
            prop_assert!(copy.decode(&words[..end]).is_err());
        }
        prop_assert!(copy.is_empty());
        for (at, bit) in flips {
            let at = at.index(words.len());
            words[at] ^= 1 << bit;
        }
        if let Ok(used) = copy.decode(&words) {
            prop_assert!(used <= words.len());
            // Whatever was accepted can be computed on.
            copy.dot(0, &vec![1.0; rows]);
            copy.moments(0, None);
            copy.cross(0, &shard, 0);
            copy.for_each(0, |_, value| assert!(value.is_finite()));
        }
    }

    #[test]
    fn put_values_are_kept_in_every_form(
        (rows, _, seed) in arguments(),
        puts in proptest::collection::vec((any::<prop::sample::Index>(), any::<prop::sample::Index>(), 0..9usize), 0..40),
    ) {
        let mut shard = ColumnShard::new(rows);
        let forms = FORMS.iter().chain(&FORMS);
        let mut values: Vec<_> =
            (0..).zip(forms).map(|(at, &form)| push(&mut shard, form, seed + at)).collect();
        for (column, row, which) in puts.into_iter().filter(|_| rows > 0) {
            let (column, row) = (column.index(values.len()), row.index(rows));
            let value = [0.0, 1.0, 2.0, -3.0, 0.5, 0.1, 1e30, 7.0, -0.1][which];
            shard.put(column, row, value);
            values[column][row] = value;
        }
        let to = |row: usize| (row % 3 != 1).then_some((row / 3 * 2 + row % 3 / 2) as u32);
        let more = |_: usize, rows: &mut Vec<u32>, values: &mut Vec<f64>| {
            rows.push(rows.last().map_or(0, |last| last + 1));
            values.push(0.25);
        };
        let moved = shard.moved(0, (rows, rows + 1), to, more);
        let r: Vec<f64> = (0..rows).map(|row| (row % 7) as f64).collect();
        for (column, values) in values.iter().enumerate() {
            let mut sum = 0.0;
            for (row, value) in values.iter().enumerate() {
                prop_assert_eq!(shard.value(column, row), *value);
                sum += value * r[row];
                if let Some(row) = to(row) {
                    let after = moved.value(column, row as usize);
                    prop_assert!(after == *value || *value == 0.0 && after == 0.25);
                }
            }
            let scale: f64 = values.iter().map(|value| value.abs()).sum();
            prop_assert!((shard.dot(column, &r) - sum).abs() <= 1e-12 * (1.0 + scale));
        }
    }

    #[test]
    fn truncation_leaves_the_first_columns((rows, _, seed) in arguments(), keep in 0..11usize) {
        let mut shard = ColumnShard::new(rows);
        let forms = FORMS.iter().chain(&FORMS);
        let values: Vec<_> =
            (0..).zip(forms).map(|(at, &form)| push(&mut shard, form, seed + at)).collect();
        shard.truncate(keep);
        let extra = push(&mut shard, Form::Codes, seed ^ 9);
        shard.shrink();
        prop_assert_eq!(shard.len(), keep.min(10) + 1);
        for (column, values) in values.iter().take(keep).chain([&extra]).enumerate() {
            for (row, value) in values.iter().enumerate() {
                prop_assert_eq!(shard.value(column, row).to_bits(), value.to_bits());
            }
        }
    }
}

#[test]
fn dense_forms_of_equal_values_give_equal_bits() {
    for rows in ROWS {
        let table = [0.0, 1.0, 2.0, -0.625];
        let codes: Vec<u8> =
            numbers(5, rows, false).iter().map(|v| (v.to_bits() >> 3) as u8 & 3).collect();
        let values: Vec<f64> = codes.iter().map(|&code| table[usize::from(code)]).collect();
        let mut shard = ColumnShard::new(rows);
        shard.push_codes(&codes, table);
        shard.append_narrow(values.iter().map(|&value| value as f32));
        shard.append_wide(values.iter().copied());
        let scale = Scale { offset: -0.625, step: 0.125 };
        shard.append_bytes(scale, values.iter().map(|&value| scale.code(value)));
        let (r, w) = (numbers(6, rows, false), numbers(7, rows, false));
        let results = [0, 1, 2, 3].map(|column| {
            let mut moved = [r.clone(), r.clone()];
            shard.axpy(column, 0.7, 0.2, &mut moved[0]);
            shard.axpy_weighted(column, 0.7, 0.2, &w, &mut moved[1]);
            let bits: Vec<u64> = moved.iter().flatten().map(|value| value.to_bits()).collect();
            (shard.dot(column, &r).to_bits(), bits)
        });
        assert!(results.iter().all(|result| *result == results[0]));
        assert_eq!(shard.moments(1, None), shard.moments(2, None));
        assert_eq!(shard.moments(1, None), shard.moments(3, None));
        let dense = [(0, 1), (0, 2), (0, 3), (1, 1), (1, 2), (1, 3), (2, 2), (2, 3), (3, 3)]
            .map(|(a, b)| shard.cross(a, &shard, b).to_bits());
        assert!(dense.iter().all(|bits| *bits == dense[0]));
    }
}

#[test]
fn dense_columns_take_their_smallest_form() {
    let mut shard = ColumnShard::new(1000);
    let coded: Vec<f64> = (0..1000).map(|row| [0.5, -0.0, 0.0, 1.5][row * row % 3]).collect();
    let ages: Vec<f64> = (0..1000).map(|row| f64::from(18 + row % 90)).collect();
    let halves: Vec<f64> = (0..1000).map(|row| f64::from(row % 256) / 2.0 - 7.0).collect();
    let narrow: Vec<f64> = (0..1000).map(f64::from).collect();
    let wide: Vec<f64> = (0..1000).map(|row| f64::from(row) / 10.0).collect();
    let mut words = Vec::new();
    for (values, length) in [
        (&coded, 1 + 4 + 32),
        (&ages, 1 + 2 + 125),
        (&halves, 1 + 2 + 125),
        (&narrow, 1 + 500),
        (&wide, 1 + 1000),
    ] {
        words.clear();
        shard.push_dense(values);
        let column = shard.len() - 1;
        shard.encode(column, &mut words);
        assert_eq!(words.len(), length);
        assert!((0..1000).all(|row| shard.value(column, row).to_bits() == values[row].to_bits()));
    }
    // A sixth of a line would not be worth a table.
    let mut few = ColumnShard::new(8);
    few.push_dense(&[1.0; 8]);
    words.clear();
    few.encode(0, &mut words);
    assert_eq!(words.len(), 1 + 2 + 1);
}

#[test]
fn values_are_rounded_only_on_request_and_only_if_f32_has_their_size() {
    let thirds: Vec<f64> = (0..500).map(|row| f64::from(row) / 3.0).collect();
    let round = |value: &f64| f64::from(*value as f32);
    let all: Vec<u32> = (0..500).collect();
    for (scale, rounds) in [(1.0, true), (1e-30, true), (1e-45, false), (1e37, false)] {
        let values: Vec<f64> = thirds.iter().map(|value| value * scale).collect();
        let mut shard = ColumnShard::rounding(500);
        shard.push_dense(&values);
        shard.push_sparse(&all, &values);
        for (row, value) in values.iter().enumerate() {
            let expected = if rounds { round(value) } else { *value };
            assert_eq!(shard.value(0, row).to_bits(), expected.to_bits());
            assert_eq!(shard.value(1, row).to_bits(), expected.to_bits());
        }
    }
}

#[test]
fn large_means_do_not_spoil_the_spread() {
    let mut shard = ColumnShard::new(1000);
    let near = |row: i32| 1e8 + f64::from(row % 5) * 0.1;
    let values: Vec<f64> = (0..1000).map(near).collect();
    shard.push_dense(&values);
    assert!((shard.moments(0, None).centred - 20.0).abs() < 1e-3);
}
