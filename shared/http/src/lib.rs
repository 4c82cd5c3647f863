//! What every HTTP server of Boxoffice has: [`listen`] and [`serve`], limits ([`HttpLimits`]), and pages about the health
//! of the process ([`HealthPages`]).

mod limits;
mod pages;
mod serving;

pub use limits::HttpLimits;
pub use pages::{Health, HealthPages, Part, ReadinessCheck, Ready};
pub use serving::{ListenError, listen, serve};
