module clients

go 1.26

require (
	github.com/coder/websocket v1.8.15
	github.com/tmaxmax/go-sse v0.12.0
)
