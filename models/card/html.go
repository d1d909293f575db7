package card

import (
	_ "embed"
	"html/template"
	"strings"
)

//go:embed card.html
var source string

var pageTemplate = template.Must(template.New("card").Funcs(template.FuncMap{
	"svg":   func(p *plot) template.HTML { return template.HTML(p.SVG()) }, // made here, its texts escaped
	"head":  func(h string) string { return strings.TrimPrefix(h, ">") },
	"right": func(t *table, i int) bool { return i < len(t.Head) && strings.HasPrefix(t.Head[i], ">") },
}).Parse(source))

func render(p page) []byte {
	var b strings.Builder
	if err := pageTemplate.Execute(&b, p); err != nil {
		panic(err) // the template and what it is given are of this package
	}
	return []byte(b.String())
}
