CREATE TEMPORARY TABLE numbers (id BIGINT)
WITH ('connector' = 'datagen', 'fields.id.kind' = 'sequence', 'fields.id.start' = '1', 'fields.id.end' = '100000');

CREATE TEMPORARY TABLE orders (id BIGINT, customer STRING, price DOUBLE, `at` TIMESTAMP_LTZ(3))
WITH ('connector' = 'pinotage', 'controller' = 'localhost:9000', 'staging' = '/tmp/pinotage', 'job' = 'orders-sql',
    'sink.segment.max-rows' = '40000');

INSERT INTO orders
SELECT id, 'c' || CAST(MOD(id, 1000) AS STRING), CAST(MOD(id, 97) AS DOUBLE) + 0.5, TO_TIMESTAMP_LTZ(1700000000000 + id * 1000, 3)
FROM numbers;
