package shop_test

import (
	"context"
	"fmt"
	"os"
	"time"

	"github.com/mainstay-etl/mainstay/shop"
)

// A history in monthly files, then two days as they would arrive.
func Example() {
	dir, err := os.MkdirTemp("", "shop")
	if err != nil {
		panic(err)
	}
	defer os.RemoveAll(dir)

	cfg := shop.Default()
	cfg.Customers = 100
	cfg.Start = time.Date(2024, 1, 1, 0, 0, 0, 0, time.UTC)
	cfg.End = time.Date(2024, 7, 3, 0, 0, 0, 0, time.UTC)
	s, err := shop.New(cfg)
	if err != nil {
		panic(err)
	}
	ctx := context.Background()
	history, err := s.WriteDays(ctx, dir, cfg.Start, cfg.End.AddDate(0, 0, -2), nil)
	if err != nil {
		panic(err)
	}
	fmt.Println(history.Files, "files of history")
	for day := history.To; day.Before(cfg.End); day = day.AddDate(0, 0, 1) {
		sum, err := s.WriteDays(ctx, dir, day, day.AddDate(0, 0, 1), nil)
		if err != nil {
			panic(err)
		}
		fmt.Println(sum.Files, "files for", day.Format(time.DateOnly))
	}
	if err := s.WriteTruth(ctx, dir); err != nil {
		panic(err)
	}
	// Output:
	// 12 files of history
	// 2 files for 2024-07-01
	// 2 files for 2024-07-02
}
