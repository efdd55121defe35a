package main

import (
	"context"

	"github.com/capprof/capprof/internal/doctor"
	"github.com/capprof/capprof/internal/tracer"
)

const doctorSynopsis = "doctor"

var doctorHelp = help{
	synopsis: doctorSynopsis,
	about:    "Checks what capprof needs of this machine, and tells how to fix what is missing.",
	codes: []codeMeaning{
		{exitOK, "capprof can run and trace here"},
		{exitUnfit, "it cannot: the lines marked fail say why and what to do"},
		{exitInterrupt, "interrupted"},
	},
}

func doctorCommand(ctx context.Context, args []string, std stdio) error {
	flags := newFlags(doctorHelp)
	std.engine.addFlag(flags.group(optionsGroup))
	std.debug.addFlag(flags.group(optionsGroup))
	if err := flags.parse(args, "doctor", std); err != nil {
		return err
	}
	if err := flags.noArguments("doctor"); err != nil {
		return err
	}
	findings := doctor.Tracing(tracer.Diagnose())
	at, err := openEngine(std, nil)
	if err != nil {
		findings = append(findings, doctor.Unreachable(err)...)
	} else {
		defer at.Close()
		findings = append(findings, doctor.Engine(ctx, at)...)
	}
	return coded(exitUnfit, doctor.Write(std.out, findings, screenOf(std.out).width))
}
