package campanile.spring;

import campanile.Campanile;
import campanile.HubException;
import campanile.NewAlarm;
import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.databind.DeserializationFeature;
import com.fasterxml.jackson.databind.ObjectMapper;
import java.util.List;
import java.util.Set;
import java.util.UUID;
import java.util.concurrent.locks.LockSupport;
import javax.sql.DataSource;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;
import org.springframework.context.SmartLifecycle;
import org.springframework.jdbc.core.JdbcTemplate;
import org.springframework.transaction.support.TransactionSynchronization;
import org.springframework.transaction.support.TransactionSynchronizationManager;
import org.springframework.transaction.support.TransactionTemplate;

/**
 * Takes alarms into the transaction of the application. What is committed is published, once, in the order of the rows, and deleted; what is rolled
 * back is not. One process at a time publishes, the one that has locked the first row; where no lock is held, the keys of the rows let the hub store
 * each alarm once all the same.
 */
public class Outbox implements SmartLifecycle {
    private static final Logger LOG = LoggerFactory.getLogger(Outbox.class);
    /** The rows of one transaction. */
    private static final int BATCH = 100;
    private static final int LONGEST_REASON = 1000;
    /** The answers that a row gets again whenever it is sent. Any other is of the hub or the key, and all rows wait for it. */
    private static final Set<Integer> REFUSALS = Set.of(400, 403, 413, 422);
    private static final String WAITING = " from campanile_outbox where refused is null";

    private final Campanile hub;
    private final JdbcTemplate jdbc;
    private final TransactionTemplate transaction;
    private final CampanileProperties properties;
    private final ObjectMapper dataMapper;
    private final ObjectMapper json = new ObjectMapper().enable(DeserializationFeature.USE_BIG_DECIMAL_FOR_FLOATS);
    private volatile Thread thread;

    private record Row(long id, String key, String alarm) {}

    /** The data of alarms is written by the mapper of the application. */
    Outbox(Campanile hub, DataSource database, TransactionTemplate transaction, CampanileProperties properties, ObjectMapper dataMapper) {
        this.hub = hub;
        this.jdbc = new JdbcTemplate(database);
        this.jdbc.setMaxRows(BATCH);
        this.transaction = transaction;
        this.properties = properties;
        this.dataMapper = dataMapper;
    }

    public void publish(NewAlarm alarm) {
        publish(alarm, UUID.randomUUID().toString());
    }

    /** Publishes an alarm, under a key of the application's own: alarms of one key are published once within 24 hours. */
    public void publish(NewAlarm alarm, String idempotencyKey) {
        NewAlarm plain = alarm.data() == null ? alarm : alarm.withData(dataMapper.valueToTree(alarm.data()));
        jdbc.update("insert into campanile_outbox (idempotency_key, alarm) values (?, ?)", idempotencyKey, json.valueToTree(plain).toString());
        if (!TransactionSynchronizationManager.isSynchronizationActive()) {
            LockSupport.unpark(thread);
            return;
        }
        TransactionSynchronizationManager.registerSynchronization(new TransactionSynchronization() {
            @Override
            public void afterCommit() {
                LockSupport.unpark(thread);
            }
        });
    }

    @Override
    public void start() {
        thread = new Thread(this::run, "campanile-outbox");
        thread.start();
    }

    /** Waits for the end of what is under way: an interrupt would break the connection to some databases. */
    @Override
    public void stop() {
        Thread ending = thread;
        thread = null;
        LockSupport.unpark(ending);
        try {
            ending.join();
        } catch (InterruptedException error) {
            Thread.currentThread().interrupt();
        }
    }

    @Override
    public boolean isRunning() {
        return thread != null;
    }

    private void run() {
        while (isRunning()) {
            boolean goesOn = false;
            try {
                goesOn = Boolean.TRUE.equals(transaction.execute(status -> publishSome()));
            } catch (RuntimeException error) {
                LOG.warn("the outbox cannot be read: {}", error.getMessage());
            }
            if (!goesOn) {
                LockSupport.parkNanos(properties.every().toNanos());
            }
        }
    }

    /** Gives true if there may be more to publish at once. What is published is deleted with the commit, also where a later row fails. */
    private boolean publishSome() {
        List<Long> first = jdbc.queryForList("select id" + WAITING + " and id = (select min(id)" + WAITING + ") " + properties.lock(), Long.class);
        if (first.isEmpty()) {
            return false;
        }
        List<Row> rows = jdbc.query("select id, idempotency_key, alarm" + WAITING + " and id >= ? order by id",
                (row, number) -> new Row(row.getLong(1), row.getString(2), row.getString(3)), first.get(0));
        for (Row row : rows) {
            if (!isRunning() || !isDone(row)) {
                return false;
            }
        }
        return true;
    }

    /** Gives false if the row has to be published later. */
    private boolean isDone(Row row) {
        try {
            hub.publish(json.readValue(row.alarm, NewAlarm.class), row.key);
            jdbc.update("delete from campanile_outbox where id = ?", row.id);
        } catch (HubException | JsonProcessingException error) {
            if (error instanceof HubException failure && !REFUSALS.contains(failure.status())) {
                LOG.warn("the outbox waits for the hub: {}", error.getMessage());
                return false;
            }
            refuse(row, error);
        } catch (InterruptedException error) {
            return false;
        }
        return true;
    }

    /** Keeps the row for people to look at, so that it holds up no other. */
    private void refuse(Row row, Exception reason) {
        LOG.error("row {} of the outbox is refused: {}", row.id, reason.getMessage());
        String text = String.valueOf(reason.getMessage());
        jdbc.update("update campanile_outbox set refused = ? where id = ?", text.substring(0, Math.min(text.length(), LONGEST_REASON)), row.id);
    }
}
