/// Properties in which RocketMQ keeps how one message is delivered: its delay, and where it waited. On another message
/// they would be instructions, so a copy goes without them.
pub const DELIVERY_PROPERTIES: [&str; 13] = [
    "CONSUME_START_TIME",
    "DELAY",
    "REAL_QID",
    "REAL_TOPIC",
    "TIMER_DELAY_MS",
    "TIMER_DELAY_SEC",
    "TIMER_DELIVER_MS",
    "TIMER_DEQUEUE_MS",
    "TIMER_ENQUEUE_MS",
    "TIMER_OUT_MS",
    "TIMER_ROLL_TIMES",
    "TRAN_MSG",
    // "no" after a redelivery by the broker itself: a copy would then not wait for the disk.
    "WAIT",
];
