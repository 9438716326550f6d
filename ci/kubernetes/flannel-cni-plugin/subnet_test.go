package main

import (
	"encoding/json"
	"strings"
	"testing"
)

const written = `FLANNEL_NETWORK=10.244.0.0/16
FLANNEL_SUBNET=10.244.3.1/24
FLANNEL_MTU=1450
FLANNEL_IPMASQ=true
`

func TestSubnetFileGivesTheNetworkAddressOfTheShare(t *testing.T) {
	parsed, err := parseSubnet(written)
	if err != nil {
		t.Fatal(err)
	}
	if got := parsed.shares[0].String(); got != "10.244.3.0/24" {
		t.Errorf("share is %s, want 10.244.3.0/24: host-local refuses host bits", got)
	}
	if parsed.mtu != 1450 || !parsed.masquerade {
		t.Errorf("mtu %d and masquerade %v, want 1450 and true", parsed.mtu, parsed.masquerade)
	}
}

func TestSubnetFileWithoutASubnetIsRefused(t *testing.T) {
	if _, err := parseSubnet("FLANNEL_MTU=1450\n"); err == nil || !strings.Contains(err.Error(), "FLANNEL_SUBNET") {
		t.Errorf("error is %v, want one that names FLANNEL_SUBNET", err)
	}
}

func TestDelegateIsABridgeWithAddressesOfTheShareAndTheUsersSettings(t *testing.T) {
	parsed, err := readConfiguration([]byte(
		`{"name":"cbr0","cniVersion":"0.3.1","type":"flannel","delegate":{"hairpinMode":true,"mtu":1400}}`))
	if err != nil {
		t.Fatal(err)
	}
	share, err := parseSubnet(written)
	if err != nil {
		t.Fatal(err)
	}
	delegated, err := delegateConfiguration(parsed, share)
	if err != nil {
		t.Fatal(err)
	}
	var got any
	if err := json.Unmarshal(delegated.configuration, &got); err != nil {
		t.Fatal(err)
	}
	const want = `{"cniVersion":"0.3.1","hairpinMode":true,"ipMasq":false,` +
		`"ipam":{"ranges":[[{"subnet":"10.244.3.0/24"}]],"routes":[{"dst":"10.244.0.0/16"}],"type":"host-local"},` +
		`"isGateway":true,"mtu":1400,"name":"cbr0","type":"bridge"}`
	if encoded, _ := json.Marshal(got); string(encoded) != want {
		t.Errorf("delegate configuration\n got %s\nwant %s", encoded, want)
	}
}

func TestDelegateWithItsOwnAddressesIsRefused(t *testing.T) {
	parsed := &configuration{Delegate: map[string]any{"ipam": map[string]any{}}}
	if _, err := delegateConfiguration(parsed, &subnet{}); err == nil {
		t.Error(`a delegate with "ipam" was accepted`)
	}
}
