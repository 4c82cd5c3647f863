use std::collections::HashMap;
use std::fmt;

use serde::Deserializer as _;
use serde::de::{MapAccess, Visitor};
use serde_json::value::RawValue;

use crate::error::FieldError;
use crate::json::{Token, WireValue, push_json_string};

/// `extData`: anything a producer wants to add, a map of text to any JSON.
///
/// Every value is kept as the text in which it was written, so that longs beyond 2^53 and `0.10` survive digit for
/// digit. Keys stay in the order in which they first came; of a key given twice the last value counts. Two are equal
/// if they hold the same texts in the same order.
#[derive(Clone, Default)]
pub struct ExtData(Vec<(String, Box<RawValue>)>);

impl ExtData {
    /// An empty map.
    pub fn new() -> Self {
        Self::default()
    }

    /// How many keys there are.
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Whether it is empty.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Keys and values in order.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &RawValue)> {
        self.0.iter().map(|(key, value)| (key.as_str(), &**value))
    }

    /// The JSON text of a value, as it was written.
    pub fn get_raw(&self, key: &str) -> Option<&RawValue> {
        self.iter().find(|(known, _)| *known == key).map(|(_, value)| value)
    }

    /// A string's text or a number's digits; nothing if the key is missing or holds anything else.
    pub fn get_str(&self, key: &str) -> Option<String> {
        match Token::of(self.get_raw(key)?.get()).ok()? {
            Token::Text(text) => Some(text.into_owned()),
            Token::Number(digits) => Some(digits.to_owned()),
            _ => None,
        }
    }

    /// A boolean, also as the string `"true"` or `"false"`; nothing if the key is missing or holds anything else.
    pub fn get_bool(&self, key: &str) -> Option<bool> {
        match Token::of(self.get_raw(key)?.get()).ok()? {
            Token::Boolean(value) => Some(value),
            Token::Text(text) => text.parse().ok(),
            _ => None,
        }
    }

    /// A whole number, also as a string of digits; nothing if the key is missing, holds anything else or leaves `i64`.
    pub fn get_i64(&self, key: &str) -> Option<i64> {
        i64::read(self.get_raw(key)?.get()).ok().flatten()
    }

    /// Sets a string; replaces what the key held, in its place.
    pub fn insert_str(&mut self, key: &str, value: &str) {
        let mut json = String::with_capacity(value.len() + 2);
        push_json_string(&mut json, value);
        self.insert_written(key, json);
    }

    /// Sets a boolean; replaces what the key held, in its place.
    pub fn insert_bool(&mut self, key: &str, value: bool) {
        self.insert_written(key, value.to_string());
    }

    /// Sets a whole number; replaces what the key held, in its place.
    pub fn insert_i64(&mut self, key: &str, value: i64) {
        self.insert_written(key, value.to_string());
    }

    /// Sets any JSON; replaces what the key held, in its place.
    pub fn insert_raw(&mut self, key: &str, value: Box<RawValue>) {
        match self.0.iter_mut().find(|(known, _)| known == key) {
            Some((_, held)) => *held = value,
            None => self.0.push((key.to_owned(), value)),
        }
    }

    /// The whole map as a JSON object, every value as it was written.
    pub fn to_json(&self) -> String {
        let mut json = String::new();
        self.write(&mut json);
        json
    }

    /// Reads the text of [`ExtData::to_json`]. Fails if the text is not a JSON object.
    pub fn from_json(json: &str) -> Result<Self, FieldError> {
        let malformed = FieldError::WrongType { expected: "a JSON object", found: "malformed JSON" };
        match Token::of(json.trim()) {
            Ok(Token::Object) => {
                let mut parser = serde_json::Deserializer::from_str(json);
                let map = parser.deserialize_map(ExtDataVisitor).map_err(|_| malformed.clone())?;
                parser.end().map_err(|_| malformed)?;
                Ok(map)
            }
            Ok(other) => Err(other.instead_of("an object or null")),
            Err(error) => Err(error),
        }
    }

    fn insert_written(&mut self, key: &str, json: String) {
        // This file writes valid JSON, so the check cannot fail.
        let value = RawValue::from_string(json).unwrap_or_else(|_| RawValue::NULL.to_owned());
        self.insert_raw(key, value);
    }
}

impl PartialEq for ExtData {
    fn eq(&self, other: &Self) -> bool {
        self.iter()
            .map(|(key, value)| (key, value.get()))
            .eq(other.iter().map(|(key, value)| (key, value.get())))
    }
}

impl fmt::Debug for ExtData {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_map().entries(self.iter().map(|(key, value)| (key, value.get()))).finish()
    }
}

impl WireValue for ExtData {
    fn read(json: &str) -> Result<Option<Self>, FieldError> {
        Self::from_json(json).map(Some)
    }

    fn write(&self, out: &mut String) {
        out.push('{');
        for (position, (key, value)) in self.iter().enumerate() {
            if position > 0 {
                out.push(',');
            }
            push_json_string(out, key);
            out.push(':');
            out.push_str(value.get());
        }
        out.push('}');
    }
}

struct ExtDataVisitor;

impl<'de> Visitor<'de> for ExtDataVisitor {
    type Value = ExtData;

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("an object")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<ExtData, A::Error> {
        let mut data = ExtData::new();
        // A few keys are searched one by one; for more there is an index, so that a hostile body cannot take quadratic time.
        while data.len() < 16 {
            let Some(key) = map.next_key::<String>()? else { return Ok(data) };
            data.insert_raw(&key, map.next_value()?);
        }
        let mut places: HashMap<String, usize> =
            data.0.iter().enumerate().map(|(place, (key, _))| (key.clone(), place)).collect();
        while let Some((key, value)) = map.next_entry::<String, Box<RawValue>>()? {
            if let Some(place) = places.get(&key) {
                data.0[*place].1 = value;
            } else {
                places.insert(key.clone(), data.len());
                data.0.push((key, value));
            }
        }
        Ok(data)
    }
}

#[cfg(test)]
mod tests {
    use serde_json::value::RawValue;

    use super::ExtData;

    #[test]
    fn values_keep_every_digit_and_their_order() {
        let json = r#"{"b":18446744073709551615,"a":0.10,"":1E+3,"deep":{ "x": [1,null] }}"#;
        let data = ExtData::from_json(json).unwrap();
        assert_eq!(data.to_json(), json);
        assert_eq!(data.len(), 4);
        assert_eq!(data.get_str("b").as_deref(), Some("18446744073709551615"));
        assert_eq!(data.get_str("a").as_deref(), Some("0.10"));
        assert_eq!(data.get_i64(""), Some(1000));
        assert_eq!(data.get_i64("b"), None);
        assert_eq!(data.get_str("deep"), None);
        assert_eq!(data.get_raw("deep").map(RawValue::get), Some(r#"{ "x": [1,null] }"#));
    }

    #[test]
    fn values_of_each_kind_are_set_read_and_replaced_in_their_place() {
        let mut data = ExtData::new();
        assert!(data.is_empty());
        data.insert_str("remark", "库存\"不足\"\n\u{1}🎫");
        data.insert_bool("reserved", true);
        data.insert_i64("count", i64::MIN);
        data.insert_bool("reserved", false);
        let json =
            "{\"remark\":\"库存\\\"不足\\\"\\n\\u0001🎫\",\"reserved\":false,\"count\":-9223372036854775808}";
        assert_eq!(data.to_json(), json);
        assert_eq!(ExtData::from_json(json).unwrap(), data);
        assert_eq!(data.get_str("remark").as_deref(), Some("库存\"不足\"\n\u{1}🎫"));
        assert_eq!(data.get_bool("reserved"), Some(false));
        assert_eq!(data.get_i64("count"), Some(i64::MIN));
        assert_eq!(data.get_bool("missing"), None);
        assert_eq!(format!("{:?}", ExtData::from_json(r#"{"a":[1]}"#).unwrap()), r#"{"a": "[1]"}"#);
    }

    #[test]
    fn of_a_key_given_twice_the_last_value_counts_in_a_small_map_and_in_a_great_one() {
        let small = ExtData::from_json(r#"{"a":1,"b":2,"a":3}"#).unwrap();
        assert_eq!(small.to_json(), r#"{"a":3,"b":2}"#);

        let keys: Vec<String> = (0..20_000).map(|key| format!("\"k{key}\":0")).collect();
        let great = ExtData::from_json(&format!("{{{},\"k3\":1,\"k19999\":2}}", keys.join(","))).unwrap();
        assert_eq!(great.len(), 20_000);
        assert_eq!(great.get_i64("k3"), Some(1));
        assert_eq!(great.get_i64("k19999"), Some(2));
        assert_eq!(great.iter().next().map(|(key, _)| key), Some("k0"));
    }

    #[test]
    fn what_is_no_object_is_no_map() {
        for json in ["[1]", "1", "\"{}\"", "", "{", "{} x", "null", "{\"a\":01}"] {
            assert!(ExtData::from_json(json).is_err(), "{json}");
        }
    }
}
