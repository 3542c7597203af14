//! The result of a run: as JSON, as text, as a model file.

use std::fmt::Write;

use serde_json::{Value, json};
use strads::models::mf::{
    Errors, Fit, Model, Options, Point, Ranking, RankingOptions, Seen, Solver, Terms, chosen,
    errors, ranking,
};
use strads::report::{Exit, ModelFile};

use super::arguments::Arguments;
use super::data::Data;
use crate::failure::Failure;
use crate::output::figure;
use crate::run::{head, placement, put_seconds};

/// A finished run, on process 0.
pub struct Run {
    /// The result as JSON.
    pub value: Value,
    /// Whether the fit ended as asked.
    pub converged: bool,
    solver: Solver,
    model: Model,
    point: Point,
    rounds: u64,
    tested: Option<(Errors, Ranking)>,
    top: usize,
}

impl Run {
    /// Sums up a fit and tests it.
    pub fn new(arguments: &Arguments, data: &Data, fitted: Fit) -> Result<Self, Failure> {
        let (Some(factors), Some(point)) = (fitted.model, fitted.point) else {
            return Err(Failure::new(Exit::Failed, "the fit ended without a result"));
        };
        if !point.objective.is_finite() {
            let message = "the objective is no finite number: the ratings are too large";
            return Err(Failure::new(Exit::Failed, message));
        }
        let train = &data.problem.train;
        let options = arguments.options();
        let solver = chosen(&options, &data.problem);
        let terms = Terms::new(&options, train);
        let seen = (!arguments.no_seen).then(|| Seen::new(train));
        let model = Model { factors, terms, seen };
        let mut run = Run {
            value: Value::Null,
            converged: fitted.converged,
            solver,
            tested: test(arguments, data, &options, &model),
            model,
            point,
            rounds: fitted.rounds,
            top: arguments.test.top,
        };
        run.value = run.as_json(arguments, data);
        Ok(run)
    }

    fn as_json(&self, arguments: &Arguments, data: &Data) -> Value {
        let (training, train) = (&arguments.training, &data.problem.train);
        let mut value =
            Value::Object(head("mf", training.seed, &arguments.cluster, training.shards));
        value["users"] = json!(train.users.len());
        value["items"] = json!(train.items.len());
        value["ratings"] = json!(train.len());
        value["duplicates"] = json!(data.duplicates);
        value["seconds"] = Value::Null;
        value["rounds"] = json!(self.rounds);
        value["iterations"] = json!(self.point.iteration);
        value["converged"] = json!(self.converged);
        value["peak_bytes"] = Value::Null;
        value["rank"] = json!(self.model.factors.rank);
        value["solver"] = json!(self.solver_name());
        value["lambda"] = json!(self.lambda(arguments));
        value["mean"] = json!(self.model.factors.mean);
        value["objective"] = json!(self.point.objective);
        value["rmse_train"] = json!(self.point.rmse_train);
        value["rmse_test"] = json!(self.tested.map(|(errors, _)| errors.rmse));
        if let Some((errors, ranking)) = &self.tested {
            let unknown = match &data.problem.test {
                Some(known) => data.held_out() - known.len(),
                None => 0,
            };
            value["mae_test"] = json!(errors.mae);
            value["ratings_test"] = json!(data.held_out());
            value["unknown_test"] = json!(unknown);
            value["ranking"] = json!({
                "top": self.top,
                "users": ranking.users,
                "precision": ranking.precision,
                "recall": ranking.recall,
                "ndcg": ranking.ndcg,
                "map": ranking.map,
                "auc": ranking.auc,
            });
        }
        value
    }

    fn solver_name(&self) -> &'static str {
        if self.solver == Solver::Sgd { "sgd" } else { "ccd" }
    }

    /// λ of the objective; of gradient descent's own penalty, which differs between rows, nothing.
    fn lambda(&self, arguments: &Arguments) -> Option<f64> {
        let own = self.solver == Solver::Sgd && arguments.model.lambda.is_none();
        (!own).then_some(self.model.terms.lambda)
    }

    /// Puts in how long loading, training and writing took.
    pub fn seconds(&mut self, seconds: [f64; 3]) {
        put_seconds(&mut self.value, seconds);
    }

    /// The model as a file: the same bytes wherever and however fast it was made.
    pub fn file(&self, arguments: &Arguments, data: &Data) -> ModelFile {
        let training = &arguments.training;
        let metadata = json!({
            "command": "mf",
            "version": env!("CARGO_PKG_VERSION"),
            "options": arguments.remembered(),
            "seed": training.seed,
            "shards": placement(&arguments.cluster, training.shards).shards(),
            "ratings": data.problem.train.len(),
            "rating_mean": data.problem.train.mean(),
            "objective": self.point.objective,
            "rmse_train": self.point.rmse_train,
            "rmse_test": self.value["rmse_test"],
            "rounds": self.rounds,
            "iterations": self.point.iteration,
            "converged": self.converged,
        });
        match metadata {
            Value::Object(metadata) => self.model.to_file(metadata),
            _ => ModelFile::default(),
        }
    }

    /// The result for people.
    pub fn text(&self) -> String {
        let mut text = String::new();
        // Writing to a text cannot fail.
        let _ = self.write(&mut text);
        text
    }

    fn write(&self, to: &mut String) -> std::fmt::Result {
        let (value, factors) = (&self.value, &self.model.factors);
        let (users, items) = (factors.users.len(), factors.items.len());
        writeln!(to, "data        {} ratings, {users} users, {items} items", value["ratings"])?;
        writeln!(to, "rank        {}", factors.rank)?;
        writeln!(to, "solver      {}", self.solver_name())?;
        if let Some(lambda) = value["lambda"].as_f64() {
            writeln!(to, "lambda      {}", figure(lambda))?;
        }
        let end = if self.converged { "" } else { ": NOT CONVERGED within the limits" };
        writeln!(to, "objective   {:?}{end}", self.point.objective)?;
        writeln!(to, "RMSE        {} in training", figure(self.point.rmse_train))?;
        if let Some((errors, ranking)) = &self.tested {
            let ratings = &value["ratings_test"];
            writeln!(to, "            {} on {ratings} test ratings", figure(errors.rmse))?;
            writeln!(to, "MAE         {} there", figure(errors.mae))?;
            let Ranking { users, precision, recall, ndcg, map, auc } = *ranking;
            writeln!(to, "rankings    of {users} users, down to {}", self.top)?;
            for (name, number) in [
                ("precision", precision),
                ("recall", recall),
                ("NDCG", ndcg),
                ("MAP", map),
                ("AUC", auc),
            ] {
                writeln!(to, "            {name} {}", figure(number))?;
            }
        }
        let seconds = |name: &str| value["seconds"][name].as_f64().unwrap_or(0.0);
        let (rounds, iterations) = (self.rounds, self.point.iteration);
        let (load, train) = (seconds("load"), seconds("train"));
        writeln!(
            to,
            "work        {iterations} iterations in {rounds} rounds; {load:.2} s loading, \
             {train:.2} s training"
        )
    }
}

/// How the model does on the test ratings, if there are any.
fn test(
    arguments: &Arguments,
    data: &Data,
    options: &Options,
    model: &Model,
) -> Option<(Errors, Ranking)> {
    let (threads, given) = (arguments.cluster.threads, &arguments.test);
    let train = &data.problem.train;
    let errors = errors(&model.factors, data.test.as_deref()?, threads)?;
    let usual = if options.implicit.is_some() { f32::MIN } else { train.mean() as f32 };
    let options = RankingOptions {
        top: given.top,
        relevant: given.relevant.unwrap_or(usual),
        users: given.ranked_users,
        seed: arguments.training.seed,
        threads,
    };
    let ranking = ranking(&model.factors, train, data.problem.test.as_deref()?, options);
    Some((errors, ranking))
}
