-- Counts. A cell is recomputed from event rows and replaces its older version; it is never added to.

-- `version` = end position of the partition's ledger * 65536 + number of the recount at that position.
CREATE TABLE IF NOT EXISTS checkline.cells @OnCluster
(
    topic LowCardinality(String),
    hour DateTime('UTC'),
    site LowCardinality(String),
    kind LowCardinality(String),
    measure LowCardinality(String),
    partition UInt16,
    value UInt64,
    version UInt64,
    previous Int64,
    counted_at DateTime64(3, 'UTC') DEFAULT now64(3)
)
ENGINE = @Replacing(version)
ORDER BY (topic, hour, site, kind, measure, partition);

-- What was known then: every value a cell has had. `previous` is -1 for a cell's first value.
CREATE TABLE IF NOT EXISTS checkline.cell_history @OnCluster
(
    topic LowCardinality(String),
    hour DateTime('UTC'),
    site LowCardinality(String),
    kind LowCardinality(String),
    measure LowCardinality(String),
    partition UInt16,
    value UInt64,
    version UInt64,
    counted_at DateTime64(3, 'UTC')
)
ENGINE = @Plain()
ORDER BY (topic, hour, site, kind, measure, partition, version);

CREATE MATERIALIZED VIEW IF NOT EXISTS checkline.cells_to_history @OnCluster TO checkline.cell_history@Local AS
SELECT topic, hour, site, kind, measure, partition, value, version, counted_at
FROM checkline.cells@Local
WHERE toInt64(value) != previous;
