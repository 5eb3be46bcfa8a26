package crds

import (
	"slices"
	"strconv"

	networking "istio.io/api/networking/v1alpha3"

	"github.com/krater-mesh/krater/model"
)

func (v *virtualService) fault(f *networking.HTTPFaultInjection, field string) *model.Fault {
	if f == nil {
		return nil
	}
	if f.GetDelay() == nil && f.GetAbort() == nil && !v.reported(field) {
		v.missing(field, "a fault delays, aborts, or both")
	}
	return &model.Fault{Delay: v.delay(f.GetDelay(), field+".delay"), Abort: v.abort(f.GetAbort(), field+".abort")}
}

func (v *virtualService) delay(d *networking.HTTPFaultInjection_Delay, field string) *model.FaultDelay {
	if d == nil {
		return nil
	}
	out := &model.FaultDelay{}
	if d.GetExponentialDelay() != nil {
		v.add(model.Error, model.CodeNotSupported, field+".exponentialDelay", "give fixedDelay", "Envoy delays by a fixed time only; Istio has never translated this field")
	} else if fixed := v.duration(d.GetFixedDelay(), field+".fixedDelay"); fixed != nil {
		out.Fixed = *fixed
	} else if !v.reported(field) {
		v.missing(field+".fixedDelay", "a delay has a duration")
	}
	//lint:ignore SA1019 tutorials still have it
	old := d.GetPercent()
	switch {
	case d.GetPercentage() != nil:
		out.Percent = v.percent(d.GetPercentage(), field+".percentage")
	case old == 0:
		v.noPercentage(field, "delayed")
	case old < 0 || old > 100:
		v.bad(field+".percent", "a percentage is from 0 to 100")
	}
	if d.GetPercentage() == nil {
		out.Percent = float64(old)
	}
	return out
}

func (v *virtualService) abort(a *networking.HTTPFaultInjection_Abort, field string) *model.FaultAbort {
	if a == nil {
		return nil
	}
	out := &model.FaultAbort{}
	switch e := a.GetErrorType().(type) {
	case *networking.HTTPFaultInjection_Abort_HttpStatus:
		out.Status = v.count(e.HttpStatus, field+".httpStatus")
		if e.HttpStatus < 200 || e.HttpStatus > 599 {
			v.bad(field+".httpStatus", "a status is from 200 to 599")
		}
	case *networking.HTTPFaultInjection_Abort_GrpcStatus:
		out.GRPC = v.grpcStatus(e.GrpcStatus, field+".grpcStatus")
	case *networking.HTTPFaultInjection_Abort_Http2Error:
		v.add(model.Error, model.CodeNotSupported, field+".http2Error", "give httpStatus or grpcStatus", "Envoy answers with a status only; Istio has never translated this field")
	default:
		if !v.reported(field) {
			v.missing(field, "an abort has httpStatus or grpcStatus")
		}
	}
	out.Percent = v.percent(a.GetPercentage(), field+".percentage")
	if a.GetPercentage() == nil {
		v.noPercentage(field, "aborted")
	}
	return out
}

// grpcStatuses are gRPC's, in the order of their numbers.
var grpcStatuses = []string{"OK", "CANCELLED", "UNKNOWN", "INVALID_ARGUMENT", "DEADLINE_EXCEEDED", "NOT_FOUND", "ALREADY_EXISTS",
	"PERMISSION_DENIED", "RESOURCE_EXHAUSTED", "FAILED_PRECONDITION", "ABORTED", "OUT_OF_RANGE", "UNIMPLEMENTED", "INTERNAL",
	"UNAVAILABLE", "DATA_LOSS", "UNAUTHENTICATED"}

func (v *virtualService) grpcStatus(text, field string) *uint32 {
	n := slices.Index(grpcStatuses, text)
	if i, err := strconv.Atoi(text); err == nil && i >= 0 && i < len(grpcStatuses) {
		n = i
	}
	if n < 0 {
		v.add(model.Error, model.CodeInvalidValue, field, meant(text, grpcStatuses), "%q is no gRPC status: want its name or its number, 0 to %d", text, len(grpcStatuses)-1)
		return nil
	}
	code := uint32(n)
	return &code
}

// percent is from 0 to 100 in steps of Envoy's, which are millionths.
func (c *conversion) percent(p *networking.Percent, field string) float64 {
	value := p.GetValue()
	if value < 0 || value > 100 {
		c.bad(field, "a percentage is from 0 to 100")
	} else if value > 0 && value < 0.0001 {
		c.add(model.Error, model.CodeInvalidValue, field, "give 0 or at least 0.0001", "a percentage counts in steps of 0.0001: this one is never reached")
	}
	return value
}

// noPercentage tells of Istio's default, which few expect.
func (v *virtualService) noPercentage(field, what string) {
	v.add(model.Warning, model.CodeMissing, field, "give percentage.value", "without a percentage no request is %s", what)
}
