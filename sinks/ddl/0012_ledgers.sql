-- Ledgers and cross-matches: who should have been tested and was not, who is held and since when, what is in store,
-- which order stands. Plain views over the event tables: every event once, without the losers of conflicts and without
-- what was taken back. "Now" is the newest time that the log knows of, never the clock of the machine that asks. A
-- column is NULL where nothing was said: silence is not zero.

-- The newest time that the log knows of: that of a mark or an event of the topics that few events fill. Every
-- installation marks them, and passages and readings would be millions of rows to look at.
CREATE OR REPLACE VIEW checkline.known_until @OnCluster AS
SELECT max(sent_at) AS known_until
FROM checkline.arrivals
WHERE topic IN ('reference', 'follow-ups', 'reports') AND outcome IN ('STORED', 'MARK');

-- Events of a person that were corrected, or against which an appeal was upheld.
CREATE OR REPLACE VIEW checkline.taken_back @OnCluster AS
SELECT token, assumeNotNull(corrects_source) AS source, assumeNotNull(corrects_sequence) AS sequence
FROM checkline.valid_follow_ups
WHERE corrects_source IS NOT NULL AND corrects_sequence IS NOT NULL
    AND (kind = 'CORRECTION' OR (kind = 'APPEAL_ANSWERED' AND upheld));

CREATE OR REPLACE VIEW checkline.standing_check_ins @OnCluster AS
SELECT *
FROM checkline.valid_check_ins
WHERE (token, source, sequence) NOT IN (SELECT token, source, sequence FROM checkline.taken_back);

CREATE OR REPLACE VIEW checkline.standing_temperatures @OnCluster AS
SELECT *
FROM checkline.valid_temperatures
WHERE (token, source, sequence) NOT IN (SELECT token, source, sequence FROM checkline.taken_back);

CREATE OR REPLACE VIEW checkline.standing_follow_ups @OnCluster AS
SELECT *
FROM checkline.valid_follow_ups
WHERE (token, source, sequence) NOT IN (SELECT token, source, sequence FROM checkline.taken_back);

-- Without what was withdrawn: one event of a case, or the whole case where the withdrawal names none.
CREATE OR REPLACE VIEW checkline.standing_enforcement @OnCluster AS
SELECT *
FROM checkline.valid_enforcement
WHERE kind != 'WITHDRAWAL'
    AND (case_id, source, sequence) NOT IN
    (
        SELECT case_id, assumeNotNull(withdraws_source), assumeNotNull(withdraws_sequence)
        FROM checkline.valid_enforcement
        WHERE kind = 'WITHDRAWAL' AND withdraws_source IS NOT NULL AND withdraws_sequence IS NOT NULL
    )
    AND case_id NOT IN
    (
        SELECT case_id
        FROM checkline.valid_enforcement
        WHERE kind = 'WITHDRAWAL' AND withdraws_source IS NULL AND withdraws_sequence IS NULL
    );

-- Every version of reference data with the stretch in which it counts, [counts_from, counts_until): of versions that
-- begin together the one sent last counts, and one that begins later replaces it. `followed_at`:
-- when the next begins; `first_sent_at`: when it was first said that something begins then.
CREATE OR REPLACE VIEW checkline.reference_versions @OnCluster AS
SELECT
    *,
    leadInFrame(toNullable(counts_from), 1) OVER (
        PARTITION BY kind, entity_id ORDER BY counts_from ROWS BETWEEN UNBOUNDED PRECEDING AND UNBOUNDED FOLLOWING
    ) AS followed_at
FROM
(
    SELECT
        *,
        leadInFrame(toNullable(counts_from), 1) OVER (
            PARTITION BY kind, entity_id ORDER BY counts_from ROWS BETWEEN UNBOUNDED PRECEDING AND UNBOUNDED FOLLOWING
        ) AS next_from,
        if(next_from < valid_until OR valid_until IS NULL, next_from, valid_until) AS counts_until
    FROM
    (
        SELECT
            *,
            ifNull(valid_from, toDateTime64(0, 3, 'UTC')) AS counts_from,
            min(sent_at) OVER (PARTITION BY kind, entity_id, counts_from) AS first_sent_at
        FROM checkline.valid_reference
        WHERE kind != 'TIME_MARK'
        ORDER BY sent_at DESC, source, sequence, content
        LIMIT 1 BY kind, entity_id, counts_from
    )
)
WHERE counts_until IS NULL OR counts_until > counts_from;

-- Reference data in effect now.
CREATE OR REPLACE VIEW checkline.reference_in_effect @OnCluster AS
SELECT *
FROM checkline.reference_versions
WHERE counts_from <= (SELECT known_until FROM checkline.known_until)
    AND (counts_until IS NULL OR counts_until > (SELECT known_until FROM checkline.known_until));

-- A002-03, A002-35: one row a test: when it is due, when it was taken, what came of it. TESTED: by its deadline; LATE:
-- after it; OVERDUE: not at all, though the deadline is past; AWAITED: not yet due; UNASKED: taken, never due.
CREATE OR REPLACE VIEW checkline.tests @OnCluster AS
SELECT
    token,
    assumeNotNull(task) AS task,
    argMinOrNull(population, (kind, sent_at, content)) AS population,
    argMinOrNull(unit, (kind, sent_at, content)) AS unit,
    argMinOrNullIf(due_at, (sent_at, content), kind = 'TEST_DUE') AS due_at,
    minOrNullIf(occurred_at, kind = 'TEST_TAKEN') AS taken_at,
    minOrNullIf(occurred_at, kind = 'TEST_RESULT') AS result_at,
    argMaxOrNullIf(result, (occurred_at, sent_at, content), kind = 'TEST_RESULT') AS result,
    argMin(zone_offset_minutes, (kind, sent_at, content)) AS zone_offset_minutes,
    multiIf(
        due_at IS NULL, 'UNASKED',
        taken_at <= due_at, 'TESTED',
        taken_at IS NOT NULL, 'LATE',
        due_at <= (SELECT known_until FROM checkline.known_until), 'OVERDUE',
        'AWAITED'
    ) AS outcome
FROM checkline.standing_follow_ups
WHERE kind IN ('TEST_DUE', 'TEST_TAKEN', 'TEST_RESULT')
GROUP BY token, task
HAVING due_at IS NOT NULL OR taken_at IS NOT NULL;

-- A002-07 应检未检: those to be urged (督促): due, past the deadline, not tested.
CREATE OR REPLACE VIEW checkline.tests_overdue @OnCluster AS
SELECT token, task, population, unit, due_at
FROM checkline.tests
WHERE outcome = 'OVERDUE';

-- A002-07 每日进行比对: tests that were due on each local day and what became of them (due = tested + late + overdue +
-- awaited), the tests that were taken on that day, and, where a roster names the population (by its programme, its
-- schedule or itself), how many persons stood on it that day and how many of them were tested on it.
CREATE OR REPLACE VIEW checkline.test_cross_match @OnCluster AS
SELECT
    days.day AS day,
    days.population AS population,
    days.due AS due,
    days.tested AS tested,
    days.late AS late,
    days.overdue AS overdue,
    days.awaited AS awaited,
    days.taken AS taken,
    rosters.on_roster AS on_roster,
    rosters.tested_of_roster AS tested_of_roster
FROM
(
    SELECT
        day,
        population,
        countIf(is_due) AS due,
        countIf(is_due AND outcome = 'TESTED') AS tested,
        countIf(is_due AND outcome = 'LATE') AS late,
        countIf(is_due AND outcome = 'OVERDUE') AS overdue,
        countIf(is_due AND outcome = 'AWAITED') AS awaited,
        countIf(NOT is_due) AS taken
    FROM
    (
        SELECT toDate(addMinutes(assumeNotNull(due_at), zone_offset_minutes)) AS day,
            ifNull(toString(population), '') AS population, outcome, true AS is_due
        FROM checkline.tests
        WHERE due_at IS NOT NULL
        UNION ALL
        SELECT toDate(addMinutes(assumeNotNull(taken_at), zone_offset_minutes)) AS day,
            ifNull(toString(population), '') AS population, outcome, false AS is_due
        FROM checkline.tests
        WHERE taken_at IS NOT NULL
    )
    GROUP BY day, population
) AS days
LEFT JOIN
(
    SELECT
        asked.day AS day,
        asked.population AS population,
        toNullable(uniqExact(roster.token)) AS on_roster,
        toNullable(uniqExactIf(roster.token, (roster.token, asked.day) IN
        (
            SELECT token, toDate(addMinutes(assumeNotNull(taken_at), zone_offset_minutes))
            FROM checkline.tests
            WHERE taken_at IS NOT NULL
        ))) AS tested_of_roster
    FROM
    (
        SELECT DISTINCT
            toDate(addMinutes(arrayJoin(arrayFilter(at -> at IS NOT NULL, [due_at, taken_at])), zone_offset_minutes))
                AS at_day,
            assumeNotNull(at_day) AS day,
            ifNull(toString(population), '') AS population
        FROM checkline.tests
    ) AS asked
    INNER JOIN
    (
        SELECT
            assumeNotNull(member) AS token,
            toDate(addMinutes(counts_from, zone_offset_minutes)) AS from_day,
            toDate(addMinutes(subtractMilliseconds(counts_until, 1), zone_offset_minutes)) AS last_day,
            arrayJoin(arrayDistinct(arrayMap(
                name -> ifNull(toString(name), ''),
                arrayFilter(name -> name IS NOT NULL, [toString(programme), toString(schedule), toString(parent)])
            ))) AS population
        FROM checkline.reference_versions
        WHERE kind = 'ROSTER' AND match(ifNull(member, ''), '^p[0-9]{2}[a-z2-7]{24}$')
    ) AS roster ON asked.population = roster.population
    WHERE roster.from_day <= asked.day AND (roster.last_day IS NULL OR roster.last_day >= asked.day)
    GROUP BY day, population
) AS rosters ON days.day = rosters.day AND days.population = rosters.population;

-- A002-23 缺课追踪: an absence, and when the person was first asked after: by an attempt of the same task, or, where the
-- absence names none, by the first attempt since.
CREATE OR REPLACE VIEW checkline.absences @OnCluster AS
SELECT
    absence.token AS token,
    absence.task AS task,
    absence.unit AS unit,
    absence.reason AS reason,
    absence.occurred_at AS absent_at,
    toDate(addMinutes(absence.occurred_at, absence.zone_offset_minutes)) AS day,
    minOrNullIf(attempt.occurred_at, attempt.tried AND if(
        absence.task IS NULL, attempt.occurred_at >= absence.occurred_at, ifNull(attempt.task = absence.task, false)
    )) AS traced_at,
    argMinOrNullIf(attempt.outcome, attempt.occurred_at, attempt.tried AND if(
        absence.task IS NULL, attempt.occurred_at >= absence.occurred_at, ifNull(attempt.task = absence.task, false)
    )) AS outcome
FROM (SELECT * FROM checkline.standing_follow_ups WHERE kind = 'ABSENCE') AS absence
LEFT JOIN
(
    SELECT token, task, occurred_at, toString(outcome) AS outcome, true AS tried
    FROM checkline.standing_follow_ups
    WHERE kind = 'ATTEMPT'
) AS attempt ON absence.token = attempt.token
GROUP BY
    absence.token, absence.task, absence.unit, absence.reason, absence.occurred_at, absence.zone_offset_minutes,
    absence.source, absence.sequence;

-- A002-36 外出请假审批: leave that was asked for, until when, who decided, and when the person was back. OVERDUE: it was
-- approved, its time is past, and nobody is back.
CREATE OR REPLACE VIEW checkline.leaves @OnCluster AS
SELECT
    token,
    ifNull(task, concat(source, '#', toString(sequence))) AS leave,
    argMinOrNullIf(unit, (sent_at, content), kind = 'LEAVE') AS unit,
    argMinOrNullIf(reason, (sent_at, content), kind = 'LEAVE') AS reason,
    minOrNullIf(occurred_at, kind = 'LEAVE') AS asked_at,
    argMinOrNullIf(due_at, (sent_at, content), kind = 'LEAVE') AS until_at,
    argMin(zone_offset_minutes, (kind, sent_at, content)) AS zone_offset_minutes,
    maxOrNullIf(occurred_at, kind = 'LEAVE_DECIDED') AS decided_at,
    argMaxOrNullIf(approved, (occurred_at, sent_at, content), kind = 'LEAVE_DECIDED') AS approved,
    argMaxOrNullIf(decided_by_role, (occurred_at, sent_at, content), kind = 'LEAVE_DECIDED') AS decided_by_role,
    minOrNullIf(occurred_at, kind = 'LEAVE_ENDED') AS ended_at,
    multiIf(
        ended_at IS NOT NULL, 'BACK',
        approved IS NULL, 'ASKED',
        NOT approved, 'REFUSED',
        until_at <= (SELECT known_until FROM checkline.known_until), 'OVERDUE',
        'APPROVED'
    ) AS state
FROM checkline.standing_follow_ups
WHERE kind IN ('LEAVE', 'LEAVE_DECIDED', 'LEAVE_ENDED')
GROUP BY token, leave
HAVING asked_at IS NOT NULL;

-- A002-25 一人一档: one row per person and local day of readings (tenths of a degree, the last of each slot), symptoms,
-- absence, leave and tests. A day on which nothing was recorded has no row, and what was not measured is NULL.
CREATE OR REPLACE VIEW checkline.health_ledger @OnCluster AS
SELECT
    token,
    day,
    argMaxOrNullIf(value_tenths, (at, content), slot = 'MORNING') AS morning_tenths,
    argMaxOrNullIf(value_tenths, (at, content), slot = 'NOON') AS noon_tenths,
    argMaxOrNullIf(value_tenths, (at, content), slot = 'EVENING') AS evening_tenths,
    maxOrNull(value_tenths) AS highest_tenths,
    countIf(value_tenths IS NOT NULL) AS readings,
    arraySort(groupUniqArrayArray(symptoms)) AS symptoms,
    countIf(what = 'ABSENCE') > 0 AS absent,
    countIf(what = 'LEAVE') > 0 AS on_leave,
    countIf(what = 'TEST_TAKEN') AS tests_taken,
    argMaxOrNullIf(result, (at, content), what = 'TEST_RESULT') AS result
FROM
(
    SELECT
        token, toDate(addMinutes(occurred_at, zone_offset_minutes)) AS day, occurred_at AS at, toString(kind) AS what,
        value_tenths, toString(slot) AS slot, symptoms, '' AS result, content
    FROM checkline.standing_temperatures
    WHERE kind = 'READING'
    UNION ALL
    SELECT
        token, toDate(addMinutes(occurred_at, zone_offset_minutes)) AS day, occurred_at AS at, toString(kind) AS what,
        NULL AS value_tenths, '' AS slot, symptoms, toString(result) AS result, content
    FROM checkline.standing_follow_ups
    WHERE kind IN ('ABSENCE', 'TEST_TAKEN', 'TEST_RESULT') OR notEmpty(symptoms)
    UNION ALL
    SELECT
        token, toDate(addMinutes(occurred_at, zone_offset_minutes)) AS day, occurred_at AS at, toString(kind) AS what,
        NULL AS value_tenths, '' AS slot, symptoms, '' AS result, content
    FROM checkline.standing_check_ins
    WHERE subject_kind = 'PERSON' AND notEmpty(symptoms)
    UNION ALL
    SELECT
        token, addDays(first_day, arrayJoin(range(toUInt32(least(366, last_day - first_day + 1))))) AS day,
        assumeNotNull(decided_at) AS at, 'LEAVE' AS what, NULL AS value_tenths, '' AS slot,
        CAST([], 'Array(String)') AS symptoms, '' AS result, toFixedString('', 16) AS content
    FROM
    (
        SELECT
            token, decided_at,
            toDate(addMinutes(assumeNotNull(asked_at), zone_offset_minutes)) AS first_day,
            greatest(first_day, toDate(addMinutes(coalesce(ended_at, until_at, asked_at), zone_offset_minutes)))
                AS last_day
        FROM checkline.leaves
        WHERE approved
    )
)
GROUP BY token, day;

-- A002-13, A002-08: hand-over of a person to the health service or the township: when it began, why, who took over, and
-- how many minutes that took. NULL while nobody has.
CREATE OR REPLACE VIEW checkline.transfers @OnCluster AS
SELECT
    token,
    assumeNotNull(task) AS task,
    argMinOrNullIf(unit, (sent_at, content), kind = 'TRANSFER_STARTED') AS from_unit,
    argMinOrNullIf(reason, (sent_at, content), kind = 'TRANSFER_STARTED') AS reason,
    minOrNullIf(occurred_at, kind = 'TRANSFER_STARTED') AS started_at,
    minOrNullIf(occurred_at, kind = 'TRANSFER_ACCEPTED') AS accepted_at,
    argMinOrNullIf(unit, (occurred_at, sent_at, content), kind = 'TRANSFER_ACCEPTED') AS accepted_by,
    dateDiff('second', started_at, accepted_at) / 60 AS minutes
FROM checkline.standing_follow_ups
WHERE kind IN ('TRANSFER_STARTED', 'TRANSFER_ACCEPTED')
GROUP BY token, task
HAVING started_at IS NOT NULL;

-- A002-01 集中医学隔离, A004-10: quarantine from its start to its end. `release_due_at` is the deadline of release under
-- the programme of the policy, NULL where the policy has none; overdue: it is past, and nobody was released.
CREATE OR REPLACE VIEW checkline.quarantines @OnCluster AS
SELECT
    held.token AS token,
    held.task AS task,
    held.place AS place,
    held.unit AS unit,
    held.programme AS programme,
    held.started_at AS started_at,
    held.ended_at AS ended_at,
    held.end_reason AS end_reason,
    held.absconded_at AS absconded_at,
    held.found_at AS found_at,
    release.due_at AS release_due_at,
    held.ended_at IS NULL
        AND ifNull(release.due_at <= (SELECT known_until FROM checkline.known_until), false) AS overdue
FROM
(
    SELECT
        token,
        assumeNotNull(task) AS task,
        argMinOrNullIf(toString(place), (sent_at, content), kind = 'QUARANTINE_STARTED') AS place,
        argMinOrNullIf(unit, (sent_at, content), kind = 'QUARANTINE_STARTED') AS unit,
        argMinOrNullIf(programme, (sent_at, content), kind = 'QUARANTINE_STARTED') AS programme,
        minOrNullIf(occurred_at, kind = 'QUARANTINE_STARTED') AS started_at,
        minOrNullIf(occurred_at, kind = 'QUARANTINE_ENDED') AS ended_at,
        argMinOrNullIf(reason, (occurred_at, sent_at, content), kind = 'QUARANTINE_ENDED') AS end_reason,
        maxOrNullIf(occurred_at, kind = 'ABSCONDED') AS absconded_at,
        maxOrNullIf(occurred_at, kind = 'FOUND') AS found_at
    FROM checkline.standing_follow_ups
    WHERE kind IN ('QUARANTINE_STARTED', 'QUARANTINE_ENDED', 'ABSCONDED', 'FOUND')
    GROUP BY token, task
    HAVING started_at IS NOT NULL
) AS held
LEFT JOIN
(
    SELECT clock_id, toNullable(due_at) AS due_at
    FROM checkline.sla_clocks FINAL
    WHERE endsWith(clock_id, '/RELEASE')
) AS release ON concat(held.token, '/', held.task, '/RELEASE') = release.clock_id;

-- A002-34 随访范围和启动、终止标准, A001-12: follow-up of a person from its start to its end, and how often the person was
-- sought and seen meanwhile. `release_due_at` and `overdue` as of quarantine.
CREATE OR REPLACE VIEW checkline.followed_persons @OnCluster AS
SELECT
    followed.token AS token,
    followed.task AS task,
    followed.programme AS programme,
    followed.unit AS unit,
    followed.started_at AS started_at,
    followed.ended_at AS ended_at,
    followed.end_reason AS end_reason,
    followed.attempts AS attempts,
    followed.seen AS seen,
    followed.last_seen_at AS last_seen_at,
    release.due_at AS release_due_at,
    followed.ended_at IS NULL
        AND ifNull(release.due_at <= (SELECT known_until FROM checkline.known_until), false) AS overdue
FROM
(
    SELECT
        token,
        assumeNotNull(task) AS task,
        argMinOrNullIf(programme, (sent_at, content), kind = 'FOLLOW_UP_STARTED') AS programme,
        argMinOrNullIf(unit, (sent_at, content), kind = 'FOLLOW_UP_STARTED') AS unit,
        minOrNullIf(occurred_at, kind = 'FOLLOW_UP_STARTED') AS started_at,
        minOrNullIf(occurred_at, kind = 'FOLLOW_UP_ENDED') AS ended_at,
        argMinOrNullIf(reason, (occurred_at, sent_at, content), kind = 'FOLLOW_UP_ENDED') AS end_reason,
        countIf(kind = 'ATTEMPT') AS attempts,
        countIf(kind = 'ATTEMPT' AND outcome IN ('SEEN_OK', 'SEEN_NOT_OK')) AS seen,
        maxOrNullIf(occurred_at, kind = 'ATTEMPT' AND outcome IN ('SEEN_OK', 'SEEN_NOT_OK')) AS last_seen_at
    FROM checkline.standing_follow_ups
    WHERE kind IN ('FOLLOW_UP_STARTED', 'FOLLOW_UP_ENDED', 'ATTEMPT')
    GROUP BY token, task
    HAVING started_at IS NOT NULL
) AS followed
LEFT JOIN
(
    SELECT clock_id, toNullable(due_at) AS due_at
    FROM checkline.sla_clocks FINAL
    WHERE endsWith(clock_id, '/RELEASE')
) AS release ON concat(followed.token, '/', followed.task, '/RELEASE') = release.clock_id;

-- A002-34: who stands under which programme now, since when, and by what: a follow-up, a quarantine or a roster.
CREATE OR REPLACE VIEW checkline.persons_under_programme @OnCluster AS
SELECT token, assumeNotNull(programme) AS programme, 'FOLLOW_UP' AS held_by, task AS name,
    assumeNotNull(started_at) AS since, release_due_at, overdue
FROM checkline.followed_persons
WHERE ended_at IS NULL AND programme != ''
UNION ALL
SELECT token, assumeNotNull(programme) AS programme, 'QUARANTINE' AS held_by, task AS name,
    assumeNotNull(started_at) AS since, release_due_at, overdue
FROM checkline.quarantines
WHERE ended_at IS NULL AND programme != ''
UNION ALL
SELECT assumeNotNull(member) AS token, assumeNotNull(programme) AS programme, 'ROSTER' AS held_by, entity_id AS name,
    counts_from AS since, valid_until AS release_due_at, false AS overdue
FROM checkline.reference_in_effect
WHERE kind = 'ROSTER' AND programme != '' AND match(ifNull(member, ''), '^p[0-9]{2}[a-z2-7]{24}$');

-- A002-15 缉查布控系统: passages of vehicles under an alert that was valid at that time. `known_then`: the alert had been
-- published by then, so that the checkpoint could have known.
CREATE OR REPLACE VIEW checkline.vehicle_alert_hits @OnCluster AS
SELECT
    passage.token AS vehicle,
    passage.occurred_at AS passed_at,
    passage.site AS site,
    passage.site_kind AS site_kind,
    passage.lane AS lane,
    passage.direction AS direction,
    passage.passage_id AS passage_id,
    alert.counts_from AS alert_from,
    alert.counts_until AS alert_until,
    alert.approver_role AS approver_role,
    alert.first_sent_at <= passage.occurred_at AS known_then
FROM
(
    SELECT * FROM checkline.standing_check_ins WHERE kind = 'PASSAGE' AND subject_kind = 'VEHICLE'
) AS passage
ASOF INNER JOIN
(
    SELECT entity_id, counts_from, counts_until, approver_role, first_sent_at
    FROM checkline.reference_versions
    WHERE kind = 'VEHICLE_ALERT'
) AS alert ON passage.token = alert.entity_id AND passage.occurred_at >= alert.counts_from
WHERE alert.counts_until IS NULL OR passage.occurred_at < alert.counts_until;

-- Stays in hotels and other lodgings: from the first entering to the next leaving, by the registered passages.
CREATE OR REPLACE VIEW checkline.lodging_stays @OnCluster AS
SELECT token, site, occurred_at AS entered_at, left_at
FROM
(
    SELECT
        token,
        assumeNotNull(site) AS site,
        occurred_at,
        direction,
        lagInFrame(toString(direction), 1, '') OVER (
            PARTITION BY token, site ORDER BY occurred_at, source, sequence
            ROWS BETWEEN UNBOUNDED PRECEDING AND UNBOUNDED FOLLOWING
        ) AS before,
        minOrNullIf(occurred_at, direction = 'LEAVING') OVER (
            PARTITION BY token, site ORDER BY occurred_at, source, sequence
            ROWS BETWEEN 1 FOLLOWING AND UNBOUNDED FOLLOWING
        ) AS left_at
    FROM checkline.standing_check_ins
    WHERE kind = 'PASSAGE' AND site_kind = 'LODGING' AND subject_kind = 'PERSON'
)
WHERE direction = 'ENTERING' AND before != 'ENTERING';

-- A004-09, A004-23 杜绝无证入住、一证多住: who entered a lodging without the identity being checked, and tokens that were
-- checked in at another lodging while a stay was going on.
CREATE OR REPLACE VIEW checkline.lodging_conflicts @OnCluster AS
SELECT
    token, 'IDENTITY_NOT_CHECKED' AS conflict, assumeNotNull(site) AS site, occurred_at AS at,
    CAST(NULL, 'Nullable(String)') AS other_site, CAST(NULL, 'Nullable(DateTime64(3, \'UTC\'))') AS other_since
FROM checkline.standing_check_ins
WHERE kind = 'PASSAGE' AND site_kind = 'LODGING' AND subject_kind = 'PERSON' AND direction = 'ENTERING'
    AND NOT ifNull(identity_checked, false)
UNION ALL
SELECT
    later.token, 'TWO_LODGINGS' AS conflict, toString(later.site) AS site, later.entered_at AS at,
    toNullable(toString(earlier.site)) AS other_site, toNullable(earlier.entered_at) AS other_since
FROM checkline.lodging_stays AS later
INNER JOIN checkline.lodging_stays AS earlier ON later.token = earlier.token
WHERE later.site != earlier.site AND (earlier.entered_at, earlier.site) < (later.entered_at, later.site)
    AND (earlier.left_at IS NULL OR earlier.left_at > later.entered_at);

-- A002-28 物资保障: of each unit and item what was received, issued and is in stock, whether received - issued = in stock,
-- and how many days the stock lasts at the pace of issue of the last 30 days (of all days known, where they are fewer).
CREATE OR REPLACE VIEW checkline.supplies_ledger @OnCluster AS
SELECT
    unit_id,
    item,
    unit_of_count,
    totals.1 AS received,
    totals.2 AS issued,
    totals.3 AS in_stock,
    received - issued = in_stock AS balanced,
    first_line_at,
    last_line_at,
    least(30, dateDiff('second', first_line_at, last_line_at) / 86400) AS pace_days,
    arraySum(arrayMap(
        line -> if(line.1 > subtractSeconds(last_line_at, toInt64(pace_days * 86400)), line.2, 0), issues
    )) AS issued_at_pace,
    if(empty(issues) OR pace_days = 0, NULL, issued_at_pace / pace_days) AS issued_a_day,
    if(issued_a_day > 0, in_stock / issued_a_day, NULL) AS days_of_reserve,
    if(issued_a_day = 0 AND in_stock IS NOT NULL, true, days_of_reserve >= 30) AS lasts_a_month
FROM
(
    SELECT
        unit_id,
        assumeNotNull(item) AS item,
        unit_of_count,
        tuple(
            sumOrNull(received), sumOrNull(issued), argMaxOrNull(in_stock, (occurred_at, sent_at, content))
        ) AS totals,
        min(occurred_at) AS first_line_at,
        max(occurred_at) AS last_line_at,
        groupArrayIf((occurred_at, assumeNotNull(issued)), issued IS NOT NULL) AS issues
    FROM checkline.valid_reports
    WHERE kind = 'SUPPLIES'
    GROUP BY unit_id, item, unit_of_count
);

-- A004-03 提前申报: what was declared before arrival, and the first checkpoint that was entered since, up to the next
-- declaration. ARRIVED, AWAITED, or NOT_ARRIVED: the time expected is past, and no checkpoint has seen the subject.
CREATE OR REPLACE VIEW checkline.declared_arrivals @OnCluster AS
SELECT
    declared.token AS token,
    declared.subject_kind AS subject_kind,
    declared.vehicle AS vehicle,
    declared.origin_area AS origin_area,
    declared.origin_tier AS origin_tier,
    declared.occurred_at AS declared_at,
    declared.expected_arrival_at AS expected_arrival_at,
    minOrNullIf(passage.occurred_at, passage.came AND passage.occurred_at >= declared.occurred_at
        AND (declared.next_at IS NULL OR passage.occurred_at < declared.next_at)) AS arrived_at,
    argMinOrNullIf(passage.site, passage.occurred_at, passage.came AND passage.occurred_at >= declared.occurred_at
        AND (declared.next_at IS NULL OR passage.occurred_at < declared.next_at)) AS arrived_site,
    multiIf(
        arrived_at IS NOT NULL, 'ARRIVED',
        expected_arrival_at <= (SELECT known_until FROM checkline.known_until), 'NOT_ARRIVED',
        'AWAITED'
    ) AS state
FROM
(
    SELECT
        *,
        leadInFrame(toNullable(occurred_at), 1) OVER (
            PARTITION BY token ORDER BY occurred_at, source, sequence
            ROWS BETWEEN UNBOUNDED PRECEDING AND UNBOUNDED FOLLOWING
        ) AS next_at
    FROM checkline.standing_check_ins
    WHERE kind = 'DECLARATION'
) AS declared
LEFT JOIN
(
    SELECT token, occurred_at, site, true AS came
    FROM checkline.standing_check_ins
    WHERE kind = 'PASSAGE' AND direction = 'ENTERING'
        AND token IN (SELECT token FROM checkline.check_ins WHERE kind = 'DECLARATION')
) AS passage ON declared.token = passage.token
GROUP BY
    declared.token, declared.subject_kind, declared.vehicle, declared.origin_area, declared.origin_tier,
    declared.occurred_at, declared.expected_arrival_at, declared.next_at, declared.source, declared.sequence;

-- A002-32 监督考核: problems that supervision found (排查发现问题): solved on the spot (现场督导解决), or followed by a
-- supervisory notice (监督提示) and rectified (整改). OPEN: found, neither solved nor noticed.
CREATE OR REPLACE VIEW checkline.findings @OnCluster AS
SELECT
    case_id,
    argMinOrNullIf(unit, (sent_at, content), kind = 'FINDING') AS unit,
    argMinOrNullIf(reason, (sent_at, content), kind = 'FINDING') AS reason,
    minOrNullIf(occurred_at, kind = 'FINDING') AS found_at,
    ifNull(argMinOrNullIf(solved_on_site, (sent_at, content), kind = 'FINDING'), false) AS solved_on_site,
    minOrNullIf(occurred_at, kind = 'SUPERVISORY_NOTICE') AS noticed_at,
    minOrNullIf(occurred_at, kind = 'RECTIFIED') AS rectified_at,
    multiIf(
        solved_on_site, 'SOLVED_ON_SITE',
        rectified_at IS NOT NULL, 'RECTIFIED',
        noticed_at IS NOT NULL, 'NOTICED',
        'OPEN'
    ) AS state
FROM checkline.standing_enforcement
WHERE kind IN ('FINDING', 'SUPERVISORY_NOTICE', 'RECTIFIED')
GROUP BY case_id
HAVING found_at IS NOT NULL;

-- A004-22 公告社会、动态调整: orders of closure and traffic control, when they were announced, when they hold and when they
-- were lifted; `in_force` at the newest time known. An order that is changed has a row for each of its versions, and only
-- the last of them is lifted.
CREATE OR REPLACE VIEW checkline.closure_orders @OnCluster AS
SELECT
    entity_id AS order_id,
    division,
    parent AS site,
    tier,
    category,
    document,
    approver_role,
    announced_at,
    counts_from AS in_force_from,
    counts_until AS in_force_until,
    (SELECT known_until FROM checkline.known_until) AS as_of,
    if(followed_at = counts_until OR counts_until > as_of, NULL, counts_until) AS lifted_at,
    counts_from <= as_of AND (counts_until IS NULL OR counts_until > as_of) AS in_force
FROM checkline.reference_versions
WHERE kind = 'CLOSURE_ORDER';

-- A002-17 通行证: passes that hold now.
CREATE OR REPLACE VIEW checkline.passes_in_force @OnCluster AS
SELECT
    entity_id AS pass_id, category, parent AS holder, approver_role, name_en, name_zh, counts_from AS in_force_from,
    counts_until AS in_force_until
FROM checkline.reference_in_effect
WHERE kind = 'PASS';

-- A002-18 冷链台账: the ledger of firms that carry cold-chain goods, and containers without them (category COLD_CHAIN,
-- NON_COLD_CONTAINER).
CREATE OR REPLACE VIEW checkline.cold_chain_firms @OnCluster AS
SELECT entity_id AS firm, category, name_en, name_zh, division, parent, valid_from AS listed_from
FROM checkline.reference_in_effect
WHERE kind = 'UNIT' AND category IN ('COLD_CHAIN', 'NON_COLD_CONTAINER');

-- A003-04, A004-12 大型活动审批: large events that were asked for, by the tier of their place.
CREATE OR REPLACE VIEW checkline.event_permits @OnCluster AS
SELECT
    entity_id AS permit, division, tier, category, approver_role, name_en, name_zh, counts_from AS permitted_from,
    counts_until AS permitted_until
FROM checkline.reference_versions
WHERE kind = 'EVENT_PERMIT';

-- A002-04, A004-08: what is held ready now: staff, rooms, equipment, capacity.
CREATE OR REPLACE VIEW checkline.resources @OnCluster AS
SELECT
    entity_id AS resource, item, quantity, unit_of_count, parent AS holder, division, category, name_en, name_zh,
    counts_from AS held_from
FROM checkline.reference_in_effect
WHERE kind = 'RESOURCE';
