package io.pinotage.spark.read;

import io.pinotage.scan.ScanPlan;
import io.pinotage.scan.ScanSplit;
import io.pinotage.sink.PinotPartitioner;
import io.pinotage.spark.write.PartitionFunction;
import java.net.URLDecoder;
import java.net.URLEncoder;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Set;
import java.util.stream.Collectors;
import org.apache.spark.sql.connector.expressions.Expression;
import org.apache.spark.sql.connector.expressions.Expressions;
import org.apache.spark.sql.connector.expressions.NamedReference;
import org.apache.spark.sql.connector.read.partitioning.KeyGroupedPartitioning;
import org.apache.spark.sql.connector.read.partitioning.Partitioning;

/**
 * The partitions of a scan as Spark knows them: by a function of its catalog. Two tables that are partitioned in the same way name
 * the same function, as its name is all that it is: {@code pinot_partition(Murmur,8,0,3,STRING)}, and what Spark asks of it nobody
 * else is asked for.
 */
public final class Partitions {
    private static final String BEGIN = "pinot_partition(";
    private static final String END = ")";
    /** Where the parts of a partitioner have how many columns there are, and the name of the first. */
    private static final int COUNT = 4;

    private static final int COLUMN = 5;

    private Partitions() {}

    /** How the rows of a plan are spread, which has a partitioner. */
    static Partitioning of(ScanPlan plan) {
        String column = plan.partitioner().columns().get(0);
        Expression key = Expressions.apply(name(plan.partitioner()), column(column));
        return new KeyGroupedPartitioning(new Expression[] {key}, count(plan));
    }

    /** How many partitions have rows. */
    static int count(ScanPlan plan) {
        return numbers(plan).size();
    }

    private static Set<Integer> numbers(ScanPlan plan) {
        return plan.splits().stream().map(ScanSplit::partition).collect(Collectors.toSet());
    }

    /** Whether the partitions of a plan are those of another one, or some of them. Spark does not take none for some. */
    static boolean areAmong(ScanPlan plan, ScanPlan others) {
        PinotPartitioner partitioner = plan.partitioner();
        boolean isAlike = partitioner != null && partitioner.parts().equals(others.partitioner().parts());
        return isAlike && !plan.splits().isEmpty() && numbers(others).containsAll(numbers(plan));
    }

    /** A column by its name, which Spark reads as SQL. */
    static NamedReference column(String name) {
        return Expressions.column("`" + name.replace("`", "``") + "`");
    }

    private static String name(PinotPartitioner partitioner) {
        List<String> parts = new ArrayList<>(partitioner.parts());
        parts.subList(COUNT, COLUMN + 1).clear();
        return parts.stream()
                .map(part -> URLEncoder.encode(part, StandardCharsets.UTF_8))
                .collect(Collectors.joining(",", BEGIN, END));
    }

    /** The function of a name that a scan gave; null for any other name. */
    public static PartitionFunction function(String name) {
        if (!name.startsWith(BEGIN) || !name.endsWith(END)) {
            return null;
        }
        List<String> parts = Arrays.stream(name.substring(BEGIN.length(), name.length() - END.length()).split(",", -1))
                .map(part -> URLDecoder.decode(part, StandardCharsets.UTF_8))
                .collect(Collectors.toCollection(ArrayList::new));
        if (parts.size() <= COUNT) {
            return null;
        }
        parts.addAll(COUNT, Arrays.asList("1", "value"));
        try {
            return PartitionFunction.named(name, PinotPartitioner.of(parts.toArray(new String[0])));
        } catch (NumberFormatException notOurs) {
            return null;
        }
    }
}
