-- What the sink knows of the log: one row per record, one per block, one per content of an identity.

-- Every record of the log by its position. STORED rows stand in an event or derived table; a time mark and a refused
-- record stand only here. `source_hash` and `sequence` place an identity near its neighbours of the same source.
CREATE TABLE IF NOT EXISTS checkline.arrivals @OnCluster
(
    topic LowCardinality(String),
    partition UInt16,
    offset Int64,
    appended_at DateTime64(3, 'UTC'),
    outcome Enum8('STORED' = 0, 'MARK' = 1, 'REFUSED' = 2),
    reason Enum8(
        '' = 0, 'NULL_VALUE' = 1, 'TOO_SHORT' = 2, 'FOREIGN_MAGIC' = 3, 'UNKNOWN_SCHEMA' = 4,
        'OTHER_SUBJECT' = 5, 'TRUNCATED' = 6, 'TRAILING_BYTES' = 7, 'UNDECODABLE' = 8, 'BAD_KEY' = 9,
        'WRONG_PARTITION' = 10, 'MISSING_FIELD' = 11, 'OUT_OF_RANGE' = 12, 'OCCURRED_AFTER_SENT' = 13,
        'SENT_AFTER_APPENDED' = 14, 'BEYOND_HORIZON' = 15, 'RULE_ERROR' = 16
    ),
    hour DateTime('UTC'),
    sent_at DateTime64(3, 'UTC'),
    source_hash UInt64,
    sequence Int64,
    identity FixedString(16),
    content FixedString(16)
)
ENGINE = @Replacing()
PARTITION BY topic
ORDER BY (topic, partition, offset);

-- One row per block. `digest` is an order-free digest of the span's arrivals (see sinks/digest.py). The row is written
-- again with `recounted` = 1 when the cells of its hours stand.
CREATE TABLE IF NOT EXISTS checkline.ledger @OnCluster
(
    topic LowCardinality(String),
    partition UInt16,
    span_begin Int64,
    span_end Int64,
    stored UInt64,
    marks UInt64,
    refused UInt64,
    digest UInt128,
    hours Array(DateTime('UTC')),
    recounted UInt8,
    written_by String,
    written_at DateTime64(6, 'UTC') DEFAULT now64(6)
)
ENGINE = @Replacing(written_at)
ORDER BY (topic, partition, span_begin, span_end);

-- Every content of every identity, in the order of sources and their counters, so that the neighbours of a block's
-- identities are few ranges of the index. A copy of arrivals in another order: writing a row twice changes nothing.
CREATE TABLE IF NOT EXISTS checkline.identities @OnCluster
(
    source_hash UInt64,
    sequence Int64,
    identity FixedString(16),
    content FixedString(16),
    sent_at DateTime64(3, 'UTC'),
    topic LowCardinality(String),
    partition UInt16,
    hour DateTime('UTC')
)
ENGINE = @Replacing()
ORDER BY (source_hash, sequence, identity, content)
SETTINGS index_granularity = 256;

CREATE MATERIALIZED VIEW IF NOT EXISTS checkline.arrivals_to_identities @OnCluster TO checkline.identities@Local AS
SELECT source_hash, sequence, identity, content, sent_at, topic, partition, hour
FROM checkline.arrivals@Local
WHERE outcome = 'STORED' AND source_hash != 0;

-- Two contents under one identity. Each pair that was seen is a row; the winner is the smaller (sent_at, content). A
-- content that once lost has lost for good, whatever arrives later.
CREATE TABLE IF NOT EXISTS checkline.conflicts @OnCluster
(
    identity FixedString(16),
    winner_content FixedString(16),
    winner_sent_at DateTime64(3, 'UTC'),
    winner_topic LowCardinality(String),
    winner_partition UInt16,
    winner_hour DateTime('UTC'),
    loser_content FixedString(16),
    loser_sent_at DateTime64(3, 'UTC'),
    loser_topic LowCardinality(String),
    loser_partition UInt16,
    loser_hour DateTime('UTC'),
    detected_at DateTime64(3, 'UTC') DEFAULT now64(3)
)
ENGINE = @Replacing()
ORDER BY (identity, loser_content, winner_content);
