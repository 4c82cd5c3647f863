package peer;

import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.SerializationFeature;
import com.fasterxml.jackson.datatype.jsr310.JavaTimeModule;
import java.io.FileDescriptor;
import java.io.FileOutputStream;
import java.io.IOException;
import java.util.LinkedHashMap;
import java.util.Map;

/** One JSON object a line on stdout, nothing else there: whoever reads it parses every line. */
final class Out {
    private static final ObjectMapper JSON = new ObjectMapper().registerModule(new JavaTimeModule())
        .disable(SerializationFeature.WRITE_DATES_AS_TIMESTAMPS);
    // Not System.out, which Main points at stderr, so that no library can print between our lines.
    private static final FileOutputStream STDOUT = new FileOutputStream(FileDescriptor.out);

    private Out() {}

    /** Name, value, name, value ... */
    static void line(Object... pairs) {
        Map<String, Object> line = new LinkedHashMap<>();
        for (int i = 0; i < pairs.length; i += 2) line.put((String) pairs[i], pairs[i + 1]);
        line(line);
    }

    static void line(Map<String, Object> line) {
        byte[] bytes;
        try {
            bytes = (JSON.writeValueAsString(line) + "\n").getBytes(java.nio.charset.StandardCharsets.UTF_8);
        } catch (IOException e) {
            throw new IllegalStateException(e);
        }
        synchronized (STDOUT) {
            try {
                STDOUT.write(bytes); // unbuffered: one write is one line
            } catch (IOException e) {
                Runtime.getRuntime().halt(1); // the reader has gone, so nobody needs us
            }
        }
    }
}
