//! The catalogue as a TOML file that a person edits: shows, their sessions, and the ticket tiers of each.
//!
//! ```
//! use boxoffice_catalogue::FileCatalogue;
//!
//! let catalogue = FileCatalogue::parse(
//!     "example",
//!     r#"
//!     [[show]]
//!     id = 3001
//!     title = "Harbour Lights"
//!     place = "Pier Hall"
//!
//!     [[show.session]]
//!     id = 30011
//!     start = 2026-12-31T19:30:00
//!
//!     [[show.session.tier]]
//!     ticket = 300111
//!     name = "Stalls"
//!     price = 380.00
//!     total = 1000
//!     per_user_limit = 4
//!     "#,
//! )?;
//! assert_eq!(catalogue.all().len(), 1);
//! assert_eq!(catalogue.all()[0].price.to_string(), "380.00");
//! # Ok::<(), boxoffice_catalogue::CatalogueError>(())
//! ```

mod error;
mod fields;
mod file;

pub use error::{CatalogueError, Problem};
pub use file::FileCatalogue;
