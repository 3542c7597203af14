//! How ratings are read, and models of them.

use std::path::Path;

use clap::ValueEnum;
use serde_json::{Map, Value};
use strads::formats::{self, RatingFile, RatingOptions, Separator};
use strads::models::mf;
use strads::report::ModelFile;

use crate::failure::Failure;
use crate::input::Bar;
use crate::output::Output;

/// Where the parts of a rating are.
#[derive(clap::Args, Clone, Debug)]
#[command(about = None, long_about = None, next_help_heading = "Ratings")]
pub struct Columns {
    /// What is between fields [default: guessed from the first line]
    #[arg(long, value_enum, value_name = "WHAT")]
    pub separator: Option<Separator>,
    /// Column of the user: its name in the header, or its number from 1 [default: of a usual name,
    /// or the first]
    #[arg(long, value_name = "COLUMN")]
    pub user_column: Option<String>,
    /// Column of the item [default: of a usual name, or the second]
    #[arg(long, value_name = "COLUMN")]
    pub item_column: Option<String>,
    /// Column of the rating [default: of a usual name, or the third]
    #[arg(long, value_name = "COLUMN")]
    pub rating_column: Option<String>,
    /// Column of the time [default: of a usual name; without a header the fourth if it is a whole
    /// number]
    #[arg(long, value_name = "COLUMN")]
    pub time_column: Option<String>,
}

/// The formats of ratings.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub enum Format {
    /// user item rating [timestamp] between commas, semicolons, tabs, `::` or blanks
    #[default]
    Ratings,
    /// The same between commas
    Csv,
    /// The same between tabs
    Tsv,
    /// JSON lines of changes
    Changes,
}

impl Format {
    /// What is between fields, if the format says it.
    fn separator(self) -> Option<Separator> {
        match self {
            Format::Ratings | Format::Changes => None,
            Format::Csv => Some(Separator::Comma),
            Format::Tsv => Some(Separator::Tab),
        }
    }
}

impl Columns {
    /// What the library is told; weights are read if a column is named.
    pub fn options(
        &self,
        format: Format,
        weight: Option<&str>,
        need_rating: bool,
        threads: usize,
    ) -> RatingOptions {
        RatingOptions {
            separator: self.separator.or(format.separator()),
            user: self.user_column.clone(),
            item: self.item_column.clone(),
            rating: self.rating_column.clone(),
            time: self.time_column.clone(),
            weight: weight.map(str::to_owned),
            need_rating,
            threads,
        }
    }
}

/// Reads ratings, with a progress bar where there is someone to see it.
pub fn read(path: &Path, options: &RatingOptions, output: &Output) -> Result<RatingFile, Failure> {
    Ok(formats::read_ratings(path, options, &Bar::new(output))?)
}

/// A model of ratings, with what is told about it.
pub struct Model {
    pub model: mf::Model,
    /// Everything but the names.
    pub metadata: Map<String, Value>,
}

impl Model {
    /// Reads a model file.
    pub fn load(path: &Path) -> Result<Self, Failure> {
        Self::new(ModelFile::load(path)?, path)
    }

    /// The model in a file that was read from a path.
    pub fn new(mut file: ModelFile, path: &Path) -> Result<Self, Failure> {
        let model = mf::Model::from_file(&file)
            .map_err(|why| Failure::model(format!("cannot use {}: {why}", path.display())))?;
        for name in ["users", "items"] {
            file.metadata.remove(name);
        }
        Ok(Model { model, metadata: file.metadata })
    }
}
