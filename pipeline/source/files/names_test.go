package files

import "testing"

// Names do not depend on where the folder is, so that moving it reads nothing twice.
func TestInputNames(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		globs      []string
		path, want string
	}{
		{[]string{"/in/orders/*.csv"}, "/in/orders/a.csv", "a.csv"},
		{[]string{"/in/*/2024/*.csv"}, "/in/de/2024/a.csv", "de/2024/a.csv"},
		{[]string{"/in/orders/*.csv", "/in/more/*.csv"}, "/in/more/a.csv", "more/a.csv"},
		{[]string{"/in/a.csv"}, "/in/a.csv", "a.csv"},
		{[]string{"/in/a/*.csv", "/out/b/*.csv"}, "/out/b/a.csv", "out/b/a.csv"},
		{[]string{"/inner/a/*.csv", "/in/*.csv"}, "/in/a.csv", "in/a.csv"},
		{[]string{`/shop\[1]/in/*.csv`}, "/shop[1]/in/a.csv", "shop[1]/in/a.csv"},
	} {
		s := &Source{root: commonRoot(c.globs)}
		got := s.inputName(c.path)
		if got != c.want {
			t.Errorf("%v: %s is named %s, want %s", c.globs, c.path, got, c.want)
		}
		if back := s.path(got); back != c.path {
			t.Errorf("%v: %s is found at %s, want %s", c.globs, got, back, c.path)
		}
	}
}
