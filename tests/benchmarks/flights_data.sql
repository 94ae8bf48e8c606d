-- The files that flights.sql reads: the same rows every time, out of the row's number alone.
COPY (
    SELECT i AS id,
           TIMESTAMP '2013-01-01' + to_seconds((i * 31536000) // {rows}) AS departed,
           'C' || lpad((hash(i * 7) % 16)::VARCHAR, 2, '0') AS carrier,
           'N' || lpad((hash(i * 11) % 4000)::VARCHAR, 5, '0') AS tail,
           'A' || lpad((hash(i * 13) % 40)::VARCHAR, 3, '0') AS origin,
           'A' || lpad((hash(i * 17) % 300)::VARCHAR, 3, '0') AS dest,
           (hash(i * 19) % 200)::INTEGER - 20 AS dep_delay,
           CASE WHEN hash(i * 23) % 50 > 0 THEN (hash(i * 19) % 200)::INTEGER - 20 + (hash(i * 29) % 40)::INTEGER - 20 END
               AS arr_delay,
           CASE WHEN hash(i * 31) % 60 > 0 THEN (hash(i * 37) % 400)::INTEGER + 20 END AS air_time,
           (hash(i * 41) % 4800)::INTEGER + 100 AS distance
    FROM range({rows}) t(i)
) TO '{data}/flights.parquet' (FORMAT parquet);
COPY (
    SELECT 'A' || lpad(i::VARCHAR, 3, '0') AS code, 'R' || (i % 9) AS region,
           (hash(i) % 9000)::DOUBLE / 100 AS lat, (hash(i * 3) % 18000)::DOUBLE / 100 AS lon
    FROM range(300) t(i)
) TO '{data}/airports.parquet' (FORMAT parquet);
COPY (
    SELECT 'C' || lpad(i::VARCHAR, 2, '0') AS carrier, 'Carrier ' || i AS title, 'L' || (i % 3) AS alliance
    FROM range(16) t(i)
) TO '{data}/carriers.parquet' (FORMAT parquet);
