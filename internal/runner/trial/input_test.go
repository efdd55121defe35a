package trial

import (
	"errors"
	"io"
	"strings"
	"testing"
	"testing/synctest"
)

func TestInput(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		source, writer := io.Pipe()
		in := NewInput(source)
		first, second := in.Reader(), in.Reader()
		go io.WriteString(writer, "typed")
		synctest.Wait()
		buffer := make([]byte, 3)
		if n, err := first.Read(buffer); string(buffer[:n]) != "typ" || err != nil {
			t.Fatalf("%q, %v", buffer[:n], err)
		}
		// A reader that waits ends with its own Close, and with that alone.
		waits := make(chan error, 1)
		go func() { _, err := io.Copy(io.Discard, first); waits <- err }()
		synctest.Wait()
		first.Close()
		if err := <-waits; !errors.Is(err, io.ErrClosedPipe) {
			t.Errorf("%v", err)
		}
		all := make(chan string, 1)
		go func() { data, _ := io.ReadAll(second); all <- string(data) }()
		synctest.Wait()
		in.Seal()
		if got := <-all; got != "typed" {
			t.Errorf("%q", got)
		}
		// What is typed after the seal is nobody's.
		go io.WriteString(writer, "more")
		synctest.Wait()
		if data, err := io.ReadAll(in.Reader()); string(data) != "typed" || err != nil {
			t.Errorf("%q, %v", data, err)
		}
		writer.Close()
	})
}

func TestInputThatBreaks(t *testing.T) {
	broken := errors.New("input/output error")
	in := NewInput(io.MultiReader(strings.NewReader("ab"), readerFunc(func([]byte) (int, error) { return 0, broken })))
	for range 2 {
		if data, err := io.ReadAll(in.Reader()); string(data) != "ab" || !errors.Is(err, broken) {
			t.Errorf("%q, %v", data, err)
		}
	}
}

type readerFunc func([]byte) (int, error)

func (f readerFunc) Read(p []byte) (int, error) { return f(p) }

func TestSealingTellsOnceAndEndsTheInput(t *testing.T) {
	source, typing := io.Pipe()
	defer typing.Close()
	in := NewInput(source)
	told := 0
	in.OnSeal(func() { told++ })
	first := in.Reader()
	go io.WriteString(typing, "hello")
	got := make([]byte, 5)
	if _, err := io.ReadFull(first, got); err != nil || string(got) != "hello" {
		t.Fatalf("%q, %v", got, err)
	}
	in.Seal()
	in.Seal()
	if told != 1 {
		t.Errorf("told %d times", told)
	}
	for _, reader := range []io.Reader{first, in.Reader()} {
		rest, err := io.ReadAll(reader)
		if err != nil || !strings.HasSuffix("hello", string(rest)) {
			t.Errorf("%q, %v", rest, err)
		}
	}
	again, err := io.ReadAll(in.Reader())
	if err != nil || string(again) != "hello" {
		t.Errorf("a later reader got %q, %v", again, err)
	}
}
