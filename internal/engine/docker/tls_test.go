package docker

import (
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"io"
	"log"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/capprof/capprof/internal/engine"
)

// secureEngine answers over TLS to those who show a certificate, and returns its
// address and a directory with ca.pem, cert.pem and key.pem.
func secureEngine(t *testing.T) (host, certificates string) {
	t.Helper()
	mux := http.NewServeMux()
	mux.HandleFunc("/_ping", func(w http.ResponseWriter, _ *http.Request) { w.Header().Set("Api-Version", "1.41") })
	mux.HandleFunc("/v1.41/info", func(w http.ResponseWriter, _ *http.Request) {
		_, _ = io.WriteString(w, `{"KernelVersion": "1.2.3", "CgroupDriver": "systemd"}`)
	})
	mux.HandleFunc("/v1.41/version", func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, `{"Version": "28.0.0"}`) })
	server := httptest.NewUnstartedServer(mux)
	server.TLS = &tls.Config{ClientAuth: tls.RequireAnyClientCert}
	// Refused handshakes are part of the test and not of its log.
	server.Config.ErrorLog = log.New(io.Discard, "", 0)
	server.StartTLS()
	t.Cleanup(server.Close)

	certificates = t.TempDir()
	pair := server.TLS.Certificates[0]
	key, err := x509.MarshalPKCS8PrivateKey(pair.PrivateKey)
	if err != nil {
		t.Fatal(err)
	}
	certificate := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: pair.Certificate[0]})
	for name, data := range map[string][]byte{
		"ca.pem": certificate, "cert.pem": certificate,
		"key.pem": pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: key}),
	} {
		if err := os.WriteFile(filepath.Join(certificates, name), data, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return "tcp://" + strings.TrimPrefix(server.URL, "https://"), certificates
}

func TestTLS(t *testing.T) {
	host, certificates := secureEngine(t)
	contexts := t.TempDir()
	command := exec.Command("docker", "context", "create", "secure", "--docker",
		"host="+host+",ca="+certificates+"/ca.pem,cert="+certificates+"/cert.pem,key="+certificates+"/key.pem")
	command.Env = append(os.Environ(), "DOCKER_CONFIG="+contexts, "DOCKER_HOST=", "DOCKER_CONTEXT=")
	if out, err := command.CombinedOutput(); err != nil {
		t.Fatalf("docker context create: %v: %s", err, out)
	}
	for _, tc := range []struct {
		name      string
		variables map[string]string
		reached   bool
	}{
		{"verified", map[string]string{"DOCKER_HOST": host, "DOCKER_TLS_VERIFY": "1", "DOCKER_CERT_PATH": certificates}, true},
		{"not verified", map[string]string{"DOCKER_HOST": host, "DOCKER_TLS": "1", "DOCKER_CERT_PATH": certificates}, true},
		{"from docker's own directory", map[string]string{"DOCKER_HOST": host, "DOCKER_TLS_VERIFY": "1", "DOCKER_CONFIG": certificates}, true},
		{"from a context", map[string]string{"DOCKER_CONTEXT": "secure", "DOCKER_CONFIG": contexts}, true},
		{"without certificates", map[string]string{"DOCKER_HOST": host, "DOCKER_TLS_VERIFY": "1", "DOCKER_CERT_PATH": contexts}, false},
		{"without TLS", map[string]string{"DOCKER_HOST": host}, false},
	} {
		t.Run(tc.name, func(t *testing.T) {
			e, err := connect("", settingsOf(t, tc.variables))
			if err != nil {
				t.Fatal(err)
			}
			defer e.Close()
			info, err := e.Facts(t.Context())
			switch {
			case tc.reached && (err != nil || info.Version != "28.0.0" || info.SameKernel || info.Endpoint != host):
				t.Fatalf("%+v, %v", info, err)
			case !tc.reached && !errors.Is(err, engine.ErrNoEngine) && (err == nil || !strings.Contains(err.Error(), "HTTPS")):
				t.Fatalf("error %v, want no engine", err)
			}
		})
	}
}
