package config

import (
	"net"
	"net/mail"
	"strconv"
)

// channelKeys are the keys that only some types of channels have.
var channelKeys = []struct {
	key   string
	types []ChannelType
}{
	{"url", []ChannelType{ChannelWebhook, ChannelSlack}},
	{"url_file", []ChannelType{ChannelWebhook, ChannelSlack}},
	{"token", []ChannelType{ChannelWebhook}},
	{"token_file", []ChannelType{ChannelWebhook}},
	{"server", []ChannelType{ChannelEmail}},
	{"tls", []ChannelType{ChannelEmail}},
	{"username", []ChannelType{ChannelEmail}},
	{"password", []ChannelType{ChannelEmail}},
	{"password_file", []ChannelType{ChannelEmail}},
	{"from", []ChannelType{ChannelEmail}},
	{"to", []ChannelType{ChannelEmail}},
}

// checkChannel checks one channel; taken holds the names before it.
func (d *decoder) checkChannel(c *Channel, path string, taken map[string]bool) {
	switch {
	case c.Name == "":
		d.failAt(path+".name", "missing; expected a name such as ops")
	case !projectName.MatchString(c.Name):
		d.failAt(path+".name", "%q is not a name; expected a-z, 0-9, - and _, beginning with a letter", c.Name)
	case taken[c.Name]:
		d.failAt(path+".name", "%q is the name of another channel; expected a name of its own", c.Name)
	}
	taken[c.Name] = true
	if len(c.On) == 0 {
		d.failAt(path+".on", "empty; expected some of failure, recovery, warnings")
	}
	if c.Type == "" {
		d.failAt(path+".type", "missing; expected %s", list(channelTypes))
		return
	}
	if d.failed[path+".type"] {
		return
	}
	for _, k := range channelKeys {
		if d.has(path+"."+k.key) && !contains(k.types, c.Type) {
			d.failAt(path+"."+k.key, "not a key of a channel of type %s; expected it only with type %s", c.Type, k.types[0])
		}
	}
	if c.Type == ChannelEmail {
		d.checkMail(c, path)
		return
	}
	if !d.has(path+".url") && !d.has(path+".url_file") {
		d.failAt(path+".url", "missing; expected ${MAINSTAY_WEBHOOK}, a variable that holds the address (an empty one turns the channel off), or url_file")
	}
	d.checkOneOf(path, "url", string(c.URL), "url_file", string(c.URLFile))
	d.checkOneOf(path, "token", string(c.Token), "token_file", string(c.TokenFile))
}

func contains(types []ChannelType, t ChannelType) bool {
	for _, x := range types {
		if x == t {
			return true
		}
	}
	return false
}

func (d *decoder) checkMail(c *Channel, path string) {
	if !d.has(path + ".server") {
		d.failAt(path+".server", "missing; expected host:port such as smtp.example.com:587")
	} else if c.Server != "" {
		host, port, err := net.SplitHostPort(c.Server)
		if n, bad := strconv.ParseUint(port, 10, 16); err != nil || host == "" || bad != nil || n == 0 {
			d.failAt(path+".server", "%q is not a server; expected host:port such as smtp.example.com:587", c.Server)
		}
	}
	if _, err := mail.ParseAddress(c.From); err != nil {
		d.failAt(path+".from", "%q is not a mail address; expected one such as mainstay@example.com", c.From)
	}
	if len(c.To) == 0 {
		d.failAt(path+".to", "missing; expected a mail address, or a list of them")
	}
	for _, to := range c.To {
		if _, err := mail.ParseAddress(to); err != nil {
			d.failAt(path+".to", "%q is not a mail address; expected one such as ops@example.com", to)
		}
	}
	d.checkOneOf(path, "password", string(c.Password), "password_file", string(c.PasswordFile))
	if secret := c.Password != "" || c.PasswordFile != ""; secret && c.Username == "" {
		d.failAt(path+".username", "missing, but there is a password; expected the account that it belongs to")
	} else if secret && c.TLS == NoTLS {
		d.failAt(path+".tls", "none, but there is a password, which would be sent in the clear; expected starttls or tls")
	}
}
