// Package runner finds the capabilities that a workload needs, by running it again
// and again, and writes the profile. It decides which run comes next from what the
// trace of the last one showed.
package runner
