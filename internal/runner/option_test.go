package runner

import (
	"reflect"
	"testing"
)

func TestWorkloadWith(t *testing.T) {
	// Room behind the slice: an append that is not careful writes into it.
	devices := append(make([]string, 0, 4), "/dev/null")
	before := Workload{Devices: devices, CgroupNS: "private", Sysctls: map[string]string{"a": "1"}}
	first := before.With(Option{"device", "/dev/fuse"}, Option{"sysctl", "a=2"}, Option{"cgroupns", "host"})
	second := before.With(Option{"device", "/dev/kvm"}, Option{"volume", "/sys:/sys"}, Option{"security-opt", "seccomp=unconfined"},
		Option{"user", "0"}, Option{"device-cgroup-rule", "c 1:3 r"}, Option{"sysctl", "b=x=y"})
	for name, c := range map[string]struct{ got, want Workload }{
		"before": {before, Workload{Devices: []string{"/dev/null"}, CgroupNS: "private", Sysctls: map[string]string{"a": "1"}}},
		"first":  {first, Workload{Devices: []string{"/dev/null", "/dev/fuse"}, CgroupNS: "host", Sysctls: map[string]string{"a": "2"}}},
		"second": {second, Workload{
			Devices: []string{"/dev/null", "/dev/kvm"}, CgroupNS: "private", Sysctls: map[string]string{"a": "1", "b": "x=y"},
			Volumes: []string{"/sys:/sys"}, SecurityOpt: []string{"seccomp=unconfined"}, User: "0", DeviceCgroupRules: []string{"c 1:3 r"},
		}},
	} {
		if !reflect.DeepEqual(c.got, c.want) {
			t.Errorf("%s: %+v, want %+v", name, c.got, c.want)
		}
	}
}
