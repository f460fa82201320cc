package campanile

import (
	"bufio"
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"io"
	"io/fs"
	"net/http"
	"net/url"
	"os"
	"slices"
	"strconv"
	"strings"
	"time"
)

// A stream is dead after so many heartbeats of silence, and before it has told their length after so long.
const (
	missedHeartbeats = 3
	firstSilence     = 45 * time.Second
)

// Event is one event of a stream: "alarm", "message", "state", "presence", "session", or "gap", where a part of the history is gone.
type Event struct {
	Event string          `json:"event"`
	ID    *int64          `json:"id"`
	Data  json.RawMessage `json:"data"`
}

// Alarm is the data of an "alarm" and of a "message".
type Alarm struct {
	ID                                          int64
	Topic, AlarmType, FromUserID, TargetID, URL string
	Data                                        json.RawMessage
	CreatedAt                                   time.Time
	ExpiresAt                                   *time.Time
}

// Alarm reads the data of an "alarm" or a "message".
func (e Event) Alarm() (Alarm, error) {
	var alarm Alarm
	err := json.Unmarshal(e.Data, &alarm)
	return alarm, err
}

// Cursor keeps a position in the log. Load gives false where there is none yet: then the stream starts now.
type Cursor interface {
	Load(ctx context.Context) (position int64, found bool, err error)
	Save(ctx context.Context, position int64) error
}

// Watch is what to watch. Topics are such as "user:bob", "everyone", or "*" for the whole log.
type Watch struct {
	Topics, Rooms []string
	Cursor        Cursor
}

// Watch hands out the events, in order and each once, until the context ends, handle fails, or the hub refuses for good. The cursor is
// saved after handle: an event that it failed for comes again at the next start.
func (c *Client) Watch(ctx context.Context, what Watch, handle func(context.Context, Event) error) error {
	stream := stream{client: c, what: what, handle: handle, silence: firstSilence, tries: tries{client: c}}
	if what.Cursor != nil {
		position, found, err := what.Cursor.Load(ctx)
		if err != nil {
			return err
		}
		if found {
			stream.position = &position
		}
	}
	for {
		err := stream.connect(ctx)
		if failed, isOurs := err.(failure); isOurs {
			return failed.error
		}
		if err := stream.tries.wait(ctx, err); err != nil {
			return err
		}
	}
}

type stream struct {
	client   *Client
	what     Watch
	handle   func(context.Context, Event) error
	position *int64
	silence  time.Duration
	tries    tries
}

// connect is one connection: it gives nil at an orderly end.
func (s *stream) connect(ctx context.Context) error {
	connection, cancel := context.WithCancel(ctx)
	defer cancel()
	watchdog := time.AfterFunc(s.silence, cancel)
	defer watchdog.Stop()

	header := http.Header{"Accept": {"application/x-ndjson"}}
	if s.position != nil {
		header.Set("Last-Event-ID", strconv.FormatInt(*s.position, 10))
	}
	query := url.Values{"topic": s.what.Topics, "room": s.what.Rooms}
	answer, err := s.client.send(connection, http.MethodGet, "/api/stream?"+query.Encode(), header, nil)
	if err != nil {
		return err
	}
	defer answer.Body.Close()
	if !strings.HasPrefix(answer.Header.Get("Content-Type"), "application/x-ndjson") {
		code := map[int]string{http.StatusNoContent: "account_disabled"}[answer.StatusCode]
		return &Error{Status: answer.StatusCode, Code: cmp.Or(code, "no_stream"), Detail: "the answer is no stream"}
	}

	lines := bufio.NewReader(answer.Body)
	for {
		line, err := lines.ReadBytes('\n')
		if err == io.EOF {
			return nil // A line that is not ended has not come whole.
		}
		if err != nil {
			return unreachable(err)
		}
		// The time that the handler takes is not the hub's silence.
		watchdog.Stop()
		var event Event
		if err := json.Unmarshal(line, &event); err != nil {
			return err
		}
		if err := s.take(ctx, event); err != nil {
			return err
		}
		watchdog.Reset(s.silence)
	}
}

func (s *stream) take(ctx context.Context, event Event) error {
	// Of a `connect` and of a `bye`.
	var told struct {
		Gap, Reconnect   bool
		Reason           string
		HeartbeatSeconds float64
	}
	isOurs := slices.Contains([]string{"connect", "bye", "ping"}, event.Event)
	if isOurs {
		if err := json.Unmarshal(event.Data, &told); err != nil {
			return err
		}
	}
	if event.Event == "bye" && !told.Reconnect {
		return &Error{Code: told.Reason, Detail: "the hub has ended the stream for good"}
	}
	if event.Event == "connect" {
		s.tries.failures, s.tries.refusals = 0, 0
		s.silence = time.Duration(missedHeartbeats * told.HeartbeatSeconds * float64(time.Second))
	}
	if told.Gap {
		event.Event = "gap"
	}
	if !isOurs || told.Gap {
		if err := s.handle(ctx, event); err != nil {
			return failure{err}
		}
	}
	// A `connect` may lead back: a hub whose log was replaced counts anew.
	if event.ID == nil || (s.position != nil && *s.position == *event.ID) {
		return nil
	}
	s.position = event.ID
	if s.what.Cursor != nil {
		if err := s.what.Cursor.Save(ctx, *event.ID); err != nil {
			return failure{err}
		}
	}
	return nil
}

// failure is an error of the application, which ends the stream whatever it is.
type failure struct{ error }

// FileCursor keeps a cursor in the file of that name, which is replaced as a whole.
type FileCursor string

// Load reads the file.
func (f FileCursor) Load(context.Context) (int64, bool, error) {
	text, err := os.ReadFile(string(f))
	if errors.Is(err, fs.ErrNotExist) {
		return 0, false, nil
	}
	if err != nil {
		return 0, false, err
	}
	position, err := strconv.ParseInt(string(text), 10, 64)
	return position, err == nil, err
}

// Save replaces the file.
func (f FileCursor) Save(_ context.Context, position int64) error {
	next := string(f) + ".new"
	if err := os.WriteFile(next, []byte(strconv.FormatInt(position, 10)), 0o600); err != nil {
		return err
	}
	return os.Rename(next, string(f))
}
