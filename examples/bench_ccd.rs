use std::sync::{Arc, Mutex};
use std::time::Instant;
use strads::cluster::Flags;
use strads::models::mf::*;
use strads::operators;
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
    let g = |k: &str, d: &str| -> String {
        a.iter().position(|x| x == k).map(|i| a[i + 1].clone()).unwrap_or(d.into())
    };
    let h = |k: &str| a.iter().any(|x| x == k);
    let tr = read(&format!("{}.train.bin", a[1]));
    let te = read(&format!("{}.test.bin", a[1]));
    let m = tr.iter().chain(&te).map(|e| e.0).max().unwrap() + 1;
    let n = tr.iter().chain(&te).map(|e| e.1).max().unwrap() + 1;
    let un = Arc::new(Names::sorted(
        (0..m).map(|i| i.to_string()).collect::<Vec<_>>().iter().map(|s| s.as_str()),
    ));
    let it = Arc::new(Names::sorted(
        (0..n).map(|i| i.to_string()).collect::<Vec<_>>().iter().map(|s| s.as_str()),
    ));
    let mk = |e: &[(u32, u32, f32)]| {
        Ratings::new(
            un.clone(),
            it.clone(),
            Unordered {
                user: e.iter().map(|x| x.0).collect(),
                item: e.iter().map(|x| x.1).collect(),
                value: e.iter().map(|x| x.2).collect(),
                weight: None,
                time: None,
            },
        )
        .unwrap()
    };
    let train = Arc::new(mk(&tr));
    let test = mk(&te);
    let w: usize = g("-w", "1").parse().unwrap();
    let o = Options {
        rank: g("-k", "40").parse().unwrap(),
        lambda: Some(g("-l", "0.05").parse().unwrap()),
        weighted_lambda: !h("--plain"),
        centre: h("--centre"),
        biases: h("--biases"),
        nonnegative: h("--nn"),
        implicit: h("--implicit").then(|| 1.0),
        iterations: Some(g("-i", "6").parse().unwrap()),
        tolerance: h("-t").then(|| g("-t", "0").parse().unwrap()),
        scheduler: g("-s", "round-robin").parse().unwrap(),
        ..Default::default()
    };
    let t0 = Instant::now();
    let last = Arc::new(Mutex::new(Vec::new()));
    let l2 = last.clone();
    let eng =
        operators::Options { shards: g("--shards", "0").parse().unwrap(), ..Default::default() };
    let f = ccd::fit(
        &Flags::threads(w),
        b"",
        Problem { train: train.clone(), test: None, warm: None },
        o,
        eng,
        move |p| {
            l2.lock().unwrap().push((t0.elapsed().as_secs_f64(), *p));
        },
    )
    .unwrap();
    let tt = t0.elapsed().as_secs_f64();
    for (t, p) in last.lock().unwrap().iter() {
        println!(
            "sweep {} round {} obj {:.2} rmse {:.5} at {:.4}",
            p.iteration, p.round, p.objective, p.rmse_train, t
        );
    }
    let md = f.model.unwrap();
    let mut se = 0f64;
    for e in test.iter() {
        let s: f64 = md.mean
            + (md.user_bias[e.user as usize] + md.item_bias[e.item as usize]) as f64
            + md.user(e.user as usize)
                .iter()
                .zip(md.item(e.item as usize))
                .map(|(a, b)| (*a as f64) * (*b as f64))
                .sum::<f64>();
        se += (e.value as f64 - s).powi(2);
    }
    println!(
        "total {tt:.3} converged {} test rmse {:.5} peak {:?}",
        f.converged,
        (se / test.len() as f64).sqrt(),
        strads::report::peak_resident_bytes()
    );
}
