package peer;

import java.util.Iterator;
import java.util.Set;
import java.util.TreeSet;
import org.apache.rocketmq.client.consumer.DefaultMQPushConsumer;
import org.apache.rocketmq.client.consumer.listener.MessageListenerConcurrently;
import org.apache.rocketmq.common.consumer.ConsumeFromWhere;
import org.apache.rocketmq.common.message.MessageExt;
import org.apache.rocketmq.common.message.MessageQueue;

/** What a typed listener does not get from rocketmq-spring: which message its payload came in, and which queues it has. */
final class Current {
    private static final ThreadLocal<Iterator<MessageExt>> BATCH = new ThreadLocal<>();

    private Current() {}

    /**
     * Prepares a consumer that rocketmq-spring has built and not yet started. Its listener stays in place; ours
     * stands before it and notes the batch, whose messages rocketmq-spring hands on in order, on the same thread.
     */
    static void prepare(DefaultMQPushConsumer consumer) {
        consumer.setConsumeFromWhere(Options.get("from", "first").equals("last")
            ? ConsumeFromWhere.CONSUME_FROM_LAST_OFFSET : ConsumeFromWhere.CONSUME_FROM_FIRST_OFFSET);
        consumer.setConsumeMessageBatchMaxSize(Options.number("batch", 1));
        MessageListenerConcurrently inner = (MessageListenerConcurrently) consumer.getMessageListener();
        consumer.setMessageListener((MessageListenerConcurrently) (messages, context) -> {
            BATCH.set(messages.iterator());
            return inner.consumeMessage(messages, context);
        });
    }

    /** To be called once for each payload. */
    static MessageExt message() {
        return BATCH.get().next();
    }

    /** The queues of a topic that a consumer holds now. */
    static Set<Integer> queues(DefaultMQPushConsumer consumer, String topic) {
        Set<Integer> ids = new TreeSet<>();
        for (MessageQueue q : consumer.getDefaultMQPushConsumerImpl().getRebalanceImpl().getProcessQueueTable().keySet()) {
            if (q.getTopic().equals(topic)) ids.add(q.getQueueId()); // not those of %RETRY%
        }
        return ids;
    }

    /** Waits for the first queues of a consumer. They come one by one, so the answer has not changed for a moment. */
    static Set<Integer> awaitQueues(DefaultMQPushConsumer consumer, String topic) throws InterruptedException {
        Set<Integer> before, now = Set.of();
        do {
            before = now;
            Thread.sleep(before.isEmpty() ? 10 : 50);
            now = queues(consumer, topic);
        } while (now.isEmpty() || !now.equals(before));
        return now;
    }
}
