use boxoffice_domain::ports::{Bus, MarkId, MarkedMessage, OrderStore, SendError};

/// Sends the messages that a store left to its caller, and clears the marks of those that the bus acknowledged.
///
/// Everything is tried; the first error is returned after that, [`SendError::Rejected`] only when there is no other. A
/// message that failed keeps its mark, so that outbox-relay sends it later. A mark that cannot be cleared is only
/// logged: the message goes out once more, and consumers are idempotent.
pub async fn deliver_unsent(
    bus: &dyn Bus,
    orders: &dyn OrderStore,
    unsent: Vec<MarkedMessage>,
) -> Result<(), SendError> {
    if unsent.is_empty() {
        return Ok(());
    }
    let (marks, messages): (Vec<_>, Vec<_>) =
        unsent.into_iter().map(|marked| (marked.mark, marked.message)).unzip();
    let mut answers = bus.send_all(messages).await;
    // If the bus gives too few answers, the rest are of unknown outcome: their marks stay.
    answers.resize_with(marks.len(), || Err(SendError::OutcomeUnknown("the bus gave no answer".to_owned())));

    let mut sent: Vec<MarkId> = Vec::new();
    let mut first_error = None;
    for (mark, answer) in marks.into_iter().zip(answers) {
        match answer {
            Ok(_) => sent.extend(mark),
            Err(error) => {
                let rejected = |error: &SendError| matches!(error, SendError::Rejected(_));
                if first_error.as_ref().is_none_or(|first| rejected(first) && !rejected(&error)) {
                    first_error = Some(error);
                }
            }
        }
    }
    if !sent.is_empty()
        && let Err(error) = orders.clear_marks(&sent).await
    {
        tracing::warn!(%error, marks = sent.len(), "messages were sent but stay marked; the relay will send them again");
    }
    first_error.map_or(Ok(()), Err)
}

#[cfg(test)]
mod tests;
