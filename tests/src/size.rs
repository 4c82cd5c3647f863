//! How much a test does: little on every change, much in the long run of `make test-long`.

/// `short`, or `long` where the variable `BOXOFFICE_TEST_LONG` is set.
pub fn short_or_long<T>(short: T, long: T) -> T {
    if std::env::var_os("BOXOFFICE_TEST_LONG").is_some() { long } else { short }
}
