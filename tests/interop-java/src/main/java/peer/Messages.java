package peer;

import java.math.BigDecimal;
import java.time.LocalDateTime;
import java.util.Map;
import lombok.AllArgsConstructor;
import lombok.Data;
import lombok.NoArgsConstructor;

/** The payload classes, as the Java ticketing services declare them. */
interface Messages {
    String ORDER = "ORDER_TOPIC";
    String STOCK = "STOCK_TOPIC";
    String NOTIFICATION = "NOTIFICATION_TOPIC";

    @Data @AllArgsConstructor @NoArgsConstructor
    class OrderEventMessage {
        private String orderNo;
        private Long userId;
        private Long showId;
        private Long sessionId;
        private Long ticketId;
        private Integer quantity;
        private BigDecimal totalAmount;
        private Integer status;
        private LocalDateTime eventTime;
        private String eventType; // CREATED, PAID, CANCELLED, TIMEOUT
        private Map<String, Object> extData;
    }

    @Data @AllArgsConstructor @NoArgsConstructor
    class StockEventMessage {
        private Long ticketId;
        private Integer quantity;
        private String operation; // DEDUCT, ROLLBACK, SYNC, CONFIRM
        private String orderNo;
        private LocalDateTime eventTime;
        private Map<String, Object> extData;
    }

    @Data @AllArgsConstructor @NoArgsConstructor
    class NotificationMessage {
        private String orderNo;
        private Long userId;
        private String channel; // SMS, EMAIL, PUSH
        private String phone;
        private String email;
        private String deviceToken;
        private String template;
        private String title;
        private String content;
        private LocalDateTime eventTime;
        private Map<String, Object> extData;
    }

    /** The class of what travels on a topic; a topic of a test's own carries orders. */
    static Class<?> typeOf(String topic) {
        return topic.startsWith("STOCK_") ? StockEventMessage.class
            : topic.startsWith("NOTIFICATION_") ? NotificationMessage.class : OrderEventMessage.class;
    }

    /** The order number of a decoded payload of any class. */
    static String orderNo(Object payload) {
        return payload instanceof OrderEventMessage ? ((OrderEventMessage) payload).getOrderNo()
            : payload instanceof StockEventMessage ? ((StockEventMessage) payload).getOrderNo()
            : payload instanceof NotificationMessage ? ((NotificationMessage) payload).getOrderNo() : null;
    }
}
