package mysql

// parseDate reads YYYY-MM-DD as days since 1970-01-01. ok is false for what is no date
// from 0001-01-01 on: 0000-00-00, 2024-00-10, 2024-02-31.
func parseDate(b []byte) (days int32, ok bool) {
	if len(b) != 10 || b[4] != '-' || b[7] != '-' {
		return 0, false
	}
	y, ok1 := digits(b[:4])
	m, ok2 := digits(b[5:7])
	d, ok3 := digits(b[8:])
	if !ok1 || !ok2 || !ok3 || y == 0 || m == 0 || m > 12 || d == 0 || d > daysIn(y, m) {
		return 0, false
	}
	return daysOf(y, m, d), true
}

// parseTime reads YYYY-MM-DD HH:MM:SS[.ffffff] as microseconds since 1970-01-01 00:00.
func parseTime(b []byte) (micros int64, ok bool) {
	if len(b) < 19 || b[10] != ' ' || b[13] != ':' || b[16] != ':' {
		return 0, false
	}
	days, ok := parseDate(b[:10])
	h, ok1 := digits(b[11:13])
	m, ok2 := digits(b[14:16])
	s, ok3 := digits(b[17:19])
	if !ok || !ok1 || !ok2 || !ok3 || h > 23 || m > 59 || s > 59 {
		return 0, false
	}
	micros = ((int64(days)*24+int64(h))*60+int64(m))*60 + int64(s)
	fraction := b[19:]
	if len(fraction) == 0 {
		return micros * 1e6, true
	}
	if fraction[0] != '.' || len(fraction) == 1 || len(fraction) > 7 {
		return 0, false
	}
	f, ok := digits(fraction[1:])
	for range 7 - len(fraction) {
		f *= 10
	}
	return micros*1e6 + int64(f), ok
}

func digits(b []byte) (int32, bool) {
	var n int32
	for _, c := range b {
		if c < '0' || c > '9' {
			return 0, false
		}
		n = n*10 + int32(c-'0')
	}
	return n, true
}

func leap(y int32) bool { return y%4 == 0 && (y%100 != 0 || y%400 == 0) }

func daysIn(y, m int32) int32 {
	switch {
	case m == 2 && leap(y):
		return 29
	case m == 2:
		return 28
	case m == 4 || m == 6 || m == 9 || m == 11:
		return 30
	}
	return 31
}

// daysOf counts from 1970-01-01, in years that begin in March so that the leap day is
// their last.
func daysOf(y, m, d int32) int32 {
	if m <= 2 {
		y, m = y-1, m+12
	}
	return 365*y + y/4 - y/100 + y/400 + (153*(m-3)+2)/5 + d - 719469
}

// parseInt and parseUint read decimal digits.
func parseInt(b []byte) (int64, bool) {
	negative := len(b) > 0 && b[0] == '-'
	if negative {
		b = b[1:]
	}
	u, ok := parseUint(b)
	if negative {
		return -int64(u), ok && u <= 1<<63
	}
	return int64(u), ok && u < 1<<63
}

func parseUint(b []byte) (uint64, bool) {
	var n uint64
	for _, c := range b {
		if c < '0' || c > '9' || n > (1<<64-1)/10 {
			return 0, false
		}
		next := n*10 + uint64(c-'0')
		if next < n*10 {
			return 0, false
		}
		n = next
	}
	return n, len(b) > 0
}
