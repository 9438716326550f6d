package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"os"
	"path/filepath"
)

// delegate is a plugin to call and the network configuration to call it with.
type delegate struct {
	plugin        string
	configuration []byte
}

// delegateConfiguration fills in what the user's delegate leaves out, from the node's share.
func delegateConfiguration(parsed *configuration, share *subnet) (delegate, error) {
	if _, set := parsed.Delegate["ipam"]; set {
		return delegate{}, errors.New(`"delegate" must not have "ipam": the flannel daemon decides the addresses`)
	}
	if _, set := parsed.Delegate["name"]; set {
		return delegate{}, errors.New(`"delegate" must not have "name": it is the name of the network itself`)
	}
	filled := map[string]any{"type": "bridge"}
	maps.Copy(filled, parsed.Delegate)
	plugin, isString := filled["type"].(string)
	if !isString {
		return delegate{}, errors.New(`"delegate.type" must be the name of a plugin`)
	}

	setDefault := func(key string, value any) {
		if _, set := filled[key]; !set {
			filled[key] = value
		}
	}
	setDefault("ipMasq", !share.masquerade)
	if share.mtu != 0 {
		setDefault("mtu", share.mtu)
	}
	if plugin == "bridge" {
		setDefault("isGateway", true)
	}

	ranges := [][]map[string]string{}
	for _, prefix := range share.shares {
		ranges = append(ranges, []map[string]string{{"subnet": prefix.String()}})
	}
	routes := []map[string]string{}
	for _, prefix := range share.networks {
		routes = append(routes, map[string]string{"dst": prefix.String()})
	}
	filled["ipam"] = map[string]any{"type": "host-local", "ranges": ranges, "routes": routes}
	filled["name"] = parsed.Name
	if parsed.CNIVersion != "" {
		filled["cniVersion"] = parsed.CNIVersion
	}
	if parsed.RuntimeConfig != nil {
		filled["runtimeConfig"] = parsed.RuntimeConfig
	}
	encoded, err := json.Marshal(filled)
	if err != nil {
		return delegate{}, fmt.Errorf("encode the configuration of plugin %s: %w", plugin, err)
	}
	return delegate{plugin, encoded}, nil
}

// store keeps the configuration of each container's interface from ADD to DEL, as files in a directory.
type store struct{ directory string }

func (s store) path(containerID, interfaceName string) string {
	return filepath.Join(s.directory, containerID+"-"+interfaceName)
}

func (s store) save(containerID, interfaceName string, saved delegate) error {
	if err := os.MkdirAll(s.directory, 0o700); err != nil {
		return fmt.Errorf("make the data directory: %w", err)
	}
	path := s.path(containerID, interfaceName)
	if err := os.WriteFile(path, saved.configuration, 0o600); err != nil {
		return fmt.Errorf("keep the configuration for DEL: %w", err)
	}
	return nil
}

// load answers an error that is os.ErrNotExist if nothing is kept for this interface.
func (s store) load(containerID, interfaceName string) (delegate, error) {
	path := s.path(containerID, interfaceName)
	content, err := os.ReadFile(path)
	if err != nil {
		return delegate{}, fmt.Errorf("read the configuration kept by ADD: %w", err)
	}
	var saved struct {
		Type string `json:"type"`
	}
	if err := json.Unmarshal(content, &saved); err != nil {
		return delegate{}, fmt.Errorf("read the configuration kept by ADD in %s: %w", path, err)
	}
	return delegate{saved.Type, content}, nil
}

func (s store) forget(containerID, interfaceName string) error {
	return os.Remove(s.path(containerID, interfaceName))
}
