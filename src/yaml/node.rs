//! A document as it stands, of no type in particular, with its keys in their order.

use indexmap::IndexMap;
use serde::{Deserialize, Serialize};

/// A part of a document.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum Node {
    Null,
    Flag(bool),
    Number(serde_json::Number),
    Text(String),
    List(Vec<Node>),
    Map(IndexMap<String, Node>),
}

impl Node {
    /// An entry of a mapping.
    pub fn get(&self, key: &str) -> Option<&Node> {
        match self {
            Node::Map(fields) => fields.get(key),
            _ => None,
        }
    }

    pub fn as_text(&self) -> Option<&str> {
        match self {
            Node::Text(text) => Some(text),
            _ => None,
        }
    }

    pub fn as_count(&self) -> Option<u64> {
        match self {
            Node::Number(number) => number.as_u64(),
            _ => None,
        }
    }

    pub fn as_map_mut(&mut self) -> Option<&mut IndexMap<String, Node>> {
        match self {
            Node::Map(fields) => Some(fields),
            _ => None,
        }
    }

    pub fn as_list_mut(&mut self) -> Option<&mut Vec<Node>> {
        match self {
            Node::List(entries) => Some(entries),
            _ => None,
        }
    }

    /// A number or a text as it would be written.
    pub fn written(&self) -> Option<String> {
        match self {
            Node::Number(number) => Some(number.to_string()),
            Node::Text(text) => Some(text.clone()),
            _ => None,
        }
    }

    /// The document as JSON, which is YAML.
    pub fn to_json(&self) -> String {
        serde_json::to_string(self).expect("texts, numbers and the like have a form in JSON")
    }
}

impl From<u32> for Node {
    fn from(number: u32) -> Self {
        Node::Number(number.into())
    }
}

impl From<&str> for Node {
    fn from(text: &str) -> Self {
        Node::Text(text.to_owned())
    }
}
