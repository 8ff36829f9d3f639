-- What analysts query. Every event once, and the losers of conflicts left out.

CREATE OR REPLACE VIEW checkline.valid_check_ins @OnCluster AS
SELECT *
FROM checkline.check_ins FINAL
WHERE (identity, content) NOT IN (SELECT identity, loser_content FROM checkline.conflicts)
SETTINGS do_not_merge_across_partitions_select_final = 1;

CREATE OR REPLACE VIEW checkline.valid_temperatures @OnCluster AS
SELECT *
FROM checkline.temperatures FINAL
WHERE (identity, content) NOT IN (SELECT identity, loser_content FROM checkline.conflicts)
SETTINGS do_not_merge_across_partitions_select_final = 1;

CREATE OR REPLACE VIEW checkline.valid_follow_ups @OnCluster AS
SELECT *
FROM checkline.follow_ups FINAL
WHERE (identity, content) NOT IN (SELECT identity, loser_content FROM checkline.conflicts)
SETTINGS do_not_merge_across_partitions_select_final = 1;

CREATE OR REPLACE VIEW checkline.valid_enforcement @OnCluster AS
SELECT *
FROM checkline.enforcement FINAL
WHERE (identity, content) NOT IN (SELECT identity, loser_content FROM checkline.conflicts)
SETTINGS do_not_merge_across_partitions_select_final = 1;

CREATE OR REPLACE VIEW checkline.valid_reports @OnCluster AS
SELECT *
FROM checkline.reports FINAL
WHERE (identity, content) NOT IN (SELECT identity, loser_content FROM checkline.conflicts)
SETTINGS do_not_merge_across_partitions_select_final = 1;

CREATE OR REPLACE VIEW checkline.valid_reference @OnCluster AS
SELECT *
FROM checkline.reference FINAL
WHERE (identity, content) NOT IN (SELECT identity, loser_content FROM checkline.conflicts)
SETTINGS do_not_merge_across_partitions_select_final = 1;

-- Counts per hour: cells summed over source partitions. Each value counts events (passages, readings, cases, ...).
CREATE OR REPLACE VIEW checkline.counts @OnCluster AS
SELECT topic, hour, site, kind, measure, sum(value) AS value
FROM checkline.cells FINAL
GROUP BY topic, hour, site, kind, measure
HAVING value > 0;

-- The last word of each unit on each indicator. A zero report says that the value is zero.
CREATE OR REPLACE VIEW checkline.indicator_values @OnCluster AS
SELECT
    unit_id,
    assumeNotNull(indicator) AS indicator,
    last.1 AS unit_of_count,
    last.2 AS value,
    last.3 AS rounded_to,
    last.4 AS lower_bound,
    last.5 AS nature,
    last.6 AS period_from,
    last.7 AS period_until,
    last.8 AS partial,
    last.9 AS exclusions,
    last.10 AS occurred_at,
    last.11 AS sent_at
FROM
(
    SELECT
        unit_id,
        indicator,
        argMax(
            (
                unit_of_count, if(kind = 'ZERO_REPORT', 0, ifNull(value, 0)), ifNull(rounded_to, 1),
                ifNull(lower_bound, false), nature, period_from, period_until, ifNull(partial, false), exclusions,
                occurred_at, sent_at
            ),
            (ifNull(period_until, occurred_at), occurred_at, sent_at, content)
        ) AS last
    FROM checkline.valid_reports
    WHERE kind IN ('INDICATOR', 'ZERO_REPORT') AND indicator IS NOT NULL
    GROUP BY unit_id, indicator
);

-- One row a lead: the step it has reached and when each step was taken first. Corrected events are left out.
CREATE OR REPLACE VIEW checkline.lead_states @OnCluster AS
SELECT
    token,
    assumeNotNull(lead_id) AS lead_id,
    anyIf(lead_source, kind = 'LEAD_OPENED') AS lead_source,
    multiIf(
        closed_at IS NOT NULL, 'CLOSED',
        reported_back_at IS NOT NULL, 'REPORTED_BACK',
        verified_at IS NOT NULL, 'VERIFIED',
        located_at IS NOT NULL, 'LOCATED',
        dispatched_at IS NOT NULL, 'DISPATCHED',
        'OPENED'
    ) AS state,
    minOrNullIf(occurred_at, kind = 'LEAD_OPENED') AS opened_at,
    minOrNullIf(occurred_at, kind = 'LEAD_DISPATCHED') AS dispatched_at,
    minOrNullIf(occurred_at, kind = 'LEAD_LOCATED') AS located_at,
    minOrNullIf(occurred_at, kind = 'LEAD_VERIFIED') AS verified_at,
    minOrNullIf(occurred_at, kind = 'LEAD_REPORTED_BACK') AS reported_back_at,
    minOrNullIf(occurred_at, kind = 'LEAD_CLOSED') AS closed_at
FROM checkline.valid_follow_ups
WHERE lead_id IS NOT NULL AND kind IN (
    'LEAD_OPENED', 'LEAD_DISPATCHED', 'LEAD_LOCATED', 'LEAD_VERIFIED', 'LEAD_REPORTED_BACK', 'LEAD_CLOSED'
) AND (source, sequence) NOT IN
(
    SELECT assumeNotNull(corrects_source), assumeNotNull(corrects_sequence)
    FROM checkline.valid_follow_ups
    WHERE corrects_source IS NOT NULL AND corrects_sequence IS NOT NULL AND (kind = 'CORRECTION' OR upheld)
)
GROUP BY token, lead_id;

-- What is proven of each clock as of the newest time that any clock or notice names.
CREATE OR REPLACE VIEW checkline.sla_outcomes @OnCluster AS
SELECT
    clock_id,
    token,
    lead_id,
    deadline_class,
    opened_at,
    due_at,
    done_at,
    withdrawn_at,
    policy,
    known_until,
    multiIf(
        done_at < due_at OR (done_at = due_at AND deadline_class != 'SAME_DAY'), 'MET',
        withdrawn_at < due_at OR (withdrawn_at = due_at AND deadline_class != 'SAME_DAY'), 'WITHDRAWN',
        done_at IS NOT NULL, 'LATE',
        known_until >= due_at, 'BREACHED',
        'OPEN'
    ) AS outcome
FROM
(
    SELECT
        *,
        greatest(
            (SELECT max(as_of) FROM checkline.sla_clocks), (SELECT max(as_of) FROM checkline.sla_notices)
        ) AS known_until
    FROM checkline.sla_clocks FINAL
);

-- A person's current risk timeline, one row a segment.
CREATE OR REPLACE VIEW checkline.risk_segments @OnCluster AS
SELECT
    token,
    as_of,
    segment.1 AS level,
    segment.2 AS from_at,
    segment.3 AS until_at,
    segment.4 AS rule,
    segment.5 AS policy,
    segment.6 AS evidence
FROM
(
    SELECT token, as_of, arrayJoin(arrayZip(levels, froms, untils, rules, policies, evidence)) AS segment
    FROM checkline.risk_timelines FINAL
);

-- Repeats: how often each record of the log says what an earlier one said.
CREATE OR REPLACE VIEW checkline.repeats @OnCluster AS
SELECT topic, partition, hour, identity, content, count() - 1 AS repeats
FROM checkline.arrivals FINAL
WHERE outcome = 'STORED' AND source_hash != 0
GROUP BY topic, partition, hour, identity, content
HAVING repeats > 0;

-- Gaps: counters of a source that no stored event carries, between its first and its last.
CREATE OR REPLACE VIEW checkline.sequence_gaps @OnCluster AS
SELECT source_hash, before + 1 AS first_missing, sequence - 1 AS last_missing
FROM
(
    SELECT
        source_hash,
        sequence,
        lagInFrame(sequence, 1, sequence) OVER (
            PARTITION BY source_hash ORDER BY sequence ROWS BETWEEN UNBOUNDED PRECEDING AND UNBOUNDED FOLLOWING
        ) AS before
    FROM (SELECT DISTINCT source_hash, sequence FROM checkline.identities)
)
WHERE sequence > before + 1;
