module campanile

go 1.24
