"""The flights of New York City: into Pinot, and out of it again.

    spark-submit --jars pinotage-spark-0.1.0.jar flights.py [controller [parquet]]
"""

import sys

from pyspark.sql import SparkSession
from pyspark.sql.functions import avg, col, count

controller = sys.argv[1] if len(sys.argv) > 1 else "localhost:9000"
parquet = sys.argv[2] if len(sys.argv) > 2 else "examples/data/flights.parquet"

spark = (
    SparkSession.builder.appName("flights")
    .config("spark.sql.catalog.pinot", "io.pinotage.spark.PinotCatalog")
    .config("spark.sql.catalog.pinot.controller", controller)
    .getOrCreate()
)

# Segments are built in the tasks and wait in `staging`; the driver publishes all of them in one step. Run again, it
# replaces the rows of the table, and no query sees some of both.
(
    spark.read.parquet(parquet)
    .select("time_hour", "carrier", "flight", "origin", "dest", "dep_delay", "arr_delay", "distance")
    .write.format("pinotage")
    .option("controller", controller)
    .option("table", "departures")
    .option("staging", "/tmp/pinotage")
    .option("createTable", "ifMissing")
    .option("create.timeColumn", "time_hour")
    .mode("overwrite")
    .save()
)

# The condition goes to where rows are read, and so does the aggregation if servers read them. The plan says who does, and why.
late = spark.sql("SELECT origin, count(*) AS late FROM pinot.default.departures WHERE dep_delay > 60 GROUP BY origin ORDER BY origin")
late.explain()
late.show()

# Rows come as Arrow's columns: from servers or, if the scan finds it better, from the segments themselves.
departures = spark.table("pinot.default.departures")
airlines = spark.createDataFrame([("AA", "American"), ("B6", "JetBlue"), ("UA", "United")], ["carrier", "airline"])
(
    departures.join(airlines, "carrier")
    .groupBy("airline")
    .agg(count("*").alias("flights"), avg(col("arr_delay")).alias("minutes late"))
    .orderBy("airline")
    .show()
)
