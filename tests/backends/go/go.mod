module backends

go 1.24

require campanile v0.0.0

replace campanile => ../../../clients/go
