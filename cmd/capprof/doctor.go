package main

import (
	"context"

	"github.com/capprof/capprof/internal/doctor"
	"github.com/capprof/capprof/internal/engine/docker"
)

const doctorSynopsis = "doctor"

const doctorHelp = `Exit codes:
  0    capprof can run and trace here
  125  it cannot: what is marked "fail" says why and what to do`

func doctorCommand(ctx context.Context, args []string, std stdio) error {
	flags := newFlags(doctorSynopsis, "Checks what capprof needs of this machine, and says how to mend what is missing.", doctorHelp, std)
	if err := parse(flags, args, "doctor"); err != nil {
		return err
	}
	if err := noArguments(flags, "doctor"); err != nil {
		return err
	}
	findings := doctor.Tracing()
	at, err := docker.New(docker.Options{})
	if err != nil {
		findings = append(findings, doctor.Unreachable(err)...)
	} else {
		defer at.Close()
		findings = append(findings, doctor.Engine(ctx, at)...)
	}
	return coded(exitUnfit, doctor.Write(std.out, findings))
}
