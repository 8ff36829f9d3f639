-- One person's rows without reading the tables: they are ordered by hour, a person is anywhere. About 10 bits a token
-- and granule; parts that were written before get it too.

ALTER TABLE checkline.check_ins@Local @OnCluster
    ADD INDEX IF NOT EXISTS of_token token TYPE bloom_filter(0.01) GRANULARITY 1;

ALTER TABLE checkline.check_ins@Local @OnCluster MATERIALIZE INDEX of_token;

ALTER TABLE checkline.temperatures@Local @OnCluster
    ADD INDEX IF NOT EXISTS of_token token TYPE bloom_filter(0.01) GRANULARITY 1;

ALTER TABLE checkline.temperatures@Local @OnCluster MATERIALIZE INDEX of_token;

ALTER TABLE checkline.follow_ups@Local @OnCluster
    ADD INDEX IF NOT EXISTS of_token token TYPE bloom_filter(0.01) GRANULARITY 1;

ALTER TABLE checkline.follow_ups@Local @OnCluster MATERIALIZE INDEX of_token;
