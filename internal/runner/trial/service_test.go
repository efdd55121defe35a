package trial

import (
	"errors"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/capprof/capprof/internal/engine"
	"github.com/capprof/capprof/internal/scenario"
)

// plain is a service that goes well.
var plain = boot{listens: time.Second, spawns: time.Second + 200*time.Millisecond, stops: 100 * time.Millisecond}

// changed is the plain service with a change.
func changed(change func(*boot)) boot { b := plain; change(&b); return b }

// What a workload is, and how it shows, is found out by the run with everything allowed.
func TestWhatAWorkloadIs(t *testing.T) {
	for name, c := range map[string]struct {
		boot     boot
		identity engine.Identity
		kind     scenario.Kind
		ready    string
		most     time.Duration
	}{
		"it ends":                                           {boot{dies: 7 * time.Second}, engine.Identity{}, scenario.Batch, "", 8 * time.Second},
		"it listens":                                        {plain, engine.Identity{}, scenario.Service, "listening", 10 * time.Second},
		"it listens, busy, and ends":                        {changed(func(b *boot) { b.busy, b.dies = 0.8, 12*time.Second }), engine.Identity{}, scenario.Batch, "", 13 * time.Second},
		"it listens and is busy for ever":                   {changed(func(b *boot) { b.busy = 0.8 }), engine.Identity{}, scenario.Service, "listening", 40 * time.Second},
		"it is quiet":                                       {boot{}, engine.Identity{}, scenario.Service, "quiet", 20 * time.Second},
		"it is quiet, computes, and ends":                   {boot{busy: 1, dies: 2 * time.Minute}, engine.Identity{}, scenario.Batch, "", 3 * time.Minute},
		"its health check says so":                          {changed(func(b *boot) { b.healthy = 4 * time.Second }), engine.Identity{Healthcheck: true}, scenario.Service, "healthy", 20 * time.Second},
		"it starts slowly on a busy machine":                {boot{starved: 40 * time.Second, listens: 40 * time.Second}, engine.Identity{}, scenario.Service, "listening", 3 * time.Minute},
		"it is silent before it listens, as its image says": {boot{listens: 20 * time.Second}, engine.Identity{Exposed: []scenario.Socket{{Protocol: "tcp", Port: 80}}}, scenario.Service, "listening", 3 * time.Minute},
		"it never listens, whatever its image says":         {boot{}, engine.Identity{Exposed: []scenario.Socket{{Protocol: "tcp", Port: 80}}}, scenario.Service, "quiet", time.Minute},
		"it has a health check and ends":                    {boot{dies: time.Second, healthy: time.Hour}, engine.Identity{Healthcheck: true}, scenario.Batch, "", 2 * time.Second},
		"it has a health check, is healthy, and ends":       {boot{dies: 2 * time.Second, healthy: time.Second}, engine.Identity{Healthcheck: true}, scenario.Batch, "", 3 * time.Second},
		"it is healthy at work, and ends":                   {boot{dies: 10 * time.Second, healthy: time.Second, busy: 1}, engine.Identity{Healthcheck: true}, scenario.Batch, "", 11 * time.Second},
		"it ends just before it would be quiet":             {boot{dies: quietFor - time.Millisecond}, engine.Identity{}, scenario.Batch, "", quietFor},
		"its worker comes and goes for a minute":            {changed(func(b *boot) { b.loses = 20 * time.Second }), engine.Identity{}, scenario.Service, "listening", time.Minute},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				m := room(&fakeSubject{identity: c.identity, with: []boot{c.boot}}, scenario.Told{})
				began := time.Now()
				r := run(t, m, Plan{Conditions: everything, Teaches: true})
				took := time.Since(began)
				learned, ok := m.Learned()
				if r.End != Passed || !ok || learned.Kind != c.kind || learned.Ready.String() != c.ready || took > c.most {
					t.Errorf("%s: %+v after %v, %s", r.End, learned, took, r.Detail)
				}
				if err := m.Cleaned(); err != nil {
					t.Error(err)
				}
			})
		})
	}
}

func TestWhatIsLearned(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := room(&fakeSubject{with: []boot{plain, changed(func(b *boot) { b.stopCode = 3 })}}, scenario.Told{})
		run(t, m, Plan{Conditions: everything, Teaches: true})
		l, _ := m.Learned()
		if len(l.Sockets) != 1 || l.Sockets[0].String() != "80/tcp" || len(l.Processes) != 2 || l.Processes[1] != (scenario.Process{Name: "worker", UID: 33}) {
			t.Errorf("%+v", l)
		}
		if len(l.Boots) != 2 || l.Boots[0].Boot != scenario.FirstBoot || l.Boots[1].Boot != scenario.Restart || l.Boots[0].Stopped.ExitCode != 0 || l.Boots[1].Stopped.ExitCode != 3 {
			t.Fatalf("%+v", l.Boots)
		}
		// The time until it was ready counts, not the time until that was known.
		if took := l.Boots[0].Took[scenario.Start]; took < plain.listens || took > plain.listens+time.Second {
			t.Errorf("ready after %v", took)
		}
	})
}

// Other runs pass when each of their steps goes as in the run with everything allowed.
func TestRunsAreHeldAgainstTheReference(t *testing.T) {
	seconds := func(n float64) time.Duration { return time.Duration(n * float64(time.Second)) }
	second, first := scenario.Restart, scenario.FirstBoot
	for name, c := range map[string]struct {
		boots []boot
		told  scenario.Told
		end   End
		in    scenario.Phase
		says  string
	}{
		"as the reference":                   {boots: []boot{plain}, end: Passed},
		"a little slower":                    {boots: []boot{changed(func(b *boot) { b.listens, b.spawns = seconds(4), seconds(5) })}, end: Passed},
		"it dies":                            {boots: []boot{changed(func(b *boot) { b.dies, b.code = seconds(0.5), 1 })}, end: Failed, in: scenario.Phase{Boot: first, Step: scenario.Start}, says: "ended by itself"},
		"it dies with the code of success":   {boots: []boot{changed(func(b *boot) { b.dies = seconds(0.5) })}, end: Failed, in: scenario.Phase{Boot: first, Step: scenario.Start}, says: "ended by itself"},
		"it does not listen":                 {boots: []boot{changed(func(b *boot) { b.listens = 0 })}, end: Stuck, in: scenario.Phase{Boot: first, Step: scenario.Start}, says: "does not listen on 80/tcp"},
		"its worker does not come":           {boots: []boot{changed(func(b *boot) { b.spawns = time.Hour })}, end: Stuck, in: scenario.Phase{Boot: first, Step: scenario.Start}, says: "no process worker of user 33"},
		"its worker dies soon":               {boots: []boot{changed(func(b *boot) { b.loses = seconds(1.4) })}, end: Stuck, in: scenario.Phase{Boot: first, Step: scenario.Start}, says: "no process worker of user 33"},
		"it fails when it is started again":  {boots: []boot{plain, changed(func(b *boot) { b.dies, b.code = seconds(0.1), 1 })}, end: Failed, in: scenario.Phase{Boot: second, Step: scenario.Start}, says: "ended by itself"},
		"it ends otherwise":                  {boots: []boot{changed(func(b *boot) { b.stopCode = 1 })}, end: Failed, in: scenario.Phase{Boot: first, Step: scenario.Stop}, says: "exit code 1 when it was stopped, and with everything allowed with 0"},
		"it does not end":                    {boots: []boot{plain, changed(func(b *boot) { b.deaf = true })}, end: Failed, in: scenario.Phase{Boot: second, Step: scenario.Stop}, says: "within its stop timeout of 10s"},
		"a probe fails":                      {boots: []boot{changed(func(b *boot) { b.exec = 2 })}, told: scenario.Told{Execs: []string{"ask"}}, end: Failed, in: scenario.Phase{Boot: first, Step: scenario.Exec}, says: `--exec "ask" fails: exit code 2: ask privileged=true`},
		"a probe fails in a confined engine": {boots: []boot{changed(func(b *boot) { b.exec, b.confined = 2, true })}, told: scenario.Told{Execs: []string{"ask"}}, end: Failed, in: scenario.Phase{Boot: first, Step: scenario.Exec}, says: `--exec "ask" fails: exit code 2: ask privileged=false`},
		"a probe hangs":                      {boots: []boot{changed(func(b *boot) { b.execHangs = true })}, told: scenario.Told{Execs: []string{"ask"}}, end: Failed, in: scenario.Phase{Boot: first, Step: scenario.Exec}, says: "it does not end"},
		"it dies while it is probed":         {boots: []boot{changed(func(b *boot) { b.execHangs, b.dies, b.code = true, seconds(3), 1 })}, told: scenario.Told{Execs: []string{"ask"}}, end: Failed, in: scenario.Phase{Boot: first, Step: scenario.Exec}, says: "ended by itself"},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				m := room(&fakeSubject{with: []boot{plain}, without: c.boots}, c.told)
				if r := run(t, m, Plan{Conditions: everything, Teaches: true}); r.End != Passed {
					t.Fatalf("the reference: %s, %s", r.End, r.Detail)
				}
				began := time.Now()
				r := run(t, m, Plan{})
				if r.End != c.end || r.FailedIn != c.in || !strings.Contains(r.Detail, c.says) {
					t.Errorf("%s in %q: %s", r.End, r.FailedIn, r.Detail)
				}
				if took := time.Since(began); took > 30*time.Second {
					t.Errorf("it took %v", took)
				}
			})
		})
	}
}

// A service that does not heed its stop signal costs its stop timeout once.
func TestAServiceThatIgnoresItsStopSignal(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := room(&fakeSubject{with: []boot{changed(func(b *boot) { b.deaf = true })}}, scenario.Told{})
		began := time.Now()
		for _, p := range []Plan{{Conditions: everything, Teaches: true}, {}, {}} {
			if r := run(t, m, p); r.End != Passed {
				t.Errorf("%s: %s", r.End, r.Detail)
			}
		}
		if l, _ := m.Learned(); l.Boots[0].Stopped != (scenario.Stopped{ExitCode: 137, Killed: true}) {
			t.Errorf("%+v", l.Boots)
		}
		if took := time.Since(began); took > 40*time.Second {
			t.Errorf("%v", took)
		}
	})
}

// A run that goes on waits for what the reference shows, and then goes on as that.
func TestARunWaitsForTheReference(t *testing.T) {
	for name, c := range map[string]struct {
		told    scenario.Told
		with    boot
		without boot
		end     End
		detail  string
		unsure  bool
	}{
		"a service, and so is this":          {with: plain, without: plain, end: Passed},
		"a service, and this one has died":   {with: plain, without: boot{dies: time.Second, code: 1}, end: Failed, detail: ""},
		"told, and this one has ended":       {told: scenario.Told{Execs: []string{"ask"}}, with: plain, without: boot{dies: time.Second}, end: Failed, detail: "it ended by itself"},
		"it is not known, and it has passed": {with: plain, without: boot{dies: time.Second}, end: Passed, unsure: true},
		"a batch job":                        {with: boot{dies: 3 * time.Second}, without: boot{dies: 4 * time.Second}, end: Passed},
		"a batch job, and this one hangs":    {with: boot{dies: 3 * time.Second}, without: boot{}, end: Stuck, detail: errStuck.Error()},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				m := room(&fakeSubject{with: []boot{c.with}, without: []boot{c.without}}, c.told)
				got := make(chan Result, 1)
				go func() { got <- run(t, m, Plan{Number: 1}) }()
				run(t, m, Plan{Number: 2, Conditions: everything, Teaches: true})
				if r := <-got; r.End != c.end || r.Detail != c.detail || r.Provisional != c.unsure {
					t.Errorf("%s, %q, provisional %v", r.End, r.Detail, r.Provisional)
				}
			})
		})
	}
}

// A run that passed provisionally says nothing of how long one takes.
func TestAProvisionalRunTeachesNothing(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := room(&fakeSubject{with: []boot{plain}, without: []boot{{dies: time.Millisecond}}}, scenario.Told{})
		r := run(t, m, Plan{})
		if !r.Provisional || m.Known() {
			t.Errorf("%+v", r)
		}
		m.Accept(r)
		if l, ok := m.Learned(); !m.Known() || !ok || l.Kind != scenario.Batch {
			t.Errorf("%+v", l)
		}
	})
}

func TestAProbeThatFailsWithEverythingAllowed(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := room(&fakeSubject{with: []boot{changed(func(b *boot) { b.exec = 4 })}}, scenario.Told{Execs: []string{"ask"}})
		_, err := m.Run(t.Context(), Plan{Conditions: everything, Teaches: true, Stdout: &tail{}, Stderr: &tail{}})
		failed := (*ProbeError)(nil)
		if !errors.As(err, &failed) || failed.Option != "--exec" || failed.Command != "ask" || failed.Why != "exit code 4" || len(failed.Output) != 1 {
			t.Errorf("%v", err)
		}
	})
}

// The phases are entered in the order of the run, and a batch job has the first alone.
func TestPhases(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		traced := &fakeTracer{}
		m := room(&fakeSubject{with: []boot{plain}, identity: engine.Identity{Volumes: []engine.Volume{{Target: "/data"}}}}, scenario.Told{Probes: []string{"true"}, Execs: []string{"ask"}})
		m.Tracer = traced
		r := run(t, m, Plan{Conditions: everything, Teaches: true, Look: Traced})
		var got []string
		for _, p := range traced.phases {
			got = append(got, p.String())
		}
		var want []string
		for _, b := range scenario.Boots() {
			for _, s := range scenario.Steps() {
				want = append(want, scenario.Phase{Boot: b, Step: s}.String())
			}
		}
		if strings.Join(got, "\n") != strings.Join(want, "\n") || traced.followed != 2 {
			t.Errorf("%d containers more:\n%s", traced.followed, strings.Join(got, "\n"))
		}
		if op := r.Observation.Operations[0]; op.Phase.Step != scenario.Stop {
			t.Errorf("%+v", op)
		}
		traced = &fakeTracer{}
		batch := room(&fakeSubject{with: []boot{{dies: time.Second}}}, scenario.Told{})
		batch.Tracer = traced
		if r := run(t, batch, Plan{Conditions: everything, Teaches: true, Look: Traced}); r.Observation.Operations[0].Phase != (scenario.Phase{Boot: scenario.FirstBoot, Step: scenario.Start}) || !r.FailedIn.IsZero() {
			t.Errorf("%+v", r)
		}
	})
}

func TestReadyAsTold(t *testing.T) {
	for text, after := range map[string]time.Duration{
		"after:3s":            3 * time.Second,
		"log:^ready [0-9]+":   time.Second,
		"exec:is-it-ready":    0,
		"healthy":             2 * time.Second,
		"log:never to be see": 0,
	} {
		t.Run(text, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				how, err := scenario.ParseReadiness(text)
				if err != nil {
					t.Fatal(err)
				}
				m := room(&fakeSubject{with: []boot{changed(func(b *boot) { b.writes, b.healthy = "getting\nready 1", 2*time.Second })}}, scenario.Told{Ready: how})
				r := run(t, m, Plan{Conditions: everything, Teaches: true})
				if strings.HasPrefix(text, "log:never") {
					if r.End != TimedOut {
						t.Errorf("%s, %s", r.End, r.Detail)
					}
					return
				}
				l, _ := m.Learned()
				if took := l.Boots[0].Took[scenario.Start]; r.End != Passed || l.Ready != how || took < after || took > after+2*pollTime {
					t.Errorf("%s %s: %+v", r.End, r.Detail, l)
				}
			})
		})
	}
}
