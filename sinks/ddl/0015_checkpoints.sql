-- Queues at checkpoints: passages per minute and lane, and from arrival to decision where devices send both.

-- A004-13 提高效率、杜绝拥堵: one row for each subject (person, vehicle, vessel) at a site under one passage id, over all
-- zones that it goes through there: when it arrived (its earliest passage, whose lane counts) and when it was decided on
-- (the earliest decision under the id that names this site or none). A passage without an id is one of its own, of which
-- no decision can be known. `wait_seconds` is NULL while there is no decision, and where it was made before the arrival:
-- one of the two clocks is wrong.
CREATE OR REPLACE VIEW checkline.checkpoint_waits @OnCluster AS
SELECT
    token,
    passage_id,
    place AS site,
    arrival.2 AS lane,
    arrival.3 AS subject_kind,
    arrival.1 AS arrived_at,
    if(empty(decided), NULL, toNullable(decided[1].1)) AS decided_at,
    if(empty(decided), NULL, toNullable(toString(decided[1].2))) AS decision,
    if(decided_at >= arrived_at, dateDiff('millisecond', arrived_at, decided_at) / 1000, NULL) AS wait_seconds
FROM
(
    SELECT
        token,
        passage_id,
        groupArrayIf((occurred_at, ifNull(lane, ''), subject_kind, assumeNotNull(site)), kind = 'PASSAGE') AS passages,
        arraySort(groupArrayIf((occurred_at, decision, site), kind = 'DECISION')) AS decisions,
        arrayJoin(arrayDistinct(passages.4)) AS place,
        arrayMin(arrayFilter(passage -> passage.4 = place, passages)) AS arrival,
        arrayFilter(decision -> ifNull(decision.3 = place, true), decisions) AS decided
    FROM checkline.standing_check_ins
    WHERE (kind = 'PASSAGE' AND site IS NOT NULL) OR (kind = 'DECISION' AND passage_id IS NOT NULL)
    GROUP BY token, passage_id, if(passage_id IS NULL, identity, toFixedString('', 16))
);

-- A004-13: subjects that arrived in each minute at each lane ('' where the device names none), and how many of them have
-- been decided on since.
CREATE OR REPLACE VIEW checkline.checkpoint_passages @OnCluster AS
SELECT
    site,
    lane,
    toStartOfMinute(arrived_at) AS minute,
    count() AS passages,
    count(decided_at) AS decided
FROM checkline.checkpoint_waits
GROUP BY site, lane, minute;
