// Package campanile is the client of a Campanile notification hub for back ends: publish, users, tokens, and a stream that resumes
// after everything. MIT licensed, see LICENSE.
package campanile

import (
	"bytes"
	"cmp"
	"context"
	"crypto/rand"
	"encoding/json"
	"fmt"
	"io"
	mathrand "math/rand/v2"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"
)

// Client speaks to a hub. Its fields may be set before its first use; it may be used by several goroutines.
type Client struct {
	// URL is the address of the hub: scheme, host and port.
	URL string
	// Key is an API key. It is not used where Token is set.
	Key string
	// Token gives the token of a request. It is asked before each, and once more after a 401.
	Token func(context.Context) (string, error)
	// HTTP must have no Timeout, as it would end every stream. By default it is a client of its own.
	HTTP *http.Client
	// Timeout is for one answer, GiveUpAfter for all tries of one call; 30 seconds and a minute where they are 0.
	Timeout, GiveUpAfter time.Duration
	// MinDelay and MaxDelay bound the pause between two tries; 1 and 30 seconds where they are 0.
	MinDelay, MaxDelay time.Duration
}

// Error is an answer of the hub that is no success, or (Status 0) the lack of one.
type Error struct {
	Status                  int
	Code, Detail, RequestID string
	RetryAfter              time.Duration
	cause                   error
}

func (e *Error) Error() string { return "campanile: " + e.Code + ": " + e.Detail }

func (e *Error) Unwrap() error { return e.cause }

// Temporary is true if the same request may succeed later.
func (e *Error) Temporary() bool {
	return e.Code == "unreachable" || e.Status == http.StatusRequestTimeout || e.Status == http.StatusTooManyRequests || e.Status >= 500
}

// To names exactly one kind of recipient.
type To struct {
	User     string   `json:"user,omitempty"`
	Users    []string `json:"users,omitempty"`
	Everyone bool     `json:"everyone,omitempty"`
	Role     string   `json:"role,omitempty"`
	Room     string   `json:"room,omitempty"`
}

// NewAlarm is an alarm to publish.
type NewAlarm struct {
	To               To     `json:"to"`
	AlarmType        string `json:"alarmType"`
	FromUserID       string `json:"fromUserId,omitempty"`
	TargetID         string `json:"targetId,omitempty"`
	Data             any    `json:"data,omitempty"`
	URL              string `json:"url,omitempty"`
	ExpiresInSeconds int64  `json:"expiresInSeconds,omitempty"`
}

// Published is an alarm that is stored.
type Published struct {
	ID    int64  `json:"id"`
	Topic string `json:"topic"`
}

// User is an account. A field that is empty is left as it is.
type User struct {
	ID          string `json:"id,omitempty"`
	DisplayName string `json:"displayName,omitempty"`
	Role        string `json:"role,omitempty"`
}

// Token is what a page of a user speaks to the hub with.
type Token struct {
	Token     string    `json:"token"`
	ExpiresAt time.Time `json:"expiresAt"`
}

// Publish stores one alarm, once, however often the request has to be sent. An empty key stands for a random one.
func (c *Client) Publish(ctx context.Context, alarm NewAlarm, key string) ([]Published, error) {
	var answer struct{ Alarms []Published }
	err := c.publish(ctx, alarm, key, &answer)
	return answer.Alarms, err
}

// PublishAll stores up to 1,000 alarms, all or none, and gives a list for each of them.
func (c *Client) PublishAll(ctx context.Context, alarms []NewAlarm, key string) ([][]Published, error) {
	var answer struct {
		Results []struct{ Alarms []Published }
	}
	if err := c.publish(ctx, alarms, key, &answer); err != nil {
		return nil, err
	}
	lists := make([][]Published, len(answer.Results))
	for i, result := range answer.Results {
		lists[i] = result.Alarms
	}
	return lists, nil
}

func (c *Client) publish(ctx context.Context, body any, key string, answer any) error {
	if key == "" {
		key = rand.Text()
	}
	return c.call(ctx, http.MethodPost, "/api/alarms", body, key, answer)
}

// Retract takes alarms out of the inboxes of their recipients, or of one user, and gives their number.
func (c *Client) Retract(ctx context.Context, targetID, alarmType, user string) (int, error) {
	query := url.Values{"targetId": {targetID}, "alarmType": {alarmType}}
	if user != "" {
		query.Set("user", user)
	}
	deleted := 0
	for {
		var answer struct {
			Deleted int
			More    bool
		}
		err := c.call(ctx, http.MethodDelete, "/api/alarms?"+query.Encode(), nil, "", &answer)
		deleted += answer.Deleted
		if err != nil || !answer.More {
			return deleted, err
		}
	}
}

// PutUser makes a user known, or changes them.
func (c *Client) PutUser(ctx context.Context, user User) error {
	path := userPath(user.ID)
	user.ID = ""
	return c.call(ctx, http.MethodPut, path, user, "", nil)
}

// PutUsers makes up to 1,000 users known, all or none.
func (c *Client) PutUsers(ctx context.Context, users []User) error {
	return c.call(ctx, http.MethodPost, "/api/users", users, "", nil)
}

// SignOut ends every session and stream of a user.
func (c *Client) SignOut(ctx context.Context, id string) error {
	return c.call(ctx, http.MethodPost, userPath(id)+"/sign-out", nil, "", nil)
}

// DeleteUser deletes a user.
func (c *Client) DeleteUser(ctx context.Context, id string) error {
	return c.call(ctx, http.MethodDelete, userPath(id), nil, "", nil)
}

// IssueToken gives a token for the page of a user. A ttl of 0 stands for the hub's own.
func (c *Client) IssueToken(ctx context.Context, userID string, ttl time.Duration) (Token, error) {
	body := struct {
		UserID     string `json:"userId"`
		TTLSeconds int64  `json:"ttlSeconds,omitempty"`
	}{userID, int64(ttl / time.Second)}
	var token Token
	err := c.call(ctx, http.MethodPost, "/api/tokens", body, "", &token)
	return token, err
}

func userPath(id string) string { return "/api/users/" + url.PathEscape(id) }

// call sends a request again until it is answered, or time is up; its body and its key stay the same.
func (c *Client) call(ctx context.Context, method, path string, body any, key string, answer any) (err error) {
	header := http.Header{}
	var sent []byte
	if body != nil {
		sent, err = json.Marshal(body)
		header.Set("Content-Type", "application/json")
	}
	if key != "" {
		header.Set("Idempotency-Key", key)
	}
	tries := tries{client: c, deadline: time.Now().Add(cmp.Or(c.GiveUpAfter, time.Minute))}
	for err == nil {
		text, failure := c.once(ctx, method, path, header, sent)
		if failure == nil && answer == nil {
			return nil
		} else if failure == nil {
			return json.Unmarshal(text, answer)
		}
		err = tries.wait(ctx, failure)
	}
	return err
}

// once is one try: the body of the answer, which has come whole.
func (c *Client) once(ctx context.Context, method, path string, header http.Header, body []byte) ([]byte, error) {
	limited, cancel := context.WithTimeout(ctx, cmp.Or(c.Timeout, 30*time.Second))
	defer cancel()
	answer, err := c.send(limited, method, path, header, body)
	if err != nil {
		return nil, err
	}
	defer answer.Body.Close()
	text, err := io.ReadAll(answer.Body)
	if err != nil {
		return nil, unreachable(err)
	}
	return text, nil
}

func (c *Client) send(ctx context.Context, method, path string, header http.Header, body []byte) (*http.Response, error) {
	request, err := http.NewRequestWithContext(ctx, method, strings.TrimRight(c.URL, "/")+path, bytes.NewReader(body))
	if err != nil {
		return nil, err
	}
	request.Header = header.Clone()
	key := c.Key
	if c.Token != nil {
		if key, err = c.Token(ctx); err != nil {
			return nil, err
		}
	}
	request.Header.Set("Authorization", "Bearer "+key)
	answer, err := cmp.Or(c.HTTP, http.DefaultClient).Do(request)
	if err != nil {
		return nil, unreachable(err)
	}
	if answer.StatusCode < 300 {
		return answer, nil
	}
	defer answer.Body.Close()
	return nil, problem(answer)
}

// tries counts the tries of one call, or of one stream between two connections.
type tries struct {
	client             *Client
	deadline           time.Time
	failures, refusals int
}

// wait pauses before the next try, or gives the error if there is to be none.
func (t *tries) wait(ctx context.Context, err error) error {
	if ctx.Err() != nil {
		return ctx.Err()
	}
	pause := min(cmp.Or(t.client.MinDelay, time.Second)<<min(t.failures, 16), cmp.Or(t.client.MaxDelay, 30*time.Second))
	// Random, so that many clients do not come back together.
	pause = pause/2 + mathrand.N(pause/2+1)
	t.failures++
	if err != nil {
		refused, isRefused := err.(*Error)
		if !isRefused {
			return err
		}
		askAgain := refused.Status == http.StatusUnauthorized && t.client.Token != nil && t.refusals == 0
		if refused.Status == http.StatusUnauthorized {
			t.refusals++
		}
		pause = max(refused.RetryAfter, pause)
		isLate := !t.deadline.IsZero() && time.Now().Add(pause).After(t.deadline)
		if isLate || !refused.Temporary() && !askAgain {
			return err
		}
	}
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-time.After(pause):
		return nil
	}
}

func unreachable(cause error) error {
	return &Error{Code: "unreachable", Detail: "the hub gave no answer, or broke off: " + cause.Error(), cause: cause}
}

func problem(answer *http.Response) error {
	var told struct{ Code, Detail, RequestID string }
	// An answer that is not the hub's has no code; then the status says all.
	_ = json.NewDecoder(io.LimitReader(answer.Body, 1<<20)).Decode(&told)
	if told.Code == "" {
		told.Code, told.Detail = fmt.Sprintf("http_%d", answer.StatusCode), answer.Status
	}
	seconds, _ := strconv.Atoi(answer.Header.Get("Retry-After"))
	wait := time.Duration(max(seconds, 0)) * time.Second
	return &Error{Status: answer.StatusCode, Code: told.Code, Detail: told.Detail, RequestID: told.RequestID, RetryAfter: wait}
}
