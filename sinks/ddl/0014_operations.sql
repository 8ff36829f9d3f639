-- The pipeline's own truth: what the operations page, its scrape and its alarms ask (infra/lag/questions.py). The views
-- say nothing of "now": whoever asks says what time it is, so that an idle night does not stop the clock.

-- What arrived lately is few granules: positions and times rise together.
ALTER TABLE checkline.arrivals@Local @OnCluster
    ADD INDEX IF NOT EXISTS of_time appended_at TYPE minmax GRANULARITY 1;

ALTER TABLE checkline.arrivals@Local @OnCluster MATERIALIZE INDEX of_time;

ALTER TABLE checkline.ledger@Local @OnCluster
    ADD INDEX IF NOT EXISTS of_time written_at TYPE minmax GRANULARITY 1;

ALTER TABLE checkline.ledger@Local @OnCluster MATERIALIZE INDEX of_time;

-- The district, by its division code, of each site, unit and closure order that reference data in effect names.
CREATE OR REPLACE VIEW checkline.districts @OnCluster AS
SELECT entity_id AS place, min(toString(assumeNotNull(division))) AS district
FROM checkline.reference_in_effect
WHERE kind IN ('SITE', 'UNIT', 'CLOSURE_ORDER') AND division IS NOT NULL
GROUP BY place;

-- Every row of the event tables by its position in the log, with the site or unit that it speaks of. Not merged: a row
-- that came twice may stand here twice.
CREATE OR REPLACE VIEW checkline.event_positions @OnCluster AS
SELECT 'check-ins' AS topic, hour, partition, offset, identity, content, occurred_at, appended_at,
    ifNull(toString(site), '') AS place
FROM checkline.check_ins
UNION ALL
SELECT 'temperatures' AS topic, hour, partition, offset, identity, content, occurred_at, appended_at,
    ifNull(toString(site), '') AS place
FROM checkline.temperatures
UNION ALL
SELECT 'follow-ups' AS topic, hour, partition, offset, identity, content, occurred_at, appended_at,
    ifNull(toString(unit), '') AS place
FROM checkline.follow_ups
UNION ALL
SELECT 'enforcement' AS topic, hour, partition, offset, identity, content, occurred_at, appended_at,
    ifNull(toString(unit), '') AS place
FROM checkline.enforcement
UNION ALL
SELECT 'reports' AS topic, hour, partition, offset, identity, content, occurred_at, appended_at,
    toString(unit_id) AS place
FROM checkline.reports
UNION ALL
SELECT 'reference' AS topic, hour, partition, offset, identity, content, occurred_at, appended_at, '' AS place
FROM checkline.reference;

-- The unit that works on a lead or task: that of its last dispatch or rerouting, or the last that a step of a task names.
CREATE OR REPLACE VIEW checkline.assigned_units @OnCluster AS
SELECT
    token,
    ifNull(lead_id, task) AS about,
    argMax(toString(assumeNotNull(step.unit)), (occurred_at, sent_at, content)) AS unit
FROM checkline.follow_ups AS step
WHERE step.unit IS NOT NULL AND (
    (lead_id IS NOT NULL AND kind IN ('LEAD_DISPATCHED', 'LEAD_REROUTED')) OR (lead_id IS NULL AND task IS NOT NULL)
) AND (identity, content) NOT IN (SELECT identity, loser_content FROM checkline.conflicts)
GROUP BY token, about;

-- Every clock that is neither done nor withdrawn, with its district: that of the unit that works on it, of the unit that
-- should report, or of the order; '' where none is stated. `duty`: the class as the policy names it.
CREATE OR REPLACE VIEW checkline.open_clocks @OnCluster AS
SELECT
    clock.clock_id AS clock_id,
    toString(clock.subject) AS subject,
    clock.duty AS duty,
    clock.token AS token,
    clock.about AS about,
    clock.opened_at AS opened_at,
    clock.due_at AS due_at,
    clock.policy AS policy,
    multiIf(clock.subject = 'UNIT', clock.token, clock.subject = 'ORDER', '', assigned.unit) AS unit,
    placed.district AS district
FROM
(
    SELECT
        clock_id, subject, token, lead_id AS about, opened_at, due_at, policy,
        if(sla_clocks.duty = '', toString(deadline_class), toString(sla_clocks.duty)) AS duty
    FROM checkline.sla_clocks FINAL
    WHERE done_at IS NULL AND withdrawn_at IS NULL
) AS clock
LEFT JOIN checkline.assigned_units AS assigned
    ON clock.token = assigned.token AND clock.about = assigned.about AND clock.subject = 'PERSON'
LEFT JOIN checkline.districts AS placed
    ON placed.place = multiIf(clock.subject = 'UNIT', clock.token, clock.subject = 'ORDER', clock.about, assigned.unit);

-- Every report that was expected, whether it came or not, without those whose roster ended before them. `reported_at` is
-- NULL where none came. What the reports say stands in report_states.
CREATE OR REPLACE VIEW checkline.expected_reports @OnCluster AS
SELECT
    token AS unit_id,
    toString(duty) AS schedule,
    splitByChar('/', lead_id)[1] AS indicator,
    toDate(splitByChar('/', lead_id)[2]) AS date,
    splitByChar('/', lead_id)[3] AS slot,
    due_at,
    done_at AS reported_at
FROM checkline.sla_clocks FINAL
WHERE subject = 'UNIT' AND length(splitByChar('/', lead_id)) = 3 AND withdrawn_at IS NULL;

-- Every refused record of an input topic once: told by a worker's dead letter, by the sink, or by both.
CREATE OR REPLACE VIEW checkline.refusals @OnCluster AS
SELECT topic, partition, offset, appended_at, min(told) AS reason
FROM
(
    SELECT topic, partition, offset, appended_at, toString(reason) AS told
    FROM checkline.dead_letters
    UNION ALL
    SELECT topic, toInt32(partition) AS partition, offset, appended_at, toString(reason) AS told
    FROM checkline.arrivals
    WHERE outcome = 'REFUSED' AND topic IN
    (
        'check-ins', 'temperatures', 'follow-ups', 'enforcement', 'reports', 'urgent-care', 'reference'
    )
)
GROUP BY topic, partition, offset, appended_at;

-- Who should be heard of: every device in effect, and every transport checkpoint under which no device is named.
-- `source_hash` as in arrivals.
CREATE OR REPLACE VIEW checkline.stations @OnCluster AS
SELECT
    station.name AS name,
    station.is_device AS is_device,
    station.site AS site,
    placed.district AS district,
    xxh3(station.name) AS source_hash
FROM
(
    SELECT entity_id AS name, true AS is_device, ifNull(toString(parent), '') AS site
    FROM checkline.reference_in_effect
    WHERE kind = 'DEVICE'
    UNION ALL
    SELECT entity_id AS name, false AS is_device, entity_id AS site
    FROM checkline.reference_in_effect
    WHERE kind = 'SITE' AND site_kind IN ('MOTORWAY', 'ROAD', 'RAIL', 'AIRPORT', 'COACH', 'SEAPORT', 'BORDER')
        AND entity_id NOT IN
        (
            SELECT toString(assumeNotNull(parent))
            FROM checkline.reference_in_effect
            WHERE kind = 'DEVICE' AND parent IS NOT NULL
        )
) AS station
LEFT JOIN checkline.districts AS placed ON placed.place = station.site;

-- Every source of the tables that analysts see, by its hash in arrivals, with a site that it spoke of.
CREATE OR REPLACE VIEW checkline.source_names @OnCluster AS
SELECT toString(source) AS name, xxh3(name) AS source_hash, max(place) AS site
FROM
(
    SELECT source, max(ifNull(toString(site), '')) AS place FROM checkline.check_ins GROUP BY source
    UNION ALL
    SELECT source, max(ifNull(toString(site), '')) AS place FROM checkline.temperatures GROUP BY source
    UNION ALL
    SELECT DISTINCT source, '' AS place FROM checkline.follow_ups
    UNION ALL
    SELECT DISTINCT source, '' AS place FROM checkline.enforcement
    UNION ALL
    SELECT DISTINCT source, '' AS place FROM checkline.reports
    UNION ALL
    SELECT DISTINCT source, '' AS place FROM checkline.reference
)
GROUP BY name;
