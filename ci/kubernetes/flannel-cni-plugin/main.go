// Command flannel is a CNI plugin that gives a pod a network by delegating to other plugins.
//
// The flannel daemon writes the node's share of the pod network to a file (/run/flannel/subnet.env).
// This plugin reads it and calls the delegate (bridge, unless the configuration names another) with
// host-local addresses from that share. It takes the configuration of upstream's plugin:
//
//	{"type": "flannel", "subnetFile": "…", "dataDir": "…", "delegate": {…}}
package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"

	"github.com/containernetworking/cni/pkg/invoke"
	"github.com/containernetworking/cni/pkg/skel"
	"github.com/containernetworking/cni/pkg/types"
	cniversion "github.com/containernetworking/cni/pkg/version"
)

// version is set when the program is linked.
var version = "unknown"

const (
	defaultSubnetFile = "/run/flannel/subnet.env"
	defaultDataDir    = "/var/lib/cni/flannel"
)

// configuration is what the runtime gives the plugin on standard input.
type configuration struct {
	types.NetConf
	SubnetFile    string         `json:"subnetFile"`
	DataDir       string         `json:"dataDir"`
	Delegate      map[string]any `json:"delegate"`
	RuntimeConfig map[string]any `json:"runtimeConfig,omitempty"`
}

func readConfiguration(input []byte) (*configuration, error) {
	parsed := &configuration{SubnetFile: defaultSubnetFile, DataDir: defaultDataDir}
	if err := json.Unmarshal(input, parsed); err != nil {
		return nil, fmt.Errorf("read the network configuration from standard input: %w", err)
	}
	return parsed, nil
}

func add(args *skel.CmdArgs) error {
	parsed, err := readConfiguration(args.StdinData)
	if err != nil {
		return err
	}
	share, err := readSubnet(parsed.SubnetFile)
	if err != nil {
		return err
	}
	delegated, err := delegateConfiguration(parsed, share)
	if err != nil {
		return err
	}
	store := store{parsed.DataDir}
	if err := store.save(args.ContainerID, args.IfName, delegated); err != nil {
		return err
	}
	result, err := invoke.DelegateAdd(context.Background(), delegated.plugin, delegated.configuration, nil)
	if err != nil {
		return fmt.Errorf("delegate ADD to plugin %s: %w", delegated.plugin, err)
	}
	return result.Print()
}

func check(args *skel.CmdArgs) error {
	return withSaved(args, func(_ store, saved delegate) error {
		return invoke.DelegateCheck(context.Background(), saved.plugin, saved.configuration, nil)
	})
}

// remove undoes add with the configuration that add used, since the node's share may have changed.
// Nothing saved means that it was undone before: CNI asks that DEL then succeeds.
func remove(args *skel.CmdArgs) error {
	err := withSaved(args, func(store store, saved delegate) error {
		if err := invoke.DelegateDel(context.Background(), saved.plugin, saved.configuration, nil); err != nil {
			return fmt.Errorf("delegate DEL to plugin %s: %w", saved.plugin, err)
		}
		return store.forget(args.ContainerID, args.IfName)
	})
	if errors.Is(err, os.ErrNotExist) {
		return nil
	}
	return err
}

func withSaved(args *skel.CmdArgs, action func(store, delegate) error) error {
	parsed, err := readConfiguration(args.StdinData)
	if err != nil {
		return err
	}
	store := store{parsed.DataDir}
	saved, err := store.load(args.ContainerID, args.IfName)
	if err != nil {
		return err
	}
	return action(store, saved)
}

func main() {
	skel.PluginMainFuncs(
		skel.CNIFuncs{Add: add, Check: check, Del: remove},
		cniversion.All,
		"CNI plugin flannel "+version,
	)
}
