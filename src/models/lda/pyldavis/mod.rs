//! What pyLDAvis draws (Sievert and Shirley, "LDAvis", 2014), as its JSON.
//!
//! Topics keep their numbers: topic k here is topic k + 1 there, as `sort_topics=False` asks of
//! pyLDAvis. Distances between topics are Jensen–Shannon divergences of their smoothed words, put
//! into the plane by classical scaling.

mod distances;
mod plane;
mod table;

use serde_json::{Value, json};

use super::TopicModel;
use plane::plane;
use table::Table;

/// Words shown of each topic.
const SHOWN: usize = 30;

/// Steps of λ.
const STEPS: usize = 100;

impl TopicModel {
    /// The prepared data of pyLDAvis. Takes O(K²·s) for K topics of s words, on all processors, and
    /// K² numbers.
    pub fn pyldavis(&self) -> Value {
        let topics = self.topics();
        let shares = self.shares();
        let [x, y] = plane(&self.divergences());
        let numbers: Vec<usize> = (1..=topics).collect();
        let percent: Vec<f64> = shares.iter().map(|share| 100.0 * share).collect();
        let table = Table::new(self);
        json!({
            "mdsDat": {
                "x": x,
                "y": y,
                "topics": numbers,
                "cluster": vec![1; topics],
                "Freq": percent,
            },
            "tinfo": table.info(),
            "token.table": table.tokens(),
            "R": SHOWN.min(self.vocabulary.len()),
            "lambda.step": 1.0 / STEPS as f64,
            "plot.opts": { "xlab": "PC1", "ylab": "PC2" },
            "topic.order": numbers,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::super::file::tests::model;
    use super::*;

    #[test]
    fn topics_keep_their_numbers() {
        let value = model(3).pyldavis();
        assert_eq!(value["topic.order"], json!([1, 2, 3]));
        assert_eq!(value["mdsDat"]["topics"], json!([1, 2, 3]));
        let length = value["tinfo"]["Term"].as_array().unwrap().len();
        for column in ["Category", "Freq", "Total", "logprob", "loglift"] {
            assert_eq!(value["tinfo"][column].as_array().unwrap().len(), length, "{column}");
        }
        assert!(value["mdsDat"]["x"].as_array().unwrap().iter().all(Value::is_f64));
    }
}
