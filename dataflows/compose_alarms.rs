//! A regression that follows readings as they come, are corrected and go, and alarms for those it
//! does not explain: a collection that changes where the model or a reading does.
//! Run it with `-w 2`, or in two processes with `-n 2 -p 0` and `-n 2 -p 1`.
use differential_dataflow::input::Input;
use strads::models::lasso::{Lambda, LiveLasso, Options, Row};
use strads::prelude::{Flags, execute};
use timely::dataflow::ProbeHandle;

/// A sensor's reading of something that follows two others, off by a fault.
fn reading(sensor: u64, fault: f64) -> Row {
    let at = sensor as f64;
    let (heat, load) = (at.sin(), (0.7 * at).cos());
    let response = 1.0 + 2.0 * heat - 3.0 * load + fault;
    Row::new(response, vec![(0, heat), (1, load)]).expect("finite numbers")
}

fn main() {
    let done = execute(&Flags::from_args(), b"", |worker| {
        let probe = ProbeHandle::new();
        let mut readings = worker.dataflow::<u64, _, _>(|scope| {
            let (input, readings) = scope.new_collection::<(u64, Row), isize>();
            let options = Options { lambda: Lambda::Value(0.01), ..Options::default() };
            let model = readings.clone().lasso(options, 4).expect("options in range");
            let measured = readings.clone().map(|(sensor, row)| (sensor, row.response().to_bits()));
            model
                .predictions(readings)
                .join_map(measured, |&sensor, predicted, &measured| {
                    (sensor, (f64::from_bits(measured) - predicted.0).abs() > 1.0)
                })
                .filter(|(_, far)| *far)
                .consolidate()
                .inspect(|((sensor, _), epoch, change)| match change {
                    1 => println!("epoch {epoch}: sensor {sensor} is off"),
                    _ => println!("epoch {epoch}: sensor {sensor} is as expected, or gone"),
                })
                .probe_with(&probe);
            input
        });
        // A correction is a retraction and an insertion.
        let epochs: [Vec<(u64, f64, isize)>; 4] = [
            (0..200).map(|sensor| (sensor, 0.0, 1)).collect(),
            vec![(7, 0.0, -1), (7, 5.0, 1)],
            vec![(7, 5.0, -1), (7, 0.0, 1), (42, 0.0, -1), (42, -4.0, 1)],
            vec![(42, -4.0, -1)],
        ];
        for (epoch, changes) in (1..).zip(epochs) {
            for (sensor, fault, change) in changes {
                if sensor as usize % worker.peers() == worker.index() {
                    readings.update((sensor, reading(sensor, fault)), change);
                }
            }
            readings.advance_to(epoch);
            readings.flush();
            worker.step_or_park_while(None, || probe.less_than(&epoch));
        }
    });
    done.unwrap_or_else(|error| strads::cluster::fail::stop(error.code(), error));
}
