-- Every repair of a table: what was found, what was done, and the digest of the range's arrivals before and after.

-- Two rows a range: BEGUN before anything is deleted, DONE when the tables are written. A BEGUN without its DONE was
-- interrupted. `span_begin` = `span_end`: rows that have no position, such as cells. `deleted` and `written` count
-- rows. The cells of `hours` are counted again by the owner of the partition, which looks here.
CREATE TABLE IF NOT EXISTS checkline.repairs @OnCluster
(
    repair String,
    step Enum8('BEGUN' = 0, 'DONE' = 1),
    topic LowCardinality(String),
    partition UInt16,
    span_begin Int64,
    span_end Int64,
    findings Array(String),
    deleted UInt64,
    written UInt64,
    digest_before UInt128,
    digest_after UInt128,
    hours Array(DateTime('UTC')),
    repaired_by String,
    noted_at DateTime64(3, 'UTC') DEFAULT now64(3)
)
ENGINE = @Plain()
ORDER BY (noted_at, repair, topic, partition, span_begin);
