// Package e2e tests mainstay as its users meet it: it builds the binary and runs it in
// empty directories, on generated and on real data, and kills it. It has no code of
// its own.
package e2e
