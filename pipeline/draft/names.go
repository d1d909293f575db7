package draft

import (
	"slices"
	"strings"
	"unicode"
)

// norm writes a name in lower case with single underscores between its words, without
// accents: "OrderDate", "Order date" and "order-date" are all order_date.
func norm(name string) string {
	var b strings.Builder
	runes := []rune(name)
	for i, r := range runes {
		if unicode.IsUpper(r) && i > 0 {
			before, after := runes[i-1], 'A'
			if i+1 < len(runes) {
				after = runes[i+1]
			}
			if unicode.IsLower(before) || unicode.IsDigit(before) || unicode.IsUpper(before) && unicode.IsLower(after) {
				b.WriteByte('_')
			}
		}
		r = unicode.ToLower(r)
		switch plain, ok := accents[r]; {
		case ok:
			b.WriteString(plain)
		case unicode.IsLetter(r) || unicode.IsDigit(r):
			b.WriteRune(r)
		default:
			b.WriteByte('_')
		}
	}
	return strings.Join(strings.FieldsFunc(b.String(), func(r rune) bool { return r == '_' }), "_")
}

var accents = func() map[rune]string {
	out := map[rune]string{'ß': "ss", 'æ': "ae", 'œ': "oe"}
	for plain, from := range map[string]string{"a": "áàâãåą", "e": "éèêëę", "i": "íìîï", "o": "óòôõøő", "u": "úùûů",
		"c": "çćč", "n": "ñńň", "s": "śš", "z": "źżž", "l": "ł", "y": "ýÿ", "r": "ř", "ae": "ä", "oe": "ö", "ue": "ü"} {
		for _, r := range from {
			out[r] = plain
		}
	}
	return out
}()

// singular takes the plural off a word, roughly.
func singular(word string) string {
	switch {
	case strings.HasSuffix(word, "ies") && len(word) > 4:
		return word[:len(word)-3] + "y"
	case strings.HasSuffix(word, "sses") || strings.HasSuffix(word, "xes"):
		return word[:len(word)-2]
	case strings.HasSuffix(word, "s") && !strings.HasSuffix(word, "ss") && !strings.HasSuffix(word, "us") && len(word) > 3:
		return word[:len(word)-1]
	}
	return word
}

// tokens are the words of a name, in the singular.
func tokens(name string) []string {
	out := strings.Split(norm(name), "_")
	for i, w := range out {
		out[i] = singular(w)
	}
	return out
}

// anyOf looks for one of the words, long ones also as a part: bestellpositionen has
// position.
func anyOf(have []string, of map[string]bool) bool {
	return slices.ContainsFunc(have, func(w string) bool {
		if of[w] {
			return true
		}
		for long := range of {
			if len(long) >= 6 && strings.Contains(w, long) {
				return true
			}
		}
		return false
	})
}

func exactly(have []string, of map[string]bool) bool {
	return slices.ContainsFunc(have, func(w string) bool { return of[w] })
}

// Words of table names, in the singular.
var (
	orderWords = words(`order ordr purchase sale sales invoice transaction checkout receipt
bestellung auftrag rechnung verkauf commande facture vente pedido factura venta ordine fattura vendita
encomenda fatura venda bestelling factuur verkoop zamowienie faktura sprzedaz objednavka tilaus ordre`)
	lineWords = words(`line item detail position product entry row lineitem
zeile posten artikel ligne article linea articulo detalle riga dettaglio articolo linha regel pozycja polozka rivi linje`)
	// notOrders are tables beside the orders that look like them.
	notOrders = words(`quote cart basket wishlist shipment shipping delivery refund return creditmemo memo rma tax grid archive
backup bak tmp temp old log history audit status address payment discount note comment attribute option meta draft
warenkorb panier carrito carrello import staging stg queue aggregated bestseller supplier vendor procurement po
abandoned template subscription budget forecast`)
	customerWords = words(`customer client user buyer member account consumer shopper contact
kunde kunden cliente klant klient zakaznik asiakas kund`)
	productWords = words(`product item article sku variant good stock
produkt artikel artikl produit producto articulo prodotto articolo produto towar tuote vara`)
	categoryWords = words(`category group department class type line family
kategorie warengruppe categorie categoria kategoria gruppe famille rubrique`)
)

// eventWords are words of table names of interactions, with the kind that they mean; ""
// when a column must tell it.
var eventWords = map[string]string{
	"viewed": "view", "event": "", "interaction": "", "activity": "", "action": "", "clickstream": "", "tracking": "", "touchpoint": "", "contact": "",
	"pageview": "view", "view": "view", "visit": "visit", "session": "visit", "search": "search", "review": "review", "rating": "review",
	"return": "return", "rma": "return", "refund": "return", "creditmemo": "return", "ticket": "support", "support": "support", "complaint": "complaint",
	"case": "support", "call": "call", "email": "email_sent", "newsletter": "email_sent", "coupon": "coupon_used", "cart": "cart",
	"retouren": "return", "ereignis": "", "besuch": "visit", "retoure": "return", "bewertung": "review", "beschwerde": "complaint",
	"evenement": "", "visite": "visit", "retour": "return", "avis": "review", "evento": "", "visita": "visit", "devolucion": "return", "reso": "return",
}

// Names of columns by what they mean, the surest first, in the form of norm.
var (
	orderRefNames = list(`order_id sales_order_id order_number order_no order_nr orderid orderno ordernumber order_key order_uuid order_code order_ref
invoice_id invoice_no invoice_number invoiceno sale_id sales_id transaction_id purchase_id checkout_id receipt_id increment_id
bestellung_id bestell_id bestellnummer bestellnr bestell_nr auftrag_id auftrags_id auftragsnummer auftragsnr auftrag_nr rechnungsnummer rechnung_id belegnummer
commande_id id_commande numero_commande pedido_id id_pedido numero_pedido ordine_id id_ordine numero_ordine encomenda_id
bestelling_id bestelnummer zamowienie_id id_zamowienia id_order order invoice`)
	customerNames = list(`customer_id customerid customer_no member_no member_number loyalty_id customer_number customer_nr customer_key customer_uuid customer_code customer_ref customer
user_id userid client_id clientid buyer_id member_id account_id shopper_id consumer_id contact_id party_id person_id id_customer
kunde_id kunden_id kundennummer kundennr kunden_nr kunde id_client client cliente_id id_cliente cliente klant_id klantnummer klantnr klant klient_id id_klienta
billing_customer_id sold_to sold_to_party bill_to_customer_id ship_to_customer_id email customer_email user_email buyer_email email_address`)
	orderedAtNames = list(`ordered_at order_date order_time order_datetime order_timestamp order_created_at order_created orderdate placed_at date_placed placed_on purchased_at purchase_date
order_purchase_timestamp sale_date sold_at sales_date invoice_date invoicedate transaction_date checkout_at completed_at processed_at submitted_at
date_created_gmt created_at_gmt created_at_utc post_date_gmt created_at createdat created_on date_created datecreated created creation_date date_add creation_time create_time created_time date_purchased order_placed_at
bestelldatum bestellzeit bestellt_am auftragsdatum rechnungsdatum verkaufsdatum erstellt_am belegdatum datum
date_commande commande_le date_facture fecha_pedido fecha_venta fecha_creacion fecha data_ordine data_vendita data_pedido data_compra data
besteldatum aangemaakt_op data_zamowienia paid_at date_paid payment_date post_date timestamp datetime date time`)
	productNames = list(`product_id productid product_no product_number product_code product_key product_uuid product_sku sku item_sku article_id article_no article_number variant_id product_variant_id variation_id
stock_code stockcode item_code item_id asin ean gtin isbn upc id_product merchandise_id
artikel_id artikelnummer artikelnr artikel_nr artikel produkt_id produktnummer produit_id id_produit reference_produit producto_id id_producto articulo_id
prodotto_id id_prodotto articolo_id codice_articolo produto_id id_produto productnummer id_produktu towar_id product lineitem_sku lineitem_name product_name item_name`)
	quantityNames = list(`quantity qty qty_ordered quantity_ordered product_quantity product_qty ordered_qty ordered_quantity order_qty order_quantity item_quantity item_qty line_quantity lineitem_quantity units unit_count units_sold num_units amount_ordered pieces pcs count
menge anzahl stueckzahl stueck quantite qte nombre cantidad unidades quantita qta quantidade qtd qtde aantal hoeveelheid ilosc mnozstvi maara antal`)
	unitPriceNames = list(`unit_price unitprice price_per_unit price_each unit_cost_price item_price sell_price selling_price sold_price sale_price net_unit_price unit_price_net unit_price_tax_excl gross_unit_price unit_price_gross unit_price_tax_incl
lineitem_price product_price purchase_price_each price unit_amount base_price einzelpreis stueckpreis verkaufspreis preis prix_unitaire prix_unitaire_ht prix precio_unitario precio prezzo_unitario prezzo preco_unitario preco
stuksprijs verkoopprijs prijs cena_jednostkowa cena hinta pris`)
	lineTotalNames = list(`line_total linetotal total_price line_amount line_price item_total row_total extended_price extended_amount line_net_amount net_amount net_total product_net_revenue line_subtotal subtotal total_amount amount total revenue sales sales_amount
gesamtpreis positionswert betrag umsatz montant montant_ht total_ligne importe monto importo valor bedrag totaal kwota wartosc`)
	discountNames = list(`discount_amount discount total_discount line_discount item_discount discount_value amount_discounted lineitem_discount promotion_discount promo_discount base_discount_amount coupon_amount reduction_amount
rabattbetrag rabatt nachlass remise montant_remise descuento sconto desconto korting rabat sleva`)
	discountRateNames = list(`discount_percent discount_percentage discount_pct discount_rate percent_discount discount_ratio rabatt_prozent rabattsatz remise_pourcentage taux_remise unit_price_discount_rate`)
	costNames         = list(`unit_cost cost_price unit_cost_price cost base_cost purchase_price wholesale_price standard_cost unit_purchase_price buy_price cogs average_cost buying_price
einkaufspreis ek_preis selbstkosten kosten prix_achat cout coste costo precio_compra custo inkoopprijs koszt cena_zakupu`)
	categoryNames = list(`category category_name product_category category_title category_label category_id product_category_id category_code main_category default_category_id product_group product_group_id department department_name product_type item_category
kategorie kategorie_name warengruppe warengruppe_id produktgruppe categorie categorie_nom id_categorie categoria categoria_nombre categoria_id id_categoria familia famille rubrique
productgroep kategoria kategoria_id id_category_default id_category product_line productline type_name genre subcategory subcategory_id`)
	labelNames = list(`name category_name title label category category_title description bezeichnung kategorie nom libelle nombre nome naam nazwa value slug code`)

	updatedNames = list(`updated_at updated updated_on updatedat update_time updated_time update_date date_updated date_updated_gmt date_modified date_modified_gmt modified_at modified modified_on modified_date modifieddate modified_time last_modified last_modified_at
last_updated last_update last_updated_at lastmodified lastupdate last_change last_changed changed_at changed changed_on change_date date_upd row_updated_at _updated_at dt_updated mtime post_modified_gmt
geaendert_am aenderungsdatum aktualisiert_am modifie_le date_modification mis_a_jour_le actualizado_en fecha_modificacion fecha_actualizacion modificato_il data_modifica atualizado_em data_atualizacao gewijzigd_op zmodyfikowano systemmodstamp xmin_ts`)

	occurredNames = list(`occurred_at event_time event_timestamp event_at event_date event_datetime happened_at visited_at viewed_at clicked_at sent_at opened_at received_at logged_at performed_at tracked_at started_at start_time added_at returned_at reviewed_at
date_created_gmt created_at createdat created_on date_created created creation_date timestamp ts datetime visit_time visit_date session_start date_add log_time time date
zeitpunkt zeitstempel erstellt_am datum horodatage date_creation fecha fecha_hora data tijdstip`)
	kindNames = list(`kind event_type eventtype event_name event event_kind interaction_type activity_type action_type type action activity action_name event_category name ereignis ereignis_typ art typ type_evenement tipo tipo_evento soort rodzaj`)
	eventIDs  = list(`interaction_id event_id id uuid guid event_uuid`)
	channels  = list(`channel source_channel touchpoint medium device platform source utm_source kanal canal canale kanaal`)
	campaigns = list(`campaign_id campaign utm_campaign campaign_name mailing_id kampagne_id kampagne campagne_id campana_id`)
	refIDs    = list(`reference_id parent_id in_reply_to complaint_id related_event_id`)
	ratings   = list(`rating score stars rating_value note_value bewertung sterne note puntuacion voto`)
	amounts   = list(`amount refund_amount value total grand_total price revenue refund_total betrag wert montant importe importo valor bedrag`)
	parentIDs = list(`parent_item_id parent_line_id parent_order_item_id bundle_parent_id`)
	emails    = list(`customer_email email user_email buyer_email billing_email email_address`)
	statuses  = list(`status state order_status order_state financial_status status_id current_state estado statut stato zustand`)
)

func list(text string) []string { return strings.Fields(text) }

// bare are the forms of a column's name in a table, the surest first: order_items.order_item_qty is
// qty as well, and bestellpositionen.menge_stk is menge.
func bare(t *Table, column string) []string {
	full := norm(column)
	out := []string{full}
	var prefix []string
	words := strings.Split(full, "_")
	for _, w := range words {
		if !slices.Contains(tokens(t.Name), singular(w)) {
			break
		}
		prefix = append(prefix, w)
	}
	if n := len(prefix); n > 0 && n < len(words) {
		out = append(out, strings.Join(words[n:], "_"))
	}
	for _, p := range []string{"fk_", "fk", "c_", "l_", "o_", "ps_"} {
		if rest, ok := strings.CutPrefix(full, p); ok && len(rest) > 2 {
			out = append(out, rest)
		}
	}
	return out
}

// unit takes the ending off that says what an amount is counted in.
func unit(name string) (stem string, hundredths bool) {
	for _, ending := range []string{"_cents", "_cent", "_minor", "_pence", "_minor_units", "_in_cents"} {
		if s, ok := strings.CutSuffix(name, ending); ok {
			return s, true
		}
	}
	return name, false
}

// find returns the column of a table that a list of names fits best: the place in the
// list decides, then the order of the columns.
func find(t *Table, names []string, fits func(Column) bool) (Column, bool) {
	best, bestRank, bestForm := Column{}, len(names), 0
	for _, c := range t.Columns {
		if fits != nil && !fits(c) {
			continue
		}
		for form, n := range bare(t, c.Name) {
			n, _ = unit(n)
			rank := slices.Index(names, n)
			if rank >= 0 && (rank < bestRank || rank == bestRank && form < bestForm) {
				best, bestRank, bestForm = c, rank, form
			}
		}
	}
	return best, bestRank < len(names)
}

func number(c Column) bool { return c.Kind == Int || c.Kind == Decimal || c.Kind == Float }
func timely(c Column) bool { return c.Kind == Moment || c.Kind == LocalTime || c.Kind == Date }
func ident(c Column) bool {
	return c.Kind == Int || c.Kind == Text || c.Kind == Decimal && c.Scale == 0
}

// when accepts times, and integers that count seconds since 1970.
func when(c Column) bool { return timely(c) || c.Kind == Int && !c.Numbered }
