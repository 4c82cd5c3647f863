-- The whole file. Every instant is a count of nanoseconds since 1970 (UTC); every amount of money is decimal text.

CREATE TABLE meta (
    name  TEXT PRIMARY KEY,
    value INTEGER NOT NULL
) WITHOUT ROWID, STRICT;

-- Consumer groups. claimed_due and claimed_id: the highest message that workers had taken when it was last written
-- down; what is still there at the next start and lies at or before it was in flight when the program died.
-- queued = handled + dead_lettered + the rows in messages, at every commit.
CREATE TABLE groups (
    id          INTEGER PRIMARY KEY,
    name        TEXT NOT NULL UNIQUE,
    claimed_due INTEGER NOT NULL DEFAULT -9223372036854775808,
    claimed_id  INTEGER NOT NULL DEFAULT -9223372036854775808,
    queued        INTEGER NOT NULL DEFAULT 0,
    handled       INTEGER NOT NULL DEFAULT 0,
    dead_lettered INTEGER NOT NULL DEFAULT 0
) STRICT;

-- Which messages a group takes; the tag * is every message of the topic.
CREATE TABLE subscriptions (
    group_id INTEGER NOT NULL REFERENCES groups (id),
    topic    TEXT NOT NULL,
    tag      TEXT NOT NULL,
    PRIMARY KEY (group_id, topic, tag)
) WITHOUT ROWID, STRICT;

-- One row per message and group, in the order of delivery. No index beside the key: a finished row goes by its key.
CREATE TABLE messages (
    group_id   INTEGER NOT NULL,
    due        INTEGER NOT NULL,
    id         INTEGER NOT NULL,
    topic      TEXT NOT NULL,
    tag        TEXT,
    key        TEXT,
    attempt    INTEGER NOT NULL,
    generation INTEGER NOT NULL,
    sent_at    INTEGER NOT NULL,
    sys_flag   INTEGER NOT NULL,
    properties TEXT,
    body       BLOB NOT NULL,
    PRIMARY KEY (group_id, due, id)
) WITHOUT ROWID, STRICT;

-- Orders. state: 0 Created, 1 AwaitingPayment, 2 Paid, 3 Cancelled. open_until is expires_at until the state is final:
-- a column of its own, so that the step to AwaitingPayment touches no index.
CREATE TABLE orders (
    order_no          TEXT PRIMARY KEY,
    user_id           INTEGER NOT NULL,
    show_id           INTEGER NOT NULL,
    session_id        INTEGER NOT NULL,
    ticket_id         INTEGER NOT NULL,
    quantity          INTEGER NOT NULL,
    total_amount      TEXT,
    state             INTEGER NOT NULL CHECK (state BETWEEN 0 AND 3),
    phone             TEXT,
    email             TEXT,
    device_token      TEXT,
    pay_type          INTEGER,
    remark            TEXT,
    created_at        INTEGER NOT NULL,
    paid_at           INTEGER,
    expires_at        INTEGER NOT NULL,
    open_until        INTEGER,
    refund_since      INTEGER,
    refund_because    TEXT,
    refund_settled_at INTEGER
) WITHOUT ROWID, STRICT;
CREATE INDEX orders_by_user ON orders (user_id, created_at);
CREATE INDEX orders_open ON orders (open_until) WHERE open_until IS NOT NULL;
CREATE INDEX orders_with_refund ON orders (refund_since)
    WHERE refund_since IS NOT NULL AND refund_settled_at IS NULL;

-- Messages still to be sent, where the bus is not in this file.
CREATE TABLE marks (
    id         INTEGER PRIMARY KEY AUTOINCREMENT,
    made_at    INTEGER NOT NULL,
    topic      TEXT NOT NULL,
    tag        TEXT,
    key        TEXT,
    due        INTEGER,
    sys_flag   INTEGER NOT NULL,
    properties TEXT,
    body       BLOB NOT NULL
) STRICT;

-- The stock cache that buyers race for.
CREATE TABLE stock_cache (
    ticket_id    INTEGER PRIMARY KEY,
    available    INTEGER NOT NULL CHECK (available >= 0),
    held         INTEGER NOT NULL CHECK (held >= 0),
    reservations INTEGER NOT NULL CHECK (reservations >= 0)
) STRICT;

-- held: 1 while the order holds the seats, 0 once they were given back (a tombstone).
CREATE TABLE reservations (
    ticket_id INTEGER NOT NULL,
    order_no  TEXT NOT NULL,
    user_id   INTEGER NOT NULL,
    quantity  INTEGER NOT NULL,
    held      INTEGER NOT NULL,
    PRIMARY KEY (ticket_id, order_no)
) WITHOUT ROWID, STRICT;
CREATE INDEX reservations_by_user ON reservations (ticket_id, user_id, quantity) WHERE held = 1;

-- The durable stock.
CREATE TABLE tickets (
    ticket_id INTEGER PRIMARY KEY,
    total     INTEGER NOT NULL,
    locked    INTEGER NOT NULL CHECK (locked >= 0),
    sold      INTEGER NOT NULL CHECK (sold >= 0),
    CHECK (locked + sold <= total)
) STRICT;

-- state: 0 Deducted, 1 Confirmed, 2 RolledBack.
CREATE TABLE ledger (
    ticket_id INTEGER NOT NULL,
    order_no  TEXT NOT NULL,
    quantity  INTEGER NOT NULL,
    state     INTEGER NOT NULL CHECK (state BETWEEN 0 AND 2),
    PRIMARY KEY (ticket_id, order_no)
) WITHOUT ROWID, STRICT;

-- state: 0 in progress, 1 given back undone, 2 done. taken_over: how often an owner's lease ran out, so that its effect
-- may have happened without our knowing.
CREATE TABLE idempotency (
    key          TEXT PRIMARY KEY,
    owner        TEXT NOT NULL,
    payload_hash TEXT NOT NULL,
    data         TEXT,
    result       TEXT,
    state        INTEGER NOT NULL CHECK (state BETWEEN 0 AND 2),
    taken_over   INTEGER NOT NULL DEFAULT 0,
    lease_until  INTEGER NOT NULL,
    expires_at   INTEGER NOT NULL
) WITHOUT ROWID, STRICT;
CREATE INDEX idempotency_by_expiry ON idempotency (expires_at);

CREATE TABLE dead_letters (
    id         TEXT PRIMARY KEY,
    stored_at  INTEGER NOT NULL,
    topic      TEXT NOT NULL,
    tag        TEXT,
    group_name TEXT NOT NULL,
    message_id TEXT NOT NULL,
    key        TEXT,
    attempts   INTEGER NOT NULL,
    error      TEXT NOT NULL,
    sys_flag   INTEGER NOT NULL,
    properties TEXT,
    generation INTEGER NOT NULL,
    sent_at    INTEGER,
    body       BLOB NOT NULL
) STRICT;
CREATE INDEX dead_letters_by_age ON dead_letters (stored_at, id);

CREATE TABLE sales (
    order_no  TEXT PRIMARY KEY,
    show_id   INTEGER,
    ticket_id INTEGER NOT NULL,
    quantity  INTEGER NOT NULL,
    amount    TEXT,
    at        INTEGER NOT NULL
) WITHOUT ROWID, STRICT;

CREATE TABLE sales_totals (
    ticket_id INTEGER PRIMARY KEY,
    orders    INTEGER NOT NULL,
    tickets   INTEGER NOT NULL,
    amount    TEXT NOT NULL
) STRICT;
