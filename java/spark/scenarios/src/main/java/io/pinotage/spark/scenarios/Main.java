package io.pinotage.spark.scenarios;

import io.pinotage.PinotageException;
import java.io.BufferedReader;
import java.io.InputStreamReader;
import java.io.PrintStream;
import java.nio.charset.StandardCharsets;
import java.util.Map;
import java.util.TreeMap;
import org.apache.spark.sql.SparkSession;

/**
 * Runs scenarios for tests: a line on standard input, {@code <scenario> <option>=<value> …}, gets a line as its answer, {@code ok …}
 * or {@code failed …}. It ends when the input does.
 */
public final class Main {
    private Main() {}

    /** Takes settings of Spark, {@code <name>=<value>}. */
    public static void main(String[] args) throws Exception {
        PrintStream answers = new PrintStream(System.out, true, StandardCharsets.UTF_8);
        // Whatever a library prints is no answer.
        System.setOut(System.err);
        SparkSession spark = session(args);
        answers.println("ready");
        BufferedReader lines = new BufferedReader(new InputStreamReader(System.in, StandardCharsets.UTF_8));
        for (String line = lines.readLine(); line != null; line = lines.readLine()) {
            answers.println(answer(spark, line).replace('\n', ' '));
        }
        // Threads of jobs that were cut short are no reason to stay.
        System.exit(0);
    }

    private static SparkSession session(String[] settings) {
        SparkSession.Builder builder = SparkSession.builder();
        builder.master("local[2,4]").appName("scenarios");
        builder.config("spark.ui.enabled", "false");
        builder.config("spark.driver.bindAddress", "127.0.0.1").config("spark.driver.host", "127.0.0.1");
        builder.config("spark.sql.shuffle.partitions", "3");
        // A clock that no Pinot has.
        builder.config("spark.sql.session.timeZone", "Pacific/Chatham");
        for (String setting : settings) {
            int equals = setting.indexOf('=');
            builder.config(setting.substring(0, equals), setting.substring(equals + 1));
        }
        return builder.getOrCreate();
    }

    private static String answer(SparkSession spark, String line) {
        String[] words = line.trim().split(" ");
        Map<String, String> options = new TreeMap<>();
        for (int i = 1; i < words.length; i++) {
            int equals = words[i].indexOf('=');
            options.put(words[i].substring(0, equals), words[i].substring(equals + 1));
        }
        try {
            return "ok " + Scenario.run(words[0], spark, new Options(options));
        } catch (Throwable error) {
            error.printStackTrace();
            return "failed " + chain(error);
        }
    }

    /** All messages from the outermost to the cause, those of ours with kind and advice. */
    private static String chain(Throwable error) {
        StringBuilder text = new StringBuilder();
        for (Throwable at = error; at != null; at = at.getCause()) {
            text.append(at.getClass().getSimpleName()).append(": ").append(at.getMessage());
            if (at instanceof PinotageException) {
                PinotageException ours = (PinotageException) at;
                text.append(" [").append(ours.kind().text()).append("] ").append(ours.context());
            }
            text.append(" | ");
        }
        return text.toString();
    }
}
