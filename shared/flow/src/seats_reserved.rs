use boxoffice_messages::ExtData;

use crate::ext_key;

/// Whether seats may be reserved for an order that is cancelled: `extData.stockReserved` of ORDER_CANCELLED.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SeatsReserved {
    /// Seats are reserved, or may be at this moment: they are given back. Giving back none does no harm.
    Maybe,
    /// It is certain that no seat was ever reserved.
    Never,
}

impl SeatsReserved {
    /// What a message says. One that says nothing, as those of Java services, means [`Maybe`](Self::Maybe).
    pub fn read(ext_data: Option<&ExtData>) -> Self {
        match ext_data.and_then(|ext_data| ext_data.get_bool(ext_key::STOCK_RESERVED)) {
            Some(false) => Self::Never,
            Some(true) | None => Self::Maybe,
        }
    }

    pub(crate) fn write(self, ext_data: &mut ExtData) {
        ext_data.insert_bool(ext_key::STOCK_RESERVED, self == Self::Maybe);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_written_reads_back_and_a_message_that_says_nothing_may_have_seats() {
        for seats in [SeatsReserved::Maybe, SeatsReserved::Never] {
            let mut ext_data = ExtData::new();
            seats.write(&mut ext_data);
            assert_eq!(SeatsReserved::read(Some(&ext_data)), seats);
        }
        for silent in ["{}", r#"{"stockReserved":null}"#, r#"{"stockReserved":"perhaps"}"#] {
            let ext_data = ExtData::from_json(silent).unwrap();
            assert_eq!(SeatsReserved::read(Some(&ext_data)), SeatsReserved::Maybe, "{silent}");
        }
        assert_eq!(SeatsReserved::read(None), SeatsReserved::Maybe);
    }
}
