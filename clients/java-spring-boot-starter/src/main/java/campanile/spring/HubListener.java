package campanile.spring;

import campanile.Event;
import java.util.List;

/** Hears the events of topics from the first start of the application on. A bean of it is called in order, once for each event that has an id. */
public interface HubListener {
    /** The name of its cursor in the database. */
    String name();

    /** The topics, such as {@code user:bob} or {@code *}. */
    List<String> topics();

    /** Takes an event, in the transaction that moves the cursor: what is thrown rolls both back, and the event comes again. */
    void handle(Event event) throws Exception;
}
