package engine

import (
	"os"
	"sync"
)

// Files are those that a workload's options name, each read once: one that is edited during
// a search does not make its runs differ. The zero value is ready. It may be used by several
// goroutines.
type Files struct {
	mu   sync.Mutex
	text map[string][]byte
}

// Read is os.ReadFile, as it was the first time that it succeeded.
func (f *Files) Read(path string) ([]byte, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if text, known := f.text[path]; known {
		return text, nil
	}
	text, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	if f.text == nil {
		f.text = map[string][]byte{}
	}
	f.text[path] = text
	return text, nil
}
