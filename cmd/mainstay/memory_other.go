//go:build !linux

package main

// mapSparingly is a hint to Linux; elsewhere there is nothing to say.
func mapSparingly() {}
