/// Order status codes of the Java system, as they stand in `status`.
pub mod status {
    /// Created or awaiting payment: not paid yet.
    pub const TO_BE_PAID: i32 = 0;
    /// Paid.
    pub const PAID: i32 = 1;
    /// Cancelled by the buyer, by a refusal or by timeout.
    pub const CANCELLED: i32 = 2;
    /// Completed; set by the Java system alone.
    pub const COMPLETED: i32 = 3;
    /// Refunded; set by the Java system alone.
    pub const REFUNDED: i32 = 4;
}

/// Pay types of the Java system.
pub mod pay_type {
    /// Alipay.
    pub const ALIPAY: i32 = 1;
    /// WeChat Pay.
    pub const WECHAT_PAY: i32 = 2;
    /// Bank card.
    pub const BANK_CARD: i32 = 3;
}
