package io.pinotage.flink.scenarios;

import io.pinotage.PinotageException;
import java.io.BufferedReader;
import java.io.InputStreamReader;
import java.io.PrintStream;
import java.nio.charset.StandardCharsets;
import java.util.Arrays;

/**
 * Runs scenarios for tests: a line on standard input, {@code <scenario> <option>=<value> …}, gets a line as its answer, {@code ok …}
 * or {@code failed …}. It ends when the input does.
 */
public final class Main {
    private Main() {}

    /** Takes no arguments. */
    public static void main(String[] args) throws Exception {
        PrintStream answers = new PrintStream(System.out, true, StandardCharsets.UTF_8);
        // Whatever a library prints is no answer.
        System.setOut(System.err);
        answers.println("ready");
        BufferedReader lines = new BufferedReader(new InputStreamReader(System.in, StandardCharsets.UTF_8));
        for (String line = lines.readLine(); line != null; line = lines.readLine()) {
            answers.println(answer(line).replace('\n', ' '));
        }
        // Threads of clusters that were cut short are no reason to stay.
        System.exit(0);
    }

    private static String answer(String line) {
        String[] words = line.trim().split(" ");
        try {
            Options options = Options.of(Arrays.copyOfRange(words, 1, words.length));
            return "ok " + new Job(options).run(words[0]);
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
