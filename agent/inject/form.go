package inject

// The parts of Kubernetes' Pod that are added, in the order that they are
// written in. Kubernetes' own types would bring their whole machinery along,
// and write their fields by the alphabet; the tests hold these to them.

type container struct {
	Name            string           `yaml:"name"`
	Image           string           `yaml:"image"`
	Args            []string         `yaml:"args"`
	RestartPolicy   string           `yaml:"restartPolicy,omitempty"`
	Ports           []containerPort  `yaml:"ports,omitempty"`
	Env             []env            `yaml:"env,omitempty"`
	ReadinessProbe  *probe           `yaml:"readinessProbe,omitempty"`
	StartupProbe    *probe           `yaml:"startupProbe,omitempty"`
	Resources       resources        `yaml:"resources"`
	SecurityContext *securityContext `yaml:"securityContext"`
	VolumeMounts    []any            `yaml:"volumeMounts,omitempty"`
}

type containerPort struct {
	Name          string `yaml:"name,omitempty"`
	ContainerPort int    `yaml:"containerPort"`
	Protocol      string `yaml:"protocol,omitempty"`
}

type env struct {
	Name      string     `yaml:"name"`
	Value     string     `yaml:"value,omitempty"`
	ValueFrom *valueFrom `yaml:"valueFrom,omitempty"`
}

type valueFrom struct {
	FieldRef fieldRef `yaml:"fieldRef"`
}

type fieldRef struct {
	FieldPath string `yaml:"fieldPath"`
}

type probe struct {
	HTTPGet             httpGet `yaml:"httpGet"`
	InitialDelaySeconds int     `yaml:"initialDelaySeconds,omitempty"`
	PeriodSeconds       int     `yaml:"periodSeconds,omitempty"`
	TimeoutSeconds      int     `yaml:"timeoutSeconds,omitempty"`
	FailureThreshold    int     `yaml:"failureThreshold,omitempty"`
}

type httpGet struct {
	Path string `yaml:"path"`
	Port int    `yaml:"port"`
}

type resources struct {
	Requests map[string]string `yaml:"requests,omitempty"`
	Limits   map[string]string `yaml:"limits,omitempty"`
}

type securityContext struct {
	AllowPrivilegeEscalation *bool         `yaml:"allowPrivilegeEscalation,omitempty"`
	Capabilities             *capabilities `yaml:"capabilities,omitempty"`
	Privileged               *bool         `yaml:"privileged,omitempty"`
	ReadOnlyRootFilesystem   *bool         `yaml:"readOnlyRootFilesystem,omitempty"`
	RunAsGroup               int64         `yaml:"runAsGroup"`
	RunAsNonRoot             *bool         `yaml:"runAsNonRoot,omitempty"`
	RunAsUser                int64         `yaml:"runAsUser"`
	SeccompProfile           *seccomp      `yaml:"seccompProfile,omitempty"`
}

type capabilities struct {
	Add  []string `yaml:"add,omitempty"`
	Drop []string `yaml:"drop"`
}

type seccomp struct {
	Type string `yaml:"type"`
}

type volume struct {
	Name      string     `yaml:"name"`
	EmptyDir  *emptyDir  `yaml:"emptyDir,omitempty"`
	Projected *projected `yaml:"projected,omitempty"`
	ConfigMap *configMap `yaml:"configMap,omitempty"`
}

type emptyDir struct {
	Medium    string `yaml:"medium,omitempty"`
	SizeLimit string `yaml:"sizeLimit,omitempty"`
}

type projected struct {
	Sources []projection `yaml:"sources"`
}

type projection struct {
	ServiceAccountToken accountToken `yaml:"serviceAccountToken"`
}

type accountToken struct {
	Audience          string `yaml:"audience"`
	ExpirationSeconds int    `yaml:"expirationSeconds"`
	Path              string `yaml:"path"`
}

type configMap struct {
	Name string `yaml:"name"`
}

type mount struct {
	Name      string `yaml:"name"`
	MountPath string `yaml:"mountPath"`
	ReadOnly  bool   `yaml:"readOnly,omitempty"`
}
