//! A YAML tree whose keys keep their order.

use serde::ser::{Serialize, Serializer};

#[derive(Clone, Debug, PartialEq)]
pub enum Node {
    Text(String),
    Number(i64),
    Flag(bool),
    List(Vec<Node>),
    Map(Vec<(String, Node)>),
}

/// A mapping of those keys that have a value.
pub fn map<const N: usize>(entries: [(&'static str, Option<Node>); N]) -> Node {
    Node::map(entries)
}

impl Node {
    pub fn text(text: &str) -> Node {
        Node::Text(text.to_owned())
    }

    pub fn number(number: impl Into<u32>) -> Node {
        Node::Number(i64::from(number.into()))
    }

    pub fn map<'a>(entries: impl IntoIterator<Item = (&'a str, Option<Node>)>) -> Node {
        let present = entries.into_iter().filter_map(|(key, node)| node.map(|node| (key.to_owned(), node)));
        Node::Map(present.collect())
    }

    /// A word of the language, under the name that it is read by.
    pub fn word(word: &impl Serialize) -> Node {
        let value = serde_json::to_value(word).expect("words are unit variants");
        Node::Text(value.as_str().expect("a word is a text").to_owned())
    }

    pub fn word_unless<T: Serialize + PartialEq>(word: &T, default: &T) -> Option<Node> {
        (word != default).then(|| Node::word(word))
    }

    /// None for an empty list or mapping.
    pub fn filled(node: Node) -> Option<Node> {
        let empty = matches!(&node, Node::List(nodes) if nodes.is_empty())
            || matches!(&node, Node::Map(entries) if entries.is_empty());
        (!empty).then_some(node)
    }

    pub fn to_yaml(&self) -> String {
        serde_yaml::to_string(self).expect("text, numbers, lists and mappings can all be written")
    }
}

impl Serialize for Node {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Node::Text(text) => serializer.serialize_str(text),
            Node::Number(number) => serializer.serialize_i64(*number),
            Node::Flag(flag) => serializer.serialize_bool(*flag),
            Node::List(nodes) => serializer.collect_seq(nodes),
            Node::Map(entries) => serializer.collect_map(entries.iter().map(|(key, node)| (key, node))),
        }
    }
}
