/// Topic names.
pub mod topic {
    /// The life of an order: created, paid, cancelled, timed out.
    pub const ORDER: &str = "ORDER_TOPIC";
    /// Changes of the stock of a ticket tier.
    pub const STOCK: &str = "STOCK_TOPIC";
    /// Messages to buyers.
    pub const NOTIFICATION: &str = "NOTIFICATION_TOPIC";
}

/// Tags: the second half of a RocketMQ destination `topic:tag`, an attribute on SQS.
pub mod tag {
    /// An order was placed.
    pub const ORDER_CREATED: &str = "ORDER_CREATED";
    /// An order was paid.
    pub const ORDER_PAID: &str = "ORDER_PAID";
    /// An order was cancelled.
    pub const ORDER_CANCELLED: &str = "ORDER_CANCELLED";
    /// Delivered when the payment window is over.
    pub const ORDER_TIMEOUT: &str = "ORDER_TIMEOUT";
    /// Deduct the stock of an order.
    pub const STOCK_DEDUCT: &str = "STOCK_DEDUCT";
    /// Give the stock of an order back.
    pub const STOCK_ROLLBACK: &str = "STOCK_ROLLBACK";
    /// Confirm a deduction (operation CONFIRM), or compare a tier's stock cache with its counters (operation SYNC).
    pub const STOCK_SYNC: &str = "STOCK_SYNC";
    /// A text message.
    pub const SMS: &str = "SMS";
    /// An e-mail.
    pub const EMAIL: &str = "EMAIL";
    /// A push notification.
    pub const PUSH: &str = "PUSH";
}

/// Consumer groups: one per consuming function.
pub mod group {
    /// Group of the function order-process.
    pub const ORDER_PROCESS: &str = "order-process-consumer-group";
    /// Group of the function order-paid.
    pub const ORDER_PAID: &str = "order-paid-consumer-group";
    /// Group of the function order-cancelled.
    pub const ORDER_CANCELLED: &str = "order-cancelled-consumer-group";
    /// Group of the function order-timeout.
    pub const ORDER_TIMEOUT: &str = "order-timeout-consumer-group";
    /// Group of the function stock-management.
    pub const STOCK_MANAGEMENT: &str = "stock-management-consumer-group";
    /// Group of the function sms-notification.
    pub const SMS_NOTIFICATION: &str = "sms-notification-consumer-group";
    /// Group of the function email-notification.
    pub const EMAIL_NOTIFICATION: &str = "email-notification-consumer-group";
    /// Group of the function push-notification.
    pub const PUSH_NOTIFICATION: &str = "push-notification-consumer-group";
    /// Group of the function dlq-handler, which reads the dead letters of every other group.
    pub const DLQ_HANDLER: &str = "dlq-handler-group";
}

/// What one consuming function listens to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Route {
    /// Topic it subscribes to.
    pub topic: &'static str,
    /// Tags of that topic it wants; never empty.
    pub tags: &'static [&'static str],
    /// Consumer group under which it subscribes; unique among the routes.
    pub group: &'static str,
    /// Name of the function, as its folder is named.
    pub function: &'static str,
}

/// Every consuming function but dlq-handler, whose topics are [`dead_letter_topic`] of each group here.
pub const ROUTES: &[Route] = &[
    Route {
        topic: topic::ORDER,
        tags: &[tag::ORDER_CREATED],
        group: group::ORDER_PROCESS,
        function: "order-process",
    },
    Route { topic: topic::ORDER, tags: &[tag::ORDER_PAID], group: group::ORDER_PAID, function: "order-paid" },
    Route {
        topic: topic::ORDER,
        tags: &[tag::ORDER_CANCELLED],
        group: group::ORDER_CANCELLED,
        function: "order-cancelled",
    },
    Route {
        topic: topic::ORDER,
        tags: &[tag::ORDER_TIMEOUT],
        group: group::ORDER_TIMEOUT,
        function: "order-timeout",
    },
    Route {
        topic: topic::STOCK,
        tags: &[tag::STOCK_DEDUCT, tag::STOCK_ROLLBACK, tag::STOCK_SYNC],
        group: group::STOCK_MANAGEMENT,
        function: "stock-management",
    },
    Route {
        topic: topic::NOTIFICATION,
        tags: &[tag::SMS],
        group: group::SMS_NOTIFICATION,
        function: "sms-notification",
    },
    Route {
        topic: topic::NOTIFICATION,
        tags: &[tag::EMAIL],
        group: group::EMAIL_NOTIFICATION,
        function: "email-notification",
    },
    Route {
        topic: topic::NOTIFICATION,
        tags: &[tag::PUSH],
        group: group::PUSH_NOTIFICATION,
        function: "push-notification",
    },
];

/// Every topic and tag that a function listens to.
pub fn destinations() -> impl Iterator<Item = (&'static str, &'static str)> {
    ROUTES.iter().flat_map(|route| route.tags.iter().map(|tag| (route.topic, *tag)))
}

/// What RocketMQ puts before a consumer group to name its topic of dead letters.
pub const DEAD_LETTER_TOPIC_PREFIX: &str = "%DLQ%";

/// The topic of a consumer group's dead letters: `%DLQ%` and the group, never the source topic.
pub fn dead_letter_topic(group: &str) -> String {
    format!("{DEAD_LETTER_TOPIC_PREFIX}{group}")
}

#[cfg(test)]
mod tests {
    use super::{ROUTES, dead_letter_topic, group};

    #[test]
    fn dead_letters_are_named_after_the_group() {
        assert_eq!(dead_letter_topic(group::ORDER_PAID), "%DLQ%order-paid-consumer-group");
    }

    #[test]
    fn every_route_has_a_group_of_its_own_named_after_its_function() {
        for route in ROUTES {
            assert_eq!(route.group, format!("{}-consumer-group", route.function));
        }
    }

    #[test]
    fn every_function_has_one_route_and_names_each_tag_once() {
        let mut functions = std::collections::HashSet::new();
        for route in ROUTES {
            assert!(functions.insert(route.function), "{} has two routes", route.function);
            let mut tags = std::collections::HashSet::new();
            assert!(!route.tags.is_empty() && route.tags.iter().all(|tag| tags.insert(tag)), "{route:?}");
        }
    }
}
