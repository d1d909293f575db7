package card

import (
	"fmt"
	"strings"
)

func markdown(p page) []byte {
	var b strings.Builder
	fmt.Fprintf(&b, "# %s\n\n%s\n", p.Title, p.Lead)
	for _, s := range p.Sections {
		if s.Only == "html" {
			continue
		}
		fmt.Fprintf(&b, "\n## %s\n", s.Title)
		for _, text := range s.Text {
			fmt.Fprintf(&b, "\n%s\n", text)
		}
		for i, x := range s.Items {
			if i == 0 {
				b.WriteString("\n")
			}
			fmt.Fprintf(&b, "- **%s**: %s\n", x.Mark, x.Text)
		}
		if s.Table != nil {
			b.WriteString("\n")
			s.Table.markdown(&b)
		}
	}
	return []byte(b.String())
}

func (t *table) markdown(b *strings.Builder) {
	var head, line []string
	for _, h := range t.Head {
		name, right := strings.CutPrefix(h, ">")
		head = append(head, name)
		if right {
			line = append(line, "---:")
		} else {
			line = append(line, "---")
		}
	}
	fmt.Fprintf(b, "| %s |\n| %s |\n", strings.Join(head, " | "), strings.Join(line, " | "))
	for _, row := range t.Rows {
		cells := make([]string, len(row))
		for i, c := range row {
			cells[i] = strings.NewReplacer("|", "\\|", "\n", " ").Replace(c)
		}
		fmt.Fprintf(b, "| %s |\n", strings.Join(cells, " | "))
	}
}
