//! Weighted sampling from many keys whose weights change all the time.

/// Children of a node: one cache line of sums.
const FAN: usize = 8;

/// Non-negative weights of keys `0..len`, to be drawn from in proportion.
///
/// A tree of fixed shape in which every inner node is the sum of its eight children, always added
/// in the same order. So the sums are a function of the weights alone: there is no drift, and
/// neither the order in which weights were set nor the past of the tree can be seen in a draw.
/// [`WeightTree::set`] and [`WeightTree::find`] take O(log₈ len); memory is 8/7 · 8 bytes a key.
///
/// Rounding: a sum of `n` weights is off by at most a factor 1 ± 3·log₈(n)·2⁻⁵³, and so is the
/// probability of a draw, but for the draw's own resolution of 2⁻⁵³ of the total. A key of weight
/// zero is never found.
#[derive(Clone, Debug)]
pub struct WeightTree {
    len: usize,
    /// From the leaves up; each level padded with zeros to a multiple of `FAN`, the last one
    /// exactly `FAN` long.
    levels: Vec<Vec<f64>>,
}

impl Default for WeightTree {
    fn default() -> Self {
        WeightTree::new(0, 0.0)
    }
}

impl WeightTree {
    /// `len` keys of the same weight.
    pub fn new(len: usize, weight: f64) -> Self {
        let mut tree = WeightTree { len: 0, levels: vec![Vec::new()] };
        tree.fill(len, weight);
        tree
    }

    /// The number of keys.
    pub fn len(&self) -> usize {
        self.len
    }

    /// Whether there is no key.
    pub fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// The sum of all weights.
    pub fn total(&self) -> f64 {
        self.levels.last().map_or(0.0, |top| sum(top))
    }

    /// The weight of a key, zero for keys that do not exist.
    pub fn get(&self, key: usize) -> f64 {
        self.levels[0].get(key).copied().unwrap_or(0.0)
    }

    /// Sets the weight of a key. Keys that do not exist are ignored, and anything but a finite
    /// positive weight counts as zero.
    pub fn set(&mut self, key: usize, weight: f64) {
        if key >= self.len {
            return;
        }
        let mut position = key;
        let mut value = sane(weight);
        for level in &mut self.levels {
            if level[position] == value {
                return; // No sum above can change.
            }
            level[position] = value;
            position /= FAN;
            value = sum(&level[position * FAN..][..FAN]);
        }
    }

    /// Makes it `len` keys: drops the last ones, or adds keys of the given weight. O(len) if the
    /// number changes.
    pub fn resize(&mut self, len: usize, weight: f64) {
        if len != self.len {
            self.levels[0].truncate(self.len); // Without the padding.
            self.levels[0].resize(len, sane(weight));
            self.len = len;
            self.rebuild();
        }
    }

    /// Makes it `len` keys of the same weight. O(len).
    pub fn fill(&mut self, len: usize, weight: f64) {
        self.levels[0].clear();
        self.levels[0].resize(len, sane(weight));
        self.len = len;
        self.rebuild();
    }

    /// The key that a fraction in `[0, 1)` of the total falls on, counting weights in order of
    /// keys; none if all weights are zero.
    pub fn find(&self, fraction: f64) -> Option<usize> {
        let mut rest = fraction * self.total();
        let mut position = 0;
        for level in self.levels.iter().rev() {
            position = position * FAN + descend(&level[position * FAN..][..FAN], &mut rest)?;
        }
        Some(position)
    }

    /// Sums every level anew from the leaves.
    fn rebuild(&mut self) {
        let mut level = std::mem::take(&mut self.levels[0]);
        self.levels.clear();
        loop {
            level.resize(level.len().next_multiple_of(FAN).max(FAN), 0.0);
            let above = level.chunks_exact(FAN).map(sum).collect::<Vec<_>>();
            self.levels.push(level);
            if above.len() == 1 {
                return;
            }
            level = above;
        }
    }
}

fn sane(weight: f64) -> f64 {
    if weight.is_finite() && weight > 0.0 { weight } else { 0.0 }
}

/// The sum of eight weights in a fixed order.
fn sum(children: &[f64]) -> f64 {
    let [a, b, c, d, e, f, g, h] = children else {
        unreachable!("levels are padded to a multiple of eight");
    };
    ((a + b) + (c + d)) + ((e + f) + (g + h))
}

/// The child that `rest` falls on, which is left with what remains within it. Where rounding lets
/// `rest` overrun all children it is the last positive one; none if there is no such.
fn descend(children: &[f64], rest: &mut f64) -> Option<usize> {
    let mut found = None;
    for (child, &weight) in children.iter().enumerate() {
        if weight > 0.0 {
            found = Some(child);
            if *rest < weight {
                return found;
            }
            *rest -= weight;
        }
    }
    // Larger than anything below, so that the descent keeps to the last positive children.
    *rest = f64::INFINITY;
    found
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// Weights that add without rounding, so that a naive model must agree exactly.
    fn weight() -> impl Strategy<Value = f64> {
        prop_oneof![1 => Just(0.0), 3 => (1u32..1000).prop_map(f64::from)]
    }

    #[derive(Clone, Debug)]
    enum Step {
        Set(usize, f64),
        Resize(usize, f64),
        Fill(usize, f64),
    }

    fn step() -> impl Strategy<Value = Step> {
        prop_oneof![
            10 => (0usize..700, weight()).prop_map(|(key, weight)| Step::Set(key, weight)),
            1 => (0usize..700, weight()).prop_map(|(len, weight)| Step::Resize(len, weight)),
            1 => (0usize..700, weight()).prop_map(|(len, weight)| Step::Fill(len, weight)),
        ]
    }

    fn naive_find(weights: &[f64], fraction: f64) -> Option<usize> {
        let mut rest = fraction * weights.iter().sum::<f64>();
        weights.iter().position(|&weight| {
            let found = rest < weight;
            rest -= weight;
            found
        })
    }

    proptest! {
        #[test]
        fn behaves_as_a_plain_array(
            steps in prop::collection::vec(step(), 0..60),
            fractions in prop::collection::vec(0u32..1024, 8),
        ) {
            let mut tree = WeightTree::new(100, 1.0);
            let mut model = vec![1.0; 100];
            for step in steps {
                match step {
                    Step::Set(key, weight) => {
                        tree.set(key, weight);
                        if let Some(slot) = model.get_mut(key) {
                            *slot = weight;
                        }
                    }
                    Step::Resize(len, weight) => {
                        tree.resize(len, weight);
                        model.resize(len, weight);
                    }
                    Step::Fill(len, weight) => {
                        tree.fill(len, weight);
                        model = vec![weight; len];
                    }
                }
                prop_assert_eq!(tree.len(), model.len());
                prop_assert_eq!(tree.total(), model.iter().sum::<f64>());
                for fraction in &fractions {
                    let fraction = f64::from(*fraction) / 1024.0;
                    prop_assert_eq!(tree.find(fraction), naive_find(&model, fraction));
                }
            }
            for (key, weight) in model.iter().enumerate() {
                prop_assert_eq!(tree.get(key), *weight);
            }
        }

        #[test]
        fn neither_order_nor_past_shows(
            weights in prop::collection::vec(0.0f64..1e9, 1..600),
            order in any::<prop::sample::Index>(),
            past in prop::collection::vec((0usize..600, 0.0f64..1e30), 0..50),
        ) {
            let mut forward = WeightTree::new(weights.len(), 0.0);
            for (key, &weight) in weights.iter().enumerate() {
                forward.set(key, weight);
            }
            let mut other = WeightTree::new(3, 7.0);
            other.resize(weights.len() + 1000, 1e300);
            other.resize(weights.len(), 0.0);
            for (key, weight) in past {
                other.set(key, weight);
            }
            let start = order.index(weights.len());
            for key in (0..weights.len()).map(|step| (start + step) % weights.len()).rev() {
                other.set(key, weights[key]);
            }
            prop_assert_eq!(&forward.levels, &other.levels);
        }

        #[test]
        fn rounding_never_finds_a_key_of_no_weight(
            weights in prop::collection::vec(prop_oneof![Just(0.0), 1e-300f64..1e-290, 1e10f64..1e30], 1..200),
            fraction in prop_oneof![0.0f64..1.0, Just(1.0f64.next_down())],
        ) {
            let mut tree = WeightTree::new(weights.len(), 0.0);
            for (key, &weight) in weights.iter().enumerate() {
                tree.set(key, weight);
            }
            match tree.find(fraction) {
                Some(key) => prop_assert!(weights[key] > 0.0),
                None => prop_assert!(weights.iter().all(|&weight| weight == 0.0)),
            }
        }
    }

    #[test]
    fn unusable_weights_count_as_zero() {
        let mut tree = WeightTree::new(4, 1.0);
        for (key, weight) in [f64::NAN, f64::INFINITY, -1.0].into_iter().enumerate() {
            tree.set(key, weight);
        }
        tree.set(99, 1.0);
        assert_eq!(tree.total(), 1.0);
        assert_eq!(tree.find(0.0), Some(3));
        assert_eq!(WeightTree::default().find(0.5), None);
    }
}
