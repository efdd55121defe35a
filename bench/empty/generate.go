package empty

// Committed, so that building needs no clang.
//go:generate go tool bpf2go -go-package empty -target amd64,arm64 -cc clang empty ../../bpf/empty.bpf.c -- -O2 -g -Wall -Werror -I../../bpf
