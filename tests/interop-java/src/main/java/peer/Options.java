package peer;

import java.util.LinkedHashMap;
import java.util.Map;

/** The options of the command line: --name=value, or --name for true. */
final class Options {
    private static final Map<String, String> GIVEN = new LinkedHashMap<>();

    private Options() {}

    static void parse(String[] args) {
        for (int i = 1; i < args.length; i++) {
            if (!args[i].startsWith("--")) throw new Wrong("not an option: " + args[i]);
            int eq = args[i].indexOf('=');
            GIVEN.put(eq < 0 ? args[i].substring(2) : args[i].substring(2, eq), eq < 0 ? "true" : args[i].substring(eq + 1));
        }
    }

    static String get(String name, String otherwise) {
        return GIVEN.getOrDefault(name, otherwise);
    }

    static String require(String name) {
        String value = GIVEN.get(name);
        if (value == null || value.isEmpty()) throw new Wrong("--" + name + "=... is needed");
        return value;
    }

    static int number(String name, int otherwise) {
        String value = GIVEN.get(name);
        if (value == null) return otherwise;
        try {
            return Integer.parseInt(value);
        } catch (NumberFormatException e) {
            throw new Wrong("--" + name + " is not a whole number: " + value);
        }
    }

    static int requireNumber(String name) {
        require(name);
        return number(name, 0);
    }

    static boolean flag(String name) {
        return Boolean.parseBoolean(GIVEN.get(name));
    }

    static Map<String, String> all() {
        return GIVEN;
    }

    /** A mistake on the command line. */
    static class Wrong extends RuntimeException {
        Wrong(String message) {
            super(message);
        }
    }
}
