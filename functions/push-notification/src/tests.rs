use super::{NAME, PushNotification};

boxoffice_flow::channel_function_tests! {
    PushNotification,
    device_token "deviceToken",
    works "device-1",
    never ["", "two words"]
}
