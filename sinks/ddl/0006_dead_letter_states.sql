-- What became of dead letters: whose event it was, what was published again, and whether it is settled by now.

-- The event's identity, where it can be read of the refused bytes; '' and 0 where not. `source_hash` as in arrivals.
ALTER TABLE checkline.dead_letters@Local @OnCluster
    ADD COLUMN IF NOT EXISTS source LowCardinality(String),
    ADD COLUMN IF NOT EXISTS source_hash UInt64,
    ADD COLUMN IF NOT EXISTS sequence Int64,
    ADD COLUMN IF NOT EXISTS identity FixedString(16);

-- On one node the same table, which has them already.
ALTER TABLE checkline.dead_letters @OnCluster
    ADD COLUMN IF NOT EXISTS source LowCardinality(String),
    ADD COLUMN IF NOT EXISTS source_hash UInt64,
    ADD COLUMN IF NOT EXISTS sequence Int64,
    ADD COLUMN IF NOT EXISTS identity FixedString(16);

-- What was published again, by whom and when, from which refused record to which position of the log.
CREATE TABLE IF NOT EXISTS checkline.dead_letter_retries @OnCluster
(
    topic LowCardinality(String),
    partition Int32,
    offset Int64,
    retried_at DateTime64(3, 'UTC'),
    retried_by String,
    retried_topic LowCardinality(String),
    retried_partition UInt16,
    retried_offset Int64,
    corrected Bool,
    letter_partition UInt16,
    letter_offset Int64
)
ENGINE = @Replacing()
ORDER BY (topic, partition, offset, letter_partition, letter_offset);

-- Every refused record of an input topic once, with its state. Topics without an app that writes dead letters are told
-- by arrivals (`letter_offset` -1, nobody is named as owner, the identity is not known).
-- settled: an event of that identity, or the record that was published again, is stored. Records that are stored but
-- not folded (BEYOND_HORIZON, RULE_ERROR) are settled when a copy of the event has arrived without a dead letter.
-- retried: published again, but not stored (or not yet). open: neither.
CREATE OR REPLACE VIEW checkline.dead_letter_states @OnCluster AS
SELECT
    letter.topic AS topic,
    letter.partition AS partition,
    letter.offset AS offset,
    letter.appended_at AS appended_at,
    letter.reason AS reason,
    letter.field AS field,
    letter.detail AS detail,
    letter.schema_id AS schema_id,
    letter.owner AS owner,
    letter.source AS source,
    letter.sequence AS sequence,
    letter.letter_partition AS letter_partition,
    letter.letter_offset AS letter_offset,
    retry.times AS retries,
    retry.last.1 AS retried_at,
    retry.last.2 AS retried_by,
    retry.last.3 AS retried_topic,
    retry.last.4 AS retried_partition,
    retry.last.5 AS retried_offset,
    retry.last.6 AS corrected,
    multiIf(
        letter.folded AND letter.identity IN
        (
            SELECT identity
            FROM checkline.arrivals
            WHERE outcome = 'STORED' AND (source_hash, sequence) IN
            (
                SELECT source_hash, sequence
                FROM checkline.dead_letters
                WHERE source_hash != 0 AND reason IN ('BEYOND_HORIZON', 'RULE_ERROR')
            ) AND (topic, partition, offset) NOT IN (SELECT topic, partition, offset FROM checkline.dead_letters)
        ),
        'settled',
        NOT letter.folded AND letter.identity IN
        (
            SELECT identity
            FROM checkline.identities
            WHERE (source_hash, sequence) IN
            (
                SELECT source_hash, sequence FROM checkline.dead_letters WHERE source_hash != 0
            )
        ),
        'settled',
        NOT letter.folded AND (retry.last.3, retry.last.4, retry.last.5) IN
        (
            SELECT topic, partition, offset
            FROM checkline.arrivals
            WHERE outcome = 'STORED' AND (topic, partition, offset) IN
            (
                SELECT retried_topic, retried_partition, retried_offset FROM checkline.dead_letter_retries
            )
        ),
        'settled',
        retry.times > 0,
        'retried',
        'open'
    ) AS state
FROM
(
    SELECT
        topic, partition, offset, appended_at, toString(reason) AS reason, field, detail, schema_id, owner, source,
        sequence, identity, reason IN ('BEYOND_HORIZON', 'RULE_ERROR') AS folded, letter_partition, letter_offset
    FROM checkline.dead_letters FINAL
    LIMIT 1 BY topic, partition, offset
    UNION ALL
    SELECT
        topic, toInt32(partition), offset, max(appended_at), toString(any(reason)), NULL, '', NULL, '', '',
        0, toFixedString('', 16), 0, 0, -1
    FROM checkline.arrivals
    WHERE outcome = 'REFUSED' AND topic IN
    (
        'check-ins', 'temperatures', 'follow-ups', 'enforcement', 'reports', 'urgent-care', 'reference'
    ) AND (topic, partition, offset) NOT IN (SELECT topic, partition, offset FROM checkline.dead_letters)
    GROUP BY topic, partition, offset
) AS letter
LEFT JOIN
(
    SELECT
        topic, partition, offset, count() AS times,
        argMax(
            (retried_at, retried_by, retried_topic, retried_partition, retried_offset, corrected),
            (retried_at, letter_offset)
        ) AS last
    FROM checkline.dead_letter_retries FINAL
    GROUP BY topic, partition, offset
) AS retry
ON letter.topic = retry.topic AND letter.partition = retry.partition AND letter.offset = retry.offset;
