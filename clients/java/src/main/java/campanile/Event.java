package campanile;

import com.fasterxml.jackson.databind.JsonNode;

/**
 * An event of a stream: {@code alarm}, {@code message}, {@code state}, {@code presence}, {@code session}, or {@code gap}, where a part of
 * the history is gone. The id is null where there is nothing to resume from.
 */
public record Event(String event, Long id, JsonNode data) {}
