package model

// Krater's own codes of Problems. A code is stable: users suppress and search
// by it.
const (
	CodeSyntax          = "KR0001" // not YAML, or not an object
	CodeUnknownKind     = "KR0002"
	CodeUnknownField    = "KR0003"
	CodeInvalidValue    = "KR0004"
	CodeDuplicateObject = "KR0005"
	CodeNotSupported    = "KR0006" // accepted, not yet translated
	CodeMissing         = "KR0007" // a required field is absent
	CodeBadRego         = "KR0009"
	CodeBadModule       = "KR0010" // a Wasm module that cannot be had, or is not Wasm
	CodeBadExpression   = "KR0011"
	CodeNotAllowed      = "KR0012" // selects what it may not select
	CodeRejected        = "KR0013" // a proxy refused it (NACK)
	CodeLastGood        = "KR0014" // an older version stays in force
	CodeNoLastGood      = "KR0015" // access is denied until it is mended
	CodePort            = "KR0017" // a port in use, or used twice
	CodeWeights         = "KR0018"
	CodeShadowed        = "KR0019" // an older object says it already, and counts
	CodeUnused          = "KR0020" // declared, and never used
	CodeProtocol        = "KR0021" // a rule for a protocol or port that nothing has
	CodeCertificateEnds = "KR0022"
	CodeNotInjected     = "KR0023" // a Pod that has no sidecar, or would not end with one
	CodeNoCertificate   = "KR0024" // a request for a certificate that was refused
	CodeUnverified      = "KR0025" // a policy or limit that would believe a caller's own word
	CodeNotWell         = "KR0026" // a workload whose agent says that it is not well
	CodeBadSignature    = "KR0027" // a module that nobody who is trusted signed
	CodeModulePending   = "KR0028" // a module that is still being fetched or verified
	CodeRolledBack      = "KR0029" // a filter's new version was taken back
	CodeFilterFails     = "KR0030" // a filter traps, again and again
	CodeFilterMemory    = "KR0031" // a filter's memory is beyond its limit
	CodeFilterLoops     = "KR0032" // a filter that did not return, and was taken out
	CodeModuleMissing   = "KR0033" // a module that a proxy cannot have; its failure policy decides
	CodeRolloutWaits    = "KR0034" // a rollout that waits for readings, or for a proxy to load code
	CodeFilterHolds     = "KR0035" // a filter that held requests until the proxy ended them
	CodeNotLowered      = "KR0036" // a policy that proxies were to decide whole, and cannot
	CodeBundle          = "KR0039" // a policy's bundle that does not come, or cannot be read
	CodeKeys            = "KR0038" // keys of an issuer that do not come, or not whole
)

// Istio's codes, where it has one for the same thing; beside each, its name
// there.
const (
	CodeDeprecated         = "IST0002" // Deprecated
	CodeUnresolvedHost     = "IST0101" // ReferencedResourceNotFound
	CodeUnresolvedGateway  = "IST0101"
	CodeHostConflict       = "IST0109" // ConflictingMeshGatewayVirtualServiceHosts
	CodeSidecarConflict    = "IST0110" // ConflictingSidecarWorkloadSelectors
	CodeSidecarTwice       = "IST0111" // MultipleSidecarsWithoutWorkloadSelectors
	CodeMisplaced          = "IST0107" // MisplacedAnnotation
	CodeUnknownAnnotation  = "IST0108" // UnknownAnnotation
	CodePortRequired       = "IST0112" // VirtualServiceDestinationPortSelectorRequired
	CodeMTLSConflict       = "IST0113" // MTLSPolicyConflict
	CodePortProtocols      = "IST0116" // DeploymentAssociatedToMultipleServices
	CodePortName           = "IST0118" // PortNameIsNotUnderNamingConvention
	CodeBadRegex           = "IST0122" // InvalidRegexp
	CodeSelectsNothing     = "IST0127" // NoMatchingWorkloadsFound
	CodeNoVerification     = "IST0128" // NoServerCertificateVerificationDestinationLevel
	CodeNoVerificationPort = "IST0129" // NoServerCertificateVerificationPortLevel
	CodeUnreachable        = "IST0130" // VirtualServiceUnreachableRule
	CodeIneffective        = "IST0131" // VirtualServiceIneffectiveMatch
	CodeGatewayHost        = "IST0132" // VirtualServiceHostNotFoundInGateway
	CodeSharedCertificate  = "IST0138" // GatewayDuplicateCertificate
	CodeProxyUser          = "IST0144" // InvalidApplicationUID
	CodeGatewayConflict    = "IST0145" // ConflictingGateways
	CodeClaims             = "IST0149" // JwtClaimBasedRoutingWithoutRequestAuthN
	CodeBadCredential      = "IST0161" // InvalidGatewayCredential
	CodeGatewayPort        = "IST0162" // GatewayPortNotDefinedOnService
	CodeUnresolvedSubset   = "IST0173" // DestinationRuleSubsetNotSelectPods
	CodeUnknownTarget      = "IST0174" // UnknownDestinationRuleHost
)
