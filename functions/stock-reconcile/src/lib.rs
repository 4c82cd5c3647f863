//! Asks for a comparison of every ticket's fast stock with the ledger.
