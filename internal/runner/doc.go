// Package runner profiles a workload: it asks the engine for the facts, lets the search
// find and prove what the workload needs, and writes the document.
//
// Below it, trial makes one run, relax knows what may take the place of --privileged,
// and search decides which run comes next.
package runner
