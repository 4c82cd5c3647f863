//! The bus and every store in one SQLite file.
