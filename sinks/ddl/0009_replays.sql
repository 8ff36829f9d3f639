-- Replays: every step of each, who took it and when.

-- `document` is JSON: the plan, what a run came to, the differences, what was accepted.
CREATE TABLE IF NOT EXISTS checkline.replays @OnCluster
(
    name String,
    step Enum8(
        'PLANNED' = 0, 'STARTED' = 1, 'PAUSED' = 2, 'RESUMED' = 3, 'FAILED' = 4, 'DONE' = 5, 'COMPARED' = 6,
        'PROMOTING' = 7, 'PROMOTED' = 8, 'ROLLING_BACK' = 9, 'ROLLED_BACK' = 10, 'DROPPED' = 11
    ),
    noted_at DateTime64(6, 'UTC') DEFAULT now64(6),
    noted_by String,
    document String
)
ENGINE = @Plain()
ORDER BY noted_at;
