// Package shop simulates a mail-order and web shop: its customers, their
// orders and everything else they do, day by day. The same Config gives the
// same bytes (on one processor architecture; others may round differently).
//
// # What is written
//
//	orders/2024-03.csv              one row per order line
//	interactions/2024-03.csv        one row per interaction
//	truth/customers.csv             who the customers really are, see CustomerTruth
//	truth/tastes.csv                their weight of each category, see TasteTruth
//
// or .csv.gz, or .parquet; per month or per day (2024-03-01.csv, see Period).
// The columns of orders and interactions are those of mainstay's data
// contract, and orders carry product_name as an extra column. CSV has times
// with their offset (2024-03-01T19:04:05+01:00) and empty fields for what is
// not there; Parquet has UTC microseconds, DECIMAL and NULL. line_id numbers
// an order's lines from 1. A file gets its name when it is whole; until then
// it ends in .tmp.
//
// Shop.WriteMaster writes what the shop's other systems know, as CSV:
//
//	customers/2024-12-31.csv        versions of customers recorded in a span of days
//	products/2024-12-31.csv         versions of products
//	payments/2024-12-31.csv         invoices issued or paid in it, as they stand after it
//
// It adds to the shop and changes nothing in it: orders and interactions are the same
// bytes with it and without.
//
// Shop.Record gives the same events to whatever is no file; package database writes
// them into a database.
//
// A share of rows is dirty on purpose: exact duplicates, rows without a
// customer and, in CSV orders, quantities that are no numbers. A Summary
// accounts for every row.
//
// # What is simulated
//
// Customers. About a third are there before the start, the others join evenly
// over the whole time, nine of ten by ordering. Each has a purchase rate (Gamma,
// shape 1.1, mean 12 a year unless Config.Orders scales it), a rate of visits
// without an order, a hazard of leaving (Gamma, shape 1.4, mean one in 470
// days), a price tier, a season of its own (a cosine of up to 70 %), a thrift
// (coupons) and a reach (opening mails).
//
// Buying is a Poisson process per customer, in the spirit of Pareto/NBD
// (Schmittlein, Morrison, Colombo 1987): rate times own season, weekday and
// the shop's season (+40 % before Christmas). Orders have one to eight lines;
// prices rise 3 % a year; a few products have no known cost.
//
// Leaving. Every day a customer decides to leave with its hazard, times 7
// while a complaint is unsettled (a third never are settled, and anger for 75
// days), times 1.2 or 2.8 in quarters in which the shop mails it much or very
// much. Seven of ten who decide then fade over three to ten weeks: visits,
// orders and opened mails fall to a small part; the others are gone within
// days. Left is left: the shop, which does not know, mails on until 270 days
// have passed without an order. Lulls of three to five weeks, after which
// all is as before, look like fading and are not. So a model of churn within
// 90 days should come to an AUC of 0.80 to 0.87 and not to 0.95.
//
// Taste. A customer's taste is Dirichlet around one of five archetypes, each
// of which is after four categories, so categories are bought together.
// Customers know few categories at first. From time to time one becomes
// interested in another, by taste and season: for two to six weeks it looks
// at that category and fills carts, visits more often, and in seven of ten
// cases buys from it with its next order. Categories have seasons (gardens in
// April, toys and gifts before Christmas).
//
// After an order: lines come back within 25 days (1 % to 22 % by category),
// 5 % of orders bring a complaint, which may be settled (reference_id names
// the complaint), 10 % a review of 1 to 5 stars, worse when angry or leaving.
// A customer has at most four of these under way.
//
// Mail. A newsletter on Tuesdays (email_sent), offers on Thursdays and text
// messages on Saturdays (campaign_sent), opened and clicked by reach and
// taste; a click may lead to an order with a coupon.
//
// # How it stays small and repeatable
//
// All random numbers of a customer's day are seeded by a hash of (seed,
// customer, day), and ids are made of customer, day and a number within it.
// What is kept is about 200 bytes per customer, whatever the number of orders,
// plus the row group of a Parquet file. Every day sweeps over all customers,
// for most of whom one hash says that nothing happens. A day in the middle is
// reached by living through the days before it without writing them.
package shop
