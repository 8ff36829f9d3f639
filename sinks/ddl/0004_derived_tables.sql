-- Tables of the derived topics.

-- A person's whole current risk timeline; the arrays run in parallel, one entry a segment. The newest record of a
-- token wins: a token has one partition, so its offsets are in order.
CREATE TABLE IF NOT EXISTS checkline.risk_timelines @OnCluster
(
    token String,
    as_of DateTime64(3, 'UTC'),
    levels Array(String),
    froms Array(DateTime64(3, 'UTC')),
    untils Array(DateTime64(3, 'UTC')),
    rules Array(String),
    policies Array(String),
    evidence Array(String),
    appended_at DateTime64(3, 'UTC'),
    content FixedString(16),
    partition UInt16,
    offset Int64,
    rank UInt64 MATERIALIZED toUInt64(offset)
)
ENGINE = @Replacing(rank)
ORDER BY token;

-- The whole state of a follow-up clock; the newest record of a clock wins.
CREATE TABLE IF NOT EXISTS checkline.sla_clocks @OnCluster
(
    clock_id String,
    as_of DateTime64(3, 'UTC'),
    token String,
    lead_id String,
    deadline_class Enum8('HOURS_24' = 0, 'HOURS_48' = 1, 'SAME_DAY' = 2),
    opened_at DateTime64(3, 'UTC'),
    due_at DateTime64(3, 'UTC'),
    done_at Nullable(DateTime64(3, 'UTC')),
    withdrawn_at Nullable(DateTime64(3, 'UTC')),
    policy LowCardinality(String),
    evidence Array(String),
    appended_at DateTime64(3, 'UTC'),
    content FixedString(16),
    partition UInt16,
    offset Int64,
    rank UInt64 MATERIALIZED toUInt64(offset)
)
ENGINE = @Replacing(rank)
ORDER BY clock_id;

-- What was announced and when. Announcements never enter a figure.
CREATE TABLE IF NOT EXISTS checkline.sla_notices @OnCluster
(
    clock_id String,
    kind Enum8('CLOCK' = 0, 'DUE_SOON' = 1, 'BREACHED' = 2, 'RETRACTED' = 3),
    as_of DateTime64(3, 'UTC'),
    token String,
    lead_id String,
    deadline_class Enum8('HOURS_24' = 0, 'HOURS_48' = 1, 'SAME_DAY' = 2),
    opened_at DateTime64(3, 'UTC'),
    due_at DateTime64(3, 'UTC'),
    done_at Nullable(DateTime64(3, 'UTC')),
    withdrawn_at Nullable(DateTime64(3, 'UTC')),
    policy LowCardinality(String),
    evidence Array(String),
    appended_at DateTime64(3, 'UTC'),
    content FixedString(16),
    partition UInt16,
    offset Int64
)
ENGINE = @Replacing()
ORDER BY (partition, offset);

-- Records that could not be used, without their bytes. `topic`, `partition`, `offset` and `appended_at` are those of
-- the refused record; `letter_partition` and `letter_offset` say where the dead letter itself lies.
CREATE TABLE IF NOT EXISTS checkline.dead_letters @OnCluster
(
    topic LowCardinality(String),
    partition Int32,
    offset Int64,
    appended_at DateTime64(3, 'UTC'),
    reason Enum8(
        'NULL_VALUE' = 1, 'TOO_SHORT' = 2, 'FOREIGN_MAGIC' = 3, 'UNKNOWN_SCHEMA' = 4,
        'OTHER_SUBJECT' = 5, 'TRUNCATED' = 6, 'TRAILING_BYTES' = 7, 'UNDECODABLE' = 8, 'BAD_KEY' = 9,
        'WRONG_PARTITION' = 10, 'MISSING_FIELD' = 11, 'OUT_OF_RANGE' = 12, 'OCCURRED_AFTER_SENT' = 13,
        'SENT_AFTER_APPENDED' = 14, 'BEYOND_HORIZON' = 15, 'RULE_ERROR' = 16
    ),
    field LowCardinality(Nullable(String)),
    detail String,
    schema_id Nullable(Int32),
    owner LowCardinality(String),
    content FixedString(16),
    letter_partition UInt16,
    letter_offset Int64
)
ENGINE = @Replacing()
ORDER BY (topic, partition, offset, reason, letter_partition, letter_offset);

-- The bytes of refused records may hold what should not be there: 30 days, for their owner, not for analysts.
CREATE TABLE IF NOT EXISTS checkline_restricted.dead_letter_bytes @OnCluster
(
    topic LowCardinality(String),
    partition Int32,
    offset Int64,
    owner LowCardinality(String),
    record_key Nullable(String),
    record_value Nullable(String),
    letter_partition UInt16,
    letter_offset Int64,
    kept_since DateTime('UTC') DEFAULT now()
)
ENGINE = @Replacing()
ORDER BY (topic, partition, offset, letter_partition, letter_offset)
TTL kept_since + INTERVAL 30 DAY;
