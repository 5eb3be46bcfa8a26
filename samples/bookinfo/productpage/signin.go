package productpage

import (
	"net/http"
	"regexp"

	"github.com/krater-mesh/krater/samples/bookinfo/service"
)

const (
	userCookie = "bookinfo-user"
	home       = "/productpage"
)

// userName is what a visitor may be called: the name becomes a header.
var userName = regexp.MustCompile(`^[A-Za-z0-9._-]{1,40}$`)

// login remembers ?u=NAME in a cookie. There is no password: this is a sample.
func login(w http.ResponseWriter, r *http.Request) {
	name := r.URL.Query().Get("u")
	if !userName.MatchString(name) {
		service.WriteError(w, http.StatusBadRequest, "sign in with /login?u=NAME, a NAME of letters, digits, dots and dashes")
		return
	}
	setUser(w, name, 0)
	http.Redirect(w, r, home, http.StatusSeeOther)
}

func logout(w http.ResponseWriter, r *http.Request) {
	setUser(w, "", -1)
	http.Redirect(w, r, home, http.StatusSeeOther)
}

func setUser(w http.ResponseWriter, name string, maxAge int) {
	http.SetCookie(w, &http.Cookie{Name: userCookie, Value: name, Path: "/", MaxAge: maxAge,
		HttpOnly: true, SameSite: http.SameSiteLaxMode})
}

// signedIn puts the cookie's user into the header that the mesh reads, where
// the caller did not send the header itself.
func signedIn(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		c, err := r.Cookie(userCookie)
		if err == nil && r.Header.Get(service.UserHeader) == "" && userName.MatchString(c.Value) {
			r.Header.Set(service.UserHeader, c.Value)
		}
		next.ServeHTTP(w, r)
	})
}
