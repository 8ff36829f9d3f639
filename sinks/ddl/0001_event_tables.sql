-- Event tables: one per input topic, each content once. The columns are the fields of the topic's Avro schema, the
-- key, and what the sink knows of the record. Of equal contents the smallest offset stays: `rank` is larger for it.
-- Ordered by hour and source partition first, so that one hour, or one cell's rows, are one range of the index.

CREATE DATABASE IF NOT EXISTS checkline @OnCluster;

CREATE DATABASE IF NOT EXISTS checkline_restricted @OnCluster;

-- Passages, declarations and decisions at checkpoints.
CREATE TABLE IF NOT EXISTS checkline.check_ins @OnCluster
(
    token String,
    kind Enum8('TIME_MARK' = 0, 'PASSAGE' = 1, 'DECLARATION' = 2, 'DECISION' = 3),
    source LowCardinality(String),
    sequence Int64,
    occurred_at DateTime64(3, 'UTC'),
    sent_at DateTime64(3, 'UTC'),
    zone_offset_minutes Int32,
    site LowCardinality(Nullable(String)),
    site_kind Enum8(
        'NOT_STATED' = 0, 'MOTORWAY' = 1, 'ROAD' = 2, 'RAIL' = 3, 'AIRPORT' = 4, 'COACH' = 5, 'SEAPORT' = 6,
        'BORDER' = 7, 'COMMUNITY' = 8, 'SCHOOL' = 9, 'WORKPLACE' = 10, 'VENUE' = 11, 'HOSPITAL' = 12,
        'QUARANTINE_SITE' = 13
    ),
    zone Enum8('NOT_STATED' = 0, 'MEASURING' = 1, 'WAITING' = 2, 'CODE_CHECK' = 3, 'RISK_AREA_HANDLING' = 4),
    direction Enum8('NOT_STATED' = 0, 'ENTERING' = 1, 'LEAVING' = 2),
    subject_kind Enum8('NOT_STATED' = 0, 'PERSON' = 1, 'VEHICLE' = 2, 'VESSEL' = 3),
    passage_id Nullable(String),
    role Enum8(
        'NOT_STATED' = 0, 'RESIDENT' = 1, 'PUPIL' = 2, 'STAFF' = 3, 'OUTSIDER' = 4, 'TRADER' = 5, 'TRAVELLER' = 6,
        'DRIVER' = 7
    ),
    health_code Enum8('NOT_STATED' = 0, 'GREEN' = 1, 'YELLOW' = 2, 'RED' = 3, 'NONE_SHOWN' = 4),
    certificate_seen Nullable(Bool),
    pass_id Nullable(String),
    identity_checked Nullable(Bool),
    origin_area LowCardinality(Nullable(String)),
    origin_tier Enum8('NOT_STATED' = 0, 'LOW' = 1, 'MEDIUM' = 2, 'HIGH' = 3),
    mask_worn Nullable(Bool),
    symptoms Array(String),
    expected_arrival_at Nullable(DateTime64(3, 'UTC')),
    vehicle Nullable(String),
    decision Enum8('NOT_STATED' = 0, 'ADMITTED' = 1, 'REFUSED' = 2, 'REFERRED' = 3, 'RELEASED' = 4),
    decided_by_role LowCardinality(Nullable(String)),
    decision_reason Nullable(String),
    against_advice Nullable(Bool),
    hour DateTime('UTC'),
    appended_at DateTime64(3, 'UTC'),
    identity FixedString(16),
    content FixedString(16),
    partition UInt16,
    offset Int64,
    rank UInt64 MATERIALIZED bitNot(toUInt64(offset))
)
ENGINE = @Replacing(rank)
PARTITION BY toYYYYMMDD(hour)
ORDER BY (hour, partition, kind, identity, content);

-- Temperature readings.
CREATE TABLE IF NOT EXISTS checkline.temperatures @OnCluster
(
    token String,
    kind Enum8('TIME_MARK' = 0, 'READING' = 1),
    source LowCardinality(String),
    sequence Int64,
    occurred_at DateTime64(3, 'UTC'),
    sent_at DateTime64(3, 'UTC'),
    zone_offset_minutes Int32,
    value_tenths Nullable(Int32),
    method Enum8('NOT_STATED' = 0, 'AXILLARY' = 1, 'ORAL' = 2, 'RECTAL' = 3, 'NON_CONTACT' = 4, 'THERMAL_IMAGER' = 5),
    instrument LowCardinality(Nullable(String)),
    site LowCardinality(Nullable(String)),
    site_kind Enum8(
        'NOT_STATED' = 0, 'MOTORWAY' = 1, 'ROAD' = 2, 'RAIL' = 3, 'AIRPORT' = 4, 'COACH' = 5, 'SEAPORT' = 6,
        'BORDER' = 7, 'COMMUNITY' = 8, 'SCHOOL' = 9, 'WORKPLACE' = 10, 'VENUE' = 11, 'HOSPITAL' = 12,
        'QUARANTINE_SITE' = 13
    ),
    slot Enum8('NOT_STATED' = 0, 'MORNING' = 1, 'NOON' = 2, 'EVENING' = 3),
    symptoms Array(String),
    confirms_source LowCardinality(Nullable(String)),
    confirms_sequence Nullable(Int64),
    task Nullable(String),
    passage_id Nullable(String),
    hour DateTime('UTC'),
    appended_at DateTime64(3, 'UTC'),
    identity FixedString(16),
    content FixedString(16),
    partition UInt16,
    offset Int64,
    rank UInt64 MATERIALIZED bitNot(toUInt64(offset))
)
ENGINE = @Replacing(rank)
PARTITION BY toYYYYMMDD(hour)
ORDER BY (hour, partition, kind, identity, content);

-- Leads and their steps, attempts, quarantine, tests, decisions, corrections.
CREATE TABLE IF NOT EXISTS checkline.follow_ups @OnCluster
(
    token String,
    kind Enum8(
        'TIME_MARK' = 0, 'LEAD_OPENED' = 1, 'LEAD_DISPATCHED' = 2, 'LEAD_LOCATED' = 3, 'LEAD_VERIFIED' = 4,
        'LEAD_REPORTED_BACK' = 5, 'LEAD_REROUTED' = 6, 'LEAD_RETURNED' = 7, 'LEAD_CLOSED' = 8, 'ATTEMPT' = 9,
        'QUARANTINE_STARTED' = 10, 'QUARANTINE_ENDED' = 11, 'TEST_DUE' = 12, 'TEST_TAKEN' = 13, 'TEST_RESULT' = 14,
        'TRANSFER_STARTED' = 15, 'TRANSFER_ACCEPTED' = 16, 'ABSENCE' = 17, 'LEAVE' = 18, 'DECISION' = 19,
        'APPEAL' = 20, 'APPEAL_ANSWERED' = 21, 'CORRECTION' = 22
    ),
    source LowCardinality(String),
    sequence Int64,
    occurred_at DateTime64(3, 'UTC'),
    sent_at DateTime64(3, 'UTC'),
    zone_offset_minutes Int32,
    lead_id Nullable(String),
    lead_source Enum8(
        'NOT_STATED' = 0, 'SUPERIOR_NOTICE' = 1, 'BIG_DATA' = 2, 'INTERREGIONAL_REQUEST' = 3, 'PUBLIC_REPORT' = 4,
        'CASE_OR_CONTACT' = 5
    ),
    push_mode Enum8('NOT_STATED' = 0, 'BATCH' = 1, 'ROUTINE' = 2),
    home_province Nullable(Bool),
    received_at Nullable(DateTime64(3, 'UTC')),
    unit LowCardinality(Nullable(String)),
    method Enum8('NOT_STATED' = 0, 'SYSTEM' = 1, 'PHONE' = 2, 'VISIT' = 3),
    outcome Enum8(
        'NOT_STATED' = 0, 'SEEN_OK' = 1, 'SEEN_NOT_OK' = 2, 'MISSED' = 3, 'NOT_ATTEMPTED' = 4, 'UNREACHABLE' = 5
    ),
    needs Nullable(String),
    reason Nullable(String),
    place Enum8('NOT_STATED' = 0, 'INSTITUTIONAL' = 1, 'HOME' = 2, 'HOSPITAL' = 3),
    result Enum8('NOT_STATED' = 0, 'NEGATIVE' = 1, 'POSITIVE' = 2, 'INCONCLUSIVE' = 3),
    due_at Nullable(DateTime64(3, 'UTC')),
    task Nullable(String),
    symptoms Array(String),
    upheld Nullable(Bool),
    corrects_source LowCardinality(Nullable(String)),
    corrects_sequence Nullable(Int64),
    decision Enum8('NOT_STATED' = 0, 'ADMITTED' = 1, 'REFUSED' = 2, 'REFERRED' = 3, 'RELEASED' = 4),
    decided_by_role LowCardinality(Nullable(String)),
    decision_reason Nullable(String),
    against_advice Nullable(Bool),
    hour DateTime('UTC'),
    appended_at DateTime64(3, 'UTC'),
    identity FixedString(16),
    content FixedString(16),
    partition UInt16,
    offset Int64,
    rank UInt64 MATERIALIZED bitNot(toUInt64(offset))
)
ENGINE = @Replacing(rank)
PARTITION BY toYYYYMMDD(hour)
ORDER BY (hour, partition, kind, identity, content);

-- Cases, dispositions, tips, notices, withdrawals.
CREATE TABLE IF NOT EXISTS checkline.enforcement @OnCluster
(
    case_id String,
    kind Enum8(
        'TIME_MARK' = 0, 'CASE_REGISTERED' = 1, 'DISPOSITION' = 2, 'TIP' = 3, 'SUPERVISORY_NOTICE' = 4,
        'WITHDRAWAL' = 5
    ),
    source LowCardinality(String),
    sequence Int64,
    occurred_at DateTime64(3, 'UTC'),
    sent_at DateTime64(3, 'UTC'),
    zone_offset_minutes Int32,
    category Enum8(
        'NOT_STATED' = 0, 'DISTURBING_ORDER' = 1, 'RUMOUR' = 2, 'COUNTERFEIT' = 3, 'FRAUD' = 4, 'WILDLIFE' = 5,
        'OTHER' = 6
    ),
    legal_basis LowCardinality(Nullable(String)),
    unit LowCardinality(Nullable(String)),
    involves_firm Nullable(Bool),
    disposition Enum8(
        'NOT_STATED' = 0, 'CRIMINAL_DETENTION' = 1, 'BAIL' = 2, 'RESIDENTIAL_SURVEILLANCE' = 3,
        'ADMINISTRATIVE_DETENTION' = 4, 'FINE' = 5, 'WARNING' = 6, 'EDUCATION_REPRIMAND' = 7,
        'PENALTY_OR_MEASURE' = 8
    ),
    party Enum8('NOT_STATED' = 0, 'PERSON' = 1, 'FIRM' = 2),
    party_token Nullable(String),
    withdraws_source LowCardinality(Nullable(String)),
    withdraws_sequence Nullable(Int64),
    reason Nullable(String),
    hour DateTime('UTC'),
    appended_at DateTime64(3, 'UTC'),
    identity FixedString(16),
    content FixedString(16),
    partition UInt16,
    offset Int64,
    rank UInt64 MATERIALIZED bitNot(toUInt64(offset))
)
ENGINE = @Replacing(rank)
PARTITION BY toYYYYMMDD(hour)
ORDER BY (hour, partition, kind, identity, content);

-- Indicators, zero reports, heartbeats, supplies.
CREATE TABLE IF NOT EXISTS checkline.reports @OnCluster
(
    unit_id LowCardinality(String),
    kind Enum8('TIME_MARK' = 0, 'INDICATOR' = 1, 'ZERO_REPORT' = 2, 'HEARTBEAT' = 3, 'SUPPLIES' = 4),
    source LowCardinality(String),
    sequence Int64,
    occurred_at DateTime64(3, 'UTC'),
    sent_at DateTime64(3, 'UTC'),
    zone_offset_minutes Int32,
    indicator LowCardinality(Nullable(String)),
    unit_of_count Enum8(
        'NOT_STATED' = 0, 'PERSON' = 1, 'PERSON_TIME' = 2, 'CASE' = 3, 'ITEM' = 4, 'VEHICLE' = 5, 'GRID' = 6,
        'SQUAD' = 7, 'PERCENT' = 8, 'PIECE' = 9, 'MEASURE' = 10, 'PLACE' = 11, 'LINE' = 12, 'TONNE' = 13,
        'YUAN' = 14, 'OFFICE' = 15, 'PROVINCE' = 16, 'DISTRICT' = 17, 'DOCUMENT' = 18
    ),
    value Nullable(Int64),
    rounded_to Nullable(Int64),
    lower_bound Nullable(Bool),
    nature Enum8('NOT_STATED' = 0, 'FLOW' = 1, 'SNAPSHOT' = 2, 'CUMULATIVE' = 3, 'RATE' = 4),
    period_from Nullable(DateTime64(3, 'UTC')),
    period_until Nullable(DateTime64(3, 'UTC')),
    partial Nullable(Bool),
    exclusions Nullable(String),
    item LowCardinality(Nullable(String)),
    received Nullable(Int64),
    issued Nullable(Int64),
    in_stock Nullable(Int64),
    hour DateTime('UTC'),
    appended_at DateTime64(3, 'UTC'),
    identity FixedString(16),
    content FixedString(16),
    partition UInt16,
    offset Int64,
    rank UInt64 MATERIALIZED bitNot(toUInt64(offset))
)
ENGINE = @Replacing(rank)
PARTITION BY toYYYYMMDD(hour)
ORDER BY (hour, partition, kind, identity, content);

-- Urgent needs: its own database, which analysts cannot read.
CREATE TABLE IF NOT EXISTS checkline_restricted.urgent_care @OnCluster
(
    token String,
    kind Enum8('TIME_MARK' = 0, 'URGENT_NEED' = 1, 'RESPONSE' = 2),
    source LowCardinality(String),
    sequence Int64,
    occurred_at DateTime64(3, 'UTC'),
    sent_at DateTime64(3, 'UTC'),
    zone_offset_minutes Int32,
    need LowCardinality(Nullable(String)),
    unit LowCardinality(Nullable(String)),
    responds_source LowCardinality(Nullable(String)),
    responds_sequence Nullable(Int64),
    hour DateTime('UTC'),
    appended_at DateTime64(3, 'UTC'),
    identity FixedString(16),
    content FixedString(16),
    partition UInt16,
    offset Int64,
    rank UInt64 MATERIALIZED bitNot(toUInt64(offset))
)
ENGINE = @Replacing(rank)
PARTITION BY toYYYYMMDD(hour)
ORDER BY (hour, partition, kind, identity, content);

-- All versions of reference data.
CREATE TABLE IF NOT EXISTS checkline.reference @OnCluster
(
    entity_id String,
    kind Enum8(
        'TIME_MARK' = 0, 'SITE' = 1, 'UNIT' = 2, 'DEVICE' = 3, 'ROSTER' = 4, 'PASS' = 5, 'DIVISION' = 6,
        'RISK_AREA' = 7, 'CLOSURE_ORDER' = 8, 'VEHICLE_ALERT' = 9, 'POLICY_VERSION' = 10
    ),
    source LowCardinality(String),
    sequence Int64,
    occurred_at DateTime64(3, 'UTC'),
    sent_at DateTime64(3, 'UTC'),
    zone_offset_minutes Int32,
    valid_from Nullable(DateTime64(3, 'UTC')),
    valid_until Nullable(DateTime64(3, 'UTC')),
    name_en Nullable(String),
    name_zh Nullable(String),
    site_kind Enum8(
        'NOT_STATED' = 0, 'MOTORWAY' = 1, 'ROAD' = 2, 'RAIL' = 3, 'AIRPORT' = 4, 'COACH' = 5, 'SEAPORT' = 6,
        'BORDER' = 7, 'COMMUNITY' = 8, 'SCHOOL' = 9, 'WORKPLACE' = 10, 'VENUE' = 11, 'HOSPITAL' = 12,
        'QUARANTINE_SITE' = 13
    ),
    division LowCardinality(Nullable(String)),
    tier Enum8('NOT_STATED' = 0, 'LOW' = 1, 'MEDIUM' = 2, 'HIGH' = 3),
    parent LowCardinality(Nullable(String)),
    approver_role LowCardinality(Nullable(String)),
    document Nullable(String),
    hour DateTime('UTC'),
    appended_at DateTime64(3, 'UTC'),
    identity FixedString(16),
    content FixedString(16),
    partition UInt16,
    offset Int64,
    rank UInt64 MATERIALIZED bitNot(toUInt64(offset))
)
ENGINE = @Replacing(rank)
PARTITION BY toYYYYMMDD(hour)
ORDER BY (hour, partition, kind, identity, content);
