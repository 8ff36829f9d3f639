-- Clocks of urgent needs: in the database that analysts cannot read.

-- The whole state of the clock of a need (A004-18); the newest record of a clock wins.
CREATE TABLE IF NOT EXISTS checkline_restricted.urgent_clocks @OnCluster
(
    clock_id String,
    as_of DateTime64(3, 'UTC'),
    token String,
    need String,
    duty LowCardinality(String),
    opened_at DateTime64(3, 'UTC'),
    due_at DateTime64(3, 'UTC'),
    before_due Bool,
    done_at Nullable(DateTime64(3, 'UTC')),
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

-- What was announced and when.
CREATE TABLE IF NOT EXISTS checkline_restricted.urgent_notices @OnCluster
(
    clock_id String,
    kind Enum8('CLOCK' = 0, 'DUE_SOON' = 1, 'BREACHED' = 2, 'RETRACTED' = 3),
    as_of DateTime64(3, 'UTC'),
    token String,
    need String,
    duty LowCardinality(String),
    opened_at DateTime64(3, 'UTC'),
    due_at DateTime64(3, 'UTC'),
    before_due Bool,
    done_at Nullable(DateTime64(3, 'UTC')),
    policy LowCardinality(String),
    evidence Array(String),
    appended_at DateTime64(3, 'UTC'),
    content FixedString(16),
    partition UInt16,
    offset Int64
)
ENGINE = @Replacing()
ORDER BY (partition, offset);

-- Every urgent need with what it says, whom it was told to, and what is proven of its clock as of the newest time that any
-- clock or notice of urgent care names.
CREATE OR REPLACE VIEW checkline_restricted.urgent_needs @OnCluster AS
SELECT
    clock.token AS token,
    clock.need AS need,
    event.said AS said,
    event.unit AS unit,
    clock.duty AS duty,
    clock.opened_at AS opened_at,
    clock.due_at AS due_at,
    clock.done_at AS done_at,
    clock.policy AS policy,
    clock.known_until AS known_until,
    multiIf(
        clock.done_at < clock.due_at OR (clock.done_at = clock.due_at AND NOT clock.before_due), 'MET',
        clock.done_at IS NOT NULL, 'LATE',
        clock.known_until >= clock.due_at, 'BREACHED',
        'OPEN'
    ) AS outcome
FROM
(
    SELECT
        *,
        greatest(
            (SELECT max(as_of) FROM checkline_restricted.urgent_clocks),
            (SELECT max(as_of) FROM checkline_restricted.urgent_notices)
        ) AS known_until
    FROM checkline_restricted.urgent_clocks FINAL
) AS clock
LEFT JOIN
(
    SELECT token, concat(source, '#', toString(sequence)) AS name, argMin(need, (sent_at, content)) AS said,
        argMin(unit, (sent_at, content)) AS unit
    FROM checkline_restricted.urgent_care
    WHERE kind = 'URGENT_NEED'
    GROUP BY token, name
) AS event ON clock.token = event.token AND clock.need = event.name;
