package advice

import "github.com/capprof/capprof/internal/remedy"

// variants are wordings that differ by the kind of mount at the path, or by the name
// of an option or a security module.
var variants = map[remedy.Kind]map[string]wording{
	remedy.MountOwner: {
		"tmpfs": {
			docker:     "make {who|the user} the owner of the tmpfs: --tmpfs {path!|DIR}:uid={user|UID}, or another mode=",
			compose:    "make {who|the user} the owner of the tmpfs: tmpfs: {path|DIR}:uid={user|UID}, or another mode=",
			kubernetes: "set fsGroup in the pod's securityContext, which the emptyDir volume at {path|DIR} takes over",
			host:       "mount the tmpfs at {path|DIR} with uid={user|UID}, or another mode=",
		},
		"bind": {
			any:        "give the host's directory that is mounted at {path|DIR} to {who|the user}: chown[ {user}] on the host",
			kubernetes: "give the node's directory that is mounted at {path|DIR} to {who|the user}: chown[ {user}] on the node",
			host:       "give {path|the directory} to {who|the user}: chown[ {user}]",
		},
		"": {
			any:        "give what the volume at {path|DIR} holds to {who|the user}: a new volume takes the owner of the image's directory over; chown the files of one that is in use",
			kubernetes: "set fsGroup in the pod's securityContext, which the volume at {path|DIR} takes over",
			host:       "give {path|the directory} to {who|the user}: chown[ {user}]",
		},
	},
	remedy.ExecutableBit: {
		"bind":   {any: "make {paths|the file} executable: chmod +x on the host", kubernetes: "make {paths|the file} executable: chmod +x on the node", host: "make {paths|the file} executable: chmod +x"},
		"volume": {any: "make {paths|the file} executable: chmod +x in the volume"},
		"tmpfs":  {any: "make {paths|the file} executable when it is written: chmod +x"},
		"": {
			any:        "make {paths|the file} executable: chmod +x in the Dockerfile",
			kubernetes: "make {paths|the file} executable when the image is built (chmod +x)", host: "make {paths|the file} executable: chmod +x",
		},
	},
	remedy.MountWritable: {
		"tmpfs": {
			docker: "mount it without the option ro: --tmpfs {path!|DIR}", compose: "mount it without the option ro: tmpfs: {path|DIR}",
			kubernetes: "mount the emptyDir volume at {path|DIR} without readOnly: true", host: "mount {path|it} read-write",
		},
		"": {
			docker: "mount {path|it} without :ro", compose: "mount {path|it} without :ro", kubernetes: "mount {path|it} without readOnly: true", host: "mount {path|it} read-write",
		},
	},
	remedy.SecurityModule: {
		"apparmor": {
			docker:     "a profile of AppArmor that allows {value|it}: --security-opt apparmor=PROFILE, or none: --security-opt apparmor=unconfined",
			compose:    "a profile of AppArmor that allows {value|it}: security_opt: apparmor:PROFILE, or none: apparmor:unconfined",
			kubernetes: "a profile of AppArmor that allows {value|it}: appArmorProfile of type Localhost, or none: Unconfined",
			host:       "a profile of AppArmor that allows {value|it}",
		},
		"selinux": {
			docker:     "a type of SELinux that allows {value|it}: --security-opt label=type:TYPE, or :z on the volume, or none: --security-opt label=disable",
			compose:    "a type of SELinux that allows {value|it}: security_opt: label:type:TYPE, or :z on the volume, or none: label:disable",
			kubernetes: "a type of SELinux that allows {value|it}: seLinuxOptions, or spc_t, which is confined by nothing",
			host:       "a type of SELinux that allows {value|it}",
		},
		"": {any: "a policy of {name|the security module} that allows {value|it}"},
	},
	remedy.MountOption: {
		"exec": {
			docker: "--tmpfs {path!|DIR}:exec", compose: "tmpfs: {path|DIR}:exec",
			kubernetes: "an emptyDir volume at {path|DIR}, whose files may be executed", host: "mount {path|it} without noexec",
		},
		"size": {
			docker: "--tmpfs {path!|DIR}:size=SIZE", compose: "tmpfs: {path|DIR}:size=SIZE",
			kubernetes: "a larger sizeLimit of the emptyDir volume at {path|DIR}", host: "mount {path|it} with size=SIZE",
		},
		"": {any: "mount {path|it} with the option {name|OPTION}"},
	},
}
