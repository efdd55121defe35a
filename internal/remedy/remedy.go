// Package remedy holds the remedies that capprof knows, as data: a kind and its
// arguments. What a remedy is called on a platform is internal/advice's to say.
package remedy

// Kind is what is to be done.
type Kind string

// Text is a remedy that is known in words only: one of a profile of schema 1.
const Text Kind = "text"

// Remedy is one way to make a capability or a failure needless. A list of them
// has the better ones first. It is comparable.
type Remedy struct {
	Kind Kind `json:"kind"`
	// Text is the sentence of a remedy of kind Text.
	Text string `json:"text,omitempty"`
}

// InWords is a remedy that is known in words only, none for no words.
func InWords(text string) []Remedy {
	if text == "" {
		return nil
	}
	return []Remedy{{Kind: Text, Text: text}}
}
