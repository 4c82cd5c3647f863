//! Confirms the stock, tells the buyer and counts the sale.
