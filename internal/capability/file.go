package capability

import (
	"encoding/binary"
	"fmt"
)

// OfFile returns the permitted set in a file's security.capability attribute: struct
// vfs_cap_data of linux/capability.h, which is a word with the revision in its highest
// byte, then pairs of permitted and inheritable words, the lower 32 capabilities
// first; revision 3 ends with the root user ID of the namespace that it is meant for.
func OfFile(attribute []byte) (Set, error) {
	if len(attribute) < 4 {
		return 0, fmt.Errorf("security.capability holds %d bytes", len(attribute))
	}
	revision := binary.LittleEndian.Uint32(attribute) >> 24
	size := map[uint32]int{1: 12, 2: 20, 3: 24}[revision]
	if size == 0 || len(attribute) != size {
		return 0, fmt.Errorf("security.capability of revision %d holds %d bytes", revision, len(attribute))
	}
	permitted := Set(binary.LittleEndian.Uint32(attribute[4:]))
	if revision > 1 {
		permitted |= Set(binary.LittleEndian.Uint32(attribute[12:])) << 32
	}
	return permitted, nil
}
