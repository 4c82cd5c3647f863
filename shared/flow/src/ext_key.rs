//! The keys of `extData` that Boxoffice writes and reads.

/// ORDER_CREATED: when the order expires, written like `eventTime`.
pub const EXPIRE_TIME: &str = "expireTime";
/// Telephone number of the buyer.
pub const PHONE: &str = "phone";
/// E-mail address of the buyer.
pub const EMAIL: &str = "email";
/// Push token of the buyer's device.
pub const DEVICE_TOKEN: &str = "deviceToken";
/// ORDER_PAID: the code of the pay type.
pub const PAY_TYPE: &str = "payType";
/// ORDER_CANCELLED: why, in words for the buyer.
pub const REMARK: &str = "remark";
/// ORDER_CANCELLED: false when it is certain that no seat was ever reserved, see
/// `SeatsReserved`.
pub const STOCK_RESERVED: &str = "stockReserved";
