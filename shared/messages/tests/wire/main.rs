//! The wire as others see it: what Java sent, what broken producers send, and what we write.

#[cfg(test)]
mod dialects;
#[cfg(test)]
mod golden;
#[cfg(test)]
mod inflating;
#[cfg(test)]
mod written;
