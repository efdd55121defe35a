//go:build !amd64

package main

// compatOperations is empty where there is no second table of calls.
var compatOperations map[string]operation
