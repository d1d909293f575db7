package push

import (
	"context"
	"fmt"
	"strings"

	"github.com/mainstay-etl/mainstay/pipeline/duck"
	"github.com/mainstay-etl/mainstay/pipeline/source/postgres"
)

// Check connects to where Postgres would push some tables and looks at whether it may: make
// the schema or write into it, and replace the rows of those tables that are there. It
// changes nothing, and returns what the server is, in words.
func Check(ctx context.Context, o Options, tables []string) (server string, err error) {
	dialect, err := postgres.New(o.Server)
	if err != nil {
		return "", err
	}
	conn, err := dialect.Dial(ctx)
	if err != nil {
		return "", err
	}
	defer conn.Close(context.WithoutCancel(ctx))
	p := &pusher{o: o, conn: conn}
	found, err := p.query(ctx, `SELECT current_setting('server_version'), current_user, current_database(), n.oid IS NOT NULL,
coalesce(has_schema_privilege(n.oid, 'USAGE') AND has_schema_privilege(n.oid, 'CREATE'), false), has_database_privilege(current_database(), 'CREATE'),
pg_is_in_recovery() OR current_setting('default_transaction_read_only') = 'on'
FROM (SELECT 1) one LEFT JOIN pg_catalog.pg_namespace n ON n.nspname = `+literal(o.Schema))
	if err != nil {
		return "", fmt.Errorf("asking what may be done: %w", err)
	}
	version, user, database := found[0][0], found[0][1], found[0][2]
	there, writable, creates, readOnly := found[0][3] == "t", found[0][4] == "t", found[0][5] == "t", found[0][6] == "t"
	switch {
	case readOnly:
		return "", fmt.Errorf("the server takes no writes: it is a standby, or default_transaction_read_only is on for %s", user)
	case !there && !creates:
		return "", fmt.Errorf("there is no schema %s, and %s may not make one in %s: CREATE SCHEMA %[1]s AUTHORIZATION %[2]s", o.Schema, user, database)
	case there && !writable:
		return "", fmt.Errorf("%s may not make tables in schema %s of %s: GRANT USAGE, CREATE ON SCHEMA %[2]s TO %[1]s", user, o.Schema, database)
	}
	names := []string{literal(Bookkeeping)}
	for _, t := range tables {
		names = append(names, literal(t))
	}
	denied, err := p.query(ctx, `SELECT c.relname FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace WHERE n.nspname = `+literal(o.Schema)+` AND c.relname IN (`+strings.Join(names, ", ")+`)
AND NOT (has_table_privilege(c.oid, 'SELECT') AND has_table_privilege(c.oid, 'INSERT') AND has_table_privilege(c.oid, 'DELETE')) ORDER BY 1`)
	if err != nil {
		return "", fmt.Errorf("asking what may be done: %w", err)
	}
	if len(denied) > 0 {
		return "", fmt.Errorf("%s may not replace the rows of %d tables in schema %s, %s among them: ALTER TABLE %s OWNER TO %[1]s, and so on", user, len(denied), o.Schema, denied[0][0], duck.Ident(o.Schema)+"."+duck.Ident(denied[0][0]))
	}
	return fmt.Sprintf("PostgreSQL %s, %s may write into schema %s of %s", version, user, o.Schema, database), nil
}
