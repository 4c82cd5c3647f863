use super::{EmailNotification, NAME};

boxoffice_flow::channel_function_tests! {
    EmailNotification,
    email "email",
    works "b@example.com",
    never ["", "b.example.com", "@example.com", "b@", "b@b@example.com", "b @example.com", "b@.com"]
}
