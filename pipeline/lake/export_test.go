package lake

// SmallSizes makes comparisons of a few rows go the way of those of millions: several
// chunks, passes and landings.
func SmallSizes() { sizes.chunkRows, sizes.passRows, sizes.fetchKeys = 3, 4, 2 }
