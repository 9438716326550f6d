package v20170312

// Filter narrows a DescribeRouteTables call.
type Filter struct {
	Name   *string
	Values []*string
}

// Route is one entry of a route table.
type Route struct {
	RouteId              *uint64
	DestinationCidrBlock *string
	GatewayType          *string
	GatewayId            *string
	RouteType            *string
	Enabled              *bool
}

// RouteTable is one table of a VPC.
type RouteTable struct {
	RouteTableId *string
	RouteSet     []*Route
}

// DescribeRouteTablesRequest asks for the route tables that match its filters.
type DescribeRouteTablesRequest struct{ Filters []*Filter }

// NewDescribeRouteTablesRequest makes an empty request.
func NewDescribeRouteTablesRequest() *DescribeRouteTablesRequest {
	return &DescribeRouteTablesRequest{}
}

// DescribeRouteTablesResponse holds the tables found.
type DescribeRouteTablesResponse struct{ Response *RouteTables }

// RouteTables is the body of a DescribeRouteTablesResponse.
type RouteTables struct{ RouteTableSet []*RouteTable }

// CreateRoutesRequest asks for routes to be added to a table.
type CreateRoutesRequest struct {
	RouteTableId *string
	Routes       []*Route
}

// NewCreateRoutesRequest makes an empty request.
func NewCreateRoutesRequest() *CreateRoutesRequest { return &CreateRoutesRequest{} }

// CreateRoutesResponse has nothing that flannel reads.
type CreateRoutesResponse struct{}

// DeleteRoutesRequest asks for routes to be taken out of a table.
type DeleteRoutesRequest struct {
	RouteTableId *string
	Routes       []*Route
}

// NewDeleteRoutesRequest makes an empty request.
func NewDeleteRoutesRequest() *DeleteRoutesRequest { return &DeleteRoutesRequest{} }

// DeleteRoutesResponse has nothing that flannel reads.
type DeleteRoutesResponse struct{}
