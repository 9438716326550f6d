// Pins of the flannel CNI plugin, which is a small program of this folder: upstream's own module
// is not on every Go module proxy.
module slipway.dev/ci/kubernetes/flannel-cni-plugin

go 1.25.0

require github.com/containernetworking/cni v1.3.0

require (
	github.com/vishvananda/netns v0.0.4 // indirect
	golang.org/x/sys v0.23.0 // indirect
)
