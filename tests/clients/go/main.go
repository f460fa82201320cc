// Clients of one library: `client KIND URL TOKENS…`. Each further argument is one client, its tokens separated by commas: the next one is
// taken when the hub no longer accepts the one before. Each event is a line of JSON on standard output.
package main

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"math/rand"
	"net/http"
	"os"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/coder/websocket"
	"github.com/tmaxmax/go-sse"
)

// An event of 16 KiB of data may be longer in JSON.
const longestEvent = 256 * 1024

var errRenew = errors.New("the token has expired")

type refused struct{ status int }

func (r refused) Error() string { return fmt.Sprintf("refused with %d", r.status) }

type client struct {
	number int
	url    string
	tokens []string
	// The position, once there is one; an empty log has the position 0.
	cursor *int64
}

var output sync.Mutex

func (c *client) tell(event string, more map[string]any) {
	line := map[string]any{"client": c.number, "event": event}
	for key, value := range more {
		line[key] = value
	}
	text, _ := json.Marshal(line)
	output.Lock()
	defer output.Unlock()
	fmt.Println(string(text))
}

type body struct {
	Reason *string `json:"reason"`
}

func (c *client) heard(name string, id *int64, data []byte) error {
	if id != nil {
		c.cursor = id
	}
	switch name {
	case "connect", "alarm", "message", "bye":
	default:
		return nil
	}
	var content body
	if err := json.Unmarshal(data, &content); err != nil {
		return err
	}
	c.tell(name, map[string]any{"id": id, "reason": content.Reason})
	if name == "bye" && content.Reason != nil && *content.Reason == "expired" {
		return errRenew
	}
	return nil
}

// One JSON object of a WebSocket or of NDJSON.
func (c *client) heardObject(text []byte) error {
	var event struct {
		Event string
		ID    *int64
		Data  json.RawMessage
	}
	if err := json.Unmarshal(text, &event); err != nil {
		return err
	}
	return c.heard(event.Event, event.ID, event.Data)
}

func (c *client) headers() http.Header {
	headers := http.Header{"Authorization": {"Bearer " + c.tokens[0]}}
	if c.cursor != nil {
		headers.Set("Last-Event-ID", strconv.FormatInt(*c.cursor, 10))
	}
	return headers
}

func ndjson(ctx context.Context, c *client) error {
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, c.url, nil)
	if err != nil {
		return err
	}
	request.Header = c.headers()
	request.Header.Set("Accept", "application/x-ndjson")
	answer, err := http.DefaultClient.Do(request)
	if err != nil {
		return err
	}
	defer answer.Body.Close()
	if answer.StatusCode != http.StatusOK {
		return refused{answer.StatusCode}
	}
	lines := bufio.NewReader(answer.Body)
	for {
		line, err := lines.ReadBytes('\n')
		if err != nil {
			return err
		}
		if err := c.heardObject(line); err != nil {
			return err
		}
	}
}

// The library opens its streams again by itself, but for an answer other than 200.
func goSSE(ctx context.Context, c *client) error {
	ctx, stop := context.WithCancelCause(ctx)
	defer stop(nil)
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, c.url, nil)
	if err != nil {
		return err
	}
	request.Header = c.headers()
	status := http.StatusOK
	library := sse.Client{
		HTTPClient: http.DefaultClient,
		ResponseValidator: func(answer *http.Response) error {
			status = answer.StatusCode
			return sse.DefaultValidator(answer)
		},
		Backoff: sse.Backoff{MaxInterval: 5 * time.Second},
	}
	connection := library.NewConnection(request)
	connection.Buffer(nil, longestEvent)
	connection.SubscribeToAll(func(event sse.Event) {
		id, _ := strconv.ParseInt(event.LastEventID, 10, 64)
		if err := c.heard(event.Type, &id, []byte(event.Data)); err != nil {
			stop(err)
		}
	})
	err = connection.Connect()
	if cause := context.Cause(ctx); cause != nil {
		return cause
	}
	if status != http.StatusOK {
		return refused{status}
	}
	return err
}

func webSocket(ctx context.Context, c *client) error {
	socket, answer, err := websocket.Dial(ctx, c.url, &websocket.DialOptions{HTTPHeader: c.headers()})
	if err != nil {
		if answer != nil && answer.StatusCode != http.StatusSwitchingProtocols {
			return refused{answer.StatusCode}
		}
		return err
	}
	defer socket.CloseNow()
	// Its own limit is 32 KiB.
	socket.SetReadLimit(longestEvent)
	for {
		_, text, err := socket.Read(ctx)
		if err != nil {
			return err
		}
		if err := c.heardObject(text); err != nil {
			return err
		}
	}
}

func (c *client) run(read func(context.Context, *client) error) {
	for {
		err := read(context.Background(), c)
		var answer refused
		errors.As(err, &answer)
		if errors.Is(err, errRenew) || answer.status == http.StatusUnauthorized {
			if len(c.tokens) == 1 {
				c.tell("refused", map[string]any{"status": answer.status})
				return
			}
			c.tokens = c.tokens[1:]
			c.tell("renewed", nil)
		}
		time.Sleep(time.Duration(300+rand.Intn(700)) * time.Millisecond)
	}
}

var kinds = map[string]func(context.Context, *client) error{
	"go-sse":            goSSE,
	"net/http (NDJSON)": ndjson,
	"coder/websocket":   webSocket,
}

func main() {
	if os.Args[1] == "keys" {
		signWithKeys(os.Args[2], os.Args[3])
		return
	}
	read := kinds[os.Args[1]]
	for number, tokens := range os.Args[3:] {
		c := &client{number: number, url: os.Args[2], tokens: strings.Split(tokens, ",")}
		go c.run(read)
	}
	select {}
}
