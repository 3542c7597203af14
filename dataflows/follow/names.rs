//! Identities in changes.

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
