package workload

import "github.com/containerd/platforms"

// Platform is what an image is made for.
type Platform struct{ OS, Architecture, Variant string }

// ParsePlatform reads OS/ARCHITECTURE[/VARIANT]; one of the first two alone will do.
func ParsePlatform(value string) (Platform, error) {
	p, err := platforms.Parse(value)
	if err != nil {
		return Platform{}, err
	}
	return Platform{OS: p.OS, Architecture: p.Architecture, Variant: p.Variant}, nil
}
