package notify

import (
	"crypto/tls"
	"crypto/x509"
	"io"
	"log"
	"mime/quotedprintable"
	"net"
	"net/http/httptest"
	"net/mail"
	"strings"
	"sync"
	"testing"

	"github.com/emersion/go-sasl"
	"github.com/emersion/go-smtp"

	"github.com/mainstay-etl/mainstay/pipeline/config"
)

const mailPassword = "corr3ct-horse"

// mailServer is a real SMTP server that keeps what it gets.
type mailServer struct {
	address string
	client  *tls.Config // trusts it

	mu      sync.Mutex
	letters []letter
	busy    int // so many mails are refused for now
}

type letter struct {
	from, user string
	to         []string
	text       string
	encrypted  bool
}

func (s *mailServer) got() []letter {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.letters
}

// newMailServer starts a server: implicit TLS, or STARTTLS when it is offered.
func newMailServer(t *testing.T, implicit, offer bool) *mailServer {
	t.Helper()
	h := httptest.NewTLSServer(nil) // for its certificate
	t.Cleanup(h.Close)
	trusted := x509.NewCertPool()
	trusted.AddCert(h.Certificate())
	s := &mailServer{client: &tls.Config{RootCAs: trusted}}
	server := smtp.NewServer(smtp.BackendFunc(func(c *smtp.Conn) (smtp.Session, error) { return &mailSession{s: s, c: c}, nil }))
	server.ErrorLog = log.New(io.Discard, "", 0)
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	s.address = l.Addr().String()
	own := &tls.Config{Certificates: h.TLS.Certificates}
	if implicit {
		l = tls.NewListener(l, own)
	} else if offer {
		server.TLSConfig = own
	}
	go server.Serve(l)
	t.Cleanup(func() { server.Close() })
	return s
}

// mailChannel sends by a server.
func mailChannel(s *mailServer, how config.MailTLS) config.Channel {
	return config.Channel{Name: "mail", Type: config.ChannelEmail, On: []config.Event{config.OnFailure}, Server: s.address, TLS: how,
		Username: "mainstay", Password: mailPassword, From: "mainstay@example.com", To: []string{"ops@example.com", "boss@example.com"}}
}

// mailNotifier tells by one channel, and trusts the server.
func mailNotifier(s *mailServer, c config.Channel) *Notifier {
	n := newNotifier(config.Notify{Channels: []config.Channel{c}})
	n.mail.tls = s.client
	return n
}

func TestMail(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name     string
		implicit bool
		offer    bool
		how      config.MailTLS
		change   func(*config.Channel)
		busy     int
		tries    int
		want     string // of the error
	}{
		{"starttls", false, true, config.StartTLS, nil, 0, 1, ""},
		{"tls", true, true, config.TLS, nil, 0, 1, ""},
		{"in the clear, without an account", false, false, config.NoTLS, func(c *config.Channel) { c.Username, c.Password = "", "" }, 0, 1, ""},
		{"busy at first", false, true, config.StartTLS, nil, 2, 3, ""},
		{"always busy", false, true, config.StartTLS, nil, 99, 4, "come back later"},
		{"a wrong password", false, true, config.StartTLS, func(c *config.Channel) { c.Password = "wr0ng-horse" }, 0, 1, "535"},
		{"no such mailbox", false, true, config.StartTLS, func(c *config.Channel) { c.To = []string{"nobody@example.com"} }, 0, 1, "no such mailbox"},
		{"no STARTTLS there", false, false, config.StartTLS, nil, 0, 4, "STARTTLS"},
		{"no server there", false, true, config.StartTLS, func(c *config.Channel) { c.Server = "127.0.0.1:1" }, 0, 4, "refused"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			s := newMailServer(t, tt.implicit, tt.offer)
			s.busy = tt.busy
			c := mailChannel(s, tt.how)
			if tt.change != nil {
				tt.change(&c)
			}
			got := mailNotifier(s, c).Tell(t.Context(), failed(), Failure)
			if len(got) != 1 || got[0].Tries != tt.tries {
				t.Errorf("got %+v, want %d tries", got, tt.tries)
			}
			if err := got[0].Err; tt.want == "" && err != nil || tt.want != "" && (err == nil || !strings.Contains(err.Error(), tt.want)) {
				t.Fatalf("got %v, want %q", err, tt.want)
			} else if err != nil {
				if strings.Contains(err.Error(), "horse") {
					t.Errorf("the password shows: %v", err)
				}
				return
			}
			checkLetter(t, s.got(), c)
		})
	}
}

func checkLetter(t *testing.T, got []letter, c config.Channel) {
	t.Helper()
	if len(got) != 1 || got[0].from != c.From || strings.Join(got[0].to, " ") != strings.Join(c.To, " ") || got[0].user != c.Username || got[0].encrypted != (c.TLS != config.NoTLS) {
		t.Fatalf("got %+v", got)
	}
	m, err := mail.ReadMessage(strings.NewReader(got[0].text))
	if err != nil {
		t.Fatal(err)
	}
	for key, want := range map[string]string{"Subject": "[mainstay] shop: night 2024-03-02 failed", "Auto-Submitted": "auto-generated", "To": "<ops@example.com>, <boss@example.com>"} {
		if got := m.Header.Get(key); got != want {
			t.Errorf("%s: got %q, want %q", key, got, want)
		}
	}
	var body io.Reader = m.Body
	if m.Header.Get("Content-Transfer-Encoding") == "quoted-printable" {
		body = quotedprintable.NewReader(body)
	}
	text, err := io.ReadAll(body)
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{"job orders: the disk is full", "runbook#exit-1", "Failing since: 2024-03-01"} {
		if !strings.Contains(string(text), want) {
			t.Errorf("%q is not in the mail:\n%s", want, text)
		}
	}
}

// A certificate that nobody vouches for ends it at once, before the password is sent.
func TestMailToAStranger(t *testing.T) {
	t.Parallel()
	s := newMailServer(t, false, true)
	got := newNotifier(config.Notify{Channels: []config.Channel{mailChannel(s, config.StartTLS)}}).Tell(t.Context(), failed(), Failure)
	if len(got) != 1 || got[0].Err == nil || got[0].Tries != 1 || !strings.Contains(got[0].Err.Error(), "certificate") || len(s.got()) != 0 {
		t.Errorf("got %+v", got)
	}
}

type mailSession struct {
	s *mailServer
	c *smtp.Conn
	l letter
}

func (m *mailSession) AuthMechanisms() []string { return []string{sasl.Plain} }

func (m *mailSession) Auth(string) (sasl.Server, error) {
	return sasl.NewPlainServer(func(_, user, password string) error {
		if user != "mainstay" || password != mailPassword {
			return &smtp.SMTPError{Code: 535, EnhancedCode: smtp.EnhancedCode{5, 7, 8}, Message: "bad password " + password}
		}
		m.l.user = user
		return nil
	}), nil
}

func (m *mailSession) Reset()        {}
func (m *mailSession) Logout() error { return nil }

func (m *mailSession) Mail(from string, _ *smtp.MailOptions) error {
	m.s.mu.Lock()
	defer m.s.mu.Unlock()
	if m.s.busy > 0 {
		m.s.busy--
		return &smtp.SMTPError{Code: 451, EnhancedCode: smtp.EnhancedCode{4, 3, 0}, Message: "come back later"}
	}
	m.l.from = from
	return nil
}

func (m *mailSession) Rcpt(to string, _ *smtp.RcptOptions) error {
	if strings.HasPrefix(to, "nobody@") {
		return &smtp.SMTPError{Code: 550, EnhancedCode: smtp.EnhancedCode{5, 1, 1}, Message: "no such mailbox"}
	}
	m.l.to = append(m.l.to, to)
	return nil
}

func (m *mailSession) Data(r io.Reader) error {
	text, err := io.ReadAll(r)
	if err != nil {
		return err
	}
	_, m.l.encrypted = m.c.TLSConnectionState()
	m.l.text = string(text)
	m.s.mu.Lock()
	defer m.s.mu.Unlock()
	m.s.letters = append(m.s.letters, m.l)
	return nil
}
