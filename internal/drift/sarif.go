package drift

import (
	"io"
	"net/url"
	"path/filepath"
	"slices"
	"strings"
)

// The part of SARIF 2.1.0 that drift needs
// (https://docs.oasis-open.org/sarif/sarif/v2.1.0/).
type (
	sarifLog struct {
		Schema  string     `json:"$schema"`
		Version string     `json:"version"`
		Runs    []sarifRun `json:"runs"`
	}
	sarifRun struct {
		Tool        sarifTool         `json:"tool"`
		Invocations []sarifInvocation `json:"invocations"`
		Results     []sarifResult     `json:"results"`
	}
	sarifTool struct {
		Driver sarifDriver `json:"driver"`
	}
	sarifDriver struct {
		Name           string      `json:"name"`
		Version        string      `json:"version,omitempty"`
		InformationURI string      `json:"informationUri"`
		Rules          []sarifRule `json:"rules"`
	}
	sarifRule struct {
		ID               string       `json:"id"`
		ShortDescription sarifMessage `json:"shortDescription"`
		HelpURI          string       `json:"helpUri"`
	}
	sarifInvocation struct {
		ExecutionSuccessful bool                `json:"executionSuccessful"`
		Notifications       []sarifNotification `json:"toolExecutionNotifications"`
	}
	sarifNotification struct {
		Level   string       `json:"level"`
		Message sarifMessage `json:"message"`
	}
	sarifResult struct {
		RuleID       string            `json:"ruleId"`
		RuleIndex    int               `json:"ruleIndex"`
		Level        string            `json:"level"`
		Message      sarifMessage      `json:"message"`
		Locations    []sarifLocation   `json:"locations"`
		Fingerprints map[string]string `json:"partialFingerprints"`
	}
	sarifMessage struct {
		Text string `json:"text"`
	}
	sarifLocation struct {
		Physical sarifPhysical `json:"physicalLocation"`
	}
	sarifPhysical struct {
		Artifact sarifArtifact `json:"artifactLocation"`
		Region   sarifRegion   `json:"region"`
	}
	sarifArtifact struct {
		URI string `json:"uri"`
	}
	sarifRegion struct {
		StartLine int `json:"startLine"`
	}
)

const (
	sarifSchema = "https://docs.oasis-open.org/sarif/sarif/v2.1.0/errata01/os/schemas/sarif-schema-2.1.0.json"
	projectURI  = "https://github.com/capprof/capprof"
	manualURI   = "https://man7.org/linux/man-pages/man7/capabilities.7.html"
)

// writeSARIF is for code scanning services: a rule for each capability, an
// error for one that was added, a note for one that is no longer needed.
func writeSARIF(w io.Writer, r Result, options Options) error {
	run := sarifRun{
		Tool: sarifTool{Driver: sarifDriver{
			Name: "capprof", Version: options.Version, InformationURI: projectURI, Rules: []sarifRule{},
		}},
		// A comparison that could not be made is a failed invocation, not a clean
		// result.
		Invocations: []sarifInvocation{{ExecutionSuccessful: r.Outcome != Unfit, Notifications: []sarifNotification{}}},
		Results:     []sarifResult{},
	}
	for _, reason := range r.Unfit {
		run.Invocations[0].Notifications = append(run.Invocations[0].Notifications, sarifNotification{
			Level: "error", Message: message("cannot compare: " + reason),
		})
	}
	report := func(rule, about, help, level, what, text string) {
		// One capability may be added here and removed there.
		index := slices.IndexFunc(run.Tool.Driver.Rules, func(r sarifRule) bool { return r.ID == rule })
		if index < 0 {
			index = len(run.Tool.Driver.Rules)
			run.Tool.Driver.Rules = append(run.Tool.Driver.Rules, sarifRule{ID: rule, ShortDescription: message(about), HelpURI: help})
		}
		run.Results = append(run.Results, sarifResult{
			RuleID: rule, RuleIndex: index, Level: level, Message: message(text),
			Locations: []sarifLocation{{sarifPhysical{
				Artifact: sarifArtifact{URI: artifactURI(options)}, Region: sarifRegion{StartLine: 1},
			}}},
			// What makes it the same finding tomorrow, however the evidence reads then.
			Fingerprints: map[string]string{"capprofDrift/v1": what + " " + rule + " " + r.New.Image},
		})
	}
	add := func(change Change, level, what, text string) {
		rule, help := name(change.Grant), manualURI
		if change.Grant.IsOption() {
			help = projectURI
		}
		if change.Portable {
			what += " portable"
		}
		report(rule, "The container's need for "+rule+" changed.", help, level, what, r.New.Image+text+change.Why)
	}
	for _, change := range r.Added {
		add(change, "error", "added", " newly needs "+name(change.Grant)+": ")
	}
	for _, change := range r.Removed {
		add(change, "note", "removed", " no longer needs "+name(change.Grant)+"; it was needed: ")
	}
	if r.NotPortable != "" {
		report("portable", "The container does not pass on every engine any more.", projectURI, "error", "not portable", r.New.Image+": "+r.NotPortable)
	}
	return encode(w, sarifLog{Schema: sarifSchema, Version: "2.1.0", Runs: []sarifRun{run}})
}

// message escapes what SARIF gives a meaning in plain text: placeholders
// ({0}, section 3.11.5) and embedded links ([text](target), 3.11.6). Brackets
// alone, as in the address [::]:80, are left as they are.
func message(text string) sarifMessage {
	if strings.Contains(text, "](") {
		text = strings.NewReplacer(`\`, `\\`, "[", `\[`, "]", `\]`).Replace(text)
	}
	return sarifMessage{Text: strings.NewReplacer("{", "{{", "}", "}}").Replace(text)}
}

// artifactURI is the profile that the result is about: the new one where it is
// a file, else the baseline.
func artifactURI(options Options) string {
	path := options.NewPath
	if path == "" || path == "-" {
		path = options.OldPath
	}
	slashed := filepath.ToSlash(filepath.Clean(path))
	if filepath.IsAbs(path) {
		return (&url.URL{Scheme: "file", Path: slashed}).String()
	}
	return (&url.URL{Path: slashed}).String()
}
