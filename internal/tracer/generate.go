package tracer

// The objects and their Go types are committed, so that building needs no clang.
//go:generate go tool bpf2go -go-package tracer -target amd64,arm64 -cc clang -type detail -type names -type sysctls -type arg_kind -type network_call -type call_trait -type check_flag -type op_flag -type loss capprof ../../bpf/capprof.bpf.c -- -O2 -g -Wall -Werror -I../../bpf
//go:generate go tool bpf2go -go-package tracer -target amd64,arm64 -cc clang watch ../../bpf/watch.bpf.c -- -O2 -g -Wall -Werror -I../../bpf
//go:generate go tool bpf2go -go-package tracer -target amd64,arm64 -cc clang activity ../../bpf/activity.bpf.c -- -O2 -g -Wall -Werror -I../../bpf
