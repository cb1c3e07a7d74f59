/*
 * Numbers that DNS messages are made of, as IANA lists them. Types have a list of their own (shared/rrtype.h).
 */
#ifndef SHARED_DNS_H
#define SHARED_DNS_H

enum opcode { OPCODE_QUERY = 0, OPCODE_NOTIFY = 4, OPCODE_UPDATE = 5 };

enum rcode {
	RCODE_NOERROR = 0,
	RCODE_FORMERR = 1,
	RCODE_SERVFAIL = 2,
	RCODE_NXDOMAIN = 3,
	RCODE_NOTIMP = 4,
	RCODE_REFUSED = 5,
	RCODE_YXDOMAIN = 6,
	RCODE_YXRRSET = 7,
	RCODE_NXRRSET = 8,
	RCODE_NOTAUTH = 9,
	RCODE_NOTZONE = 10,
	RCODE_BADVERS = 16, /* extended, RFC 6891 §9 */
};

enum { CLASS_IN = 1, CLASS_CH = 3, CLASS_NONE = 254, CLASS_ANY = 255 };

/* Options of EDNS. */
enum {
	OPTION_NSID = 3,
	OPTION_EXPIRE = 9, /* RFC 7314 */
	OPTION_COOKIE = 10,
	OPTION_KEEPALIVE = 11,
	OPTION_EDE = 15,
	OPTION_HEADER = 4, /* octets of any of them before its value: code, length */
};

#endif
