-- 16 nodes over the flights that flights_data.sql makes. A node begins at a line `-- node: kind.name`; the word `view`
-- after it marks the nodes that are no table of their own in the variant with views: those with one consumer.

-- node: source.flights
SELECT id, departed, carrier, tail, origin, dest, dep_delay, arr_delay, air_time, distance
FROM read_parquet('{data}/flights.parquet')

-- node: source.airports
SELECT code, region, lat, lon FROM read_parquet('{data}/airports.parquet')

-- node: source.carriers
SELECT carrier, title, alliance FROM read_parquet('{data}/carriers.parquet')

-- node: transform.valid view
SELECT id, departed, carrier, origin, dest, dep_delay, arr_delay, distance, arr_delay - dep_delay AS made_up
FROM source.flights
WHERE arr_delay IS NOT NULL AND distance > 200

-- node: transform.named view
SELECT v.id, v.departed, v.origin, v.dest, v.dep_delay, v.arr_delay, v.made_up, v.distance, c.title, c.alliance
FROM transform.valid v JOIN source.carriers c USING (carrier)

-- node: transform.by_carrier
SELECT title, alliance, count(*) AS flights, avg(arr_delay) AS delay, avg(made_up) AS made_up,
       quantile_cont(distance, 0.9) AS far
FROM transform.named
GROUP BY title, alliance
ORDER BY title

-- node: transform.located view
SELECT f.id, f.departed, f.origin, f.dest, o.region AS origin_region, d.region AS dest_region, f.arr_delay, f.air_time, f.distance,
       abs(o.lat - d.lat) + abs(o.lon - d.lon) AS spread
FROM source.flights f
JOIN source.airports o ON f.origin = o.code
JOIN source.airports d ON f.dest = d.code

-- node: transform.legs view
SELECT id, departed, origin, dest, origin_region, dest_region, arr_delay, spread,
       origin || '-' || dest AS route, distance / nullif(air_time, 0) * 60 AS speed,
       CASE WHEN arr_delay > 60 THEN 'late' WHEN arr_delay > 15 THEN 'slow' ELSE 'good' END AS grade
FROM transform.located
WHERE air_time IS NOT NULL

-- node: transform.by_route
SELECT route, origin_region, dest_region, count(*) AS flights, avg(speed) AS speed, max(spread) AS spread,
       count(*) FILTER (WHERE grade = 'late') AS late
FROM transform.legs
GROUP BY route, origin_region, dest_region
ORDER BY route, origin_region, dest_region

-- node: transform.top_routes
SELECT * FROM (
    SELECT *, row_number() OVER (PARTITION BY origin_region ORDER BY flights DESC, route) AS rank FROM transform.by_route
)
WHERE rank <= 20
ORDER BY origin_region, rank

-- node: transform.turns view
SELECT id, tail, departed, dest, arr_delay, distance,
       date_diff('minute', lag(departed) OVER w, departed) AS ground, lag(arr_delay) OVER w AS delay_before
FROM source.flights
WINDOW w AS (PARTITION BY tail ORDER BY departed, id)

-- node: transform.by_tail
SELECT tail, count(*) AS flights, avg(ground) AS ground, corr(arr_delay, delay_before) AS carried, sum(distance)::BIGINT AS flown
FROM transform.turns
WHERE ground IS NOT NULL
GROUP BY tail
ORDER BY tail

-- node: transform.daily
SELECT origin, CAST(departed AS DATE) AS day, count(*) AS flights, avg(dep_delay) AS delay, max(dep_delay) AS worst
FROM source.flights
GROUP BY origin, day
ORDER BY origin, day

-- node: transform.rolling
SELECT origin, day, flights, avg(delay) OVER w AS delay_week, max(worst) OVER w AS worst_week
FROM transform.daily
WINDOW w AS (PARTITION BY origin ORDER BY day ROWS BETWEEN 6 PRECEDING AND CURRENT ROW)
ORDER BY origin, day

-- node: transform.visitors
SELECT dest, count(*) AS tails, min(seen) AS first_seen
FROM (SELECT dest, tail, min(departed) AS seen FROM source.flights GROUP BY dest, tail)
GROUP BY dest
ORDER BY dest

-- node: transform.summary
SELECT r.region, r.routes, r.flights, v.tails, d.worst, (SELECT max(far) FROM transform.by_carrier) AS far,
       (SELECT avg(ground) FROM transform.by_tail) AS ground
FROM (SELECT origin_region AS region, count(*) AS routes, sum(flights)::BIGINT AS flights
      FROM transform.top_routes GROUP BY region) r
CROSS JOIN (SELECT sum(tails)::BIGINT AS tails FROM transform.visitors) v
CROSS JOIN (SELECT max(worst_week) AS worst FROM transform.rolling) d
ORDER BY r.region
