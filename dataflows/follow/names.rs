//! Identities in changes.

use std::collections::HashMap;

use serde::{Deserialize, Deserializer};

/// An identity: a text, or a number as it is written.
pub fn name<'de, D: Deserializer<'de>>(from: D) -> Result<String, D::Error> {
    #[derive(Deserialize)]
    #[serde(untagged)]
    enum Name {
        Text(String),
        Number(serde_json::Number),
    }
    match Name::deserialize(from)? {
        Name::Text(text) => Ok(text),
        Name::Number(number) => Ok(number.to_string()),
    }
}

/// An identity for a message of one line.
pub fn quoted(name: &str) -> String {
    let shown: String = name.chars().filter(|c| !c.is_control()).take(60).collect();
    format!("\"{shown}\"")
}

/// Columns, users or items, numbered in the order in which their names are first put.
#[derive(Default)]
pub struct Numbers {
    names: Vec<String>,
    numbers: HashMap<String, u32>,
}

impl Numbers {
    /// The number of a name, which gets one if it has none.
    pub fn number(&mut self, name: String) -> u32 {
        let next = self.names.len() as u32;
        *self.numbers.entry(name).or_insert_with_key(|name| {
            self.names.push(name.clone());
            next
        })
    }

    /// The number of a name that was put.
    pub fn find(&self, name: &str) -> Option<u32> {
        self.numbers.get(name).copied()
    }

    /// The names, by number.
    pub fn names(&self) -> &[String] {
        &self.names
    }
}
