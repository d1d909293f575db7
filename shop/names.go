package shop

// kindOfGoods is what the catalogue knows about a category.
type kindOfGoods struct {
	name string
	// peak is the day of the year (0-365) around which it sells best, boost
	// the factor on top at the peak, width the standard deviation in days.
	peak, boost, width float64
	price              float64 // typical price, in the shop's currency
	returned           float64 // chance that a line is sent back
	nouns              []string
}

// goods lists the categories; a shop with n categories has the first n.
var goods = [maxCategories]kindOfGoods{
	{"Garden", 115, 2.6, 34, 24, .03, []string{"Watering Can", "Hand Trowel", "Planter", "Seed Tray", "Garden Hose", "Bird Feeder", "Pruning Shears", "Lantern"}},
	{"Toys", 343, 3.0, 18, 22, .04, []string{"Wooden Train", "Puzzle", "Building Blocks", "Plush Bear", "Board Game", "Kite", "Marble Run", "Doll House"}},
	{"Gifts", 346, 3.4, 16, 18, .05, []string{"Gift Box", "Scented Candle", "Photo Frame", "Keepsake Tin", "Greeting Cards", "Snow Globe", "Hamper"}},
	{"Kitchen", 0, 0, 30, 32, .04, []string{"Chef's Knife", "Cutting Board", "Saucepan", "Mug", "Salad Bowl", "Tea Towel", "Baking Tin", "Spice Rack"}},
	{"Books", 340, 0.8, 25, 16, .02, []string{"Cookbook", "Travel Guide", "Field Guide", "Novel", "Picture Book", "Atlas", "Diary"}},
	{"Clothing", 285, 0.9, 35, 42, .18, []string{"T-Shirt", "Cardigan", "Linen Shirt", "Rain Jacket", "Scarf", "Jeans", "Wool Jumper", "Apron"}},
	{"Electronics", 330, 1.2, 14, 85, .09, []string{"Desk Lamp", "Headphones", "Bluetooth Speaker", "Charger", "Webcam", "Alarm Clock", `27" Monitor Arm`}},
	{"Home Decor", 290, 0.5, 40, 35, .06, []string{"Vase", "Wall Clock", "Cushion Cover", "Mirror", "Doormat", "Picture Rail", "Throw"}},
	{"Sports", 10, 1.0, 22, 48, .08, []string{"Yoga Mat", "Skipping Rope", "Dumbbell Pair", "Running Belt", "Water Bottle", "Tennis Balls"}},
	{"Outdoor", 190, 1.8, 36, 68, .07, []string{"Tent", "Sleeping Bag", "Camping Stove", "Head Torch", "Hiking Poles", "Cool Box", "Picnic Rug"}},
	{"Pet Supplies", 0, 0, 30, 20, .02, []string{"Dog Lead", "Cat Tree", "Chew Toy", "Feeding Bowl", "Pet Bed", "Fish Food"}},
	{"Beauty", 44, 0.7, 15, 19, .03, []string{"Hand Cream", "Bath Salts", "Face Mask", "Hair Brush", "Soap Bar", "Body Lotion"}},
	{"Coffee & Tea", 350, 0.4, 40, 13, .01, []string{"Espresso Beans", "Green Tea", "French Press", "Tea Pot", "Earl Grey", "Filter Papers"}},
	{"Office", 248, 1.3, 20, 15, .03, []string{"Notebook", "Fountain Pen", "Desk Organiser", "Sticky Notes", "Letter Tray", "Stapler"}},
	{"Tools", 100, 0.6, 45, 46, .05, []string{"Cordless Drill", "Screwdriver Set", "Tape Measure", "Spirit Level", "Hammer", "Work Gloves"}},
	{"Baby", 0, 0, 30, 27, .06, []string{"Baby Blanket", "Bib", "Rattle", "Changing Mat", "Night Light", "Bottle Warmer"}},
	{"Health", 25, 0.8, 25, 21, .02, []string{"Vitamin C", "Heat Pad", "First Aid Kit", "Thermometer", "Foot Bath"}},
	{"Shoes", 80, 0.7, 30, 72, .22, []string{"Trainers", "Ankle Boots", "Sandals", "Slippers", "Rain Boots"}},
	{"Music", 342, 0.9, 22, 38, .05, []string{"Ukulele", "Guitar Strings", "Vinyl Crate", "Metronome", "Kazoo"}},
	{"Bedding", 300, 0.6, 35, 54, .07, []string{"Duvet Cover", "Pillow", "Fitted Sheet", "Mattress Topper", "Blanket"}},
}

var (
	// looks decorate product names; some hold commas on purpose, as real
	// descriptions do.
	looks = []string{"Oak", "Blue", "Red", "Classic", "Vintage", "Compact", "Striped", "Copper", "Ceramic", "Recycled", "Grey", "Folding",
		"Large", "Small", "Soft, Ivory", "Matt, Black", "Green", "Nordic", "Floral", "Heart", "Bamboo", "Retro", "Slim", "Polka Dot"}
	// tierNames are the price tiers, cheap first.
	tierNames = [tiers]string{"budget", "standard", "premium"}
	// themes name the mail campaigns' offers.
	themes = []string{"favourites", "weekend", "new-in", "last-chance", "members"}
)

// channel is where an interaction takes place.
type channel uint8

const (
	noChannel channel = iota
	web
	app
	mail
	sms
	phone
	store
)

var channelNames = [...]string{"", "web", "app", "email", "sms", "phone", "store"}

// kind is what an interaction is.
type kind uint8

const (
	visit kind = iota
	view
	cart
	search
	emailSent
	emailOpen
	emailClick
	campaignSent
	couponUsed
	support
	complaint
	complaintResolved
	returned
	review
	call
	storeVisit
)

var kindNames = [...]string{"visit", "view", "cart", "search", "email_sent", "email_open", "email_click", "campaign_sent", "coupon_used",
	"support", "complaint", "complaint_resolved", "return", "review", "call", "store_visit"}
