package peer;

import java.math.BigDecimal;
import java.nio.charset.StandardCharsets;
import java.time.LocalDateTime;
import java.util.LinkedHashMap;
import java.util.Locale;
import java.util.Map;
import java.util.concurrent.Semaphore;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.locks.LockSupport;
import org.apache.rocketmq.client.producer.SendCallback;
import org.apache.rocketmq.client.producer.SendResult;
import org.apache.rocketmq.client.producer.SendStatus;
import org.apache.rocketmq.spring.core.RocketMQTemplate;
import org.springframework.messaging.Message;
import org.springframework.messaging.support.MessageBuilder;
import peer.Messages.OrderEventMessage;

/** Asynchronous sends of orders, as fast as they go or at a rate; a latency is from the call to the broker's answer. */
final class BenchProduce {
    static final String SENT_AT = "sentAt"; // user property: milliseconds since 1970

    private final String prefix = Options.get("prefix", "B" + Long.toString(System.currentTimeMillis(), 36)) + "-";
    private final LocalDateTime eventTime = LocalDateTime.now().withNano(123_000_000);
    private final AtomicInteger failed = new AtomicInteger();
    private final Semaphore inFlight = new Semaphore(Options.number("inflight", 256));
    private final RocketMQTemplate template;
    private final String destination;
    private final Measure measure;
    private final int total;
    private String padding = "";

    private BenchProduce(RocketMQTemplate template, String destination, int count, int warmup) {
        this.template = template;
        this.destination = destination;
        this.measure = new Measure(count, warmup);
        this.total = count + warmup;
        Object body = template.getMessageConverter().toMessage(order(0), null).getPayload();
        int length = body instanceof byte[] ? ((byte[]) body).length : ((String) body).getBytes(StandardCharsets.UTF_8).length;
        padding = "x".repeat(Math.max(0, Options.number("body", 300) - length));
    }

    static void run() throws Exception {
        String destination = Options.require("topic") + ":" + Options.require("tag");
        int count = Options.requireNumber("count"), threads = Options.number("threads", 2);
        BenchProduce bench = new BenchProduce(Main.spring(true).getBean(RocketMQTemplate.class), destination, count,
            Options.number("warmup", 0));
        int rate = Options.number("rate", 0);
        long start = System.nanoTime();
        for (int t = 0; t < threads; t++) {
            int first = t;
            new Thread(() -> bench.send(first, threads, rate, start), "bench-" + t).start();
        }
        bench.measure.await();
        Map<String, Object> line = bench.measure.result("cpuSecondsWhileSending");
        line.put("failures", bench.failed.get());
        Main.lastWords(() -> Out.line(line));
        Main.end(bench.failed.get() == 0 ? 0 : 1);
    }

    private void send(int first, int threads, int rate, long start) {
        for (int i = first; i < total; i += threads) {
            if (rate > 0) {
                long due = start + i * 1_000_000_000L / rate;
                for (long wait; (wait = due - System.nanoTime()) > 0; ) LockSupport.parkNanos(wait);
            }
            inFlight.acquireUninterruptibly();
            double sentAt = Measure.nowMs();
            try {
                OrderEventMessage order = order(i);
                Message<OrderEventMessage> m = MessageBuilder.withPayload(order).setHeader("KEYS", order.getOrderNo())
                    .setHeader(SENT_AT, String.format(Locale.ROOT, "%.3f", sentAt)).build();
                template.asyncSend(destination, m, new SendCallback() {
                    @Override public void onSuccess(SendResult result) {
                        answered(sentAt, result.getSendStatus() == SendStatus.SEND_OK);
                    }

                    @Override public void onException(Throwable e) {
                        answered(sentAt, false);
                    }
                });
            } catch (RuntimeException e) {
                answered(sentAt, false);
            }
        }
    }

    private void answered(double sentAt, boolean ok) {
        inFlight.release();
        if (!ok) failed.incrementAndGet();
        measure.record(Measure.nowMs() - sentAt);
    }

    private OrderEventMessage order(int i) {
        Map<String, Object> ext = new LinkedHashMap<>();
        ext.put("channel", "app");
        ext.put("seats", "A区12排08座");
        if (!padding.isEmpty()) ext.put("note", padding);
        return new OrderEventMessage(prefix + String.format("%09d", i), 10_000L + i, 3001L, 30011L, 300111L, 2, new BigDecimal("760.00"), 0,
            eventTime, "CREATED", ext);
    }
}
