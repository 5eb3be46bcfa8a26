package controlplane

import (
	"fmt"
	"slices"
	"strings"

	"github.com/krater-mesh/krater/cmd/krater/admission"
	"github.com/krater-mesh/krater/identity/authority"
	"github.com/krater-mesh/krater/model"
)

// openAuthority opens the mesh's authority, when the mesh's name is known.
func (c *ControlPlane) openAuthority() error {
	mesh := c.now().snapshot.Mesh
	a, err := authority.Open(authority.Options{
		Dir: c.o.CADir, Files: c.o.CAFiles, MaxTTL: c.o.CertTTL, TrustDomain: mesh.TrustDomain, Aliases: mesh.TrustDomainAliases,
		Permit:  c.permit,
		Observe: func(r authority.Refusal) { c.gate.Add(refusedCertificate(r), r.At) }, // it has logged it
		Logger:  c.o.Logger,
	})
	if err != nil {
		return fmt.Errorf("opening the mesh's certificate authority: %w", err)
	}
	c.authority = a
	return nil
}

// permit has the last word on who gets a certificate. The token of a group
// does not give the name of a workload that is declared by itself.
func (c *ControlPlane) permit(r authority.Request) error {
	m, err := c.gate.Permit(r.Claims)
	if err == nil && r.Group != "" && (m.Group == nil || m.Group.Object.Key() != r.Group) {
		return fmt.Errorf("%s is no member of the group %s", r.Claims.ID(), r.Group)
	}
	return err
}

// refusedCertificate is a refusal of the authority's among the others.
func refusedCertificate(r authority.Refusal) admission.Refusal {
	out := admission.Refusal{What: "certificate", Address: r.Address, Reason: r.Reason}
	if r.Wanted != "" {
		out.Reason += "; it asked for " + r.Wanted
	}
	switch who, of, ok := strings.Cut(r.Asker, ":"); {
	case strings.HasPrefix(r.Asker, "spiffe://"):
		out.Identity = r.Asker
	case ok && (who == "workload" || who == "group"):
		out.Workload = of
	}
	return out
}

// freeName lets another machine have the name of a group's member that is
// registered no more, before the certificate ends that was issued for it.
func (c *ControlPlane) freeName(namespace, name string) {
	if c.authority == nil { // its group went while nothing ran; the name is free when the certificate has ended
		return
	}
	if err := c.authority.Free(namespace, name); err != nil {
		c.o.Logger.Error("the name of a workload that is gone stays taken", "workload", namespace+"/"+name, "reason", err)
	}
}

// admit has those who are declared be admitted from now on, and nobody else.
func (c *ControlPlane) admit(s *model.Snapshot) {
	c.gate.SetMesh(admission.NewMesh(s))
	c.registrar.SetGroups(s.Groups)
	if c.authority == nil { // it is opened with this
		return
	}
	before := c.now().snapshot.Mesh
	if before.TrustDomain == s.Mesh.TrustDomain && slices.Equal(before.TrustDomainAliases, s.Mesh.TrustDomainAliases) {
		return
	}
	if err := c.authority.SetTrustDomain(s.Mesh.TrustDomain, s.Mesh.TrustDomainAliases); err != nil {
		c.o.Logger.Error("the authority stays with the trust domain it had", "reason", err)
	}
}
