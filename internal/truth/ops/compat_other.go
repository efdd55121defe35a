//go:build !amd64

package main

// Both are 0 where there are no ports.
const (
	ioplCall   = 0
	iopermCall = 0
)

// compatOperations is empty where there is no second table of calls.
var compatOperations map[string]operation
