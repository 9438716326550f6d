// Package v20170312 lets flannel compile without the Tencent VPC SDK.
//
// It declares only what flannel's tencent-vpc backend refers to. A flannel
// built with it has every other backend; choosing tencent-vpc fails with
// [ErrNotBuilt].
package v20170312

import "errors"

// ErrNotBuilt is what every call of the client answers.
var ErrNotBuilt = errors.New("this flannel was built without the Tencent VPC SDK: choose another backend, such as vxlan")

// Client stands where the SDK's client of the VPC service stands.
type Client struct{}

// NewClientWithSecretId answers [ErrNotBuilt] and a client that does the same.
func NewClientWithSecretId(_, _, _ string) (*Client, error) { return &Client{}, ErrNotBuilt }

// DescribeRouteTables answers [ErrNotBuilt].
func (*Client) DescribeRouteTables(*DescribeRouteTablesRequest) (*DescribeRouteTablesResponse, error) {
	return nil, ErrNotBuilt
}

// CreateRoutes answers [ErrNotBuilt].
func (*Client) CreateRoutes(*CreateRoutesRequest) (*CreateRoutesResponse, error) {
	return nil, ErrNotBuilt
}

// DeleteRoutes answers [ErrNotBuilt].
func (*Client) DeleteRoutes(*DeleteRoutesRequest) (*DeleteRoutesResponse, error) {
	return nil, ErrNotBuilt
}
