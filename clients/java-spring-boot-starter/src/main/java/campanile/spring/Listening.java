package campanile.spring;

import campanile.Campanile;
import campanile.Cursor;
import campanile.Event;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.locks.LockSupport;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;
import org.springframework.context.SmartLifecycle;
import org.springframework.dao.DuplicateKeyException;
import org.springframework.jdbc.core.JdbcTemplate;
import org.springframework.transaction.support.TransactionTemplate;

/** Watches the hub for each listener, with a cursor in the application's database that several processes of it may share. */
class Listening implements SmartLifecycle {
    private static final Logger LOG = LoggerFactory.getLogger(Listening.class);
    /** The pause after a listener has failed, or the hub has refused. */
    private static final Duration PAUSE = Duration.ofSeconds(5);

    private final Campanile hub;
    private final JdbcTemplate jdbc;
    private final TransactionTemplate transaction;
    private final List<HubListener> listeners;
    private final List<Watcher> watchers = new ArrayList<>();

    Listening(Campanile hub, JdbcTemplate jdbc, TransactionTemplate transaction, List<HubListener> listeners) {
        this.hub = hub;
        this.jdbc = jdbc;
        this.transaction = transaction;
        this.listeners = listeners;
    }

    @Override
    public void start() {
        listeners.forEach(listener -> watchers.add(new Watcher(listener)));
        watchers.forEach(Thread::start);
    }

    @Override
    public void stop() {
        watchers.forEach(Watcher::end);
        watchers.clear();
    }

    @Override
    public boolean isRunning() {
        return !watchers.isEmpty();
    }

    private final class Watcher extends Thread implements Cursor {
        private final HubListener listener;
        private volatile boolean isEnding;
        /** The position that this process has seen last. */
        private Long seen;

        Watcher(HubListener listener) {
            super("campanile-" + listener.name());
            this.listener = listener;
        }

        @Override
        public void run() {
            while (!isEnding) {
                try {
                    hub.watch(listener.topics(), this, this::take);
                } catch (Exception error) {
                    if (!isEnding) {
                        LOG.error("{} stopped listening, and begins again", listener.name(), error);
                        LockSupport.parkNanos(PAUSE.toNanos());
                    }
                }
            }
        }

        /** Takes the same lock as all that uses the database: an interrupt would break the connection to some. */
        synchronized void end() {
            isEnding = true;
            interrupt();
        }

        private synchronized void take(Event event) throws Exception {
            check();
            Exception failure = transaction.execute(status -> {
                try {
                    if (event.id() == null || event.event().equals("gap") || advance(event.id())) {
                        listener.handle(event);
                    }
                    return null;
                } catch (Exception error) {
                    status.setRollbackOnly();
                    return error;
                }
            });
            if (failure != null) {
                throw failure;
            }
        }

        /** Moves the cursor forward; false if another process was there before, which has handled the event then. */
        private boolean advance(long position) {
            return jdbc.update("update campanile_cursor set position = ? where name = ? and position < ?", position, listener.name(), position) == 1;
        }

        @Override
        public synchronized Long load() throws InterruptedException {
            check();
            List<Long> found = jdbc.queryForList("select position from campanile_cursor where name = ?", Long.class, listener.name());
            seen = found.isEmpty() ? null : found.get(0);
            return seen;
        }

        @Override
        public synchronized void save(long position) throws InterruptedException {
            check();
            boolean isFirst = seen == null;
            // The log of a hub that was replaced counts anew: only then it goes back.
            boolean isReplaced = !isFirst && position < seen;
            seen = position;
            if (isReplaced) {
                jdbc.update("update campanile_cursor set position = ? where name = ?", position, listener.name());
            } else if (!advance(position) && isFirst) {
                try {
                    jdbc.update("insert into campanile_cursor (name, position) values (?, ?)", listener.name(), position);
                } catch (DuplicateKeyException error) {
                    // Another process began at the same time, and went further.
                }
            }
        }

        private void check() throws InterruptedException {
            if (isEnding) {
                throw new InterruptedException();
            }
        }
    }
}
