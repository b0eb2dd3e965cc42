//! Texts with holes, which a scripted client fills anew for each request.

/// A text with holes.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Template(pub Vec<Part>);

#[derive(Clone, Debug, PartialEq)]
pub enum Part {
    Text(Box<str>),
    Hole(Hole),
}

/// What stands in a hole.
#[derive(Clone, Debug, PartialEq)]
pub enum Hole {
    /// The client's own name, such as `backend-3`.
    Client,
    /// A value of the group's identity, by its place there.
    Identity(usize),
    /// How many requests the client has made, this one included.
    Counter,
    /// One of these, drawn anew each time.
    Choice(Vec<Box<str>>),
    /// A whole number of this range, both ends included, drawn anew each time.
    Number { low: u32, high: u32 },
    /// A random UUID (RFC 9562, version 4).
    Uuid,
    /// When the request is due.
    Now(Moment),
    /// What the answer before brought: the id of what was created.
    Found,
}

/// A moment near the time at which a request is due.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Moment {
    pub format: MomentFormat,
    /// Nanoseconds to add; negative for a moment before.
    pub shift: i64,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum MomentFormat {
    /// ISO 8601 in UTC with whole seconds.
    Iso,
    /// Seconds since the Unix epoch.
    Epoch,
    /// Milliseconds since the Unix epoch.
    EpochMillis,
}

/// A JSON document with holes, ready to be written from front to back.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct JsonTemplate(pub Vec<JsonPart>);

#[derive(Clone, Debug, PartialEq)]
pub enum JsonPart {
    /// JSON as it is.
    Text(String),
    /// The inside of a string: what fills its holes is escaped.
    Inside(Template),
    /// A number.
    Number(Hole),
}

impl Template {
    /// A text without holes.
    pub fn fixed(text: &str) -> Self {
        Template(if text.is_empty() { Vec::new() } else { vec![Part::Text(text.into())] })
    }

    pub fn holes(&self) -> impl Iterator<Item = &Hole> {
        self.0.iter().filter_map(|part| match part {
            Part::Hole(hole) => Some(hole),
            Part::Text(_) => None,
        })
    }

    /// The hole, where there is nothing but one.
    pub fn only_hole(&self) -> Option<&Hole> {
        match self.0.as_slice() {
            [Part::Hole(hole)] => Some(hole),
            _ => None,
        }
    }

    /// The text with names in the holes, as patterns of requests are written: `/v2/vehicles/{vehicle_id}`. `identity` are
    /// the names of the group's values.
    pub fn pattern(&self, identity: &[String], found: &str) -> String {
        let part = |part: &Part| match part {
            Part::Text(text) => text.to_string(),
            Part::Hole(Hole::Identity(index)) => format!("{{{}}}", identity[*index]),
            Part::Hole(hole) => format!("{{{}}}", hole.name(found)),
        };
        self.0.iter().map(part).collect()
    }
}

impl Hole {
    /// Whether it is always a number.
    pub fn is_number(&self) -> bool {
        match self {
            Hole::Counter | Hole::Number { .. } => true,
            Hole::Now(moment) => moment.format != MomentFormat::Iso,
            Hole::Client | Hole::Identity(_) | Hole::Choice(_) | Hole::Uuid | Hole::Found => false,
        }
    }

    fn name<'a>(&self, found: &'a str) -> &'a str {
        match self {
            Hole::Client => "client",
            Hole::Identity(_) => "identity",
            Hole::Counter => "counter",
            Hole::Choice(_) => "choice",
            Hole::Number { .. } => "number",
            Hole::Uuid => "uuid",
            Hole::Now(_) => "now",
            Hole::Found => found,
        }
    }
}

impl JsonTemplate {
    pub fn holes(&self) -> impl Iterator<Item = &Hole> {
        self.0.iter().flat_map(|part| {
            let (inside, number) = match part {
                JsonPart::Text(_) => (None, None),
                JsonPart::Inside(template) => (Some(template.holes()), None),
                JsonPart::Number(hole) => (None, Some(hole)),
            };
            inside.into_iter().flatten().chain(number)
        })
    }
}
