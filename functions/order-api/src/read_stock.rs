use std::sync::Arc;

use boxoffice_domain::TicketId;
use boxoffice_domain::ports::{Ports, StockLedger};

use crate::{ApiError, StockView};

/// Shows the durable stock of a ticket.
pub struct ReadStock {
    /// The durable stock.
    pub ledger: Arc<dyn StockLedger>,
}

impl ReadStock {
    /// Shows the ledger of these ports.
    pub fn new(ports: &Ports) -> Self {
        Self { ledger: ports.ledger.clone() }
    }

    /// The seats of a ticket tier.
    pub async fn get(&self, ticket_id: TicketId) -> Result<StockView, ApiError> {
        if ticket_id.0 < 1 {
            return Err(ApiError::field("ticketId", format!("must be at least 1, found {ticket_id}")));
        }
        let counters = self.ledger.counters(ticket_id).await?;
        counters.map(|found| StockView::new(ticket_id, found)).ok_or(ApiError::UnknownTicket(ticket_id))
    }
}
