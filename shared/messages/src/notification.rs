use crate::error::DecodeError;
use crate::event_time::EventTime;
use crate::ext_data::ExtData;
use crate::kinds::Channel;
use crate::payload::{MissingField, Payload, required_fields};
use crate::reading::split;
use crate::writing::ObjectWriter;

/// A message to a buyer (NOTIFICATION_TOPIC). It holds personal data: never log it whole.
#[derive(Clone, Debug, PartialEq, Default)]
pub struct NotificationMessage {
    /// The order it is about.
    pub order_no: Option<String>,
    /// Buyer.
    pub user_id: Option<i64>,
    /// The way to the buyer.
    pub channel: Option<Channel>,
    /// Phone number, for SMS.
    pub phone: Option<String>,
    /// E-mail address, for EMAIL.
    pub email: Option<String>,
    /// Token of the buyer's device, for PUSH.
    pub device_token: Option<String>,
    /// Name of the template, such as `ORDER_PAID`.
    pub template: Option<String>,
    /// Title or subject.
    pub title: Option<String>,
    /// Text of the message.
    pub content: Option<String>,
    /// When it was asked for.
    pub event_time: Option<EventTime>,
    /// Anything else.
    pub ext_data: Option<ExtData>,
}

const FIELDS: &[&str; 11] = &[
    "orderNo",
    "userId",
    "channel",
    "phone",
    "email",
    "deviceToken",
    "template",
    "title",
    "content",
    "eventTime",
    "extData",
];

impl Payload for NotificationMessage {
    const NAME: &'static str = "NotificationMessage";

    fn decode(body: &[u8]) -> Result<Self, DecodeError> {
        let [
            order_no,
            user_id,
            channel,
            phone,
            email,
            device_token,
            template,
            title,
            content,
            event_time,
            ext_data,
        ] = split(Self::NAME, FIELDS, body)?;
        Ok(Self {
            order_no: order_no.read()?,
            user_id: user_id.read()?,
            channel: channel.read()?,
            phone: phone.read()?,
            email: email.read()?,
            device_token: device_token.read()?,
            template: template.read()?,
            title: title.read()?,
            content: content.read()?,
            event_time: event_time.read()?,
            ext_data: ext_data.read()?,
        })
    }

    fn encode(&self) -> Vec<u8> {
        ObjectWriter::new()
            .field("orderNo", self.order_no.as_ref())
            .field("userId", self.user_id.as_ref())
            .field("channel", self.channel.as_ref())
            .field("phone", self.phone.as_ref())
            .field("email", self.email.as_ref())
            .field("deviceToken", self.device_token.as_ref())
            .field("template", self.template.as_ref())
            .field("title", self.title.as_ref())
            .field("content", self.content.as_ref())
            .field("eventTime", self.event_time.as_ref())
            .field("extData", self.ext_data.as_ref())
            .finish()
    }
}

required_fields! {
    NotificationMessage;
    values {
        user_id: i64 = "userId", require_user_id;
        channel: Channel = "channel", require_channel;
        event_time: EventTime = "eventTime", require_event_time;
    }
    texts {
        order_no = "orderNo", require_order_no;
        phone = "phone", require_phone;
        email = "email", require_email;
        device_token = "deviceToken", require_device_token;
        template = "template", require_template;
        title = "title", require_title;
        content = "content", require_content;
    }
}
