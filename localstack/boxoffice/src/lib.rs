//! The whole of Boxoffice in one program: the API, every function, the demonstration and the operator's commands.

pub mod admin;
pub mod cli;
pub mod demo;
pub mod functions;
mod new_stock;
pub mod operator;
pub mod operator_access;
pub mod print;
pub mod send_file;
pub mod serve;
pub mod table;
pub mod text;

/// The catalogue that is used when the setting CATALOGUE names none.
pub const DEMO_CATALOGUE: &str = include_str!("../catalogue.toml");
