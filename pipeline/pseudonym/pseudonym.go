// Package pseudonym tells a person again whose name is not kept: by HMAC-SHA-256 of the
// name under a random key. The same function is written in Go, for one name, and in
// DuckDB's SQL, for millions of them.
package pseudonym

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"strings"
)

// Key makes pseudonyms.
type Key []byte

// Of is the pseudonym of a text, in hexadecimal.
func (k Key) Of(text string) string {
	h := hmac.New(sha256.New, k)
	h.Write([]byte(text))
	return hex.EncodeToString(h.Sum(nil))
}

// SQL writes the pseudonym of an expression of type VARCHAR in DuckDB's SQL; NULL of NULL.
func (k Key) SQL(expr string) string {
	return fmt.Sprintf("sha256(%s || unhex(sha256(%s || encode(%s))))", k.pad(0x5c), k.pad(0x36), expr)
}

// pad is the key as HMAC mixes it into each of its two rounds, as a blob of SQL.
func (k Key) pad(with byte) string {
	block := make([]byte, sha256.BlockSize)
	if len(k) > len(block) {
		sum := sha256.Sum256(k)
		copy(block, sum[:])
	} else {
		copy(block, k)
	}
	for i := range block {
		block[i] ^= with
	}
	return "unhex('" + hex.EncodeToString(block) + "')"
}

// In writes the condition that the pseudonym of an expression is one of some.
func (k Key) In(expr string, pseudonyms []string) string {
	if len(pseudonyms) == 0 {
		return "false"
	}
	return fmt.Sprintf("coalesce(%s IN ('%s'), false)", k.SQL(expr), strings.Join(pseudonyms, "', '"))
}
