//! Every provider against a real server or file on this machine. One binary, because it links faster than five.

#[cfg(test)]
mod alerts;
#[cfg(test)]
mod delivery_log;
#[cfg(test)]
mod gateway;
#[cfg(test)]
mod mail_server;
#[cfg(test)]
mod smtp;
#[cfg(test)]
mod support;
#[cfg(test)]
mod webhook;
