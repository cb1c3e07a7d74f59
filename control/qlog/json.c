#include <inttypes.h>
#include <jansson.h>
#include <stdlib.h>
#include <time.h>

#include "control/json_put.h"
#include "control/qlog/reader.h"
#include "shared/address.h"
#include "shared/rrtype.h"

enum { NS_PER_S = 1000000000, NS_PER_US = 1000 };

static void put_time(json_t *o, uint64_t ns)
{
	time_t seconds = (time_t)(ns / NS_PER_S);
	struct tm date;

	/* What fits in 64 bits of nanoseconds is before the year 2600. */
	(void)gmtime_r(&seconds, &date);
	json_put(o, "time",
	         json_sprintf("%04d-%02d-%02dT%02d:%02d:%02d.%06" PRIu64 "Z",
	                      date.tm_year + 1900, date.tm_mon + 1, date.tm_mday,
	                      date.tm_hour, date.tm_min, date.tm_sec,
	                      ns % NS_PER_S / NS_PER_US));
}

static void put_client(json_t *o, const struct qlog_record *r)
{
	char text[ADDRESS_HOST_MAX];

	address_bytes_host(r->addr, text);
	json_put(o, "client", json_string(text));
	json_put(o, "port", json_integer(r->port));
	json_put(o, "protocol", json_string(r->flags & QLOG_TCP ? "tcp" : "udp"));
}

static void put_class(json_t *o, uint16_t qclass)
{
	enum { IN = 1, CH = 3, ANY = 255 };
	const char *name = qclass == IN    ? "IN"
	                   : qclass == CH  ? "CH"
	                   : qclass == ANY ? "ANY"
	                                   : NULL;

	json_put(o, "class", name ? json_string(name) : json_sprintf("CLASS%u", qclass));
}

static void put_question(json_t *o, const struct qlog_record *r)
{
	char name[NAME_TEXT_MAX];
	char type[RRTYPE_TEXT_MAX];

	if (r->name_len == 0) {
		json_put(o, "name", json_null());
		return;
	}
	json_put(o, "name", json_string(name_to_text(r->name, name)));
	json_put(o, "type", json_string(rrtype_to_text(r->qtype, type)));
	put_class(o, r->qclass);
}

static void put_rcode(json_t *o, uint16_t rcode)
{
	static const char *const names[] = {"NOERROR", "FORMERR", "SERVFAIL", "NXDOMAIN",
	                                    "NOTIMP",  "REFUSED", "YXDOMAIN", "YXRRSET",
	                                    "NXRRSET", "NOTAUTH", "NOTZONE"};
	enum { BADVERS = 16 };

	if (rcode < ARRAY_LEN(names))
		json_put(o, "rcode", json_string(names[rcode]));
	else if (rcode == BADVERS)
		json_put(o, "rcode", json_string("BADVERS"));
	else
		json_put(o, "rcode", json_sprintf("RCODE%u", rcode));
}

static void put_flags(json_t *o, uint8_t flags)
{
	static const struct {
		uint8_t flag;
		const char *name;
	} all[] = {{QLOG_EDNS, "edns"},
	           {QLOG_DO, "do"},
	           {QLOG_RD, "rd"},
	           {QLOG_AA, "aa"},
	           {QLOG_TC, "tc"}};

	for (size_t i = 0; i < ARRAY_LEN(all); i++)
		json_put(o, all[i].name, json_boolean((flags & all[i].flag) != 0));
}

void qlog_write(const struct qlog_record *r, const char *source, FILE *to)
{
	json_t *o = json_object();

	put_time(o, r->time);
	put_client(o, r);
	put_question(o, r);
	put_rcode(o, r->rcode);
	put_flags(o, r->flags);
	json_put(o, "size", json_integer(r->len));
	json_put(o, "by", json_string(source));
	if (json_dumpf(o, to, JSON_COMPACT) == 0)
		(void)fputc('\n', to);
	json_decref(o);
}
