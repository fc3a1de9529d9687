"""Reads the flights of Pinot with Spark: SQL of a catalog, and rows of a table joined with rows that Pinot does not have.

    spark-submit --jars pinotage-spark-0.1.0.jar flights.py [controller]
"""

import sys

from pyspark.sql import SparkSession
from pyspark.sql.functions import avg, col, count

controller = sys.argv[1] if len(sys.argv) > 1 else "localhost:9000"
spark = (
    SparkSession.builder.appName("flights")
    .config("spark.sql.catalog.pinot", "io.pinotage.spark.PinotCatalog")
    .config("spark.sql.catalog.pinot.controller", controller)
    .getOrCreate()
)

spark.sql("SHOW TABLES IN pinot.default").show()

# The condition and the aggregation go to Pinot's servers.
late = spark.sql("SELECT origin, count(*) AS late FROM pinot.default.flights WHERE dep_delay > 60 GROUP BY origin ORDER BY origin")
late.explain()
late.show()

# Rows come as Arrow's columns, from servers or from the segments themselves: `reader` says who reads.
flights = spark.read.format("pinotage").option("controller", controller).option("reader", "direct").load("flights")
airlines = spark.createDataFrame([("AA", "American"), ("B6", "JetBlue"), ("UA", "United")], ["carrier", "airline"])
(
    flights.join(airlines, "carrier")
    .where(~col("cancelled"))
    .groupBy("airline")
    .agg(count("*").alias("flights"), avg("arr_delay").alias("minutes late"))
    .orderBy("airline")
    .show()
)
