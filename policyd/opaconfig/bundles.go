package opaconfig

import (
	"encoding/json"
	"strings"
	"time"
)

type bundleConfig struct {
	Service  string `json:"service"`
	Resource string `json:"resource"`
	Polling  struct {
		Min int64 `json:"min_delay_seconds"`
		Max int64 `json:"max_delay_seconds"`
	} `json:"polling"`
	Signing *struct {
		KeyID   string   `json:"keyid"`
		Scope   string   `json:"scope"`
		Exclude []string `json:"exclude_files"`
	} `json:"signing"`
}

type service struct {
	Name        string `json:"name"`
	URL         string `json:"url"`
	Credentials struct {
		Bearer struct {
			Token string `json:"token"`
			Path  string `json:"token_path"`
		} `json:"bearer"`
	} `json:"credentials"`
	TLS struct {
		CA string `json:"ca_cert"`
	} `json:"tls"`
}

// services are a list, or an object by name.
func (f *file) services() (map[string]service, error) {
	byName := map[string]service{}
	if len(f.Services) == 0 {
		return byName, nil
	}
	if err := json.Unmarshal(f.Services, &byName); err == nil {
		return byName, nil
	}
	var list []service
	if err := json.Unmarshal(f.Services, &list); err != nil {
		return nil, Refusal{"services", "want a list, or an object by name"}
	}
	for _, s := range list {
		byName[s.Name] = s
	}
	return byName, nil
}

func (f *file) bundles(o Options) ([]Bundle, error) {
	services, err := f.services()
	if err != nil {
		return nil, err
	}
	var out []Bundle
	for _, name := range sorted(f.Bundles) {
		at, in := "bundles."+name, f.Bundles[name]
		if in == nil {
			return nil, Refusal{at, "want an object"}
		}
		b := Bundle{Name: name, Refresh: defaultPoll}
		if in.Polling.Max > 0 {
			b.Refresh = time.Duration(in.Polling.Max) * time.Second
		}
		if path, ok := strings.CutPrefix(in.Resource, "file://"); ok {
			b.URL = path
		} else if err := b.from(services, in, at, o); err != nil {
			return nil, err
		}
		if b.Signing, err = f.signing(in, at); err != nil {
			return nil, err
		}
		out = append(out, b)
	}
	return out, nil
}

// from says where a service has the bundle.
func (b *Bundle) from(services map[string]service, in *bundleConfig, at string, o Options) error {
	s, known := services[in.Service]
	if !known && in.Service == "" && len(services) == 1 {
		for _, only := range services {
			s, known = only, true
		}
	}
	if !known {
		return Refusal{at + ".service", "it names none of services"}
	}
	if !strings.HasPrefix(s.URL, "https://") && !strings.HasPrefix(s.URL, "http://") {
		return Refusal{"services." + in.Service + ".url", "want http:// or https://"}
	}
	resource := in.Resource
	if resource == "" {
		resource = "bundles/" + b.Name
	}
	b.URL = strings.TrimSuffix(s.URL, "/") + "/" + strings.TrimPrefix(resource, "/")
	b.Token = s.Credentials.Bearer.Token
	if path := s.Credentials.Bearer.Path; path != "" {
		token, err := o.read(path)
		if err != nil {
			return Refusal{"services." + in.Service + ".credentials.bearer.token_path", err.Error()}
		}
		b.Token = strings.TrimSpace(string(token))
	}
	if b.Token != "" && !strings.HasPrefix(s.URL, "https://") {
		return Refusal{"services." + in.Service + ".credentials", "a token is sent over https only"}
	}
	if s.TLS.CA != "" {
		ca, err := o.read(s.TLS.CA)
		if err != nil {
			return Refusal{"services." + in.Service + ".tls.ca_cert", err.Error()}
		}
		b.CA = string(ca)
	}
	return nil
}

func (f *file) signing(in *bundleConfig, at string) (*Signing, error) {
	if in.Signing == nil {
		return nil, nil
	}
	if len(f.Keys) == 0 {
		return nil, Refusal{at + ".signing", "there are no keys"}
	}
	out := &Signing{KeyID: in.Signing.KeyID, Scope: in.Signing.Scope, Exclude: in.Signing.Exclude, Keys: map[string]SigningKey{}}
	for _, id := range sorted(f.Keys) {
		k := SigningKey(f.Keys[id])
		if k.Key == "" {
			return nil, Refusal{"keys." + id + ".key", "want a public key, or a shared secret"}
		}
		if k.Algorithm == "" {
			k.Algorithm = "RS256"
		}
		out.Keys[id] = k
	}
	if k, known := out.Keys[out.KeyID]; out.KeyID != "" && !known {
		return nil, Refusal{at + ".signing.keyid", "it names none of keys"}
	} else if out.Scope == "" {
		out.Scope = k.Scope
	}
	return out, nil
}
