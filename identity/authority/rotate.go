package authority

import (
	"crypto/x509"
	"errors"
	"fmt"
	"slices"
	"time"
)

// errFromFiles tells who rotates an authority that somebody else made.
var errFromFiles = errors.New("this authority comes from files, and is rotated there: first add the new root to root-cert.pem, " +
	"then replace ca-cert.pem, ca-key.pem and cert-chain.pem, then take the old root out; the files are read again within seconds")

// Prepare makes the next root. From now on everybody learns of it; the current
// one goes on to sign. Done twice, it is done once.
func (a *Authority) Prepare() error {
	return a.step(func(k kept) (kept, error) {
		if _, ok := k.root(roleNext); ok {
			return k, nil
		}
		if old, ok := k.root(rolePrevious); ok {
			return k, fmt.Errorf("a rotation is not done yet: the root that was replaced on %s is still trusted; retire it first", old.Since.Format(time.DateTime))
		}
		next, err := a.newRoot(k.TrustDomain)
		if err != nil {
			return k, err
		}
		next.Role = roleNext
		k.Roots = append(slices.Clone(k.Roots), next)
		return k, nil
	})
}

// Promote lets the next root sign. Its certificates come with the new root as
// the old one signs it, so that who has not learned of the new one yet takes
// them all the same.
func (a *Authority) Promote() error {
	return a.step(func(k kept) (kept, error) {
		if _, ok := k.root(rolePrevious); ok {
			return k, nil
		}
		next, ok := k.root(roleNext)
		if !ok {
			return k, errors.New("there is no next root: prepare one first")
		}
		current, _ := k.root(roleCurrent)
		cross, err := a.crossed(next, current)
		if err != nil {
			return k, err
		}
		next.Role, current.Role = roleCurrent, rolePrevious
		next.Cross = encode(cross)
		next.Since = a.o.Clock().UTC()
		current.Since = next.Since
		k.Roots = []keptRoot{next, current}
		return k.signsFor(a.o.MaxTTL), nil
	})
}

func (a *Authority) crossed(next, current keptRoot) (*x509.Certificate, error) {
	to, err := next.issuer()
	if err != nil {
		return nil, err
	}
	by, err := current.issuer()
	if err != nil {
		return nil, err
	}
	return a.cross(to.cert, by)
}

// Retire takes the previous root away, once all that it signed has ended.
// Force does not wait for that: who still has a certificate of it is out.
func (a *Authority) Retire(force bool) error {
	return a.step(func(k kept) (kept, error) {
		old, ok := k.root(rolePrevious)
		if !ok {
			if _, next := k.root(roleNext); next {
				return k, errors.New("the next root signs nothing yet: promote it first")
			}
			return k, nil
		}
		if until := old.retirable(); !force && a.o.Clock().Before(until) {
			return k, fmt.Errorf("certificates of the old root may be good until %s: retire it then, or force it, and who has not renewed by now is out of the mesh",
				until.Format(time.RFC3339))
		}
		current, _ := k.root(roleCurrent)
		current.Cross = ""
		k.Roots = []keptRoot{current}
		return k, nil
	})
}

// retirable is when nothing that a replaced root signed is good any more.
func (old keptRoot) retirable() time.Time { return old.Since.Add(old.TTL.Std()) }

// step goes from one state to the next, one at a time.
func (a *Authority) step(next func(kept) (kept, error)) error {
	if a.o.Files != "" {
		return errFromFiles
	}
	a.changing.Lock()
	defer a.changing.Unlock()
	a.mu.RLock()
	k := a.kept
	a.mu.RUnlock()
	k, err := next(k)
	if err != nil {
		return err
	}
	return a.keep(k)
}
