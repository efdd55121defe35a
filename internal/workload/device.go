package workload

import (
	"errors"
	"fmt"
	"path"
	"regexp"
	"strings"
)

// Device is a --device: a node of the host, or a device of the Container Device
// Interface (CDI).
type Device struct {
	// Host is the path of a node or a directory of them, Container where it is in the
	// container, and Permissions the access to it, such as rwm.
	Host, Container, Permissions string
	// CDI is vendor/class=name; the rest is empty then.
	CDI string
}

var (
	cdiDevice = regexp.MustCompile(`^[A-Za-z0-9][\w.-]*/[\w.-]+=[\w.:-]+$`)
	// Any of read, write and mknod, each at most once (checked apart).
	devicePermissions = regexp.MustCompile(`^[rwm]{1,3}$`)
	// deviceRule is docker/cli's deviceCgroupRuleRegexp.
	deviceRule = regexp.MustCompile(`^[acb] ([0-9]+|\*):([0-9]+|\*) [rwm]{1,3}$`)
)

// ParseDevice reads HOST[:CONTAINER][:PERMISSIONS] and CDI names.
func ParseDevice(value string) (Device, error) {
	if cdiDevice.MatchString(value) {
		return Device{CDI: value}, nil
	}
	parts := strings.Split(value, ":")
	d := Device{Host: parts[0], Container: parts[0], Permissions: "rwm"}
	switch len(parts) {
	case 1:
	case 2:
		if isPermissions(parts[1]) {
			d.Permissions = parts[1]
		} else {
			d.Container = parts[1]
		}
	case 3:
		if !isPermissions(parts[2]) {
			return Device{}, fmt.Errorf("bad permissions %q (any of r, w and m)", parts[2])
		}
		d.Container, d.Permissions = parts[1], parts[2]
	default:
		return Device{}, errors.New("too many colons")
	}
	if d.Host == "" || !path.IsAbs(d.Container) {
		return Device{}, errors.New("the path is not absolute")
	}
	return d, nil
}

// isPermissions reports whether s is a device cgroup access such as rw.
func isPermissions(s string) bool {
	return devicePermissions.MatchString(s) &&
		strings.Count(s, "r") < 2 && strings.Count(s, "w") < 2 && strings.Count(s, "m") < 2
}

func checkDeviceRule(value string) error {
	if !deviceRule.MatchString(value) {
		return errors.New(`not "TYPE MAJOR:MINOR ACCESS", such as "c 10:229 rwm"`)
	}
	return nil
}

func devices(values []string, _ Client) (Fields, error) {
	fields := Fields{}
	var nodes []map[string]string
	var cdi []string
	for _, value := range values {
		d, err := ParseDevice(value)
		if err != nil {
			return nil, err
		}
		if d.CDI != "" {
			cdi = append(cdi, d.CDI)
			continue
		}
		nodes = append(nodes, map[string]string{"PathOnHost": d.Host, "PathInContainer": d.Container, "CgroupPermissions": d.Permissions})
	}
	if nodes != nil {
		fields["HostConfig.Devices"] = nodes
	}
	if cdi != nil {
		fields["HostConfig.DeviceRequests"] = []any{map[string]any{"Driver": "cdi", "DeviceIDs": cdi}}
	}
	return fields, nil
}
