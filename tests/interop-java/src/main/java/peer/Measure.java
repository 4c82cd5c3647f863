package peer;

import com.sun.management.OperatingSystemMXBean;
import java.io.IOException;
import java.lang.management.ManagementFactory;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Instant;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.atomic.AtomicInteger;

/** One run of a benchmark: `warmup` events that do not count, then `count` that do. */
final class Measure {
    private static final OperatingSystemMXBean SYSTEM = (OperatingSystemMXBean) ManagementFactory.getOperatingSystemMXBean();

    private final int warmup;
    private final double[] latencies;
    private final AtomicInteger seen = new AtomicInteger();
    private final AtomicInteger finished = new AtomicInteger();
    private final CountDownLatch done = new CountDownLatch(1);
    private volatile double firstMs;
    private volatile double lastMs;
    private volatile double cpuAtFirst;
    private volatile double cpuAtLast;

    Measure(int count, int warmup) {
        if (count < 1 || warmup < 0) throw new Options.Wrong("--count is at least 1 and --warmup at least 0");
        this.latencies = new double[count];
        this.warmup = warmup;
    }

    /** Notes one event; NaN for a latency that is not known. Answers whether it was the very first. */
    boolean record(double latencyMs) {
        int i = seen.getAndIncrement();
        int n = i - warmup;
        if (n >= 0 && n < latencies.length) {
            if (n == 0) {
                cpuAtFirst = cpuSeconds();
                firstMs = nowMs();
            }
            latencies[n] = latencyMs;
            // The last to be written ends the run, so that no latency is read before it is there.
            if (finished.incrementAndGet() == latencies.length) {
                lastMs = nowMs();
                cpuAtLast = cpuSeconds();
                done.countDown();
            }
        }
        return i == 0;
    }

    void await() throws InterruptedException {
        done.await();
    }

    Map<String, Object> result(String cpuName) {
        Map<String, Object> line = new LinkedHashMap<>();
        int n = latencies.length;
        line.put("done", true);
        line.put("count", n);
        line.put("warmup", warmup);
        line.put("firstMs", Math.round(firstMs));
        line.put("lastMs", Math.round(lastMs));
        // From the first to the last are n - 1 intervals.
        line.put("perSecond", lastMs > firstMs ? round((n - 1) * 1000.0 / (lastMs - firstMs)) : null);
        line.put("cpuSeconds", round(cpuSeconds()));
        line.put(cpuName, round(cpuAtLast - cpuAtFirst));
        line.put("peakMemoryBytes", peakMemoryBytes());
        double[] known = Arrays.stream(latencies).filter(l -> !Double.isNaN(l)).sorted().toArray();
        if (known.length > 0) {
            line.put("p50Ms", round(rank(known, 0.50)));
            line.put("p99Ms", round(rank(known, 0.99)));
            line.put("maxMs", round(known[known.length - 1]));
        }
        return line;
    }

    /** The smallest value that at least this part of all values does not exceed. */
    private static double rank(double[] sorted, double part) {
        return sorted[Math.max(0, (int) Math.ceil(sorted.length * part) - 1)];
    }

    private static double round(double d) {
        return Math.round(d * 1000) / 1000.0;
    }

    /** Milliseconds since 1970, with their fraction. */
    static double nowMs() {
        Instant now = Instant.now();
        return now.getEpochSecond() * 1000.0 + now.getNano() / 1e6;
    }

    static long sinceStartMs() {
        return System.currentTimeMillis() - ManagementFactory.getRuntimeMXBean().getStartTime();
    }

    private static double cpuSeconds() {
        return SYSTEM.getProcessCpuTime() / 1e9;
    }

    /** The kernel's high-water mark of resident memory; null where there is no /proc. */
    private static Long peakMemoryBytes() {
        try {
            return Files.readAllLines(Path.of("/proc/self/status")).stream().filter(l -> l.startsWith("VmHWM:"))
                .map(l -> Long.parseLong(l.replaceAll("\\D", "")) * 1024).findFirst().orElse(null);
        } catch (IOException e) {
            return null;
        }
    }
}
