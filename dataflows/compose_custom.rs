//! A model-parallel program of one's own: least squares on rows that are spread over workers.
//! Run it with `-w 2`, or in two processes with `-n 2 -p 0` and `-n 2 -p 1`.
use strads::prelude::*;
use timely::dataflow::operators::{Inspect, ToStream};

/// Rows: three features and what of the target is left to explain. And the weights.
#[derive(Default)]
struct Squares(Vec<[f64; 4]>, [f64; 3]);
impl Program for Squares {
    type Change = [f64; 4];
    type Key = u32;
    type Partial = [f64; 2];
    type Delta = f64;
    type Effect = ();
    type Certificate = ();
    type Output = (usize, f64);
    fn ingest(&mut self, rows: &mut Vec<[f64; 4]>) {
        self.0.append(rows);
    }
    fn push(&mut self, _: usize, block: &[u32], out: &mut Columns<u32, [f64; 2]>) {
        for &key in block {
            let terms = self.0.iter().map(|row| (row[key as usize], row[3]));
            out.push(key, terms.fold([0.0; 2], |[a, b], (x, r)| [a + x * r, b + x * x]));
        }
    }
    fn pull(&mut self, _: usize, sums: &Partials<u32, [f64; 2]>, out: &mut Columns<u32, f64>) {
        for (key, parts) in sums.aligned() {
            let [fit, norm] = parts.fold([0.0; 2], |[a, b], [x, y]| [a + x, b + y]);
            out.push(key, fit / norm);
        }
    }
    fn sync(&mut self, round: &Round<Self>) {
        for (key, delta) in round.moves.iter() {
            self.1[key as usize] += delta;
            self.0.iter_mut().for_each(|row| row[3] -= delta * row[key as usize]);
        }
    }
    fn publish(&mut self, shard: usize, out: &mut Vec<(usize, f64)>) {
        out.extend((shard..3).step_by(2).map(|key| (key, self.1[key])));
    }
    fn universe(&self) -> usize {
        3
    }
}

fn main() {
    let done = execute(&Flags::from_args(), b"", |worker| {
        let at = (worker.index()..99).step_by(worker.peers()).map(|at| at as f64);
        let rows = at.map(|x| [1.0, x.sin(), x.cos(), 3.0 - 2.0 * x.sin() + x.cos()]);
        let sweeps = Certified::new(RoundRobin::new(Width::Fixed(1)), Stopping::after(120));
        worker.dataflow::<u64, _, _>(|scope| {
            let options = Options { form: Form::Partial, shards: 2, ..Options::default() };
            let rows = rows.to_stream(scope).container::<Vec<_>>();
            let model =
                rows.model_parallel::<Squares, _>("Squares", options, Default::default(), sweeps);
            model.changes.inspect(|(key, weight)| println!("weight {key}: {weight:.3}"));
        });
    });
    done.unwrap_or_else(|error| strads::cluster::fail::stop(error.code(), error));
}
