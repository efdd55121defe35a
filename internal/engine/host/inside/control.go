package inside

import (
	"encoding/json"
	"errors"
	"io"
	"os"

	"golang.org/x/sys/unix"
)

// tell sends an event. There is nobody to tell that it cannot be sent: then capprof has
// gone.
func tell(e Event) {
	packet, err := json.Marshal(e)
	if err != nil {
		panic(err) // a struct of ours
	}
	_ = unix.Send(controlFD, packet, 0)
}

// receive waits for a request, with its descriptors. It is io.EOF when capprof has closed
// its end.
func receive() (r Request, files []*os.File, err error) {
	packet, more := make([]byte, 4096), make([]byte, unix.CmsgSpace(4*4))
	for {
		n, m, _, _, err := unix.Recvmsg(controlFD, packet, more, unix.MSG_CMSG_CLOEXEC)
		if errors.Is(err, unix.EINTR) {
			continue
		}
		if err != nil {
			return r, nil, err
		}
		if n == 0 {
			return r, nil, io.EOF
		}
		messages, err := unix.ParseSocketControlMessage(more[:m])
		if err != nil {
			return r, nil, err
		}
		for _, message := range messages {
			sent, err := unix.ParseUnixRights(&message)
			if err != nil {
				return r, nil, err
			}
			for _, fd := range sent {
				files = append(files, os.NewFile(uintptr(fd), "sent"))
			}
		}
		return r, files, json.Unmarshal(packet[:n], &r)
	}
}
