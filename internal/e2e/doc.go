// Package e2e holds the tests that run the built capprof as a user would, on
// real images and a real engine. It has no code of its own for anyone to import.
//
// The expected capability sets stand in one table (workloads) and are themselves
// tested, with plain docker and no part of capprof: TestExpectedSets runs each
// workload under its set and under the set without each member. What capprof is then
// held to is not what somebody once wrote down, but what is so on this machine.
//
// Environment variables steer the suite:
//
//   - CAPPROF_TEST_ENGINE=overlay2 runs everything on a daemon of its own, with
//     that storage driver.
//   - CAPPROF_TEST_BINARY names a capprof to test instead of building one.
//   - CAPPROF_TEST_SKIPS lists the reasons for which tests may be skipped; set
//     and empty, none may.
//
// It needs root, the docker command, and mmdebstrap the first time.
package e2e
