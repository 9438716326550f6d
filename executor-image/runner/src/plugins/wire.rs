//! Values as the bridge writes them: JSON, in which a mapping with one key says what JSON cannot.

use base64::{Engine as _, engine::general_purpose::STANDARD};
use minijinja::value::{Tuple, ValueKind};
use serde_json::{Value as Json, json};
use slipway_language::{TemplateError, Value, to_text};

/// A value for the bridge.
pub fn encode(value: &Value) -> Json {
    match value.kind() {
        // Its name is that of no variable: a plugin only asks whether it is undefined.
        ValueKind::Undefined => json!({"u": ""}),
        ValueKind::None | ValueKind::Invalid => Json::Null,
        ValueKind::Bool => value.is_true().into(),
        ValueKind::Number => number(value),
        ValueKind::String => value.as_str().unwrap_or_default().into(),
        ValueKind::Bytes => json!({"b": STANDARD.encode(value.as_bytes().unwrap_or_default())}),
        ValueKind::Seq if value.is_tuple() => json!({"t": items(value)}),
        ValueKind::Seq | ValueKind::Iterable => items(value),
        ValueKind::Map => {
            let keys = value.try_iter().into_iter().flatten();
            let pairs: Vec<Json> = keys
                .map(|key| {
                    let item = value.get_item(&key).unwrap_or_default();
                    json!([encode(&key), encode(&item)])
                })
                .collect();
            json!({"m": pairs})
        }
        _ => to_text(value).into(),
    }
}

fn items(value: &Value) -> Json {
    let items = value.try_iter().into_iter().flatten();
    items.map(|item| encode(&item)).collect()
}

fn number(value: &Value) -> Json {
    if value.is_integer() {
        return match value.as_i64() {
            Some(number) => number.into(),
            None => json!({"i": value.to_string()}),
        };
    }
    let float = f64::try_from(value.clone()).unwrap_or(f64::NAN);
    serde_json::Number::from_f64(float).map_or_else(|| json!({"f": float.to_string()}), Json::Number)
}

/// What the bridge has answered.
///
/// # Errors
/// When it is none of its forms.
pub fn decode(json: Json) -> Result<Value, TemplateError> {
    Ok(match json {
        Json::Object(entries) => {
            let Some((kind, inner)) = entries.into_iter().next() else {
                return Err(unknown());
            };
            return special(&kind, inner);
        }
        Json::Array(items) => Value::from(list(items)?),
        plain => slipway_language::from_json(plain),
    })
}

fn list(items: Vec<Json>) -> Result<Vec<Value>, TemplateError> {
    items.into_iter().map(decode).collect()
}

fn pair(json: Json) -> Result<(Value, Value), TemplateError> {
    let Json::Array(items) = json else {
        return Err(unknown());
    };
    let [key, value] = <[Value; 2]>::try_from(list(items)?).map_err(|_| unknown())?;
    Ok((key, value))
}

fn special(kind: &str, inner: Json) -> Result<Value, TemplateError> {
    match (kind, inner) {
        ("m", Json::Array(pairs)) => {
            let pairs = pairs.into_iter().map(pair).collect::<Result<Vec<_>, _>>()?;
            Ok(Value::from_pairs(pairs))
        }
        ("t", Json::Array(items)) => Ok(Value::from(Tuple::from(list(items)?))),
        ("i", Json::String(digits)) => digits.parse::<i128>().map(Value::from).map_err(|_| {
            TemplateError::new(format!("a plugin has answered with {digits}, which is too large"))
        }),
        ("f", Json::String(text)) => text.parse::<f64>().map(Value::from).map_err(|_| unknown()),
        ("b", Json::String(text)) => STANDARD
            .decode(text)
            .map(Value::from_bytes)
            .map_err(|_| unknown()),
        _ => Err(unknown()),
    }
}

fn unknown() -> TemplateError {
    TemplateError::new("the bridge to plugins in Python gave an answer that is not understood")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_come_back_as_they_went() {
        for value in [
            Value::from(()),
            Value::from(true),
            Value::from(-3),
            Value::from(2_i128.pow(100)),
            Value::from(1.5),
            Value::from(f64::INFINITY),
            Value::from("text"),
            Value::from_bytes(vec![0, 255]),
            Value::from(vec![Value::from(1), Value::from("a")]),
            Value::from(Tuple::from(vec![Value::from(1), Value::from("a")])),
            Value::from_pairs([(Value::from(1), Value::from(vec![2]))]),
        ] {
            let back = decode(encode(&value)).unwrap();
            assert_eq!(slipway_language::repr(&back), slipway_language::repr(&value));
        }
    }
}
