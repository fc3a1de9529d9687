import org.apache.spark.sql.SparkSession;

/**
 * How many rows a table of Pinot has for each value of a column: {@code javac -cp "$SPARK_HOME/jars/*" ReadTable.java}, then
 * {@code spark-submit --jars pinotage-spark-0.1.0.jar --class ReadTable … localhost:9000 departures origin}.
 */
public final class ReadTable {
    private ReadTable() {}

    public static void main(String[] args) {
        SparkSession spark = SparkSession.builder()
                .appName("ReadTable")
                .config("spark.sql.catalog.pinot", "io.pinotage.spark.PinotCatalog")
                .config("spark.sql.catalog.pinot.controller", args[0])
                .getOrCreate();
        // By the name of the format…
        long rows = spark.read().format("pinotage").option("controller", args[0]).load(args[1]).count();
        System.out.println(rows + " rows");
        // …and as a table of a catalog.
        spark.sql("SELECT " + args[2] + ", COUNT(*) FROM pinot.default." + args[1] + " GROUP BY 1 ORDER BY 1").show(false);
        spark.stop();
    }
}
