package model

// Version names what a filter is: its code and all that it is told. Where it
// stands, which traffic it sees, and what its failure does are no part of it.
func (f *FilterBinding) Version() string {
	v := FilterBinding{Type: f.Type, Lua: f.Lua, RootID: f.RootID, Config: f.Config, Secrets: f.Secrets, Routes: f.Routes, Env: f.Env, HostEnv: f.HostEnv}
	v.Module.Digest = f.Module.Digest
	return Hash(v)
}

// At is a version of a filter where another declaration of it stands. A
// version of another type stays where it was.
func (f *FilterBinding) At(place *FilterBinding) *FilterBinding {
	if f == nil || f.Type != place.Type {
		return f
	}
	out := *place
	out.Module, out.Lua, out.RootID, out.Config, out.Secrets = f.Module, f.Lua, f.RootID, f.Config, f.Secrets
	out.Routes, out.Env, out.HostEnv = f.Routes, f.Env, f.HostEnv
	return &out
}

// Missing tells whether its module cannot be had.
func (f *FilterBinding) Missing() bool { return f.Type != FilterLua && f.Module.Digest == "" }
