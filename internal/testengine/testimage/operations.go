package testimage

import (
	"archive/tar"
	"context"
	"io"
	"strings"
)

// netBindServiceEP is cap_net_bind_service+ep: number 10.
const netBindServiceEP = "\x01\x00\x00\x02\x00\x04\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00"

// settle does to a file what chown, chmod +x and setcap -r in a Dockerfile do.
func settle(header *tar.Header) {
	header.PAXRecords = nil
	if strings.HasPrefix(header.Name, "other/") {
		header.Uid, header.Gid = 0, 0
		if header.Name == "other/program" {
			header.Mode = 0o755
		}
	}
}

// Operations is the archive of a root file system that holds the programs of many single
// operations, Program and /ops, and what they act on. Where it is settled, the files have
// the owners and modes that the operations need.
func Operations(ctx context.Context, settled bool) (io.Reader, error) {
	ops, err := Build(ctx, "github.com/capprof/capprof/internal/truth/ops")
	if err != nil {
		return nil, err
	}
	privop, err := Build(ctx, programPackage)
	if err != nil {
		return nil, err
	}
	const other = 1000
	netRaw := map[string]string{"SCHILY.xattr.security.capability": fileCapabilities}
	lowPorts := map[string]string{"SCHILY.xattr.security.capability": netBindServiceEP}
	text := []byte("text\n")
	entries := []entry{
		{tar.Header{Name: "ops", Mode: 0o755}, ops},
		{tar.Header{Name: "capable-ops", Mode: 0o755, PAXRecords: netRaw}, ops},
		{tar.Header{Name: "privop", Mode: 0o755}, privop},
		{tar.Header{Name: "port-ops", Mode: 0o755, PAXRecords: lowPorts}, ops},
		{tar.Header{Name: "root-ops", Mode: 0o4755}, ops},
		{tar.Header{Name: "etc/passwd", Mode: 0o644}, []byte("root:x:0:0::/:/\nwww-data:x:33:33::/:/\n")},
		{tar.Header{Name: "etc/group", Mode: 0o644}, []byte("root:x:0:\nwww-data:x:33:\n")},
		{tar.Header{Name: "tmp/", Mode: 0o1777}, nil},
		{tar.Header{Name: "mnt/", Mode: 0o755}, nil},
		// What privop acts on.
		{tar.Header{Name: "data/", Mode: 0o755}, nil},
		{tar.Header{Name: "data/other", Mode: 0o600, Uid: other, Gid: other}, text},
		{tar.Header{Name: "data/group", Mode: 0o755, Gid: other}, text},
		// What ops acts on: others' files and its own.
		{tar.Header{Name: "other/", Mode: 0o755}, nil},
		{tar.Header{Name: "other/file", Mode: 0o600, Uid: other, Gid: other}, text},
		{tar.Header{Name: "other/readable", Mode: 0o644, Uid: other, Gid: other}, text},
		{tar.Header{Name: "other/directory/", Mode: 0o755, Uid: other, Gid: other}, nil},
		{tar.Header{Name: "other/private/", Mode: 0o700, Uid: other, Gid: other}, nil},
		{tar.Header{Name: "other/private/file", Mode: 0o600, Uid: other, Gid: other}, text},
		{tar.Header{Name: "other/sticky/", Mode: 0o1777, Uid: other, Gid: other}, nil},
		{tar.Header{Name: "other/sticky/file", Mode: 0o600, Uid: other, Gid: other}, text},
		{tar.Header{Name: "other/shared", Mode: 0o640, Uid: other, Gid: other}, text},
		{tar.Header{Name: "other/program", Mode: 0o644, Uid: other, Gid: other}, ops},
		{tar.Header{Name: "other/kmsg", Mode: 0o666, Typeflag: tar.TypeChar, Devmajor: 1, Devminor: 11}, nil},
		// Where the rules of sticky directories apply: the file is not the
		// directory's owner's.
		{tar.Header{Name: "tmp/others", Mode: 0o666, Uid: other, Gid: other}, text},
		{tar.Header{Name: "tmp/others-link", Mode: 0o777, Uid: other, Gid: other, Typeflag: tar.TypeSymlink, Linkname: "/other/readable"}, nil},
		{tar.Header{Name: "other/setuid-ops", Mode: 0o4755, Uid: other, Gid: other}, ops},
		// What serve keeps in a volume.
		{tar.Header{Name: "kept/", Mode: 0o755}, nil},
		{tar.Header{Name: "kept/file", Mode: 0o600}, text},
		{tar.Header{Name: "own/", Mode: 0o755}, nil},
		{tar.Header{Name: "own/file", Mode: 0o600}, text},
		{tar.Header{Name: "own/removed", Mode: 0o600}, text},
		{tar.Header{Name: "own/directory/", Mode: 0o755}, nil},
	}
	var change func(*tar.Header)
	if settled {
		change = settle
	}
	tree, err := archive(entries, change)
	if err != nil {
		return nil, err
	}
	return tree, nil
}
