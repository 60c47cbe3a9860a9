//! Reads a reply's JSON: events, links, statistics, errors, in every shape that was documented or seen.

use std::collections::BTreeMap;
use std::fmt;

use serde::Deserialize;
use serde::de::{self, Deserializer, SeqAccess, Visitor};

use super::ProtocolError;
use crate::records::{Receipt, Sequence};
use crate::time::Timestamp;

/// Characters of an unreadable reply that its error shows.
const SHOWN: usize = 60;

/// A link of a reply.
#[derive(Debug, Clone, Deserialize)]
pub struct Link {
    /// `Self`, `Next`, …: compared without regard to case.
    #[serde(default)]
    pub rel: String,
    /// Where it leads.
    #[serde(default)]
    pub href: String,
}

/// One event of a finished reply.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Event {
    /// Receive time and sequence number.
    pub receipt: Receipt,
    /// The log it is of, where the reply says so.
    pub log_id: Option<String>,
    /// Its text. UTF-8, but for lone surrogates, which stand as three bytes each.
    pub message: Vec<u8>,
}

/// The statistics of a finished reply.
#[derive(Debug, Clone, Default, Deserialize)]
pub struct Statistics {
    /// `count` of all rows, per series name.
    #[serde(default)]
    pub stats: serde_json::Value,
    /// Counts per slice, per series name.
    #[serde(default)]
    pub timeseries: serde_json::Value,
    /// Milliseconds a slice.
    #[serde(default)]
    pub granularity: serde_json::Value,
    /// All rows once more, where the type of the statistics is a count.
    #[serde(default)]
    pub count: serde_json::Value,
    /// First bound, as resolved.
    pub from: Option<i64>,
    /// Second bound, as resolved.
    pub to: Option<i64>,
}

/// A reply, as far as anything here looks at it.
#[derive(Debug, Default, Deserialize)]
pub struct Envelope {
    #[serde(default, deserialize_with = "links")]
    links: Vec<Link>,
    #[serde(default, deserialize_with = "events")]
    events: Option<Vec<Event>>,
    statistics: Option<Statistics>,
    search_stats: Option<BTreeMap<String, serde_json::Value>>,
    leql: Option<Leql>,
    #[serde(rename = "errorCode")]
    error_code: Option<i64>,
    code: Option<i64>,
    message: Option<String>,
}

#[derive(Debug, Deserialize)]
struct Leql {
    statement: Option<String>,
    during: Option<During>,
}

#[derive(Debug, Deserialize)]
struct During {
    from: Option<i64>,
    to: Option<i64>,
}

impl Envelope {
    /// Reads a body.
    ///
    /// # Errors
    /// When it is not JSON of this kind, or is an error body.
    pub fn read(body: &[u8]) -> Result<Self, ProtocolError> {
        let envelope: Self = serde_json::from_slice(body).map_err(|cause| {
            let start = String::from_utf8_lossy(body).chars().take(SHOWN).collect();
            ProtocolError::Unreadable { start, cause }
        })?;
        let answered = envelope.leql.is_some() || envelope.events.is_some() || !envelope.links.is_empty();
        match envelope.error_code.or(envelope.code) {
            Some(code) if envelope.error_code.is_some() || !answered => {
                let message = envelope.message.unwrap_or_default();
                Err(ProtocolError::Server { code, message })
            }
            _ if !answered && envelope.statistics.is_none() => Err(ProtocolError::Lacks("any answer")),
            _ => Ok(envelope),
        }
    }

    /// The link of that name.
    #[must_use]
    pub fn link(&self, rel: &str) -> Option<&str> {
        self.links.iter().find(|link| link.rel.eq_ignore_ascii_case(rel)).map(|link| link.href.as_str())
    }

    /// The events, if any came: a finished page may leave them out (API document, 2.1).
    pub fn take_events(&mut self) -> Vec<Event> {
        self.events.take().unwrap_or_default()
    }

    /// The statistics of a finished count.
    #[must_use]
    pub const fn statistics(&self) -> Option<&Statistics> {
        self.statistics.as_ref()
    }

    /// A figure of `search_stats`.
    #[must_use]
    pub fn search_stat(&self, name: &str) -> Option<f64> {
        self.search_stats.as_ref()?.get(name)?.as_f64()
    }

    /// Refuses a reply whose echo shows that the server ran a narrower range or another statement.
    ///
    /// # Errors
    /// When it did.
    pub fn check_echo(&self, from: i64, to: i64, statement: &str) -> Result<(), ProtocolError> {
        let Some(leql) = &self.leql else { return Ok(()) };
        if let Some(during) = &leql.during {
            // One millisecond of play: how the server writes its bounds down is not documented.
            let late = during.from.is_some_and(|f| f > from.saturating_add(1));
            let early = during.to.is_some_and(|t| t < to.saturating_sub(1));
            if late || early {
                let (got_from, got_to) = (during.from.unwrap_or(from), during.to.unwrap_or(to));
                return Err(ProtocolError::AnotherQuery(format!(
                    "{got_from}..{got_to} instead of {from}..{to}"
                )));
            }
        }
        let echoed = leql.statement.as_deref().unwrap_or_default();
        if !plain(echoed).is_empty() && plain(echoed) != plain(statement) {
            return Err(ProtocolError::AnotherQuery(format!("{echoed:?} instead of {statement:?}")));
        }
        Ok(())
    }
}

/// A statement without blanks and case, which a server may set as it likes.
fn plain(statement: &str) -> String {
    statement.chars().filter(|c| !c.is_whitespace()).flat_map(char::to_lowercase).collect()
}

#[derive(Deserialize)]
struct WireEvent {
    timestamp: i64,
    sequence_number: Option<Number>,
    sequence_number_str: Option<Number>,
    log_id: Option<String>,
    message: Text,
}

impl WireEvent {
    fn event(self) -> Option<Event> {
        // The exact figure is the text: readers of JSON elsewhere may have rounded the number.
        let sequence = self.sequence_number_str.or(self.sequence_number)?.0?;
        let receipt =
            Receipt { received: Timestamp::from_millis(self.timestamp), sequence: Sequence(sequence) };
        Some(Event { receipt, log_id: self.log_id, message: self.message.0 })
    }
}

/// An integer written as a number or as text.
struct Number(Option<i64>);

impl<'de> Deserialize<'de> for Number {
    fn deserialize<D: Deserializer<'de>>(input: D) -> Result<Self, D::Error> {
        struct Any;
        impl Visitor<'_> for Any {
            type Value = Number;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an integer or its text")
            }

            fn visit_i64<E: de::Error>(self, value: i64) -> Result<Number, E> {
                Ok(Number(Some(value)))
            }

            fn visit_u64<E: de::Error>(self, value: u64) -> Result<Number, E> {
                Ok(Number(i64::try_from(value).ok()))
            }

            fn visit_f64<E: de::Error>(self, _rounded: f64) -> Result<Number, E> {
                Ok(Number(None))
            }

            fn visit_str<E: de::Error>(self, value: &str) -> Result<Number, E> {
                Ok(Number(value.trim().parse().ok()))
            }

            fn visit_unit<E: de::Error>(self) -> Result<Number, E> {
                Ok(Number(None))
            }
        }
        input.deserialize_any(Any)
    }
}

/// A message, read as bytes so that an unpaired surrogate escape does not make a page unreadable.
struct Text(Vec<u8>);

impl<'de> Deserialize<'de> for Text {
    fn deserialize<D: Deserializer<'de>>(input: D) -> Result<Self, D::Error> {
        struct Bytes;
        impl Visitor<'_> for Bytes {
            type Value = Text;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a message")
            }

            fn visit_bytes<E: de::Error>(self, value: &[u8]) -> Result<Text, E> {
                Ok(Text(value.to_vec()))
            }

            fn visit_byte_buf<E: de::Error>(self, value: Vec<u8>) -> Result<Text, E> {
                Ok(Text(value))
            }

            fn visit_str<E: de::Error>(self, value: &str) -> Result<Text, E> {
                Ok(Text(value.as_bytes().to_vec()))
            }
        }
        input.deserialize_byte_buf(Bytes)
    }
}

fn events<'de, D: Deserializer<'de>>(input: D) -> Result<Option<Vec<Event>>, D::Error> {
    struct Events;
    impl<'de> Visitor<'de> for Events {
        type Value = Option<Vec<Event>>;

        fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.write_str("a list of events")
        }

        fn visit_unit<E: de::Error>(self) -> Result<Self::Value, E> {
            Ok(None)
        }

        fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<Self::Value, A::Error> {
            let mut events = Vec::new();
            while let Some(wire) = list.next_element::<WireEvent>()? {
                events.push(
                    wire.event()
                        .ok_or_else(|| de::Error::custom("an event without a readable sequence number"))?,
                );
            }
            Ok(Some(events))
        }
    }
    input.deserialize_any(Events)
}

/// Links as a list, as one object (seen in log sets), or missing.
fn links<'de, D: Deserializer<'de>>(input: D) -> Result<Vec<Link>, D::Error> {
    #[derive(Deserialize)]
    #[serde(untagged)]
    enum OneOrMany {
        Many(Vec<Link>),
        One(Link),
        None,
    }
    Ok(match OneOrMany::deserialize(input)? {
        OneOrMany::Many(links) => links,
        OneOrMany::One(link) => vec![link],
        OneOrMany::None => Vec::new(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(body: &str) -> Envelope {
        Envelope::read(body.as_bytes()).unwrap()
    }

    #[test]
    fn sequence_numbers_stay_exact_and_messages_stay_bytes() {
        let mut envelope = read(
            r#"{"events":[{"timestamp":5,"sequence_number":72057595066982400,"sequence_number_str":"72057595066982401",
                "log_id":"a","message":"x\u0000\ud800y","extra":{}},
                {"timestamp":6,"sequence_number_str":7,"message":""}],"links":null}"#,
        );
        let events = envelope.take_events();
        assert_eq!(events[0].receipt.sequence, Sequence(72_057_595_066_982_401));
        assert_eq!(events[0].message, b"x\0\xed\xa0\x80y");
        assert_eq!(events[1].receipt.sequence, Sequence(7));
    }

    #[test]
    fn what_is_not_an_answer_is_an_error() {
        for body in
            ["<html>502</html>", "", "{}", "[]", r#"{"events":[{"timestamp":1}]}"#, r#"{"links":[],"ev"#]
        {
            assert!(Envelope::read(body.as_bytes()).is_err(), "{body}");
        }
        for body in
            [r#"{"errorCode":101011,"message":"bad"}"#, r#"{"id":"IDR","code":101009,"message":"bad"}"#]
        {
            assert!(matches!(Envelope::read(body.as_bytes()), Err(ProtocolError::Server { .. })), "{body}");
        }
    }

    #[test]
    fn links_are_found_in_any_case_and_form() {
        assert_eq!(
            read(r#"{"links":[{"rel":"self","href":"a"},{"rel":"NEXT","href":"b"}]}"#).link("Next"),
            Some("b")
        );
        assert_eq!(read(r#"{"links":{"rel":"Self","href":"a"}}"#).link("self"), Some("a"));
    }

    #[test]
    fn a_narrower_echo_is_another_query() {
        let envelope = read(r#"{"leql":{"statement":"","during":{"from":100,"to":200}}}"#);
        assert!(envelope.check_echo(100, 200, "").is_ok());
        assert!(envelope.check_echo(99, 200, "").is_ok());
        assert!(envelope.check_echo(50, 200, "").is_err());
        assert!(envelope.check_echo(100, 900, "").is_err());
        let other = read(r#"{"leql":{"statement":"where(x)"}}"#);
        assert!(other.check_echo(1, 2, "").is_err());
    }
}
