// Package post sends small messages to addresses that may be secret: with retries and
// limits, and with errors that never show an address or a token.
package post

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"strconv"
	"strings"
	"time"
)

// Target is where to send. Files are read when something is sent, so that a secret can
// be changed while a scheduler runs.
type Target struct {
	URL       string
	URLFile   string // its first line is the address; used when URL is ""
	Token     string // sent as Authorization: Bearer
	TokenFile string // its first line is the token; used when Token is ""
}

// Policy says how often to try. The context bounds it all.
type Policy struct {
	Tries int           // at least 1
	Pause time.Duration // before the second try; doubled for each one after it
	Each  time.Duration // how long one try may take
}

// DefaultPolicy tries five times, after pauses of 1, 2, 4 and 8 seconds.
func DefaultPolicy() Policy { return Policy{Tries: 5, Pause: time.Second, Each: 15 * time.Second} }

// permanent is an error that a retry cannot mend.
type permanent struct{ error }

func (p permanent) Unwrap() error { return p.error }

// Permanent marks an error that a retry cannot mend.
func Permanent(err error) error { return permanent{err} }

// later is an error with the time after which the other side wants to be asked again.
type later struct {
	error
	after time.Duration
}

// Retry calls try until it gives no error, or one that is Permanent, or the policy's
// tries or the context are used up. It returns the number of tries and the last error.
func (p Policy) Retry(ctx context.Context, try func(ctx context.Context) error) (tries int, err error) {
	pause := p.Pause
	for tries = 1; ; tries++ {
		err = p.once(ctx, try)
		var stop permanent
		if err == nil || errors.As(err, &stop) || tries >= p.Tries {
			return tries, err
		}
		wait := pause
		if l := (later{}); errors.As(err, &l) && l.after > wait {
			wait = l.after
		}
		if deadline, ok := ctx.Deadline(); ok && time.Now().Add(wait).After(deadline) {
			return tries, fmt.Errorf("%w (no time left to try again)", err)
		}
		select {
		case <-ctx.Done():
			return tries, fmt.Errorf("%w (told to stop)", err)
		case <-time.After(wait):
		}
		pause *= 2
	}
}

func (p Policy) once(ctx context.Context, try func(ctx context.Context) error) error {
	ctx, cancel := context.WithTimeout(ctx, p.Each)
	defer cancel()
	return try(ctx)
}

// maxAnswer is how much of an answer is read to say what went wrong.
const maxAnswer = 300

// client follows no redirect: one turns a POST into a GET, and may lead a secret away.
var client = &http.Client{CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}

// Send sends one request, once: a POST of body, or a GET when body is nil. An answer
// below 300 is success. Its errors are Permanent where asking again cannot help.
func Send(ctx context.Context, to Target, contentType string, body []byte) error {
	address, err := FirstLine(to.URL, to.URLFile)
	if err != nil {
		return Permanent(err)
	}
	token, err := FirstLine(to.Token, to.TokenFile)
	if err != nil {
		return Permanent(err)
	}
	method := http.MethodGet
	if body != nil {
		method = http.MethodPost
	}
	r, err := http.NewRequestWithContext(ctx, method, address, bytes.NewReader(body))
	if err != nil {
		return Permanent(errors.New("the address is none (not shown, it may be secret); expected https://host/path"))
	}
	if body != nil {
		r.Header.Set("Content-Type", contentType)
	}
	r.Header.Set("User-Agent", "mainstay")
	if token != "" {
		r.Header.Set("Authorization", "Bearer "+token)
	}
	answer, err := client.Do(r)
	if err != nil {
		return fmt.Errorf("sending to %s: %s", r.URL.Host, hide(cause(err), r.URL, token))
	}
	defer answer.Body.Close()
	text, _ := io.ReadAll(io.LimitReader(answer.Body, maxAnswer)) // only to say more
	return judge(answer, hide(strings.Join(strings.Fields(string(text)), " "), r.URL, token), r.URL.Host)
}

// judge turns an answer into an error.
func judge(answer *http.Response, text, host string) error {
	code := answer.StatusCode
	if code < 300 {
		return nil
	}
	err := fmt.Errorf("sending to %s: it answered %s", host, answer.Status)
	if text != "" {
		err = fmt.Errorf("%w: %s", err, text)
	}
	switch {
	case code == http.StatusTooManyRequests || code == http.StatusServiceUnavailable:
		if s, bad := strconv.Atoi(answer.Header.Get("Retry-After")); bad == nil {
			return later{err, time.Duration(s) * time.Second}
		}
		return err
	case code >= 500 || code == http.StatusRequestTimeout:
		return err
	}
	return Permanent(err)
}

// cause is what went wrong, without the address that net/http puts before it.
func cause(err error) string {
	var u *url.Error
	if errors.As(err, &u) {
		err = u.Err
	}
	return err.Error()
}

// hide takes what is secret of an address, and a token, out of a text.
func hide(text string, u *url.URL, token string) string {
	secrets := []string{token, u.String(), u.RequestURI(), u.RawQuery, u.User.String(), strings.Trim(u.Path, "/")}
	secrets = append(secrets, strings.Split(u.Path, "/")...)
	for _, values := range u.Query() {
		secrets = append(secrets, values...)
	}
	for _, s := range secrets {
		if len(s) >= 6 { // a shorter one is a word such as api
			text = strings.ReplaceAll(text, s, "***")
		}
	}
	return text
}

// FirstLine is a value, or the first line of a file when the value is "".
func FirstLine(value, file string) (string, error) {
	if value != "" || file == "" {
		return value, nil
	}
	text, err := os.ReadFile(file)
	if err != nil {
		return "", fmt.Errorf("reading a secret: %w", err)
	}
	line, _, _ := strings.Cut(string(text), "\n")
	if line = strings.TrimSpace(line); line == "" {
		return "", fmt.Errorf("reading a secret: the first line of %s is empty", file)
	}
	return line, nil
}

// Deliver sends with retries; see Policy.Retry and Send.
func Deliver(ctx context.Context, p Policy, to Target, contentType string, body []byte) (tries int, err error) {
	return p.Retry(ctx, func(ctx context.Context) error { return Send(ctx, to, contentType, body) })
}
