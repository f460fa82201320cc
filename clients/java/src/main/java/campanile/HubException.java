package campanile;

import java.time.Duration;

/** An answer of the hub that is no success, or (status 0) the lack of one. */
@SuppressWarnings("serial")
public class HubException extends RuntimeException {
    private final int status;
    private final String code;
    private final String detail;
    private final transient Duration retryAfter;

    HubException(int status, String code, String detail, Duration retryAfter, Throwable cause) {
        super(code + ": " + detail, cause);
        this.status = status;
        this.code = code;
        this.detail = detail;
        this.retryAfter = retryAfter;
    }

    /** The status of the answer, or 0 without one. */
    public int status() {
        return status;
    }

    /** The fault, for a program. */
    public String code() {
        return code;
    }

    /** The fault, for people. */
    public String detail() {
        return detail;
    }

    Duration retryAfter() {
        return retryAfter;
    }

    /** True if the same request may succeed later. */
    public boolean isTemporary() {
        return code.equals("unreachable") || status == 408 || status == 429 || status >= 500;
    }
}
