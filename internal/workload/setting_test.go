package workload

import (
	"reflect"
	"testing"
)

func TestWorkloadWith(t *testing.T) {
	// Room behind the slice: an append that is not careful writes into it.
	devices := append(make([]string, 0, 4), "/dev/null")
	before := Spec{Devices: devices, CgroupNS: "private", Sysctls: map[string]string{"a": "1"}}
	first := before.With(Setting{"device", "/dev/fuse"}, Setting{"sysctl", "a=2"}, Setting{"cgroupns", "host"})
	second := before.With(Setting{"device", "/dev/kvm"}, Setting{"volume", "/sys:/sys"}, Setting{"security-opt", "seccomp=unconfined"},
		Setting{"user", "0"}, Setting{"device-cgroup-rule", "c 1:3 r"}, Setting{"sysctl", "b=x=y"})
	for name, c := range map[string]struct{ got, want Spec }{
		"before": {before, Spec{Devices: []string{"/dev/null"}, CgroupNS: "private", Sysctls: map[string]string{"a": "1"}}},
		"first":  {first, Spec{Devices: []string{"/dev/null", "/dev/fuse"}, CgroupNS: "host", Sysctls: map[string]string{"a": "2"}}},
		"second": {second, Spec{
			Devices: []string{"/dev/null", "/dev/kvm"}, CgroupNS: "private", Sysctls: map[string]string{"a": "1", "b": "x=y"},
			Volumes: []string{"/sys:/sys"}, SecurityOpt: []string{"seccomp=unconfined"}, User: "0", DeviceCgroupRules: []string{"c 1:3 r"},
		}},
	} {
		if !reflect.DeepEqual(c.got, c.want) {
			t.Errorf("%s: %+v, want %+v", name, c.got, c.want)
		}
	}
}
