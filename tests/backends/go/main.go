// The part of a back end in the tests: drill MODE HUB KEY WHO [CURSOR FILE]. Each line of its output is a fact.
package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log"
	"os"
	"strconv"
	"sync"
	"sync/atomic"
	"time"

	"campanile"
)

type fact map[string]any

var (
	ctx   = context.Background()
	hub   *campanile.Client
	who   string
	lines sync.Mutex
)

func main() {
	mode, url, key := os.Args[1], os.Args[2], os.Args[3]
	who = os.Args[4]
	hub = client(url)
	hub.Key = key
	hub.GiveUpAfter = 2 * time.Minute
	modes := map[string]func(){"publish": publish, "watch": watch, "calls": calls, "removals": removals, "trouble": trouble}
	modes[mode]()
}

func client(url string) *campanile.Client {
	return &campanile.Client{URL: url, MinDelay: 50 * time.Millisecond, MaxDelay: 500 * time.Millisecond}
}

func tell(it fact) {
	lines.Lock()
	defer lines.Unlock()
	text, err := json.Marshal(it)
	must(err)
	fmt.Println(string(text))
}

func must(err error) {
	if err != nil {
		log.Fatal(err)
	}
}

func alarm(data any, user string) campanile.NewAlarm {
	return campanile.NewAlarm{To: campanile.To{User: user}, AlarmType: "DRILL", TargetID: "17", Data: data}
}

func failed(call string, err error) {
	var refused *campanile.Error
	if !errors.As(err, &refused) {
		log.Fatal(call, err)
	}
	tell(fact{"call": call, "status": refused.Status, "code": refused.Code})
}

// publish goes on until the input ends.
func publish() {
	var ended atomic.Bool
	var next atomic.Int64
	var workers sync.WaitGroup
	for range 3 {
		workers.Add(1)
		go func() {
			defer workers.Done()
			for !ended.Load() {
				time.Sleep(40 * time.Millisecond)
				publishOne(float64(next.Add(1)))
			}
		}()
	}
	io.Copy(io.Discard, os.Stdin)
	ended.Store(true)
	workers.Wait()
	tell(fact{"done": true})
}

func publishOne(n float64) {
	if int(n)%10 > 0 {
		stored, err := hub.Publish(ctx, alarm(fact{"n": n}, who), "")
		must(err)
		tell(fact{"n": n, "id": stored[0].ID})
		return
	}
	lists, err := hub.PublishAll(ctx, []campanile.NewAlarm{alarm(fact{"n": n}, who), alarm(fact{"n": n + 0.5}, who)}, "")
	must(err)
	for i, stored := range lists {
		tell(fact{"n": n + float64(i)/2, "id": stored[0].ID})
	}
}

func watch() {
	what := campanile.Watch{Topics: []string{"user:" + who}, Cursor: campanile.FileCursor(os.Args[5])}
	must(hub.Watch(ctx, what, func(_ context.Context, event campanile.Event) error {
		if event.Event == "gap" {
			tell(fact{"gap": event.ID})
		}
		if event.Event != "alarm" {
			return nil
		}
		alarm, err := event.Alarm()
		if err != nil {
			return err
		}
		var data struct{ N float64 }
		err = json.Unmarshal(alarm.Data, &data)
		tell(fact{"n": data.N, "id": event.ID})
		return err
	}))
}

// calls makes the other calls, each once.
func calls() {
	user := who + "/한글"
	must(hub.PutUser(ctx, campanile.User{ID: user, DisplayName: "Bob"}))
	must(hub.PutUsers(ctx, []campanile.User{{ID: user, DisplayName: "Bob"}, {ID: who + "-2"}}))
	first, err := hub.Publish(ctx, alarm(nil, user), who+"-once")
	must(err)
	again, err := hub.Publish(ctx, alarm(nil, user), who+"-once")
	must(err)
	tell(fact{"call": "publish", "topic": first[0].Topic, "same": first[0].ID == again[0].ID})
	token, err := hub.IssueToken(ctx, user, time.Minute)
	must(err)
	tell(fact{"call": "token", "token": token.Token})
	_, err = hub.Publish(ctx, alarm(nil, "nobody"), "")
	failed("unknown", err)
	stranger := client(hub.URL)
	stranger.Key = "cmp_none"
	_, err = stranger.Publish(ctx, alarm(nil, user), "")
	failed("refused", err)
	failed("forbidden", hub.Watch(ctx, campanile.Watch{Topics: []string{"role:admin"}}, nil))
}

// removals makes the calls that take something away.
func removals() {
	one, two, target := who+"-a", who+"-b", who+"-1"
	must(hub.PutUsers(ctx, []campanile.User{{ID: one}, {ID: two}}))
	_, err := hub.Publish(ctx, campanile.NewAlarm{To: campanile.To{Users: []string{one, two}}, AlarmType: "DRILL", TargetID: target}, "")
	must(err)
	count, err := hub.Retract(ctx, target, "DRILL", one)
	must(err)
	tell(fact{"call": "retract", "one": count})
	count, err = hub.Retract(ctx, target, "DRILL", "")
	must(err)
	tell(fact{"call": "retract", "rest": count})
	must(hub.SignOut(ctx, one))
	must(hub.DeleteUser(ctx, two))
	_, err = hub.Publish(ctx, alarm(nil, two), "")
	failed("gone", err)
}

// trouble is against a server that answers by the book of trouble.
func trouble() {
	troubled := client(hub.URL)
	asked := 0
	troubled.Token = func(context.Context) (string, error) {
		asked++
		return "token-" + strconv.Itoa(asked), nil
	}
	stored, err := troubled.Publish(ctx, alarm(nil, "bob"), "")
	must(err)
	tell(fact{"published": stored[0].ID})
	err = troubled.Watch(ctx, campanile.Watch{Topics: []string{"user:bob"}}, func(_ context.Context, event campanile.Event) error {
		tell(fact{"event": event.Event, "id": event.ID})
		return nil
	})
	var ended *campanile.Error
	if !errors.As(err, &ended) {
		log.Fatal(err)
	}
	tell(fact{"ended": ended.Code})
}
