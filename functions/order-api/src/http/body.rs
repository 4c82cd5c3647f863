//! Reads JSON bodies field by field, so that an answer names every field that is wrong, not only the first.

use axum::body::Bytes;
use axum::extract::rejection::BytesRejection;
use axum::extract::{FromRequest, Request};
use axum::http::StatusCode;
use axum::http::header::{CONTENT_LENGTH, CONTENT_TYPE, EXPECT};
use boxoffice_domain::{Contact, SessionId, ShowId, TicketId, UserId};
use futures_util::StreamExt as _;
use serde::Deserialize;
use serde::de::IgnoredAny;
use serde_json::value::RawValue;
use utoipa::ToSchema;

use super::Api;
use super::problem::Problem;
use crate::{InvalidField, NewOrder};

/// How much of a body that is too large is read and discarded, in bytes.
const DRAINED_BYTES: usize = 32 * 1024 * 1024;

/// The body of a request whose Content-Type is JSON or absent.
pub(crate) struct JsonBody(Bytes);

impl FromRequest<Api> for JsonBody {
    type Rejection = Problem;

    async fn from_request(request: Request, api: &Api) -> Result<Self, Problem> {
        if let Some(kind) = request.headers().get(CONTENT_TYPE)
            && !kind.to_str().is_ok_and(is_json)
        {
            let detail = "The Content-Type of the body must be application/json.";
            let kind = "urn:boxoffice:problem:unsupported-media-type";
            let status = StatusCode::UNSUPPORTED_MEDIA_TYPE;
            return Err(Problem::new(status, kind, "Unsupported Media Type", detail));
        }
        // A body whose Content-Length is over the limit is rejected without being stored.
        let announced = request.headers().get(CONTENT_LENGTH).and_then(|length| length.to_str().ok());
        let limit = api.limits.max_body_bytes;
        if announced.and_then(|length| length.parse::<usize>().ok()).is_some_and(|length| length > limit) {
            if !request.headers().contains_key(EXPECT) {
                drain_body(request).await;
            }
            return Err(too_large());
        }
        Bytes::from_request(request, api).await.map(Self).map_err(|rejection| unreadable(&rejection))
    }
}

/// Reads and discards what the client is already sending. If the connection were closed instead, it would be reset and the
/// response lost. A client that sent `Expect: 100-continue` has not started to send.
async fn drain_body(request: Request) {
    let mut body = request.into_body().into_data_stream();
    let mut read = 0;
    while read < DRAINED_BYTES
        && let Some(Ok(chunk)) = body.next().await
    {
        read += chunk.len();
    }
}

fn is_json(content_type: &str) -> bool {
    let essence = content_type.split(';').next().unwrap_or_default().trim();
    essence.eq_ignore_ascii_case("application/json")
        || essence.get(essence.len().saturating_sub(5)..).is_some_and(|end| end.eq_ignore_ascii_case("+json"))
}

fn unreadable(rejection: &BytesRejection) -> Problem {
    if rejection.status() == StatusCode::PAYLOAD_TOO_LARGE {
        return too_large();
    }
    Problem::malformed("The body ended before it was complete.")
}

fn too_large() -> Problem {
    let detail = "The body is larger than this API accepts.";
    let kind = "urn:boxoffice:problem:too-large";
    Problem::new(StatusCode::PAYLOAD_TOO_LARGE, kind, "Payload Too Large", detail)
}

/// An order that a buyer asks for
#[derive(ToSchema)]
#[schema(as = CreateOrder, rename_all = "camelCase")]
#[expect(dead_code, reason = "it only describes the body, which is read field by field")]
pub(crate) struct CreateOrderBody {
    /// The buyer
    #[schema(minimum = 1, example = 42)]
    user_id: i64,
    /// The show
    #[schema(minimum = 1, example = 1)]
    show_id: i64,
    /// The performance
    #[schema(minimum = 1, example = 11)]
    session_id: i64,
    /// The ticket tier
    #[schema(minimum = 1, example = 111)]
    ticket_id: i64,
    /// Number of tickets; the operator sets the maximum per order, and a tier may have a limit per buyer
    #[schema(minimum = 1, example = 2)]
    quantity: i32,
    /// Where text messages go
    #[schema(max_length = 32, example = "+86 13800138000")]
    phone: Option<String>,
    /// Where e-mail goes
    #[schema(max_length = 254, example = "li.na@example.com")]
    email: Option<String>,
    /// Where push messages go
    #[schema(max_length = 1024)]
    device_token: Option<String>,
}

/// The same, before its fields are read.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct CreateFields<'a> {
    #[serde(borrow, default)]
    user_id: Option<&'a RawValue>,
    #[serde(borrow, default)]
    show_id: Option<&'a RawValue>,
    #[serde(borrow, default)]
    session_id: Option<&'a RawValue>,
    #[serde(borrow, default)]
    ticket_id: Option<&'a RawValue>,
    #[serde(borrow, default)]
    quantity: Option<&'a RawValue>,
    #[serde(borrow, default)]
    phone: Option<&'a RawValue>,
    #[serde(borrow, default)]
    email: Option<&'a RawValue>,
    #[serde(borrow, default)]
    device_token: Option<&'a RawValue>,
}

/// A payment
#[derive(ToSchema)]
#[schema(as = PayOrder, rename_all = "camelCase")]
#[expect(dead_code, reason = "it only describes the body, which is read field by field")]
pub(crate) struct PayOrderBody {
    /// 1 Alipay, 2 WeChat Pay, 3 bank card
    #[schema(minimum = 1, maximum = 3, example = 1)]
    pay_type: i32,
}

/// The same, before its fields are read.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct PayFields<'a> {
    #[serde(borrow, default)]
    pay_type: Option<&'a RawValue>,
}

/// A cancellation
#[derive(ToSchema)]
#[schema(as = CancelOrder)]
#[expect(dead_code, reason = "it only describes the body, which is read field by field")]
pub(crate) struct CancelOrderBody {
    /// Why, in words for the buyer
    #[schema(max_length = 200, example = "I cannot come")]
    reason: Option<String>,
}

/// The same, before its fields are read.
#[derive(Deserialize)]
struct CancelFields<'a> {
    #[serde(borrow, default)]
    reason: Option<&'a RawValue>,
}

impl JsonBody {
    /// The body of POST /orders. Unknown fields are ignored: an older server may meet a newer client.
    pub(crate) fn new_order(&self) -> Result<NewOrder, Problem> {
        let fields: CreateFields<'_> = self.object()?;
        let mut read = Reader::default();
        let order = NewOrder {
            user_id: UserId(read.required_whole("userId", fields.user_id)),
            show_id: ShowId(read.required_whole("showId", fields.show_id)),
            session_id: SessionId(read.required_whole("sessionId", fields.session_id)),
            ticket_id: TicketId(read.required_whole("ticketId", fields.ticket_id)),
            quantity: read.required_whole("quantity", fields.quantity),
            contact: Contact {
                phone: read.text("phone", fields.phone),
                email: read.text("email", fields.email),
                device_token: read.text("deviceToken", fields.device_token),
            },
        };
        read.finish(order)
    }

    /// The body of a payment: its pay type.
    pub(crate) fn pay_type(&self) -> Result<i64, Problem> {
        let fields: PayFields<'_> = self.object()?;
        let mut read = Reader::default();
        let pay_type = read.required_whole("payType", fields.pay_type);
        read.finish(pay_type)
    }

    /// The body of a cancellation: its reason. There need be neither.
    pub(crate) fn reason(&self) -> Result<Option<String>, Problem> {
        if self.0.trim_ascii().is_empty() {
            return Ok(None);
        }
        let fields: CancelFields<'_> = self.object()?;
        let mut read = Reader::default();
        let reason = read.text("reason", fields.reason);
        read.finish(reason)
    }

    fn object<'a, Fields: Deserialize<'a>>(&'a self) -> Result<Fields, Problem> {
        let text = std::str::from_utf8(&self.0).map_err(|error| {
            let (line, column) = place(&self.0, error.valid_up_to());
            Problem::malformed_json("The body is not valid UTF-8.", line, column)
        })?;
        let not_json = |error: serde_json::Error| {
            let detail = format!("The body is not valid JSON: {error}.");
            Problem::malformed_json(detail, error.line(), error.column())
        };
        // serde would accept an array as the fields in their order.
        if !text.trim_ascii_start().starts_with('{') {
            serde_json::from_str::<IgnoredAny>(text).map_err(not_json)?;
            return Err(Problem::malformed("The body must be a JSON object."));
        }
        serde_json::from_str(text).map_err(not_json)
    }
}

/// Line and column, both from 1, of a byte.
fn place(body: &[u8], offset: usize) -> (usize, usize) {
    let before = body.get(..offset).unwrap_or(body);
    let line = before.split(|byte| *byte == b'\n').count();
    let column = before.rsplit(|byte| *byte == b'\n').next().map_or(0, <[u8]>::len) + 1;
    (line, column)
}

/// Collects every error, so that all of them can be reported at once.
#[derive(Default)]
struct Reader {
    invalid: Vec<InvalidField>,
}

impl Reader {
    /// A whole number; anything else is recorded as an error, and the returned number is then meaningless.
    fn required_whole(&mut self, field: &'static str, value: Option<&RawValue>) -> i64 {
        let json = value.map_or("null", RawValue::get);
        let problem = match json.parse::<i64>() {
            Ok(number) => return number,
            Err(_) if value.is_none() => "is required: a whole number".to_owned(),
            Err(_) if is_whole(json) => {
                format!("must fit in 64 bits, found {}", super::problem::shortened(json))
            }
            Err(_) => match kind_of(json) {
                "a number" => "must not have a fraction or an exponent".to_owned(),
                other => format!("must be a whole number, found {other}"),
            },
        };
        self.invalid.push(InvalidField::new(field, problem));
        0
    }

    /// A text, or nothing; anything else is recorded as an error.
    fn text(&mut self, field: &'static str, value: Option<&RawValue>) -> Option<String> {
        let json = value?.get();
        match serde_json::from_str::<String>(json) {
            Ok(text) => Some(text),
            Err(_) if json.starts_with('"') => {
                self.invalid.push(InvalidField::new(field, "must be valid Unicode"));
                None
            }
            Err(_) => {
                self.invalid
                    .push(InvalidField::new(field, format!("must be a string, found {}", kind_of(json))));
                None
            }
        }
    }

    fn finish<T>(self, value: T) -> Result<T, Problem> {
        if self.invalid.is_empty() { Ok(value) } else { Err(Problem::invalid(self.invalid)) }
    }
}

fn is_whole(json: &str) -> bool {
    json.strip_prefix('-').unwrap_or(json).bytes().all(|byte| byte.is_ascii_digit())
}

fn kind_of(json: &str) -> &'static str {
    match json.as_bytes().first() {
        Some(b'{') => "an object",
        Some(b'[') => "a list",
        Some(b'"') => "a string",
        Some(b't' | b'f') => "a boolean",
        Some(b'n') => "null",
        _ => "a number",
    }
}
