use differential_dataflow::input::Input;
use std::cell::RefCell;
use std::rc::Rc;
use strads::models::mf::ccd::*;
use strads::models::mf::*;
use timely::dataflow::operators::{Inspect, Probe};
fn read(p: &str) -> Vec<(u32, u32, f32)> {
    let b = std::fs::read(p).unwrap();
    b.chunks(12)
        .map(|c| {
            (
                u32::from_le_bytes(c[..4].try_into().unwrap()),
                u32::from_le_bytes(c[4..8].try_into().unwrap()),
                f32::from_le_bytes(c[8..].try_into().unwrap()),
            )
        })
        .collect()
}
fn main() {
    let a: Vec<String> = std::env::args().collect();
    let tr = read(&format!("{}.train.bin", a[1]));
    let part: usize = a[2].parse().unwrap();
    let tol: f64 = a[3].parse().unwrap();
    timely::execute_directly(move |w| {
        let o = Options {
            rank: 40,
            lambda: Some(0.05),
            weighted_lambda: true,
            tolerance: Some(tol),
            ..Default::default()
        };
        let t0 = Rc::new(RefCell::new(std::time::Instant::now()));
        let t1 = t0.clone();
        let (mut i, p) = w.dataflow::<u64, _, _>(|s| {
            let (i, c) = s.new_collection::<Rating, isize>();
            let f = c.factorise(o, 1).unwrap();
            f.certificates.inspect(move |c| {
                println!(
                    "  round {} sweeps {} obj {:.2} at {:.3}",
                    c.round,
                    c.certificate.sweeps,
                    c.certificate.objective(),
                    t1.borrow().elapsed().as_secs_f64()
                )
            });
            let (p, _) = f.model.inner.probe();
            (i, p)
        });
        let r = |e: &(u32, u32, f32)| Rating::new(e.0, e.1, e.2).unwrap();
        let hold = tr.len() / part;
        for e in &tr[hold * 3..] {
            i.insert(r(e));
        }
        for t in 0..4 {
            println!("epoch {t}");
            *t0.borrow_mut() = std::time::Instant::now();
            if t > 0 {
                for e in &tr[hold * (t - 1)..hold * t] {
                    i.insert(r(e));
                }
                for e in &tr[hold * (3 + t)..hold * (4 + t)] {
                    i.remove(r(e));
                }
            }
            i.advance_to(t as u64 + 1);
            i.flush();
            w.step_or_park_while(None, || p.less_than(i.time()));
            println!("  done {:.3}", t0.borrow().elapsed().as_secs_f64());
        }
    });
}
