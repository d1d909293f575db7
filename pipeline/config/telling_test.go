package config

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
	"time"
)

// telling has every key about telling, none at its default.
const telling = minimal + `notify:
  timeout: 5s
  runbook: https://wiki.example.com/mainstay
  channels:
    - {name: chat, type: slack, url: "${HOOK}", on: failure}
    - {name: hook, type: webhook, url_file: hook.txt, token: "${PASSWORD}", on: [warnings, recovery]}
    - {name: mail, type: email, server: mail:465, tls: tls, username: me, password: "${PASSWORD}", from: a@b.c, to: [d@e.f, g@h.i]}
    - {name: off, type: slack, url: "${NOT_SET:-}"}
    - {name: no-mail, type: email, server: "${EMPTY}", from: a@b.c, to: d@e.f}
  ping: {url: "https://hc.example.com/${PASSWORD}", fail: true}
log: {format: json, level: debug}
metrics: {textfile: m.prom, listen: "127.0.0.1:9187"}
lineage: {file: l.jsonl, url_file: l.txt, token_file: t.txt, namespace: prod, timeout: 3s}
publish: {postgres: {url: "${SHOP_URL}", schema: crm, tables: [churn_scores], lock_timeout: 1s, timeout: 5m}}
`

func TestTellingIsRead(t *testing.T) {
	t.Parallel()
	got := mustParse(t, telling)
	all := []Event{OnFailure, OnRecovery, OnWarnings}
	root := "/shop[1]/project/"
	want := Notify{
		Timeout: Duration(5 * time.Second), Runbook: "https://wiki.example.com/mainstay",
		Channels: []Channel{
			{Name: "chat", Type: ChannelSlack, On: []Event{OnFailure}, URL: "https://hooks.example.com/s3cret", TLS: StartTLS},
			{Name: "hook", Type: ChannelWebhook, On: []Event{OnWarnings, OnRecovery}, URLFile: Path(root + "hook.txt"), Token: "s3cret", TLS: StartTLS},
			{Name: "mail", Type: ChannelEmail, On: all, Server: "mail:465", TLS: TLS, Username: "me", Password: "s3cret", From: "a@b.c", To: []string{"d@e.f", "g@h.i"}},
			{Name: "off", Type: ChannelSlack, On: all, TLS: StartTLS},
			{Name: "no-mail", Type: ChannelEmail, On: all, TLS: StartTLS, From: "a@b.c", To: []string{"d@e.f"}},
		},
		Ping: Ping{URL: "https://hc.example.com/s3cret", Fail: true},
	}
	if !reflect.DeepEqual(got.Notify, want) {
		t.Errorf("got  %+v\nwant %+v", got.Notify, want)
	}
	for i, off := range []bool{false, false, false, true, true} {
		if got.Notify.Channels[i].Off() != off {
			t.Errorf("%s: off %t, want %t", got.Notify.Channels[i].Name, !off, off)
		}
	}
	if want := (Log{LogJSON, "debug"}); got.Log != want {
		t.Errorf("log %+v", got.Log)
	}
	if want := (Metrics{Path(root + "m.prom"), "127.0.0.1:9187"}); got.Metrics != want {
		t.Errorf("metrics %+v", got.Metrics)
	}
	if want := (Lineage{File: Path(root + "l.jsonl"), URLFile: Path(root + "l.txt"), TokenFile: Path(root + "t.txt"), Namespace: "prod", Timeout: Duration(3 * time.Second)}); got.Lineage != want {
		t.Errorf("lineage %+v", got.Lineage)
	}
	shop, _ := testEnv("SHOP_URL")
	if want := (PublishPostgres{URL: URL(shop), Schema: "crm", Tables: []string{"churn_scores"}, LockTimeout: Duration(time.Second), Timeout: Duration(5 * time.Minute)}); !reflect.DeepEqual(got.Publish.Postgres, want) {
		t.Errorf("publish %+v", got.Publish.Postgres)
	}
	if got.Fingerprint() != mustParse(t, minimal).Fingerprint() {
		t.Error("whom a night tells changes its fingerprint")
	}
}

// However a configuration is printed, no secret shows.
func TestSecretsDoNotPrint(t *testing.T) {
	t.Parallel()
	c := mustParse(t, telling)
	text, err := json.Marshal(c)
	if err != nil {
		t.Fatal(err)
	}
	for _, printed := range []string{fmt.Sprint(c), fmt.Sprintf("%+v", c), fmt.Sprintf("%#v", c), fmt.Sprintf("%s %v", c.Notify.Channels[2].Password, c.Notify.Ping.URL), string(text)} {
		if strings.Contains(printed, "s3cret") {
			t.Errorf("a secret shows in %s", printed)
		}
	}
	if got := c.Notify.Ping.URL.String(); got != "https://hc.example.com" {
		t.Errorf("the host of an address is no secret: got %q", got)
	}
}

func TestLoadForTelling(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name, text string
		ok         bool
	}{
		{"fine", telling, true},
		{"a mistake elsewhere", telling + "histroy: {}\n", true},
		{"a wrong number", telling + "models: {seed: x}\n", true},
		{"a mistake in notify", strings.Replace(telling, "timeout: 5s", "timeout: x", 1), false},
		{"no place for data", telling + "data: ''\n", false},
		{"no YAML", telling + "[", false},
		{"a list", "- a\n", false},
	} {
		dir := t.TempDir()
		if err := os.WriteFile(filepath.Join(dir, FileName), []byte(tt.text), 0o600); err != nil {
			t.Fatal(err)
		}
		cfg, ok := LoadForTelling(dir, testEnv)
		if ok != tt.ok || ok && (len(cfg.Notify.Channels) != 5 || cfg.ProjectDir != dir) {
			t.Errorf("%s: ok %t, want %t: %+v", tt.name, ok, tt.ok, cfg)
		}
	}
	if _, ok := LoadForTelling(t.TempDir(), testEnv); ok {
		t.Error("a folder without a file: ok")
	}
}
