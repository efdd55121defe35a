package main

import (
	"strings"
	"testing"

	"github.com/capprof/capprof/internal/engine"
	"github.com/capprof/capprof/internal/workload"
)

func TestDataFlags(t *testing.T) {
	for given, want := range map[string]engine.DataOptions{
		"":                               {Policy: workload.FreshData, Limit: 10 << 30},
		"--volumes own":                  {Policy: workload.OwnData, Limit: 10 << 30},
		"--volumes=copy":                 {Policy: workload.CopiedData, Limit: 10 << 30},
		"--volumes-limit 1":              {Policy: workload.FreshData, Limit: 1},
		"--volumes-limit 1.5g":           {Policy: workload.FreshData, Limit: 3 << 29},
		"--volumes-limit 2k --volumes=x": {},
		"--volumes-limit 0":              {},
		"--volumes-limit -1":             {},
		"--volumes-limit many":           {},
	} {
		flags := newGroup()
		var d dataFlags
		d.add(flags)
		err := flags.Parse(strings.Fields(given))
		var got engine.DataOptions
		if err == nil {
			got, err = d.options()
		}
		if got != want || (err == nil) != (want.Policy != "") {
			t.Errorf("%q: %+v, %v", given, got, err)
		}
	}
}
