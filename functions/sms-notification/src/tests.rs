use super::{NAME, SmsNotification};

boxoffice_flow::channel_function_tests! {
    SmsNotification,
    phone "phone",
    works "+86 138-0000-0000",
    never ["", "1380000000x", "12", "123456789012345678901"]
}
