package crds

import (
	"strings"

	"github.com/krater-mesh/krater/model"
)

// modulePull is what an object says of its module, with the fields that say
// it.
type modulePull struct {
	at          string // the field that holds them: "spec", "spec.wasm"
	url, sha256 string
	image       bool   // a URL without a scheme is an image's
	policy      string // "", "Always", "IfNotPresent"
	secret      string
	keys        []string

	atPolicy, atSecret, atKeys string
}

// The pull policies, in Istio's words.
const (
	pullAlways       = "Always"
	pullIfNotPresent = "IfNotPresent"
)

// pulled checks what an object says of its module. Its Digest is the pin: of
// an image the manifest's, or that of the module in it.
func (c *conversion) pulled(in modulePull) model.Module {
	text := in.url
	if in.image && text != "" && !strings.Contains(text, "://") && !strings.HasPrefix(text, model.BuiltinModule) {
		text = "oci://" + text
	}
	u, err := model.ParseModuleURL(text)
	switch {
	case in.url == "":
		c.missing(in.at+".url", "a filter has a module")
	case u.Scheme == "builtin" && u.Path == "":
		c.bad(in.at+".url", "which of the built-in filters? builtin:NAME")
	case err != nil:
		c.bad(in.at+".url", "%v", err)
	}
	out := model.Module{URL: text, Digest: c.pin(in.sha256, in.at+".sha256", u)}
	if u.Scheme != "file" && u.Scheme != "" {
		out.URL = u.String()
	}
	if in.policy != "" {
		c.oneOf(in.policy, in.atPolicy, pullAlways, pullIfNotPresent)
	}
	remote := u.Scheme == "oci" || u.Scheme == "http" || u.Scheme == "https"
	out.Pull.Always = remote && out.Digest == "" && u.Digest == "" && (in.policy == pullAlways || in.policy == "" && u.Moves())
	if in.secret != "" && u.Scheme != "oci" && u.Scheme != "https" {
		c.warn(in.atSecret, "it has no effect: a pull Secret is for oci and https")
	} else {
		out.Pull.Secret = in.secret
	}
	if len(in.keys) > 0 && u.Scheme == "builtin" {
		c.bad(in.atKeys, "the built-in filters are a part of Krater: nobody signs them apart")
	}
	c.publicKeys(in.keys, in.atKeys)
	out.Pull.Keys = in.keys
	return out
}

// pin checks a pin against the one that the URL may hold.
func (c *conversion) pin(sha256, field string, u model.ModuleURL) string {
	if sha256 == "" {
		return ""
	}
	if !hex64.MatchString(sha256) {
		c.bad(field, "want 64 hexadecimal digits")
		return ""
	}
	return "sha256:" + strings.ToLower(strings.TrimPrefix(sha256, "sha256:"))
}
