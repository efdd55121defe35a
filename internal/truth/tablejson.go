package main

import (
	"encoding/json"
	"fmt"
	"maps"
	"os"
	"slices"

	"github.com/capprof/capprof/internal/capability"
	"github.com/capprof/capprof/internal/scenario"
)

// row is a result in the JSON file.
type row struct {
	Group          group      `json:"group"`
	Name           string     `json:"name"`
	Truth          [][]string `json:"minimalSets"`
	Complete       bool       `json:"complete"`
	Capprof        []string   `json:"capprof"`
	CapprofVerdict string     `json:"capprofVerdict"`
	// FailsIn says of each member of the first set in which phase of a service's run its
	// want shows.
	FailsIn        map[string]scenario.Phase `json:"failsIn,omitempty"`
	BruteForceRuns int                       `json:"bruteForceRuns"`
	ExhaustiveRuns int                       `json:"exhaustiveRuns"`
	CapprofRuns    int                       `json:"capprofRuns"`
	ByRemoval      capability.Set            `json:"foundByRemoval"`
	Verdict        string                    `json:"verdict"`
	Explained      string                    `json:"explained,omitempty"`
	Error          string                    `json:"error,omitempty"`
}

// fullNames names the members of sets, relaxations among them, as a document does.
func (k testCase) fullNames(sets ...capability.Set) [][]string {
	all := [][]string{}
	for _, set := range sets {
		caps, relaxations := k.apart(set)
		all = append(all, append(caps.Names(), relaxations...)) // never nil
	}
	return all
}

func (t *table) writeJSON(path string) error {
	document := struct {
		Grantable capability.Set    `json:"grantable"`
		Refused   map[string]string `json:"refused"`
		Rows      []row             `json:"rows"`
		Totals    map[group]totals  `json:"totals"`
	}{Grantable: t.grants.all, Refused: map[string]string{}, Totals: map[group]totals{"all": sum(t.results)}}
	for _, c := range slices.Sorted(maps.Keys(t.grants.refused)) {
		document.Refused[c.String()] = t.grants.refused[c]
	}
	for _, g := range t.groups() {
		document.Totals[g] = sum(t.of(g))
	}
	for _, r := range t.results {
		entry := row{
			Group: r.testCase.group, Name: r.testCase.name, Truth: r.testCase.fullNames(r.truth...), Complete: r.complete,
			Capprof: r.testCase.fullNames(r.answer.set)[0], CapprofVerdict: r.answer.verdict, BruteForceRuns: r.bruteForceRuns,
			ExhaustiveRuns: r.exhaustiveRuns, CapprofRuns: r.answer.runs, ByRemoval: r.answer.byRemoval, Verdict: r.word(), Explained: r.testCase.explained,
		}
		for c, phase := range r.needed {
			if entry.FailsIn == nil {
				entry.FailsIn = map[string]scenario.Phase{}
			}
			entry.FailsIn[c.String()] = phase
		}
		if r.err != nil {
			entry.Error = r.err.Error()
		}
		document.Rows = append(document.Rows, entry)
	}
	text, err := json.MarshalIndent(document, "", "  ")
	if err != nil {
		return fmt.Errorf("encoding the table: %w", err)
	}
	if err := os.WriteFile(path, append(text, '\n'), 0o644); err != nil {
		return fmt.Errorf("writing the table: %w", err)
	}
	return nil
}
