// Package clv estimates the purchase process of customers without labels: who
// may still order, how many orders to expect, and what an order is worth. It
// needs five numbers per customer (see [Row]).
//
// # Models
//
// BG/NBD (Fader, Hardie, Lee 2005): while alive a customer orders as a Poisson
// process with rate λ, λ ~ Gamma(r, α) over customers; after every repeat order
// it drops out with probability p, p ~ Beta(a, b). See [BGNBD].
//
// Gamma-Gamma (Fader, Hardie 2013): the value of one order is Gamma(p, ν), and
// ν ~ Gamma(q, γ) over customers, independent of the purchase process. See
// [GammaGamma].
//
// Both are fitted by maximum likelihood over the logarithms of their parameters,
// from several fixed starts ([Fit]). Nothing depends on a clock, on random
// numbers or on the order of rows.
//
// # When a fit is not to be trusted
//
// A fit says how it went in an [Outcome]: starts, agreement, gradient, log-
// likelihood, standard errors, and limits that were reached. When there is too
// little to learn from, when the optimiser does not converge, when the starts
// disagree, or when the optimum is degenerate, Outcome.Fallback holds the reason
// and every prediction comes from an empirical rule that always exists: for
// purchases [Empirical], for values [Credibility]. Predictions are never NaN or
// infinite.
//
// # What not to do
//
// BG/NBD lets customers drop out only at a repeat order, so P(alive) is exactly
// 1 for everyone who bought once, however long ago. Never use P(alive) as a
// churn score: it ranks one-time buyers, the likeliest to be gone, as the safest.
// The probability of no order within the horizon ([Prediction.PNoOrder]) does not
// have this fault. Where a figure of that kind must be shown to people, show
// [Prediction.PAliveConservative].
//
// Do not ask for a horizon much longer than the history: the models know no
// season and no trend, and a few weeks of customers say little about a year.
// Neither the fit nor its likelihood can see that; only a later time can.
//
// # Sources
//
//   - P. Fader, B. Hardie, K. L. Lee, "Counting Your Customers" the Easy Way: An
//     Alternative to the Pareto/NBD Model, Marketing Science 24(2), 2005.
//   - P. Fader, B. Hardie, K. L. Lee, Computing P(alive) Using the BG/NBD Model, 2008.
//   - P. Fader, B. Hardie, The Gamma-Gamma Model of Monetary Value, 2013.
//   - E. Batislam, M. Denizel, A. Filiztekin, Empirical validation and comparison
//     of models for customer base analysis, IJRM 24(3), 2007 (MBG/NBD: a dropout
//     after the first order too).
//   - H. Bühlmann, Experience rating and credibility, ASTIN Bulletin 4(3), 1967.
package clv
