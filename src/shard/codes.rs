//! Two-bit columns: a code a row, and a table of the four values that codes name.
//!
//! **Layout.** A line of eight words (64 bytes, aligned) holds 256 rows: word `i` of line `z` holds
//! the code of row `256 z + 8 t + i` at bits `2t` and `2t + 1`. A vector unit with eight 64-bit
//! lanes so reads eight neighbouring rows with one shift. Codes beyond the last row are 0.

use super::dense::{LANES, Lanes};
#[cfg(target_arch = "x86_64")]
use super::lookup;
use super::path::Path;
#[cfg(target_arch = "x86_64")]
use super::path::with_unit;

/// The rows of a line.
pub(super) const LINE: usize = 256;

/// The even codes of a word.
const EVEN: u64 = 0x3333_3333_3333_3333;
/// The lower bit of every code.
const LOW: u64 = 0x5555_5555_5555_5555;

/// The codes of 256 rows.
#[derive(Clone, Copy, Debug, Default, PartialEq, bytemuck::Pod, bytemuck::Zeroable)]
#[repr(C, align(64))]
pub(crate) struct Line(pub(super) [u64; 8]);

/// Every pair of values of two neighbouring rows, by their codes (the first row's is the lower).
type Pairs = [[f64; 2]; 16];

/// A two-bit column.
#[derive(Clone, Copy)]
pub(super) struct Codes<'a> {
    /// The number of rows.
    pub(super) rows: usize,
    /// The codes: `rows / 256` lines, rounded up.
    pub(super) lines: &'a [Line],
    /// The values that codes name.
    pub(super) table: &'a [f64; 4],
}

/// The lines of a column. Of each code only the two lower bits count.
pub(super) fn pack(mut codes: impl Iterator<Item = u8>) -> impl Iterator<Item = Line> {
    std::iter::from_fn(move || {
        let mut line = Line::default();
        let mut rows = 0;
        for code in codes.by_ref().take(LINE) {
            line.0[rows % 8] |= u64::from(code & 3) << (rows / 8 * 2);
            rows += 1;
        }
        (rows > 0).then_some(line)
    })
}

/// The values of all pairs of codes.
fn pairs(table: &[f64; 4]) -> Pairs {
    std::array::from_fn(|pair| [table[pair & 3], table[pair >> 2]])
}

impl Line {
    /// The code of one of the line's rows.
    pub(super) fn code(&self, row: usize) -> usize {
        (self.0[row % 8] >> (row / 8 * 2)) as usize & 3
    }

    /// Sets the code of one of the line's rows.
    pub(super) fn set(&mut self, row: usize, code: usize) {
        let (word, shift) = (&mut self.0[row % 8], row / 8 * 2);
        *word = *word & !(3 << shift) | (code as u64 & 3) << shift;
    }

    /// The codes of words `word` and `word + 1` side by side, so that a nibble holds those of two
    /// neighbouring rows: first the rows `16 t + word`, then the rows `16 t + 8 + word`.
    #[inline]
    fn neighbours(&self, word: usize) -> (u64, u64) {
        let (a, b) = (self.0[word], self.0[word + 1]);
        ((a & EVEN) | ((b & EVEN) << 2), ((a >> 2) & EVEN) | (b & !EVEN))
    }

    /// The values of all rows.
    #[inline]
    fn unpack(&self, pairs: &Pairs, values: &mut [f64; LINE]) {
        for word in (0..8).step_by(2) {
            let (mut even, mut odd) = self.neighbours(word);
            for row in (0..LINE / 16).map(|step| 16 * step + word) {
                values[row..row + 2].copy_from_slice(&pairs[even as usize & 15]);
                values[row + 8..row + 10].copy_from_slice(&pairs[odd as usize & 15]);
                even >>= 4;
                odd >>= 4;
            }
        }
    }

    /// Adds `x_i r_i` over the rows of the line.
    #[inline]
    fn dot(&self, pairs: &Pairs, r: &[f64; LINE], lanes: &mut Lanes) {
        for word in (0..8).step_by(2) {
            let (mut even, mut odd) = self.neighbours(word);
            let sum = |lane: usize| [lanes.0[lane + word], lanes.0[lane + word + 1]];
            // Four pairs of accumulators at a time stay in registers.
            let mut sums = [sum(0), sum(8), sum(16), sum(24)];
            for group in 0..LINE / LANES {
                let row = group * LANES + word;
                add_pair(&mut sums[0], pairs, even, &r[row..row + 2]);
                add_pair(&mut sums[1], pairs, odd, &r[row + 8..row + 10]);
                add_pair(&mut sums[2], pairs, even >> 4, &r[row + 16..row + 18]);
                add_pair(&mut sums[3], pairs, odd >> 4, &r[row + 24..row + 26]);
                even >>= 8;
                odd >>= 8;
            }
            for (sum, lane) in sums.iter().zip([0, 8, 16, 24]) {
                lanes.0[lane + word..][..2].copy_from_slice(sum);
            }
        }
    }
}

/// Adds the products of two neighbouring rows whose codes are the lowest nibble.
#[inline(always)]
fn add_pair(sum: &mut [f64; 2], pairs: &Pairs, nibbles: u64, r: &[f64]) {
    let x = &pairs[nibbles as usize & 15];
    sum[0] += x[0] * r[0];
    sum[1] += x[1] * r[1];
}

impl Codes<'_> {
    /// The value of a row.
    pub(super) fn value(&self, row: usize) -> f64 {
        self.table[self.lines[row / LINE].code(row % LINE)]
    }

    /// Calls `f` with each row and its code.
    #[inline]
    pub(super) fn for_codes(&self, mut f: impl FnMut(usize, usize)) {
        for row in 0..self.rows {
            f(row, self.lines[row / LINE].code(row % LINE));
        }
    }

    /// Calls `f` with every line's first row and values, in row order.
    #[inline]
    pub(super) fn for_lines(&self, table: &[f64; 4], mut f: impl FnMut(usize, &[f64])) {
        let pairs = pairs(table);
        let mut values = [0.0; LINE];
        for (line, first) in self.lines.iter().zip((0..self.rows).step_by(LINE)) {
            line.unpack(&pairs, &mut values);
            f(first, &values[..LINE.min(self.rows - first)]);
        }
    }

    /// `Σ x_i r_i`, in the order of [`super::dense`].
    pub(super) fn dot(&self, path: Path, r: &[f64]) -> f64 {
        match path {
            Path::Portable => self.dot_portable(r),
            #[cfg(target_arch = "x86_64")]
            Path::Avx2(simd) => with_unit(
                simd,
                #[inline(always)]
                || lookup::dot(simd, self, r),
            ),
            #[cfg(target_arch = "x86_64")]
            Path::Avx512(simd) => with_unit(
                simd,
                #[inline(always)]
                || lookup::dot(simd, self, r),
            ),
        }
    }

    /// `Σ x_i r_i` of four `r`: the bits of four dots.
    pub(super) fn dot4(&self, path: Path, r: [&[f64]; 4]) -> [f64; 4] {
        match path {
            #[cfg(target_arch = "x86_64")]
            Path::Avx512(simd) => with_unit(
                simd,
                #[inline(always)]
                || lookup::dot4(simd, self, r),
            ),
            _ => r.map(|r| self.dot(path, r)),
        }
    }

    /// [`Codes::dot`] without vector units.
    fn dot_portable(&self, r: &[f64]) -> f64 {
        let pairs = pairs(self.table);
        let mut lanes = Lanes::new();
        let (full, rest) = r.as_chunks::<LINE>();
        for (line, r) in self.lines.iter().zip(full) {
            line.dot(&pairs, r, &mut lanes);
        }
        if let Some(line) = self.lines.get(full.len()) {
            // Zeros beyond the last row leave every accumulator as it is.
            let mut padded = [0.0; LINE];
            padded[..rest.len()].copy_from_slice(rest);
            line.dot(&pairs, &padded, &mut lanes);
        }
        lanes.total()
    }

    /// `r_i += a (x_i - shift)`.
    pub(super) fn axpy(&self, path: Path, a: f64, shift: f64, r: &mut [f64]) {
        let table = self.table.map(|x| a * (x - shift));
        match path {
            Path::Portable => self.for_lines(&table, |first, values| {
                r[first..].iter_mut().zip(values).for_each(|(r, x)| *r += x);
            }),
            #[cfg(target_arch = "x86_64")]
            Path::Avx2(simd) => with_unit(
                simd,
                #[inline(always)]
                || lookup::add(simd, self, &table, r),
            ),
            #[cfg(target_arch = "x86_64")]
            Path::Avx512(simd) => with_unit(
                simd,
                #[inline(always)]
                || lookup::add(simd, self, &table, r),
            ),
        }
    }

    /// `r_i += a (x_i - shift) w_i`.
    pub(super) fn axpy_weighted(&self, path: Path, a: f64, shift: f64, w: &[f64], r: &mut [f64]) {
        let table = self.table.map(|x| a * (x - shift));
        match path {
            Path::Portable => self.for_lines(&table, |first, values| {
                let rows = r[first..].iter_mut().zip(&w[first..]).zip(values);
                rows.for_each(|((r, w), x)| *r += x * w);
            }),
            #[cfg(target_arch = "x86_64")]
            Path::Avx2(simd) => with_unit(
                simd,
                #[inline(always)]
                || lookup::add_weighted(simd, self, &table, w, r),
            ),
            #[cfg(target_arch = "x86_64")]
            Path::Avx512(simd) => with_unit(
                simd,
                #[inline(always)]
                || lookup::add_weighted(simd, self, &table, w, r),
            ),
        }
    }

    /// How many rows carry each code.
    pub(super) fn counts(&self) -> [usize; 4] {
        let mut counts = [0; 4];
        for word in self.lines.iter().flat_map(|line| line.0) {
            for (count, mask) in counts[1..].iter_mut().zip(masks(word)) {
                *count += mask.count_ones() as usize;
            }
        }
        counts[0] = self.rows - counts[1] - counts[2] - counts[3];
        counts
    }

    /// `Σ x_i z_i`, from how often each pair of codes occurs: equal codes first, then each pair of
    /// different codes together with its mirror image, so that either column may come first.
    pub(super) fn cross(&self, other: &Codes<'_>) -> f64 {
        let mut both = [[0; 4]; 4];
        for (a, b) in self.lines.iter().zip(other.lines) {
            for (&a, &b) in a.0.iter().zip(&b.0) {
                count_pairs(a, b, &mut both);
            }
        }
        let (rows, columns) = (self.counts(), other.counts());
        for code in 1..4 {
            both[code][0] = rows[code] - both[code][1..].iter().sum::<usize>();
            both[0][code] = columns[code] - (1..4).map(|row| both[row][code]).sum::<usize>();
        }
        both[0][0] = rows[0] - both[0][1..].iter().sum::<usize>();
        let term = |a: usize, b: usize| both[a][b] as f64 * (self.table[a] * other.table[b]);
        let equal: f64 = (0..4).map(|code| term(code, code)).sum();
        [(0, 1), (0, 2), (0, 3), (1, 2), (1, 3), (2, 3)]
            .into_iter()
            .fold(equal, |sum, (a, b)| sum + (term(a, b) + term(b, a)))
    }
}

/// Where a word has the codes 1, 2 and 3, each marked at the code's lower bit.
fn masks(word: u64) -> [u64; 3] {
    let (low, high) = (word & LOW, (word >> 1) & LOW);
    [low & !high, high & !low, low & high]
}

/// Counts the pairs of non-zero codes of two words.
fn count_pairs(a: u64, b: u64, both: &mut [[usize; 4]; 4]) {
    let (a, b) = (masks(a), masks(b));
    for (counts, a) in both[1..].iter_mut().zip(a) {
        for (count, b) in counts[1..].iter_mut().zip(b) {
            *count += (a & b).count_ones() as usize;
        }
    }
}
