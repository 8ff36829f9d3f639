-- The second version of the events: what all five source documents need. New fields and symbols only; rows that stand
-- there state none of them.

ALTER TABLE checkline.check_ins@Local @OnCluster
    MODIFY COLUMN IF EXISTS site_kind Enum8(
        'NOT_STATED' = 0, 'MOTORWAY' = 1, 'ROAD' = 2, 'RAIL' = 3, 'AIRPORT' = 4, 'COACH' = 5,
        'SEAPORT' = 6, 'BORDER' = 7, 'COMMUNITY' = 8, 'SCHOOL' = 9, 'WORKPLACE' = 10, 'VENUE' = 11,
        'HOSPITAL' = 12, 'QUARANTINE_SITE' = 13, 'LODGING' = 14, 'CUSTODY' = 15
    ),
    ADD COLUMN IF NOT EXISTS code_issuer LowCardinality(Nullable(String)) AFTER against_advice,
    ADD COLUMN IF NOT EXISTS lane LowCardinality(Nullable(String)) AFTER code_issuer,
    ADD COLUMN IF NOT EXISTS essential Nullable(Bool) AFTER lane;

-- On one node the same table, which has them already.
ALTER TABLE checkline.check_ins @OnCluster
    MODIFY COLUMN IF EXISTS site_kind Enum8(
        'NOT_STATED' = 0, 'MOTORWAY' = 1, 'ROAD' = 2, 'RAIL' = 3, 'AIRPORT' = 4, 'COACH' = 5,
        'SEAPORT' = 6, 'BORDER' = 7, 'COMMUNITY' = 8, 'SCHOOL' = 9, 'WORKPLACE' = 10, 'VENUE' = 11,
        'HOSPITAL' = 12, 'QUARANTINE_SITE' = 13, 'LODGING' = 14, 'CUSTODY' = 15
    ),
    ADD COLUMN IF NOT EXISTS code_issuer LowCardinality(Nullable(String)) AFTER against_advice,
    ADD COLUMN IF NOT EXISTS lane LowCardinality(Nullable(String)) AFTER code_issuer,
    ADD COLUMN IF NOT EXISTS essential Nullable(Bool) AFTER lane;

ALTER TABLE checkline.temperatures@Local @OnCluster
    MODIFY COLUMN IF EXISTS site_kind Enum8(
        'NOT_STATED' = 0, 'MOTORWAY' = 1, 'ROAD' = 2, 'RAIL' = 3, 'AIRPORT' = 4, 'COACH' = 5,
        'SEAPORT' = 6, 'BORDER' = 7, 'COMMUNITY' = 8, 'SCHOOL' = 9, 'WORKPLACE' = 10, 'VENUE' = 11,
        'HOSPITAL' = 12, 'QUARANTINE_SITE' = 13, 'LODGING' = 14, 'CUSTODY' = 15
    );

-- On one node the same table, which has them already.
ALTER TABLE checkline.temperatures @OnCluster
    MODIFY COLUMN IF EXISTS site_kind Enum8(
        'NOT_STATED' = 0, 'MOTORWAY' = 1, 'ROAD' = 2, 'RAIL' = 3, 'AIRPORT' = 4, 'COACH' = 5,
        'SEAPORT' = 6, 'BORDER' = 7, 'COMMUNITY' = 8, 'SCHOOL' = 9, 'WORKPLACE' = 10, 'VENUE' = 11,
        'HOSPITAL' = 12, 'QUARANTINE_SITE' = 13, 'LODGING' = 14, 'CUSTODY' = 15
    );

ALTER TABLE checkline.follow_ups@Local @OnCluster
    MODIFY COLUMN IF EXISTS kind Enum8(
        'TIME_MARK' = 0, 'LEAD_OPENED' = 1, 'LEAD_DISPATCHED' = 2, 'LEAD_LOCATED' = 3, 'LEAD_VERIFIED' = 4,
        'LEAD_REPORTED_BACK' = 5, 'LEAD_REROUTED' = 6, 'LEAD_RETURNED' = 7, 'LEAD_CLOSED' = 8,
        'ATTEMPT' = 9, 'QUARANTINE_STARTED' = 10, 'QUARANTINE_ENDED' = 11, 'TEST_DUE' = 12,
        'TEST_TAKEN' = 13, 'TEST_RESULT' = 14, 'TRANSFER_STARTED' = 15, 'TRANSFER_ACCEPTED' = 16,
        'ABSENCE' = 17, 'LEAVE' = 18, 'DECISION' = 19, 'APPEAL' = 20, 'APPEAL_ANSWERED' = 21,
        'CORRECTION' = 22, 'FOLLOW_UP_STARTED' = 23, 'FOLLOW_UP_ENDED' = 24, 'LEAVE_DECIDED' = 25,
        'LEAVE_ENDED' = 26, 'ABSCONDED' = 27, 'FOUND' = 28
    ),
    ADD COLUMN IF NOT EXISTS programme LowCardinality(Nullable(String)) AFTER against_advice,
    ADD COLUMN IF NOT EXISTS population LowCardinality(Nullable(String)) AFTER programme,
    ADD COLUMN IF NOT EXISTS approved Nullable(Bool) AFTER population;

-- On one node the same table, which has them already.
ALTER TABLE checkline.follow_ups @OnCluster
    MODIFY COLUMN IF EXISTS kind Enum8(
        'TIME_MARK' = 0, 'LEAD_OPENED' = 1, 'LEAD_DISPATCHED' = 2, 'LEAD_LOCATED' = 3, 'LEAD_VERIFIED' = 4,
        'LEAD_REPORTED_BACK' = 5, 'LEAD_REROUTED' = 6, 'LEAD_RETURNED' = 7, 'LEAD_CLOSED' = 8,
        'ATTEMPT' = 9, 'QUARANTINE_STARTED' = 10, 'QUARANTINE_ENDED' = 11, 'TEST_DUE' = 12,
        'TEST_TAKEN' = 13, 'TEST_RESULT' = 14, 'TRANSFER_STARTED' = 15, 'TRANSFER_ACCEPTED' = 16,
        'ABSENCE' = 17, 'LEAVE' = 18, 'DECISION' = 19, 'APPEAL' = 20, 'APPEAL_ANSWERED' = 21,
        'CORRECTION' = 22, 'FOLLOW_UP_STARTED' = 23, 'FOLLOW_UP_ENDED' = 24, 'LEAVE_DECIDED' = 25,
        'LEAVE_ENDED' = 26, 'ABSCONDED' = 27, 'FOUND' = 28
    ),
    ADD COLUMN IF NOT EXISTS programme LowCardinality(Nullable(String)) AFTER against_advice,
    ADD COLUMN IF NOT EXISTS population LowCardinality(Nullable(String)) AFTER programme,
    ADD COLUMN IF NOT EXISTS approved Nullable(Bool) AFTER population;

ALTER TABLE checkline.enforcement@Local @OnCluster
    MODIFY COLUMN IF EXISTS kind Enum8(
        'TIME_MARK' = 0, 'CASE_REGISTERED' = 1, 'DISPOSITION' = 2, 'TIP' = 3, 'SUPERVISORY_NOTICE' = 4,
        'WITHDRAWAL' = 5, 'FINDING' = 6, 'RECTIFIED' = 7, 'EDUCATION' = 8
    ),
    MODIFY COLUMN IF EXISTS category Enum8(
        'NOT_STATED' = 0, 'DISTURBING_ORDER' = 1, 'RUMOUR' = 2, 'COUNTERFEIT' = 3, 'FRAUD' = 4,
        'WILDLIFE' = 5, 'OTHER' = 6, 'MEDICAL_ORDER' = 7, 'MARKET_ORDER' = 8, 'SOCIAL_ORDER' = 9,
        'SMUGGLING' = 10, 'VESSEL' = 11
    ),
    ADD COLUMN IF NOT EXISTS procedure Enum8('NOT_STATED' = 0, 'ADMINISTRATIVE' = 1, 'CRIMINAL' = 2) AFTER reason,
    ADD COLUMN IF NOT EXISTS conduct Enum8(
        'NOT_STATED' = 0, 'GATHERING' = 1, 'NO_MASK' = 2, 'MINOR_TRAFFIC' = 3, 'OTHER' = 4
    ) AFTER procedure,
    ADD COLUMN IF NOT EXISTS solved_on_site Nullable(Bool) AFTER conduct,
    ADD COLUMN IF NOT EXISTS amount_yuan Nullable(Int64) AFTER solved_on_site;

-- On one node the same table, which has them already.
ALTER TABLE checkline.enforcement @OnCluster
    MODIFY COLUMN IF EXISTS kind Enum8(
        'TIME_MARK' = 0, 'CASE_REGISTERED' = 1, 'DISPOSITION' = 2, 'TIP' = 3, 'SUPERVISORY_NOTICE' = 4,
        'WITHDRAWAL' = 5, 'FINDING' = 6, 'RECTIFIED' = 7, 'EDUCATION' = 8
    ),
    MODIFY COLUMN IF EXISTS category Enum8(
        'NOT_STATED' = 0, 'DISTURBING_ORDER' = 1, 'RUMOUR' = 2, 'COUNTERFEIT' = 3, 'FRAUD' = 4,
        'WILDLIFE' = 5, 'OTHER' = 6, 'MEDICAL_ORDER' = 7, 'MARKET_ORDER' = 8, 'SOCIAL_ORDER' = 9,
        'SMUGGLING' = 10, 'VESSEL' = 11
    ),
    ADD COLUMN IF NOT EXISTS procedure Enum8('NOT_STATED' = 0, 'ADMINISTRATIVE' = 1, 'CRIMINAL' = 2) AFTER reason,
    ADD COLUMN IF NOT EXISTS conduct Enum8(
        'NOT_STATED' = 0, 'GATHERING' = 1, 'NO_MASK' = 2, 'MINOR_TRAFFIC' = 3, 'OTHER' = 4
    ) AFTER procedure,
    ADD COLUMN IF NOT EXISTS solved_on_site Nullable(Bool) AFTER conduct,
    ADD COLUMN IF NOT EXISTS amount_yuan Nullable(Int64) AFTER solved_on_site;

ALTER TABLE checkline.reports@Local @OnCluster
    MODIFY COLUMN IF EXISTS kind Enum8(
        'TIME_MARK' = 0, 'INDICATOR' = 1, 'ZERO_REPORT' = 2, 'HEARTBEAT' = 3, 'SUPPLIES' = 4,
        'MATTER_OPENED' = 5, 'MATTER_STEP' = 6
    ),
    MODIFY COLUMN IF EXISTS unit_of_count Enum8(
        'NOT_STATED' = 0, 'PERSON' = 1, 'PERSON_TIME' = 2, 'CASE' = 3, 'ITEM' = 4, 'VEHICLE' = 5,
        'GRID' = 6, 'SQUAD' = 7, 'PERCENT' = 8, 'PIECE' = 9, 'MEASURE' = 10, 'PLACE' = 11, 'LINE' = 12,
        'TONNE' = 13, 'YUAN' = 14, 'OFFICE' = 15, 'PROVINCE' = 16, 'DISTRICT' = 17, 'DOCUMENT' = 18,
        'HOUSEHOLD' = 19, 'COPY' = 20, 'TIME' = 21, 'SESSION' = 22, 'HOUR' = 23, 'VESSEL' = 24,
        'KILOGRAM' = 25, 'ARTICLE' = 26, 'TRIP' = 27, 'ROOM' = 28, 'SET' = 29, 'GROUP' = 30, 'SAMPLE' = 31,
        'CLUE' = 32, 'HOUSE' = 33, 'IMAGE' = 34, 'DAY' = 35, 'CLASS' = 36,
        'BASIS_POINT' = 37
    ),
    ADD COLUMN IF NOT EXISTS matter Nullable(String) AFTER in_stock,
    ADD COLUMN IF NOT EXISTS matter_kind LowCardinality(Nullable(String)) AFTER matter,
    ADD COLUMN IF NOT EXISTS step LowCardinality(Nullable(String)) AFTER matter_kind,
    ADD COLUMN IF NOT EXISTS involves_firm Nullable(Bool) AFTER step;

-- On one node the same table, which has them already.
ALTER TABLE checkline.reports @OnCluster
    MODIFY COLUMN IF EXISTS kind Enum8(
        'TIME_MARK' = 0, 'INDICATOR' = 1, 'ZERO_REPORT' = 2, 'HEARTBEAT' = 3, 'SUPPLIES' = 4,
        'MATTER_OPENED' = 5, 'MATTER_STEP' = 6
    ),
    MODIFY COLUMN IF EXISTS unit_of_count Enum8(
        'NOT_STATED' = 0, 'PERSON' = 1, 'PERSON_TIME' = 2, 'CASE' = 3, 'ITEM' = 4, 'VEHICLE' = 5,
        'GRID' = 6, 'SQUAD' = 7, 'PERCENT' = 8, 'PIECE' = 9, 'MEASURE' = 10, 'PLACE' = 11, 'LINE' = 12,
        'TONNE' = 13, 'YUAN' = 14, 'OFFICE' = 15, 'PROVINCE' = 16, 'DISTRICT' = 17, 'DOCUMENT' = 18,
        'HOUSEHOLD' = 19, 'COPY' = 20, 'TIME' = 21, 'SESSION' = 22, 'HOUR' = 23, 'VESSEL' = 24,
        'KILOGRAM' = 25, 'ARTICLE' = 26, 'TRIP' = 27, 'ROOM' = 28, 'SET' = 29, 'GROUP' = 30, 'SAMPLE' = 31,
        'CLUE' = 32, 'HOUSE' = 33, 'IMAGE' = 34, 'DAY' = 35, 'CLASS' = 36,
        'BASIS_POINT' = 37
    ),
    ADD COLUMN IF NOT EXISTS matter Nullable(String) AFTER in_stock,
    ADD COLUMN IF NOT EXISTS matter_kind LowCardinality(Nullable(String)) AFTER matter,
    ADD COLUMN IF NOT EXISTS step LowCardinality(Nullable(String)) AFTER matter_kind,
    ADD COLUMN IF NOT EXISTS involves_firm Nullable(Bool) AFTER step;

ALTER TABLE checkline.reference@Local @OnCluster
    MODIFY COLUMN IF EXISTS kind Enum8(
        'TIME_MARK' = 0, 'SITE' = 1, 'UNIT' = 2, 'DEVICE' = 3, 'ROSTER' = 4, 'PASS' = 5, 'DIVISION' = 6,
        'RISK_AREA' = 7, 'CLOSURE_ORDER' = 8, 'VEHICLE_ALERT' = 9, 'POLICY_VERSION' = 10, 'RESOURCE' = 11,
        'EVENT_PERMIT' = 12
    ),
    MODIFY COLUMN IF EXISTS site_kind Enum8(
        'NOT_STATED' = 0, 'MOTORWAY' = 1, 'ROAD' = 2, 'RAIL' = 3, 'AIRPORT' = 4, 'COACH' = 5,
        'SEAPORT' = 6, 'BORDER' = 7, 'COMMUNITY' = 8, 'SCHOOL' = 9, 'WORKPLACE' = 10, 'VENUE' = 11,
        'HOSPITAL' = 12, 'QUARANTINE_SITE' = 13, 'LODGING' = 14, 'CUSTODY' = 15
    ),
    ADD COLUMN IF NOT EXISTS level Enum8(
        'NOT_STATED' = 0, 'PROVINCE' = 1, 'PREFECTURE' = 2, 'COUNTY' = 3, 'FUNCTIONAL_ZONE' = 4,
        'TOWNSHIP' = 5, 'VILLAGE' = 6, 'GRID' = 7
    ) AFTER document,
    ADD COLUMN IF NOT EXISTS category LowCardinality(Nullable(String)) AFTER level,
    ADD COLUMN IF NOT EXISTS member Nullable(String) AFTER category,
    ADD COLUMN IF NOT EXISTS schedule LowCardinality(Nullable(String)) AFTER member,
    ADD COLUMN IF NOT EXISTS indicator LowCardinality(Nullable(String)) AFTER schedule,
    ADD COLUMN IF NOT EXISTS programme LowCardinality(Nullable(String)) AFTER indicator,
    ADD COLUMN IF NOT EXISTS announced_at Nullable(DateTime64(3, 'UTC')) AFTER programme,
    ADD COLUMN IF NOT EXISTS item LowCardinality(Nullable(String)) AFTER announced_at,
    ADD COLUMN IF NOT EXISTS quantity Nullable(Int64) AFTER item,
    ADD COLUMN IF NOT EXISTS unit_of_count Enum8(
        'NOT_STATED' = 0, 'PERSON' = 1, 'PERSON_TIME' = 2, 'CASE' = 3, 'ITEM' = 4, 'VEHICLE' = 5,
        'GRID' = 6, 'SQUAD' = 7, 'PERCENT' = 8, 'PIECE' = 9, 'MEASURE' = 10, 'PLACE' = 11, 'LINE' = 12,
        'TONNE' = 13, 'YUAN' = 14, 'OFFICE' = 15, 'PROVINCE' = 16, 'DISTRICT' = 17, 'DOCUMENT' = 18,
        'HOUSEHOLD' = 19, 'COPY' = 20, 'TIME' = 21, 'SESSION' = 22, 'HOUR' = 23, 'VESSEL' = 24,
        'KILOGRAM' = 25, 'ARTICLE' = 26, 'TRIP' = 27, 'ROOM' = 28, 'SET' = 29, 'GROUP' = 30, 'SAMPLE' = 31,
        'CLUE' = 32, 'HOUSE' = 33, 'IMAGE' = 34, 'DAY' = 35, 'CLASS' = 36,
        'BASIS_POINT' = 37
    ) AFTER quantity;

-- On one node the same table, which has them already.
ALTER TABLE checkline.reference @OnCluster
    MODIFY COLUMN IF EXISTS kind Enum8(
        'TIME_MARK' = 0, 'SITE' = 1, 'UNIT' = 2, 'DEVICE' = 3, 'ROSTER' = 4, 'PASS' = 5, 'DIVISION' = 6,
        'RISK_AREA' = 7, 'CLOSURE_ORDER' = 8, 'VEHICLE_ALERT' = 9, 'POLICY_VERSION' = 10, 'RESOURCE' = 11,
        'EVENT_PERMIT' = 12
    ),
    MODIFY COLUMN IF EXISTS site_kind Enum8(
        'NOT_STATED' = 0, 'MOTORWAY' = 1, 'ROAD' = 2, 'RAIL' = 3, 'AIRPORT' = 4, 'COACH' = 5,
        'SEAPORT' = 6, 'BORDER' = 7, 'COMMUNITY' = 8, 'SCHOOL' = 9, 'WORKPLACE' = 10, 'VENUE' = 11,
        'HOSPITAL' = 12, 'QUARANTINE_SITE' = 13, 'LODGING' = 14, 'CUSTODY' = 15
    ),
    ADD COLUMN IF NOT EXISTS level Enum8(
        'NOT_STATED' = 0, 'PROVINCE' = 1, 'PREFECTURE' = 2, 'COUNTY' = 3, 'FUNCTIONAL_ZONE' = 4,
        'TOWNSHIP' = 5, 'VILLAGE' = 6, 'GRID' = 7
    ) AFTER document,
    ADD COLUMN IF NOT EXISTS category LowCardinality(Nullable(String)) AFTER level,
    ADD COLUMN IF NOT EXISTS member Nullable(String) AFTER category,
    ADD COLUMN IF NOT EXISTS schedule LowCardinality(Nullable(String)) AFTER member,
    ADD COLUMN IF NOT EXISTS indicator LowCardinality(Nullable(String)) AFTER schedule,
    ADD COLUMN IF NOT EXISTS programme LowCardinality(Nullable(String)) AFTER indicator,
    ADD COLUMN IF NOT EXISTS announced_at Nullable(DateTime64(3, 'UTC')) AFTER programme,
    ADD COLUMN IF NOT EXISTS item LowCardinality(Nullable(String)) AFTER announced_at,
    ADD COLUMN IF NOT EXISTS quantity Nullable(Int64) AFTER item,
    ADD COLUMN IF NOT EXISTS unit_of_count Enum8(
        'NOT_STATED' = 0, 'PERSON' = 1, 'PERSON_TIME' = 2, 'CASE' = 3, 'ITEM' = 4, 'VEHICLE' = 5,
        'GRID' = 6, 'SQUAD' = 7, 'PERCENT' = 8, 'PIECE' = 9, 'MEASURE' = 10, 'PLACE' = 11, 'LINE' = 12,
        'TONNE' = 13, 'YUAN' = 14, 'OFFICE' = 15, 'PROVINCE' = 16, 'DISTRICT' = 17, 'DOCUMENT' = 18,
        'HOUSEHOLD' = 19, 'COPY' = 20, 'TIME' = 21, 'SESSION' = 22, 'HOUR' = 23, 'VESSEL' = 24,
        'KILOGRAM' = 25, 'ARTICLE' = 26, 'TRIP' = 27, 'ROOM' = 28, 'SET' = 29, 'GROUP' = 30, 'SAMPLE' = 31,
        'CLUE' = 32, 'HOUSE' = 33, 'IMAGE' = 34, 'DAY' = 35, 'CLASS' = 36,
        'BASIS_POINT' = 37
    ) AFTER quantity;

ALTER TABLE checkline.sla_clocks@Local @OnCluster
    ADD COLUMN IF NOT EXISTS subject Enum8('PERSON' = 0, 'UNIT' = 1, 'ORDER' = 2) AFTER evidence,
    ADD COLUMN IF NOT EXISTS duty LowCardinality(String) AFTER subject,
    ADD COLUMN IF NOT EXISTS before_due Bool AFTER duty,
    MODIFY COLUMN IF EXISTS deadline_class Enum8('HOURS_24' = 0, 'HOURS_48' = 1, 'SAME_DAY' = 2, 'OTHER' = 3);

-- On one node the same table, which has them already.
ALTER TABLE checkline.sla_clocks @OnCluster
    ADD COLUMN IF NOT EXISTS subject Enum8('PERSON' = 0, 'UNIT' = 1, 'ORDER' = 2) AFTER evidence,
    ADD COLUMN IF NOT EXISTS duty LowCardinality(String) AFTER subject,
    ADD COLUMN IF NOT EXISTS before_due Bool AFTER duty,
    MODIFY COLUMN IF EXISTS deadline_class Enum8('HOURS_24' = 0, 'HOURS_48' = 1, 'SAME_DAY' = 2, 'OTHER' = 3);

ALTER TABLE checkline.sla_notices@Local @OnCluster
    ADD COLUMN IF NOT EXISTS subject Enum8('PERSON' = 0, 'UNIT' = 1, 'ORDER' = 2) AFTER evidence,
    ADD COLUMN IF NOT EXISTS duty LowCardinality(String) AFTER subject,
    ADD COLUMN IF NOT EXISTS before_due Bool AFTER duty,
    MODIFY COLUMN IF EXISTS deadline_class Enum8('HOURS_24' = 0, 'HOURS_48' = 1, 'SAME_DAY' = 2, 'OTHER' = 3);

-- On one node the same table, which has them already.
ALTER TABLE checkline.sla_notices @OnCluster
    ADD COLUMN IF NOT EXISTS subject Enum8('PERSON' = 0, 'UNIT' = 1, 'ORDER' = 2) AFTER evidence,
    ADD COLUMN IF NOT EXISTS duty LowCardinality(String) AFTER subject,
    ADD COLUMN IF NOT EXISTS before_due Bool AFTER duty,
    MODIFY COLUMN IF EXISTS deadline_class Enum8('HOURS_24' = 0, 'HOURS_48' = 1, 'SAME_DAY' = 2, 'OTHER' = 3);

-- Views name the columns that stood there when they were made.
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

-- What is proven of each clock as of the newest time that any clock or notice names. `deadline_class` is the class as
-- the policy names it.
CREATE OR REPLACE VIEW checkline.sla_outcomes @OnCluster AS
SELECT
    clock_id,
    subject,
    token,
    lead_id,
    class AS deadline_class,
    opened_at,
    due_at,
    done_at,
    withdrawn_at,
    policy,
    known_until,
    multiIf(
        done_at < due_at OR (done_at = due_at AND NOT strictly), 'MET',
        withdrawn_at < due_at OR (withdrawn_at = due_at AND NOT strictly), 'WITHDRAWN',
        done_at IS NOT NULL, 'LATE',
        known_until >= due_at, 'BREACHED',
        'OPEN'
    ) AS outcome
FROM
(
    SELECT
        *,
        if(duty = '', toString(deadline_class), toString(duty)) AS class,
        before_due OR class = 'SAME_DAY' AS strictly,
        greatest(
            (SELECT max(as_of) FROM checkline.sla_clocks), (SELECT max(as_of) FROM checkline.sla_notices)
        ) AS known_until
    FROM checkline.sla_clocks FINAL
);
