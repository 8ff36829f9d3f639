-- Reports in three states, completeness, and what is overdue: silence is not zero (T8).

-- One row for each report that was expected and is due or was made: REPORTED, ZERO or MISSING (缺报). `value` is the last
-- word of the unit on that period: a late report restates. `late`: it came after the cut-off.
CREATE OR REPLACE VIEW checkline.report_states @OnCluster AS
SELECT
    unit_id,
    schedule,
    indicator,
    date,
    slot,
    due_at,
    reported_at,
    said.1 AS value,
    said.2 AS unit_of_count,
    multiIf(reported_at IS NULL, 'MISSING', ifNull(value, 0) = 0, 'ZERO', 'REPORTED') AS state,
    ifNull(reported_at > due_at, false) AS late
FROM
(
    SELECT
        clock.token AS unit_id,
        toString(clock.duty) AS schedule,
        splitByChar('/', clock.lead_id)[1] AS indicator,
        toDate(splitByChar('/', clock.lead_id)[-2]) AS date,
        splitByChar('/', clock.lead_id)[-1] AS slot,
        clock.due_at AS due_at,
        clock.done_at AS reported_at,
        argMaxIf(
            (if(report.kind = 'ZERO_REPORT', 0, report.value), toString(report.unit_of_count)),
            (report.sent_at, report.content),
            report.period_until > clock.opened_at AND report.period_until <= clock.due_at
        ) AS said
    FROM checkline.sla_clocks AS clock FINAL
    LEFT JOIN
    (
        SELECT unit_id, indicator, kind, value, unit_of_count, period_until, sent_at, content
        FROM checkline.valid_reports
        WHERE kind IN ('INDICATOR', 'ZERO_REPORT') AND indicator IS NOT NULL AND period_until IS NOT NULL
    ) AS report
        ON report.unit_id = clock.token AND report.indicator = splitByChar('/', clock.lead_id)[1]
    WHERE clock.subject = 'UNIT' AND length(splitByChar('/', clock.lead_id)) = 3
    GROUP BY unit_id, schedule, indicator, date, slot, due_at, reported_at
);

-- Totals over all units of whom a report was expected, with their completeness: the share of reports that came. Values of
-- unlike units are never added: one row for each unit of count, and one without for an indicator of which nothing came.
CREATE OR REPLACE VIEW checkline.report_totals @OnCluster AS
SELECT
    schedule,
    indicator,
    date,
    slot,
    expected,
    reported,
    zero,
    missing,
    late,
    if(expected = 0, NULL, (reported + zero) / expected) AS completeness,
    of_unit.1 AS unit_of_count,
    of_unit.2 AS total
FROM
(
    SELECT
        schedule,
        indicator,
        date,
        slot,
        count() AS expected,
        countIf(state = 'REPORTED') AS reported,
        countIf(state = 'ZERO') AS zero,
        countIf(state = 'MISSING') AS missing,
        countIf(late) AS late,
        sumMapIf(map(unit_of_count, toInt64(ifNull(value, 0))), state = 'REPORTED') AS sums,
        if(empty(mapKeys(sums)), [('', if(zero > 0, toNullable(toInt64(0)), NULL))],
            arrayMap((unit, sum) -> (unit, toNullable(sum)), mapKeys(sums), mapValues(sums))) AS totals
    FROM checkline.report_states
    GROUP BY schedule, indicator, date, slot
)
ARRAY JOIN totals AS of_unit;

-- What is overdue now, by duty: work that is not proven, people who are held past their stop criterion (RELEASE), orders
-- that outlast the downgrade of their area (LIFTING), reports and checks that are missing.
CREATE OR REPLACE VIEW checkline.overdue @OnCluster AS
SELECT
    toString(subject) AS subject,
    deadline_class AS duty,
    token,
    lead_id AS about,
    opened_at,
    due_at,
    dateDiff('minute', due_at, known_until) AS minutes_overdue,
    policy
FROM checkline.sla_outcomes
WHERE outcome = 'BREACHED';
