package console

import (
	"errors"
	"net/http"
	"net/url"
	"path"
	"strings"
	"time"
)

// guard lets through who was let in, and sends everybody else to the login.
func (c *Console) guard(next http.HandlerFunc) http.HandlerFunc {
	return func(rw http.ResponseWriter, r *http.Request) {
		session, err := c.door.session(r.Context(), c.door.cookie(r))
		if err != nil {
			c.failed(rw, r, err)
			return
		}
		if session != nil {
			next(rw, r)
			return
		}
		to := Path + "/login"
		if r.Method == http.MethodGet && r.URL.Path != Path {
			to += "?" + url.Values{"next": {r.URL.RequestURI()}}.Encode()
		}
		http.Redirect(rw, r, to, http.StatusSeeOther)
	}
}

// form reads a form of ours before next does: one that is too long or does not
// carry the token of the browser's cookie goes no further.
func (c *Console) form(next http.HandlerFunc) http.HandlerFunc {
	return func(rw http.ResponseWriter, r *http.Request) {
		err := parse(rw, r)
		var tooLong *http.MaxBytesError
		switch {
		case errors.As(err, &tooLong):
			c.problem(rw, r, http.StatusRequestEntityTooLarge, "problem.too_long")
		case err != nil:
			c.problem(rw, r, http.StatusBadRequest, "problem.form")
		case !c.door.isFormToken(c.door.cookie(r), r.PostForm.Get("token")):
			c.problem(rw, r, http.StatusForbidden, "problem.token")
		default:
			next(rw, r)
		}
	}
}

// formIn is how long a form may take to arrive.
const formIn = 10 * time.Second

// parse reads the form, and waits for nobody who sends it byte by byte.
func parse(rw http.ResponseWriter, r *http.Request) error {
	control := http.NewResponseController(rw)
	if err := control.SetReadDeadline(time.Now().Add(formIn)); err != nil && !errors.Is(err, http.ErrNotSupported) {
		return err
	}
	if err := r.ParseForm(); err != nil {
		return err
	}
	// From here on a read only tells whether the browser is still there.
	if err := control.SetReadDeadline(time.Time{}); err != nil && !errors.Is(err, http.ErrNotSupported) {
		return err
	}
	return nil
}

// loginData is what the two pages outside show.
type loginData struct {
	Password bool   // there is one to ask for
	Next     string // where to go on; within the console
	Wrong    string // what was wrong with the last try
	Key      string // of an invitation
}

func (c *Console) loginPage(rw http.ResponseWriter, r *http.Request) {
	next := within(r.URL.Query().Get("next"))
	session, err := c.door.session(r.Context(), c.door.cookie(r))
	if err != nil {
		c.failed(rw, r, err)
		return
	}
	if session != nil {
		http.Redirect(rw, r, next, http.StatusSeeOther)
		return
	}
	c.showLogin(rw, r, http.StatusOK, loginData{Next: next})
}

func (c *Console) showLogin(rw http.ResponseWriter, r *http.Request, status int, d loginData) {
	d.Password = c.door.password != nil
	c.render(rw, r, status, "login", "login.title", d)
}

// within is the address if it is one of the console's, else its first page.
func within(next string) string {
	to, err := url.Parse(next)
	if err != nil || to.Host != "" || to.Scheme != "" || strings.ContainsAny(next, "\\\r\n") ||
		!strings.HasPrefix(to.Path, Path+"/") || to.Path != path.Clean(to.Path) || to.Path == Path+"/login" {
		return Path
	}
	return next
}

func (c *Console) login(rw http.ResponseWriter, r *http.Request) {
	d := loginData{Next: within(r.PostForm.Get("next"))}
	if !c.mayTry(rw, r, d) {
		return
	}
	if !c.door.isPassword(r.PostForm.Get("password")) {
		c.wrong(rw, r, d, "login.wrong")
		return
	}
	c.letIn(rw, r, d.Next)
}

// enterPage asks for one press: what only looks at a link, such as the preview
// of a chat, does not use it up.
func (c *Console) enterPage(rw http.ResponseWriter, r *http.Request) {
	c.render(rw, r, http.StatusOK, "enter", "login.title", loginData{Key: r.URL.Query().Get("key")})
}

func (c *Console) enter(rw http.ResponseWriter, r *http.Request) {
	invited, err := c.door.accept(r.Context(), r.PostForm.Get("key"))
	if err != nil {
		c.failed(rw, r, err)
		return
	}
	if !invited {
		if c.mayTry(rw, r, loginData{}) {
			c.wrong(rw, r, loginData{}, "login.gone")
		}
		return
	}
	c.letIn(rw, r, Path)
}

// mayTry reports whether the attempt may be looked at, or answers that there
// were too many.
func (c *Console) mayTry(rw http.ResponseWriter, r *http.Request, d loginData) bool {
	if c.door.guesses.allow(addressOf(r), c.cfg.Now()) {
		return true
	}
	rw.Header().Set("Retry-After", "60")
	d.Wrong = "login.too_many"
	c.showLogin(rw, r, http.StatusTooManyRequests, d)
	return false
}

func (c *Console) wrong(rw http.ResponseWriter, r *http.Request, d loginData, why string) {
	c.door.guesses.wrong()
	c.log.Warn("somebody failed to get into the console", "address", addressOf(r), "why", why)
	d.Wrong = why
	c.showLogin(rw, r, http.StatusForbidden, d)
}

func (c *Console) letIn(rw http.ResponseWriter, r *http.Request, next string) {
	cookie, err := c.door.enter(r.Context())
	if err != nil {
		c.failed(rw, r, err)
		return
	}
	c.door.give(rw, r, cookie)
	c.log.Info("somebody got into the console", "address", addressOf(r))
	http.Redirect(rw, r, next, http.StatusSeeOther)
}

func (c *Console) logout(rw http.ResponseWriter, r *http.Request) {
	if err := c.door.leave(r.Context(), c.door.cookie(r)); err != nil {
		c.failed(rw, r, err)
		return
	}
	c.door.set(rw, r, "", -1)
	http.Redirect(rw, r, Path+"/login", http.StatusSeeOther)
}
