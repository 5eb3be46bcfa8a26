package model

import (
	"errors"
	"fmt"
	"net"
	"net/url"
	"path"
	"regexp"
	"strings"
)

// ModuleURL is where a module is, in one way of writing for each place: rules
// that go by URLs cannot be passed by another way of writing one.
type ModuleURL struct {
	Scheme string // builtin, file, http, https or oci
	Host   string // with a port where it is not the scheme's own; of http, https and oci
	Path   string // of oci: the repository, "/team/filter"; of builtin: the root
	Query  string // of http and https
	Tag    string // of oci
	Digest string // of oci: the manifest's, "sha256:" and 64 hex digits
}

var (
	repositoryPath = regexp.MustCompile(`^(/[a-z0-9]+(([._]|__|-+)[a-z0-9]+)*)+$`)
	imageTag       = regexp.MustCompile(`^[A-Za-z0-9_][A-Za-z0-9_.-]{0,127}$`)
	sha256Digest   = regexp.MustCompile(`^sha256:[0-9a-f]{64}$`)
	hostName       = regexp.MustCompile(`^([a-z0-9_]([a-z0-9_-]*[a-z0-9])?(\.[a-z0-9_]([a-z0-9_-]*[a-z0-9])?)*|\[[0-9a-f:.]+\])(:[0-9]{1,5})?$`)
)

// ParseModuleURL reads a module's URL. One without a scheme is a file's path.
func ParseModuleURL(text string) (ModuleURL, error) {
	if root, ok := strings.CutPrefix(text, BuiltinModule); ok {
		return ModuleURL{Scheme: "builtin", Path: root}, nil
	}
	scheme, rest, ok := strings.Cut(text, "://")
	if !ok {
		scheme, rest = "file", text
	}
	switch scheme {
	case "file":
		if rest == "" {
			return ModuleURL{}, errors.New("the URL names no file")
		}
		return ModuleURL{Scheme: scheme, Path: rest}, nil
	case "oci":
		return parseImage(rest)
	case "http", "https":
		return parseWeb(text)
	}
	return ModuleURL{}, fmt.Errorf("modules come from file, http, https and oci, not from %q", scheme)
}

func parseWeb(text string) (ModuleURL, error) {
	u, err := url.Parse(text)
	switch {
	case err != nil:
		return ModuleURL{}, errors.New("it is no URL")
	case u.User != nil:
		return ModuleURL{}, errors.New("a URL holds no user and password: put them into a pull Secret")
	case u.Fragment != "" || strings.HasSuffix(text, "#"):
		return ModuleURL{}, errors.New("a module's URL has no #fragment")
	case u.Path != "" && path.Clean(u.Path) != u.Path || strings.ContainsAny(u.Path, "\\\x00\r\n"):
		return ModuleURL{}, errors.New("write the URL's path without //, /./, /../ and a slash at its end")
	}
	out := ModuleURL{Scheme: u.Scheme, Path: u.EscapedPath(), Query: u.RawQuery}
	port := map[string]string{"http": "80", "https": "443"}[u.Scheme]
	out.Host, err = hostOf(u.Host, port)
	return out, err
}

// parseImage reads an image's reference, as docker does.
func parseImage(text string) (ModuleURL, error) {
	out := ModuleURL{Scheme: "oci"}
	name, digest, pinned := strings.Cut(text, "@")
	if pinned && !sha256Digest.MatchString(digest) {
		return ModuleURL{}, errors.New("after @ stands sha256: and 64 lower-case hexadecimal digits")
	}
	out.Digest = digest
	host, repository, ok := strings.Cut(name, "/")
	if !ok || !strings.ContainsAny(host, ".:") && host != "localhost" {
		host, repository = "docker.io", name // as docker means it
		if !strings.Contains(name, "/") {
			repository = "library/" + name
		}
	}
	repository, tag, tagged := strings.Cut(repository, ":")
	if tagged && !imageTag.MatchString(tag) {
		return ModuleURL{}, fmt.Errorf("%q is no tag of an image", tag)
	}
	if !repositoryPath.MatchString("/" + repository) {
		return ModuleURL{}, fmt.Errorf("%q is no repository: want HOST/NAME, in lower case", repository)
	}
	out.Path, out.Tag = "/"+repository, tag
	if !tagged && !pinned {
		out.Tag = "latest"
	}
	port := "443"
	if !strings.Contains(host, ".") {
		port = "" // it is by its port that the name is known for a host's
	}
	var err error
	out.Host, err = hostOf(host, port)
	return out, err
}

// hostOf is a host as it is written once: lower case, without the usual port.
func hostOf(text, port string) (string, error) {
	host := strings.ToLower(text)
	if name, p, err := net.SplitHostPort(host); err == nil && port != "" && p == port {
		host = name
		if strings.Contains(name, ":") {
			host = "[" + name + "]"
		}
	}
	if !hostName.MatchString(host) {
		return "", fmt.Errorf("%q is no host", text)
	}
	return host, nil
}

// String is the URL, in its one way of writing.
func (u ModuleURL) String() string {
	switch u.Scheme {
	case "builtin":
		return BuiltinModule + u.Path
	case "file":
		return "file://" + u.Path
	}
	out := u.Scheme + "://" + u.Host + u.Path
	if u.Query != "" {
		out += "?" + u.Query
	}
	if u.Tag != "" {
		out += ":" + u.Tag
	}
	if u.Digest != "" {
		out += "@" + u.Digest
	}
	return out
}

// Moves tells whether another module may be there tomorrow, by its tag: what
// nobody named "latest" is taken to stay.
func (u ModuleURL) Moves() bool { return u.Scheme == "oci" && u.Digest == "" && u.Tag == "latest" }

// RuleOf gives the rule for a module's URL, nil where there is none: of those
// that its URL begins with, in whole parts of its path, the longest.
func (p *ModulePolicy) RuleOf(u ModuleURL) *SignatureRule {
	if p == nil || u.Scheme == "builtin" {
		return nil
	}
	var out *SignatureRule
	longest := -1
	for i := range p.Signatures {
		r := &p.Signatures[i]
		if n := r.covers(u); n > longest {
			out, longest = r, n
		}
	}
	return out
}

// covers gives how much of a URL a rule names, -1 if it is for others.
func (r *SignatureRule) covers(u ModuleURL) int {
	if r.URL == "" {
		return 0
	}
	scheme, host, under, err := ParseRuleURL(r.URL)
	if err != nil || scheme != u.Scheme || host != "" && host != u.Host {
		return -1
	}
	if under != "" && u.Path != under && !strings.HasPrefix(u.Path, under+"/") {
		return -1
	}
	return len(scheme) + len(host) + len(under)
}

// ParseRuleURL reads the URL of a rule: a scheme, then a host and the
// beginning of a path where it has them.
func ParseRuleURL(text string) (scheme, host, under string, err error) {
	scheme, rest, ok := strings.Cut(text, "://")
	if !ok || !strings.Contains(" file http https oci ", " "+scheme+" ") {
		return "", "", "", errors.New("a rule's URL begins with oci://, https://, http:// or file://, or is empty for all")
	}
	rest = strings.TrimRight(rest, "/")
	if scheme == "file" {
		if rest != "" && (!path.IsAbs(rest) || path.Clean(rest) != rest) {
			return "", "", "", errors.New("a rule for files has an absolute path")
		}
		return scheme, "", rest, nil
	}
	if rest == "" {
		return scheme, "", "", nil
	}
	host, under, _ = strings.Cut(rest, "/")
	if under != "" {
		under = "/" + under
	}
	if path.Clean("/"+under) != "/"+strings.TrimPrefix(under, "/") || strings.ContainsAny(under, "?#@\\") || scheme == "oci" && strings.Contains(under, ":") {
		return "", "", "", errors.New("a rule's URL ends with a part of the path: no tag, digest or query")
	}
	host, err = hostOf(host, map[string]string{"http": "80", "https": "443", "oci": "443"}[scheme])
	return scheme, host, under, err
}
