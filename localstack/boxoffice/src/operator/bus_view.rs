use std::sync::Arc;

use boxoffice_domain::ports::StoreError;
use boxoffice_embedded::Embedded;
use boxoffice_host::Backends;
use boxoffice_runtime::{GroupLag, Subscription, Transport};

use crate::functions;

/// What can be seen of the messages that wait.
pub(super) enum BusView {
    /// They are rows of the file, each of which is accounted for.
    File(Embedded),
    /// A broker has them, and tells how far each group is.
    Elsewhere { transport: Arc<dyn Transport>, subscriptions: Vec<Subscription> },
}

impl BusView {
    pub(super) fn new(opened: &Backends) -> Self {
        if opened.has_bus_in_file {
            Self::File(opened.embedded.clone())
        } else {
            let subscriptions = functions::subscriptions(&opened.ports, &opened.functions);
            Self::Elsewhere { transport: opened.transport.clone(), subscriptions }
        }
    }

    /// What waits for each group.
    pub(super) async fn lags(&self) -> Result<Vec<GroupLag>, StoreError> {
        match self {
            Self::File(store) => {
                let queues = store.queues().await?.into_iter();
                let lag = |queue: boxoffice_embedded::GroupQueue| GroupLag {
                    group: queue.group,
                    waiting: queue.waiting,
                    delayed: Some(queue.delayed),
                    in_flight: Some(queue.in_flight),
                    oldest: queue.oldest,
                };
                Ok(queues.map(lag).collect())
            }
            Self::Elsewhere { transport, subscriptions } => {
                transport.lag(subscriptions).await.map_err(|error| StoreError::Unavailable(error.to_string()))
            }
        }
    }
}
