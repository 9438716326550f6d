package main

import (
	"fmt"
	"net/netip"
	"os"
	"strconv"
	"strings"
)

// subnet is the node's share of the pod network, as the flannel daemon wrote it.
type subnet struct {
	networks   []netip.Prefix // the whole pod network, for each address family in use
	shares     []netip.Prefix // the node's part, in the same order, without host bits
	mtu        int            // bytes; zero if the file names none
	masquerade bool           // whether the daemon itself masquerades what leaves the pod network
}

func readSubnet(path string) (*subnet, error) {
	content, err := os.ReadFile(path)
	if err != nil {
		return nil, fmt.Errorf("read the node's subnet, which the flannel daemon writes when it has one: %w", err)
	}
	parsed, err := parseSubnet(string(content))
	if err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	return parsed, nil
}

func parseSubnet(content string) (*subnet, error) {
	values := map[string]string{}
	for line := range strings.Lines(content) {
		if name, value, found := strings.Cut(strings.TrimSpace(line), "="); found {
			values[name] = value
		}
	}
	parsed := &subnet{}
	for _, family := range []string{"FLANNEL_", "FLANNEL_IPV6_"} {
		if values[family+"SUBNET"] == "" {
			continue
		}
		for _, network := range strings.Split(values[family+"NETWORK"], ",") {
			prefix, err := netip.ParsePrefix(network)
			if err != nil {
				return nil, fmt.Errorf("%sNETWORK: %w", family, err)
			}
			parsed.networks = append(parsed.networks, prefix)
		}
		share, err := netip.ParsePrefix(values[family+"SUBNET"])
		if err != nil {
			return nil, fmt.Errorf("%sSUBNET: %w", family, err)
		}
		// The daemon writes the gateway's address with the prefix length; host-local wants the network's.
		parsed.shares = append(parsed.shares, share.Masked())
	}
	if len(parsed.shares) == 0 {
		return nil, fmt.Errorf("has neither FLANNEL_SUBNET nor FLANNEL_IPV6_SUBNET")
	}
	var err error
	if mtu := values["FLANNEL_MTU"]; mtu != "" {
		if parsed.mtu, err = strconv.Atoi(mtu); err != nil {
			return nil, fmt.Errorf("FLANNEL_MTU: %w", err)
		}
	}
	if masquerade := values["FLANNEL_IPMASQ"]; masquerade != "" {
		if parsed.masquerade, err = strconv.ParseBool(masquerade); err != nil {
			return nil, fmt.Errorf("FLANNEL_IPMASQ: %w", err)
		}
	}
	return parsed, nil
}
