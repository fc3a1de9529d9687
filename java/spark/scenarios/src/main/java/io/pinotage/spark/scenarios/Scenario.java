package io.pinotage.spark.scenarios;

import org.apache.spark.sql.SparkSession;

/** What tests have Spark do, by name. */
interface Scenario {
    /** Does it, and says what the test wants to know. */
    String run(SparkSession spark, Options options) throws Exception;

    /** Runs the scenario of this name. */
    static String run(String name, SparkSession spark, Options options) throws Exception {
        return named(name).run(spark, options);
    }

    private static Scenario named(String name) {
        switch (name) {
            case "version":
                return Scenario::version;
            case "sql":
                return Sql::run;
            case "compare":
                return Compare::run;
            case "later":
                return Later::run;
            case "drain":
                return Drain::run;
            case "noop":
                return Noop::run;
            case "cost":
                return Cost::run;
            case "cancel":
                return Cancel::run;
            case "memory":
                return Memory::run;
            case "write":
                return Writes::batch;
            case "stream":
                return Writes::stream;
            default:
                throw new IllegalArgumentException("there is no scenario `" + name + "`");
        }
    }

    /** The version of Spark, and that it runs tasks. */
    private static String version(SparkSession spark, Options options) {
        return spark.version() + " " + spark.range(options.number("rows", 10)).count();
    }
}
