package tracer

import "fmt"

// Target is a container to follow, from before its start.
type Target struct {
	// CgroupName is the name of the directory of its cgroup in the unified hierarchy.
	// The cgroup itself need not exist yet.
	CgroupName string
}

// key is the target's name as the programs compare it.
func (t Target) key() (key capprofTargetKey, err error) {
	if t.CgroupName == "" || len(t.CgroupName) >= len(key.Name) {
		return key, fmt.Errorf("the cgroup name %q has %d bytes; 1 to %d can be followed", t.CgroupName, len(t.CgroupName), len(key.Name)-1)
	}
	for i := range len(t.CgroupName) {
		key.Name[i] = int8(t.CgroupName[i])
	}
	return key, nil
}
