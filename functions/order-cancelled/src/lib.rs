//! Gives the stock back and tells the buyer.
