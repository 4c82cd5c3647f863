package peer;

import com.fasterxml.jackson.databind.util.RawValue;
import java.math.BigDecimal;
import java.nio.charset.StandardCharsets;
import java.time.LocalDateTime;
import java.time.ZoneId;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.TimeUnit;
import org.apache.rocketmq.client.producer.SendCallback;
import org.apache.rocketmq.client.producer.SendResult;
import org.apache.rocketmq.client.producer.SendStatus;
import org.apache.rocketmq.common.compression.CompressionType;
import org.apache.rocketmq.spring.core.RocketMQTemplate;
import org.springframework.messaging.Message;
import org.springframework.messaging.support.MessageBuilder;
import peer.Messages.NotificationMessage;
import peer.Messages.OrderEventMessage;
import peer.Messages.StockEventMessage;

/** Every message kind and tag, sent in every way the Java services send. */
final class Produce {
    private static final int COMPRESSED_FROM = 4096; // bytes; the default of rocketmq-spring
    private static final ZoneId ZONE = ZoneId.of("Asia/Shanghai");

    /** Topic, tag, and for a stock message its operation, for an order or a notification its type or channel. */
    private static final String[][] KINDS = {
        {Messages.ORDER, "ORDER_CREATED", "CREATED"},
        {Messages.ORDER, "ORDER_PAID", "PAID"},
        {Messages.ORDER, "ORDER_CANCELLED", "CANCELLED"},
        {Messages.ORDER, "ORDER_TIMEOUT", "TIMEOUT"},
        {Messages.STOCK, "STOCK_DEDUCT", "DEDUCT"},
        {Messages.STOCK, "STOCK_ROLLBACK", "ROLLBACK"},
        {Messages.STOCK, "STOCK_SYNC", "SYNC"},
        {Messages.STOCK, "STOCK_SYNC", "CONFIRM"},
        {Messages.NOTIFICATION, "SMS", "SMS"},
        {Messages.NOTIFICATION, "EMAIL", "EMAIL"},
        {Messages.NOTIFICATION, "PUSH", "PUSH"},
    };

    private final String prefix = Options.require("prefix");
    private final LocalDateTime now = LocalDateTime.now(ZONE);
    private final RocketMQTemplate template;
    private int number;
    private int sent;
    private int failed;

    private Produce(RocketMQTemplate template) {
        this.template = template;
    }

    static void run() throws Exception {
        Options.require("prefix");
        Produce p = new Produce(Main.spring(true).getBean(RocketMQTemplate.class));
        p.everyKind();
        p.otherWays();
        Main.lastWords(() -> Out.line("done", true, "count", p.sent, "failures", p.failed));
        Main.end(p.failed == 0 ? 0 : 1);
    }

    // ---- what is sent -------------------------------------------------------------------------------------

    private void everyKind() {
        for (String[] kind : KINDS) sync(kind, "plain", false);
        for (CompressionType type : List.of(CompressionType.ZLIB, CompressionType.LZ4, CompressionType.ZSTD)) {
            template.getProducer().setCompressType(type);
            for (String[] kind : KINDS) sync(kind, type.name().toLowerCase(), true);
        }
        template.getProducer().setCompressType(CompressionType.ZLIB); // the default
    }

    private void otherWays() {
        String[] created = KINDS[0], timeout = KINDS[3], deduct = KINDS[4], sms = KINDS[8];
        Case async = new Case(created, "async", false);
        attempt(async, () -> asyncSend(async));
        Case asyncBig = new Case(created, "async-zlib", true);
        attempt(asyncBig, () -> asyncSend(asyncBig));
        Case oneWay = new Case(sms, "one-way", false);
        attempt(oneWay, () -> {
            template.sendOneWay(oneWay.destination(), oneWay.message());
            return null;
        });
        Case noKeys = new Case(created, "no-keys", false, null);
        attempt(noKeys, () -> template.syncSend(noKeys.destination(), noKeys.payload));
        Case orderly = new Case(deduct, "orderly", false);
        attempt(orderly, () -> template.syncSendOrderly(orderly.destination(), orderly.message(), "300111"));
        Case level = new Case(timeout, "delay-level", false);
        attempt(level, () -> template.syncSend(level.destination(), level.message(), 10_000, 1));
        Case millis = new Case(timeout, "delay-millis", false);
        attempt(millis, () -> template.syncSendDelayTimeMills(millis.destination(), millis.message(), 1000));
        batch(created);
        batch(deduct);
    }

    private void batch(String[] kind) {
        List<Case> cases = new ArrayList<>();
        List<Message<Object>> messages = new ArrayList<>();
        for (int i = 0; i < 3; i++) {
            Case c = new Case(kind, "batch", i == 2); // the client never compresses a batch, however large
            cases.add(c);
            messages.add(c.message());
        }
        SendResult result = null;
        Exception error = null;
        try {
            result = template.syncSend(cases.get(0).destination(), messages);
        } catch (Exception e) {
            error = e;
        }
        for (Case c : cases) report(c, result, error, false);
    }

    private void sync(String[] kind, String way, boolean large) {
        Case c = new Case(kind, way, large);
        attempt(c, () -> template.syncSend(c.destination(), c.message()));
    }

    private SendResult asyncSend(Case c) throws Exception {
        CompletableFuture<SendResult> answer = new CompletableFuture<>();
        template.asyncSend(c.destination(), c.message(), new SendCallback() {
            @Override public void onSuccess(SendResult result) {
                answer.complete(result);
            }

            @Override public void onException(Throwable e) {
                answer.completeExceptionally(e);
            }
        });
        return answer.get(30, TimeUnit.SECONDS);
    }

    // ---- one message ----------------------------------------------------------------------------------------

    private final class Case {
        final String topic, tag, way, name, key;
        final Object payload;

        Case(String[] kind, String way, boolean large) {
            this(kind, way, large, "");
        }

        /** key: "" for the business key, null for none. */
        Case(String[] kind, String way, boolean large, String key) {
            number++;
            topic = kind[0];
            tag = kind[1];
            this.way = way;
            name = prefix + "-" + (topic.equals(Messages.STOCK) ? "STOCK_" + kind[2] : tag) + "-" + number;
            payload = payload(kind[2], name, large);
            // The key is the order number; a SYNC is about a ticket and has none.
            String orderNo = Messages.orderNo(payload);
            this.key = key == null ? null : orderNo != null ? orderNo : Long.toString(((StockEventMessage) payload).getTicketId());
        }

        String destination() {
            return topic + ":" + tag;
        }

        Message<Object> message() {
            return MessageBuilder.withPayload(payload).setHeader("KEYS", key).build();
        }
    }

    private Object payload(String what, String name, boolean large) {
        Map<String, Object> ext = ext(name, large);
        switch (what) {
            case "DEDUCT": case "ROLLBACK": case "CONFIRM":
                return new StockEventMessage(300111L, 2, what, name, eventTime(), ext);
            case "SYNC":
                return new StockEventMessage(300111L, null, what, null, eventTime(), ext);
            case "SMS": case "EMAIL": case "PUSH":
                return new NotificationMessage(name, 10086L, what, what.equals("SMS") ? "+8613800138000" : null,
                    what.equals("EMAIL") ? "buyer@example.com" : null, what.equals("PUSH") ? "a1b2c3d4" : null, "ORDER_PAID",
                    "购票成功🎉", "您的订单 " + name + " 已支付，共 ¥380.00。", eventTime(), ext);
            default:
                int status = what.equals("PAID") ? 1 : what.equals("CANCELLED") ? 2 : 0;
                return new OrderEventMessage(name, 10086L, 3001L, 30011L, 300111L, 2, amount(what), status, eventTime(), what, ext);
        }
    }

    /** With every scale; a created order may have no amount yet. */
    private BigDecimal amount(String type) {
        String[] amounts = {"380.00", "1180.50", "0.10", "99999999.90"};
        return type.equals("CREATED") && number % 3 == 2 ? null : new BigDecimal(amounts[number % amounts.length]);
    }

    /** Every number of fraction digits that Java writes: 0, 3, 6 and 9, and no seconds. */
    private LocalDateTime eventTime() {
        switch (number % 5) {
            case 0: return now.withSecond(0).withNano(0);
            case 1: return now.withNano(0);
            case 2: return now.withNano(123_456_789);
            case 3: return now.withNano(500_000_000);
            default: return now.withNano(120_034_000);
        }
    }

    private static Map<String, Object> ext(String name, boolean large) {
        Map<String, Object> nested = new LinkedHashMap<>();
        nested.put("list", Arrays.asList(1, null, "二", new BigDecimal("2.50"), true));
        nested.put("empty", Map.of());
        Map<String, Object> ext = new LinkedHashMap<>();
        ext.put("case", name);
        ext.put("long", 9007199254740993L); // beyond what a double holds
        ext.put("decimal", new BigDecimal("0.10"));
        ext.put("text", "A区12排08座 🎫 \"quoted\" \\ \n");
        ext.put("nothing", null);
        ext.put("nested", nested);
        for (int i = 0; large && i < 200; i++) ext.put("seat" + i, "A区" + i % 30 + "排" + i + "座 🎫");
        return ext;
    }

    // ---- sending and reporting ---------------------------------------------------------------------------------

    private interface Sending {
        SendResult send() throws Exception;
    }

    private void attempt(Case c, Sending sending) {
        try {
            report(c, sending.send(), null, true);
        } catch (Exception e) {
            report(c, null, e, true);
        }
    }

    private void report(Case c, SendResult result, Exception error, boolean mayCompress) {
        String json = json(c.payload);
        int length = json.getBytes(StandardCharsets.UTF_8).length;
        boolean compressed = mayCompress && length >= COMPRESSED_FROM;
        boolean ok = error == null && (result == null || result.getSendStatus() == SendStatus.SEND_OK); // one-way has no result
        Map<String, Object> line = new LinkedHashMap<>();
        line.put("sent", ok);
        line.put("way", c.way);
        line.put("topic", c.topic);
        line.put("tag", c.tag);
        line.put("key", c.key);
        line.put("orderNo", Messages.orderNo(c.payload));
        line.put("case", c.name);
        // The ids that the client answers for a batch are not the one that its messages arrive with.
        line.put("msgId", result == null || c.way.equals("batch") ? null : result.getMsgId());
        line.put("compressed", compressed);
        line.put("compression", compressed ? template.getProducer().getCompressType().name() : null);
        line.put("bodyLength", length);
        line.put("json", new RawValue(json));
        if (!ok) line.put("error", error == null ? result.getSendStatus().name() : error.toString());
        Out.line(line);
        if (ok) sent++;
        else failed++;
    }

    /** The text that the template's converter puts on the wire. */
    private String json(Object payload) {
        Object body = template.getMessageConverter().toMessage(payload, null).getPayload();
        return body instanceof byte[] ? new String((byte[]) body, StandardCharsets.UTF_8) : (String) body;
    }
}
