package host

import (
	"io"
	"os"
)

// readerOf is a file as a reader, none where there is no file.
func readerOf(file *os.File) io.Reader {
	if file == nil {
		return nil
	}
	return file
}
