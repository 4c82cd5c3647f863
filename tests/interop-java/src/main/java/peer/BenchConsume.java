package peer;

import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.atomic.AtomicInteger;
import org.apache.rocketmq.client.consumer.DefaultMQPushConsumer;
import org.apache.rocketmq.common.message.MessageExt;
import org.apache.rocketmq.spring.annotation.RocketMQMessageListener;
import org.apache.rocketmq.spring.core.RocketMQListener;
import org.apache.rocketmq.spring.core.RocketMQPushConsumerLifecycleListener;
import peer.Messages.OrderEventMessage;

/** The work that is compared: decode, an idempotency check by order number, acknowledge. */
final class BenchConsume {
    private static volatile DefaultMQPushConsumer consumer;
    private static Measure measure;

    private BenchConsume() {}

    static void run() throws Exception {
        Options.require("group");
        Options.require("tag");
        String topic = Options.require("topic");
        measure = new Measure(Options.requireNumber("count"), Options.number("warmup", 0));
        Listener listener = Main.spring(false, Listener.class).getBean(Listener.class);
        Out.line("ready", true, "queues", Current.awaitQueues(consumer, topic), "sinceStartMs", Measure.sinceStartMs());
        measure.await();
        var line = measure.result("cpuSecondsWhileHandling");
        line.put("duplicates", listener.duplicates.get());
        Out.line(line);
        if (Options.flag("exit")) Main.end(0);
    }

    @RocketMQMessageListener(topic = "${peer.topic}", selectorExpression = "${peer.tag}", consumerGroup = "${peer.group}")
    static class Listener implements RocketMQListener<OrderEventMessage>, RocketMQPushConsumerLifecycleListener {
        private final ConcurrentHashMap<String, Boolean> handled = new ConcurrentHashMap<>();
        final AtomicInteger duplicates = new AtomicInteger();

        @Override public void prepareStart(DefaultMQPushConsumer c) {
            Current.prepare(c);
            consumer = c;
        }

        @Override public void onMessage(OrderEventMessage order) {
            MessageExt m = Current.message();
            if (handled.putIfAbsent(order.getOrderNo(), Boolean.TRUE) != null) {
                duplicates.incrementAndGet(); // and not counted, so that the end is not reached too early
                return;
            }
            String sentAt = m.getUserProperty(BenchProduce.SENT_AT);
            if (measure.record(sentAt == null ? Double.NaN : Measure.nowMs() - Double.parseDouble(sentAt))) {
                Out.line("first", true, "sinceStartMs", Measure.sinceStartMs());
            }
        }
    }
}
