package campanile;

import com.fasterxml.jackson.annotation.JsonInclude;
import java.util.Map;

/** An alarm to publish; {@code to} names one kind of recipient, as in {@code Map.of("user", "bob")}. */
@JsonInclude(JsonInclude.Include.NON_NULL)
public record NewAlarm(
        Map<String, ?> to, String alarmType, String fromUserId, String targetId, Object data, String url, Long expiresInSeconds) {

    public static NewAlarm to(Map<String, ?> to, String alarmType) {
        return new NewAlarm(to, alarmType, null, null, null, null, null);
    }

    public static NewAlarm toUser(String user, String alarmType) {
        return to(Map.of("user", user), alarmType);
    }

    public NewAlarm withFromUserId(String it) {
        return new NewAlarm(to, alarmType, it, targetId, data, url, expiresInSeconds);
    }

    public NewAlarm withTargetId(String it) {
        return new NewAlarm(to, alarmType, fromUserId, it, data, url, expiresInSeconds);
    }

    public NewAlarm withData(Object it) {
        return new NewAlarm(to, alarmType, fromUserId, targetId, it, url, expiresInSeconds);
    }

    public NewAlarm withUrl(String it) {
        return new NewAlarm(to, alarmType, fromUserId, targetId, data, it, expiresInSeconds);
    }

    public NewAlarm withExpiresInSeconds(long it) {
        return new NewAlarm(to, alarmType, fromUserId, targetId, data, url, it);
    }
}
