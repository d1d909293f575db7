package notify

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"net/textproto"
	"strconv"
	"strings"

	"github.com/wneessen/go-mail"

	"github.com/mainstay-etl/mainstay/pipeline/config"
	"github.com/mainstay-etl/mainstay/pipeline/post"
)

// mailer sends messages by SMTP.
type mailer struct {
	tls *tls.Config // for tests; nil trusts what the system trusts
}

// send sends one message, once.
func (m mailer) send(ctx context.Context, c config.Channel, msg Message) error {
	password, err := post.FirstLine(string(c.Password), string(c.PasswordFile))
	if err != nil {
		return post.Permanent(err)
	}
	letter, err := compose(c, msg)
	if err != nil {
		return post.Permanent(err)
	}
	client, err := m.client(c, password)
	if err != nil {
		return post.Permanent(err)
	}
	if err := client.DialAndSendWithContext(ctx, letter); err != nil {
		return refusal(c, password, err)
	}
	return nil
}

func compose(c config.Channel, msg Message) (*mail.Msg, error) {
	letter := mail.NewMsg()
	if err := letter.From(c.From); err != nil {
		return nil, fmt.Errorf("writing a mail: %w", err)
	}
	if err := letter.To(c.To...); err != nil {
		return nil, fmt.Errorf("writing a mail: %w", err)
	}
	letter.Subject("[mainstay] " + msg.Title)
	letter.SetDate()
	letter.SetMessageID()
	letter.SetGenHeader("Auto-Submitted", "auto-generated") // no out-of-office replies
	letter.SetBodyString(mail.TypeTextPlain, msg.Text)
	return letter, nil
}

func (m mailer) client(c config.Channel, password string) (*mail.Client, error) {
	host, port, err := net.SplitHostPort(c.Server)
	if err != nil {
		return nil, fmt.Errorf("mail server %q: %w", c.Server, err)
	}
	number, err := strconv.Atoi(port)
	if err != nil {
		return nil, fmt.Errorf("mail server %q: %w", c.Server, err)
	}
	options := []mail.Option{mail.WithPort(number)}
	switch c.TLS {
	case config.TLS:
		options = append(options, mail.WithSSL())
	case config.NoTLS:
		options = append(options, mail.WithTLSPolicy(mail.NoTLS))
	default:
		options = append(options, mail.WithTLSPolicy(mail.TLSMandatory))
	}
	if m.tls != nil {
		own := m.tls.Clone()
		own.ServerName = host
		options = append(options, mail.WithTLSConfig(own))
	}
	if c.Username != "" {
		options = append(options, mail.WithSMTPAuth(mail.SMTPAuthAutoDiscover), mail.WithUsername(c.Username), mail.WithPassword(password))
	}
	return mail.NewClient(host, options...)
}

// refusal is what the server, or the way to it, said; permanent where asking again
// cannot help.
func refusal(c config.Channel, password string, err error) error {
	text := err.Error()
	if password != "" {
		text = strings.ReplaceAll(text, password, "***")
	}
	said := fmt.Errorf("mailing by %s: %s", c.Server, strings.Join(strings.Fields(text), " "))
	var send *mail.SendError
	var answer *textproto.Error
	var cert *tls.CertificateVerificationError
	if errors.As(err, &cert) || errors.As(err, &answer) && answer.Code >= 500 || errors.As(err, &send) && !send.IsTemp() && send.ErrorCode() >= 500 {
		return post.Permanent(said)
	}
	return said
}
