package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/mainstay-etl/mainstay/pipeline/config"
	"github.com/mainstay-etl/mainstay/shop"
)

// masterSources are the sources of mainstay.yaml that read what --master-data writes.
const masterSources = `  - name: customers
    files: ./incoming/customers/*.csv
    tables:
      customers:
        select: SELECT * FROM input

  - name: products
    files: ./incoming/products/*.csv
    tables:
      products:
        select: SELECT * FROM input

  - name: payments
    files: ./incoming/payments/*.csv
    tables:
      payments:
        select: SELECT * FROM input

`

// masterFiles writes the shop's master data and payments of some days.
func masterFiles(ctx context.Context, out io.Writer, s *shop.Shop, dir string, from, to time.Time) error {
	sum, err := s.WriteMaster(ctx, dir, from, to)
	if err != nil {
		return fmt.Errorf("generating master data: %w", err)
	}
	fmt.Fprintf(out, "Master data in %s: %s rows of customers, %s of products, %s of payments\n", dir,
		thousands(sum.Customers.Rows), thousands(sum.Products.Rows), thousands(sum.Payments.Rows))
	return nil
}

// addMasterSources lets a project that was just made read master data.
func addMasterSources(dir string) error {
	file := filepath.Join(dir, config.FileName)
	text, err := os.ReadFile(file)
	if err != nil {
		return fmt.Errorf("reading the project: %w", err)
	}
	if strings.Contains(string(text), "incoming/customers") {
		return nil // an earlier demo did
	}
	const head = "\nsources:\n"
	if strings.Count(string(text), head) != 1 {
		return errors.New("reading the project: mainstay.yaml has no line `sources:`")
	}
	with := strings.Replace(string(text), head, head+masterSources, 1)
	if err := os.WriteFile(file, []byte(with), 0o644); err != nil {
		return fmt.Errorf("writing the project: %w", err)
	}
	return nil
}
