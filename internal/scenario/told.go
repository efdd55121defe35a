package scenario

// Told is what the user says of a run.
type Told struct {
	// Ready is the zero value where the reference is to find out.
	Ready Readiness
	// Probes are shell commands on this machine, which use the service and exit with 0.
	Probes []string
	// Execs are shell commands inside the container, likewise.
	Execs []string
	// CountExec says that what Execs need is a need of the workload.
	CountExec bool
	// Restarts is how often a container is started again, Boots how many containers
	// are started one after the other on the same volumes. nil is for the default.
	Restarts, Boots *int
}

// IsBatch reports whether the user says that the workload is no service.
func (t Told) IsBatch() bool { return t.Ready.How == Never }

// IsService reports whether what the user says makes sense for a service alone.
func (t Told) IsService() bool {
	return !t.IsBatch() && (t.Ready.How != "" || len(t.Probes) > 0 || len(t.Execs) > 0 || t.Restarts != nil || t.Boots != nil)
}

// Plan is the boots of a run of a service, in their order: the first, the restarts of
// its container, and the further boots. Without being told, a container is restarted
// once, and there is a second boot where the workload has volumes.
func (t Told) Plan(volumes bool) []Boot {
	restarts, boots := 1, 1
	if volumes {
		boots = 2
	}
	if t.Restarts != nil {
		restarts = *t.Restarts
	}
	if t.Boots != nil {
		boots = *t.Boots
	}
	plan := []Boot{FirstBoot}
	for range restarts {
		plan = append(plan, Restart)
	}
	for range boots - 1 {
		plan = append(plan, SecondBoot)
	}
	return plan
}
