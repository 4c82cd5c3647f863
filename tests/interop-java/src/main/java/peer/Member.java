package peer;

import java.util.Set;
import java.util.concurrent.atomic.AtomicInteger;
import org.apache.rocketmq.client.consumer.DefaultMQPushConsumer;
import org.apache.rocketmq.common.message.MessageExt;
import org.apache.rocketmq.spring.annotation.RocketMQMessageListener;
import org.apache.rocketmq.spring.core.RocketMQListener;
import org.apache.rocketmq.spring.core.RocketMQPushConsumerLifecycleListener;
import peer.Messages.NotificationMessage;
import peer.Messages.OrderEventMessage;
import peer.Messages.StockEventMessage;

/** One member of a consumer group, which others, in Java or not, may share. */
final class Member {
    private static final AtomicInteger HANDLED = new AtomicInteger();
    private static volatile DefaultMQPushConsumer consumer;

    private Member() {}

    static void run() throws Exception {
        Options.require("group");
        Options.require("tag");
        String topic = Options.require("topic");
        Class<?> type = Messages.typeOf(topic);
        Main.lastWords(() -> Out.line("ended", true, "handled", HANDLED.get()));
        Main.spring(false, type == StockEventMessage.class ? Stock.class : type == NotificationMessage.class ? Notification.class : Order.class);
        Set<Integer> told = Current.awaitQueues(consumer, topic);
        Out.line("ready", true, "queues", told, "sinceStartMs", Measure.sinceStartMs());
        while (true) {
            Thread.sleep(200);
            Set<Integer> now = Current.queues(consumer, topic);
            if (!now.equals(told)) Out.line("queues", now);
            told = now;
        }
    }

    private abstract static class Base implements RocketMQPushConsumerLifecycleListener {
        private final String fail = Options.get("fail", null);

        @Override public void prepareStart(DefaultMQPushConsumer c) {
            Current.prepare(c);
            c.setPollNameServerInterval(1000); // so that a topic made after the start is noticed
            c.setAwaitTerminationMillisWhenShutdown(10_000);
            consumer = c;
        }

        void handle(Object payload) {
            MessageExt m = Current.message();
            String orderNo = Messages.orderNo(payload);
            boolean refused = fail != null && orderNo != null && orderNo.startsWith(fail);
            Out.line(refused ? "refused" : "handled", true, "orderNo", orderNo, "queueId", m.getQueueId(), "msgId", m.getMsgId(),
                "topic", m.getTopic(), "tag", m.getTags(), "key", m.getKeys(), "reconsumeTimes", m.getReconsumeTimes());
            if (refused) throw new IllegalStateException("told to fail: " + orderNo);
            HANDLED.incrementAndGet();
        }
    }

    @RocketMQMessageListener(topic = "${peer.topic}", selectorExpression = "${peer.tag}", consumerGroup = "${peer.group}")
    static class Order extends Base implements RocketMQListener<OrderEventMessage> {
        @Override public void onMessage(OrderEventMessage m) {
            handle(m);
        }
    }

    @RocketMQMessageListener(topic = "${peer.topic}", selectorExpression = "${peer.tag}", consumerGroup = "${peer.group}")
    static class Stock extends Base implements RocketMQListener<StockEventMessage> {
        @Override public void onMessage(StockEventMessage m) {
            handle(m);
        }
    }

    @RocketMQMessageListener(topic = "${peer.topic}", selectorExpression = "${peer.tag}", consumerGroup = "${peer.group}")
    static class Notification extends Base implements RocketMQListener<NotificationMessage> {
        @Override public void onMessage(NotificationMessage m) {
            handle(m);
        }
    }
}
