use std::pin::Pin;

/// A request of the client library on its way.
pub(crate) type Boxed<'a, T> = Pin<Box<dyn Future<Output = T> + Send + 'a>>;

/// Boxes a future of the client library. They are large; and where one is part of another future, the compiler proves
/// again for every future around it that all of it may be sent to another thread, which took minutes in this crate.
pub(crate) fn boxed<'a, T>(request: impl Future<Output = T> + Send + 'a) -> Boxed<'a, T> {
    Box::pin(request)
}
