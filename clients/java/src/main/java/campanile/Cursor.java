package campanile;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;

/** Keeps a position in the log. */
public interface Cursor {
    /** The position, or null where there is none yet: then the stream starts now. */
    Long load() throws Exception;

    void save(long position) throws Exception;

    /** A cursor in a file, which is replaced as a whole. */
    static Cursor inFile(Path file) {
        return new Cursor() {
            @Override
            public Long load() throws IOException {
                return Files.exists(file) ? Long.valueOf(Files.readString(file)) : null;
            }

            @Override
            public void save(long position) throws IOException {
                Path next = file.resolveSibling(file.getFileName() + ".new");
                Files.writeString(next, Long.toString(position));
                Files.move(next, file, StandardCopyOption.ATOMIC_MOVE);
            }
        };
    }
}
