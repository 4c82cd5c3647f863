package peer;

import com.fasterxml.jackson.databind.DeserializationFeature;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;
import org.apache.rocketmq.client.consumer.DefaultMQPushConsumer;
import org.apache.rocketmq.common.message.MessageExt;
import org.apache.rocketmq.common.sysflag.MessageSysFlag;
import org.apache.rocketmq.spring.annotation.RocketMQMessageListener;
import org.apache.rocketmq.spring.core.RocketMQListener;
import org.apache.rocketmq.spring.core.RocketMQPushConsumerLifecycleListener;
import org.apache.rocketmq.spring.support.RocketMQMessageConverter;
import org.springframework.context.annotation.Bean;
import org.springframework.context.annotation.Configuration;
import org.springframework.messaging.Message;
import org.springframework.messaging.MessageHeaders;
import org.springframework.messaging.converter.CompositeMessageConverter;
import org.springframework.messaging.converter.MappingJackson2MessageConverter;
import org.springframework.messaging.converter.MessageConverter;
import org.springframework.messaging.converter.SmartMessageConverter;
import org.springframework.messaging.support.MessageBuilder;
import peer.Messages.NotificationMessage;
import peer.Messages.OrderEventMessage;
import peer.Messages.StockEventMessage;

/**
 * For each topic a typed listener, as the Java services have them, and a strict one, as a service that sets
 * FAIL_ON_UNKNOWN_PROPERTIES. What does not decode is reported and acknowledged: one line a listener, no retries.
 */
final class Consume {
    private static final AtomicInteger RECEIVED = new AtomicInteger();
    private static final AtomicInteger FAILED = new AtomicInteger();
    private static final CountDownLatch LEFT = new CountDownLatch(Options.number("count", Integer.MAX_VALUE));
    private static final List<DefaultMQPushConsumer> CONSUMERS = new ArrayList<>();
    private static final List<String> TOPICS = new ArrayList<>();
    private static final ThreadLocal<Exception> ERROR = new ThreadLocal<>();
    private static final MessageConverter STRICT = strict();

    private Consume() {}

    static void run() throws Exception {
        Options.require("group-suffix");
        Main.lastWords(() -> Out.line("done", true, "count", RECEIVED.get(), "failures", FAILED.get()));
        Main.spring(false, Converter.class, Order.class, Stock.class, Notification.class, StrictOrder.class, StrictStock.class,
            StrictNotification.class);
        for (int i = 0; i < CONSUMERS.size(); i++) Current.awaitQueues(CONSUMERS.get(i), TOPICS.get(i));
        Out.line("ready", true, "sinceStartMs", Measure.sinceStartMs());
        LEFT.await(Options.number("seconds", Integer.MAX_VALUE), TimeUnit.SECONDS);
        Main.end(0);
    }

    private static MessageConverter strict() {
        MessageConverter converter = new RocketMQMessageConverter().getMessageConverter();
        for (MessageConverter c : ((CompositeMessageConverter) converter).getConverters()) {
            if (c instanceof MappingJackson2MessageConverter) {
                ((MappingJackson2MessageConverter) c).getObjectMapper().enable(DeserializationFeature.FAIL_ON_UNKNOWN_PROPERTIES);
            }
        }
        return converter;
    }

    private static void tell(String listener, MessageExt m, Object payload, Exception error) {
        boolean compressed = (m.getSysFlag() & MessageSysFlag.COMPRESSED_FLAG) != 0;
        Map<String, Object> line = new LinkedHashMap<>();
        line.put(payload == null ? "failed" : "received", true);
        line.put("listener", listener);
        line.put("topic", m.getTopic());
        line.put("tag", m.getTags());
        line.put("key", m.getKeys());
        line.put("msgId", m.getMsgId());
        line.put("reconsumeTimes", m.getReconsumeTimes());
        line.put("compressed", compressed);
        line.put("compression", compressed ? MessageSysFlag.getCompressionType(m.getSysFlag()).name() : null);
        line.put("bodyLength", m.getBody().length); // inflated
        if (payload == null) {
            Throwable root = error == null ? new IllegalStateException("the converter answered null") : error;
            while (root.getCause() != null) root = root.getCause();
            line.put("error", root.getClass().getSimpleName() + ": " + String.valueOf(root.getMessage()).split("\n")[0]);
            line.put("body", new String(m.getBody(), StandardCharsets.UTF_8));
        } else {
            line.put("payload", payload);
        }
        Out.line(line);
        (payload == null ? FAILED : RECEIVED).incrementAndGet();
        LEFT.countDown();
    }

    /** rocketmq-spring's own converter, overheard: a failure is noted, and the listener gets null. */
    @Configuration(proxyBeanMethods = false)
    static class Converter {
        @Bean RocketMQMessageConverter rocketMQMessageConverter() {
            return new RocketMQMessageConverter() {
                @Override public MessageConverter getMessageConverter() {
                    return new Overheard((SmartMessageConverter) super.getMessageConverter());
                }
            };
        }
    }

    private static final class Overheard implements SmartMessageConverter {
        private final SmartMessageConverter inner;

        Overheard(SmartMessageConverter inner) {
            this.inner = inner;
        }

        @Override public Object fromMessage(Message<?> m, Class<?> type) {
            ERROR.remove();
            try {
                return inner.fromMessage(m, type);
            } catch (Exception e) {
                ERROR.set(e);
                return null;
            }
        }

        @Override public Object fromMessage(Message<?> m, Class<?> type, Object hint) {
            return fromMessage(m, type); // a hint comes only with a parameterised type, which no listener here has
        }

        @Override public Message<?> toMessage(Object payload, MessageHeaders headers) {
            return inner.toMessage(payload, headers);
        }

        @Override public Message<?> toMessage(Object payload, MessageHeaders headers, Object hint) {
            return inner.toMessage(payload, headers, hint);
        }
    }

    /** rocketmq-spring asks that each class itself names RocketMQListener and its type. */
    private abstract static class Base implements RocketMQPushConsumerLifecycleListener {
        @Override public void prepareStart(DefaultMQPushConsumer consumer) {
            Current.prepare(consumer);
            consumer.setInstanceName(Long.toString(ProcessHandle.current().pid())); // one connection for the six
            consumer.setPollNameServerInterval(1000); // so that a topic made after the start is noticed
            CONSUMERS.add(consumer);
            TOPICS.add(getClass().getAnnotation(RocketMQMessageListener.class).topic());
        }

        void typed(Object payload) {
            tell("default", Current.message(), payload, ERROR.get());
        }

        /** The conversion that rocketmq-spring's container does, by the strict converter. */
        void strict(MessageExt m) {
            Object payload = null;
            Exception error = null;
            try {
                payload = STRICT.fromMessage(MessageBuilder.withPayload(new String(m.getBody(), StandardCharsets.UTF_8)).build(),
                    Messages.typeOf(m.getTopic()));
            } catch (Exception e) {
                error = e;
            }
            tell("strict", m, payload, error);
        }
    }

    @RocketMQMessageListener(topic = Messages.ORDER, consumerGroup = "java-order-group${peer.group-suffix}")
    static class Order extends Base implements RocketMQListener<OrderEventMessage> {
        @Override public void onMessage(OrderEventMessage m) {
            typed(m);
        }
    }

    @RocketMQMessageListener(topic = Messages.STOCK, consumerGroup = "java-stock-group${peer.group-suffix}")
    static class Stock extends Base implements RocketMQListener<StockEventMessage> {
        @Override public void onMessage(StockEventMessage m) {
            typed(m);
        }
    }

    @RocketMQMessageListener(topic = Messages.NOTIFICATION, consumerGroup = "java-notification-group${peer.group-suffix}")
    static class Notification extends Base implements RocketMQListener<NotificationMessage> {
        @Override public void onMessage(NotificationMessage m) {
            typed(m);
        }
    }

    @RocketMQMessageListener(topic = Messages.ORDER, consumerGroup = "java-strict-order-group${peer.group-suffix}")
    static class StrictOrder extends Base implements RocketMQListener<MessageExt> {
        @Override public void onMessage(MessageExt m) {
            strict(m);
        }
    }

    @RocketMQMessageListener(topic = Messages.STOCK, consumerGroup = "java-strict-stock-group${peer.group-suffix}")
    static class StrictStock extends Base implements RocketMQListener<MessageExt> {
        @Override public void onMessage(MessageExt m) {
            strict(m);
        }
    }

    @RocketMQMessageListener(topic = Messages.NOTIFICATION, consumerGroup = "java-strict-notification-group${peer.group-suffix}")
    static class StrictNotification extends Base implements RocketMQListener<MessageExt> {
        @Override public void onMessage(MessageExt m) {
            strict(m);
        }
    }
}
