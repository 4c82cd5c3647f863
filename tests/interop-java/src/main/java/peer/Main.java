package peer;

import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.atomic.AtomicBoolean;
import org.apache.rocketmq.logging.ch.qos.logback.classic.Level;
import org.apache.rocketmq.logging.ch.qos.logback.classic.Logger;
import org.apache.rocketmq.logging.org.slf4j.LoggerFactory;
import org.apache.rocketmq.remoting.netty.NettyRemotingClient;
import org.apache.rocketmq.spring.autoconfigure.RocketMQAutoConfiguration;
import org.apache.rocketmq.spring.support.DefaultRocketMQListenerContainer;
import org.springframework.boot.SpringApplication;
import org.springframework.boot.WebApplicationType;
import org.springframework.boot.autoconfigure.ImportAutoConfiguration;
import org.springframework.context.ConfigurableApplicationContext;
import org.springframework.context.annotation.Configuration;
import sun.misc.Signal;

/** java -jar interop-java.jar MODE [--name=value ...]. No component scan: each mode names the classes it needs. */
public final class Main {
    private static final String USAGE = "modes: produce, consume, member, bench-consume, bench-produce; see README.md";
    private static final AtomicBoolean ENDING = new AtomicBoolean();
    private static volatile ConfigurableApplicationContext context;
    private static volatile Runnable lastWords = () -> { };

    private Main() {}

    /** Of Spring Boot's auto-configurations only RocketMQ's: the others would cost time at each start. */
    @Configuration(proxyBeanMethods = false)
    @ImportAutoConfiguration(RocketMQAutoConfiguration.class)
    static class RocketMq { }

    public static void main(String[] args) throws Exception {
        System.setOut(System.err);
        // A JVM that a signal ends answers 143; an orderly end is not a failure.
        for (String signal : List.of("TERM", "INT")) Signal.handle(new Signal(signal), s -> end(0));
        settings();
        try {
            Options.parse(args);
            switch (args.length == 0 ? "" : args[0]) {
                case "produce": Produce.run(); break;
                case "consume": Consume.run(); break;
                case "member": Member.run(); break;
                case "bench-consume": BenchConsume.run(); break;
                case "bench-produce": BenchProduce.run(); break;
                default: throw new Options.Wrong(USAGE);
            }
        } catch (Throwable e) {
            // From a static field it comes wrapped.
            Throwable mistake = e instanceof ExceptionInInitializerError ? e.getCause() : e;
            if (mistake instanceof Options.Wrong) {
                System.err.println(mistake.getMessage());
                System.exit(2);
            }
            // A client that failed to start leaves threads that would keep the process alive for ever.
            e.printStackTrace();
            System.exit(1);
        }
    }

    /** What the libraries read once, when their classes load. A -D on the command line wins. */
    private static void settings() {
        Map<String, String> settings = new LinkedHashMap<>();
        // Queues move within a second of a change of the group, not within twenty.
        settings.put("rocketmq.client.rebalance.waitInterval", "1000");
        settings.put("rocketmq.client.rebalance.minInterval", "100");
        // The client's own copy of logback would write files under the home directory.
        settings.put("rmq.logback.configurationFile", "client-logback.xml");
        settings.put("org.springframework.boot.logging.LoggingSystem", "none");
        // No application.properties of the folder we are started in.
        settings.put("spring.config.location", "optional:classpath:/none/");
        settings.forEach((k, v) -> {
            if (System.getProperty(k) == null) System.setProperty(k, v);
        });
    }

    /** Starts Spring with the classes of a mode; `producer` says whether there is a RocketMQTemplate. */
    static ConfigurableApplicationContext spring(boolean producer, Class<?>... classes) {
        List<Class<?>> sources = new ArrayList<>(List.of(classes));
        sources.add(RocketMq.class);
        SpringApplication app = new SpringApplication(sources.toArray(Class<?>[]::new));
        app.setWebApplicationType(WebApplicationType.NONE);
        app.setBannerMode(org.springframework.boot.Banner.Mode.OFF);
        app.setLogStartupInfo(false);
        app.setRegisterShutdownHook(false); // end() closes the context, so that the last line comes after it
        // As arguments, since environment variables rank above an application's defaults.
        List<String> arguments = new ArrayList<>();
        arguments.add("--rocketmq.name-server=" + Options.get("namesrv", "127.0.0.1:9876"));
        if (producer) {
            arguments.add("--rocketmq.producer.group=" + Options.get("producer-group", "java-interop-producer-group"));
            arguments.add("--rocketmq.producer.send-message-timeout=10000");
        }
        Options.all().forEach((k, v) -> arguments.add("--peer." + k + "=" + v));
        context = app.run(arguments.toArray(String[]::new));
        return context;
    }

    /**
     * A client that closes two channels at once can wait for itself for 3 seconds: one thread holds a channel and wants
     * the table of channels, another the reverse. With that of the name server gone, only the broker's is left.
     */
    private static void closeNameServerChannels() {
        for (DefaultRocketMQListenerContainer c : context.getBeansOfType(DefaultRocketMQListenerContainer.class).values()) {
            NettyRemotingClient remoting = (NettyRemotingClient) c.getConsumer().getDefaultMQPushConsumerImpl().getmQClientFactory()
                .getMQClientAPIImpl().getRemotingClient();
            remoting.closeChannels(remoting.getNameServerAddressList());
        }
    }

    /** What to print once nothing is handled any more. */
    static void lastWords(Runnable words) {
        lastWords = words;
    }

    /** Stops consumers and producers, which finish what they hold, then the process. */
    static void end(int code) {
        if (!ENDING.compareAndSet(false, true)) return;
        // The client warns of every pull that its own end cuts off.
        ((Logger) LoggerFactory.getLogger(Logger.ROOT_LOGGER_NAME)).setLevel(Level.OFF);
        try {
            if (context != null) {
                closeNameServerChannels();
                context.close();
                lastWords.run();
            }
        } finally {
            System.exit(code);
        }
    }
}
