"""What is known of carriers, from another file's nodes."""

from seeknal.pipeline import feature_group, second_order_aggregation, transform
from seeknal.pipeline.materialization import Materialization, OfflineConfig


@feature_group(
    name="carrier_features",
    entity={"name": "carrier", "join_keys": ["carrier"]},
    materialization=Materialization(offline=OfflineConfig(format="parquet")),
)
def carrier_features(ctx):
    legs = ctx.ref("source.legs")
    late = ctx.ref("transform.late_legs")
    return ctx.duckdb.sql("""
        SELECT legs.carrier, count(*) AS legs, count(late.leg_id) AS late, sum(legs.miles) AS miles
        FROM legs LEFT JOIN late USING (leg_id) GROUP BY legs.carrier
    """).df()


@transform(name="worst", least="{{ today(-1) }}", top=1)
def worst(ctx):
    df = ctx.ref("feature_group.carrier_features")
    df["share"] = df["late"] / df["legs"]
    df["day"] = ctx.params["least"]
    return df.sort_values(["share", "carrier"], ascending=[False, True]).head(int(ctx.get_param("top")))
