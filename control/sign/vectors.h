/*
 * The examples of the RFCs that define the algorithms: a private key (as PKCS#8, in hexadecimal), and its zone, which
 * is a DNSKEY and an RRset that it has signed; the DS where the RFC has one. Those of RFC 8080 are as its
 * erratum 4935 has them: the RFC counts a label too many.
 */
#ifndef CONTROL_SIGN_VECTORS_H
#define CONTROL_SIGN_VECTORS_H

#include <stdbool.h>
#include <stdint.h>

struct example {
	const char *from;
	const char *apex;
	const char *owner; /* of what is signed */
	const char *type;
	const char *pkcs8;
	const char *zone;
	const char *ds; /* NULL: the RFC has none */
	uint16_t flags;
	uint16_t tag;
	uint8_t algorithm;
	bool repeats; /* to sign again gives the same signature */
};

// clang-format off
static const struct example examples[] = {
	{
		.from = "RFC 5702 section 6.2",
		.apex = "example.net.",
		.owner = "www",
		.type = "A",
		.flags = 256,
		.tag = 3740,
		.algorithm = 10,
		.repeats = true,
		.pkcs8 =
			"30820278020100300d06092a864886f70d0101010500048202623082025e020100028181"
			"00d1e8353396f9eb7ce8ab89396443a75a6776fc1be98f379d25575f22c0dc32eba11394"
			"90de97d0eea99d69e3250ba35ff03286a143c63d77b4e9c3f6eff591383b715eab92532b"
			"643b49090e4f0a5fc3ed034fb2056c32ed49d90f20a4ca73b4d14ba4f073d5b5978c3b5a"
			"47b6500656773c5635d994d29dca2b7df7069a138b020301000102818100ac54b520f6c9"
			"965145805737dc1e430e50b57a03bc7bcd4fe1f15a74e0dba79e95eeca6129ae806500b1"
			"f0d6007b0e955c514f00a4f0e3541d1e72b990860ec31bdf1438c37141b36bcf2a6e3cab"
			"0cf4897a791e65b212314492ab2ec0305cc4a25924e964a7ea4ded85455181296a0e8395"
			"dd210802cac1d38dd7cc6aca2151024100f266edb2ef5397dbfbb4a48774221ea6b2c841"
			"740bcf195266e9f94f59ff3a3bd7494b6f0fbc67649f8b1ea6818f574880c6c2ab653c3b"
			"4e1055c2b74d2f4689024100ddaea091fb3be1dd096fbc8be23e1a74089fe1f729ed9ac6"
			"b7b1b93515430d8fccbf84c444028c6b44ca377a24284d00ed7f91bf62bce26853e102c3"
			"96594473024100bf70f903dbae0a7e6b81547bc2057c6dad3f292a6c75288b82ca00e361"
			"b1881d60befb3b80930c9954c3bbf646d69d599e92db861fd2fd077f312c32365c42f902"
			"41009be7b37fd76c0ef6102be8338ce2d661e2aae7159804460519adc12e870c885e28c6"
			"4cce67724f652594fe1d458e9e5157b68f3f4566c7e84d8d830f210f18e7024025ee5885"
			"8a54ae89ff59d3978f1340c43b9b029de2e57ed43947e125cc88820ab063ce8813443f06"
			"4d03c38482f73c67b229a67415d6d88cddf0bc2e93c15071",
		.zone =
			"@ 3600 IN DNSKEY 256 3 10 AwEAAdHoNTOW+et86KuJOWRDp1pndvwb6Y83nSVXXyLA3DLroROUkN6X"
			"0O6pnWnjJQujX/AyhqFDxj13tOnD9u/1kTg7cV6rklMrZDtJCQ5PCl/D7QNPsgVsMu1J2Q8gpMpzt"
			"NFLpPBz1bWXjDtaR7ZQBlZ3PFY12ZTSncorffcGmhOL\n"
			"www 3600 IN A 192.0.2.91\n"
			"www 3600 IN RRSIG A 10 3 3600 20300101000000 20000101000000 3740 example.net. "
			"tsb4wnjRUDnB1BUi+t6TMTXThjVnG+eCkWqjvvjhzQL1d0YRoOe0CbxrVDYd0xDtsuJRaeUw1ep9"
			"4PzEWzr0iGYgZBWm/zpq+9fOuagYJRfDqfReKBzMweOLDiNa8iP5g9vMhpuv6OPlvpXwm9Sa9ZXI"
			"bNl1MBGk0fthPgxdDLw=\n",
	},
	{
		.from = "RFC 6605 section 6.1",
		.apex = "example.net.",
		.owner = "www",
		.type = "A",
		.flags = 257,
		.tag = 55648,
		.algorithm = 13,
		.repeats = false,
		.pkcs8 =
			"308187020100301306072a8648ce3d020106082a8648ce3d030107046d306b0201010420"
			"194e929d0fcebbec42e51ba6b88508b8966d7974f6cf43bfa24d6cdfc12dea64a1440342"
			"00041a88c88615d437fbb8bf9e1942a1929f28562706ae6c2bd399e7b1bfb6d1e9e75b92"
			"b4aa42917ae1c61b701ef035c3fe7be3009cbafe5a2f71316c902dcf0d00",
		.zone =
			"@ 3600 IN DNSKEY 257 3 13 GojIhhXUN/u4v54ZQqGSnyhWJwaubCvTmeexv7bR6edb"
			"krSqQpF64cYbcB7wNcP+e+MAnLr+Wi9xMWyQLc8NAA==\n"
			"www 3600 IN A 192.0.2.1\n"
			"www 3600 IN RRSIG A 13 3 3600 20100909100439 20100812100439 55648 example.net. "
			"qx6wLYqmh+l9oCKTN6qIc+bw6ya+KJ8oMz0YP107epXAyGmt+3SNruPFKG7tZoLBLlUzGGus"
			"7ZwmwWep666VCw==\n",
		.ds =
			"55648 13 2 b4c8c1fe2e7477127b27115656ad6256f424625bf5c1e2770ce6d6e37df61"
			"d17",
	},
	{
		.from = "RFC 6605 section 6.2",
		.apex = "example.net.",
		.owner = "www",
		.type = "A",
		.flags = 257,
		.tag = 10771,
		.algorithm = 14,
		.repeats = false,
		.pkcs8 =
			"3081b6020100301006072a8648ce3d020106052b8104002204819e30819b020101043059"
			"446058709c6086143d681e2e688f6360c9264d36be0ae64df8adc60a9c2f8bf05bb04ead"
			"b6b056655ed1df55f78491a16403620004c4a61a36159d18e7c9fa73eb2fcfdaae4c1fd8"
			"463730327e484aca8af0554ae9b5c3f7a0b17bd2003b4d261c9e9b94423a9810e8af17d4"
			"3452124adb610f8e07ebfcfee5f8e4d07063cae9eb917a1a5babf08fe695536017a5bfa9"
			"3237ee6e34",
		.zone =
			"@ 3600 IN DNSKEY 257 3 14 xKYaNhWdGOfJ+nPrL8/arkwf2EY3MDJ+SErKivBVSum1"
			"w/egsXvSADtNJhyem5RCOpgQ6K8X1DRSEkrbYQ+OB+v8/uX45NBwY8rp65F6Glur8I/mlVNgF6W/"
			"qTI37m40\n"
			"www 3600 IN A 192.0.2.1\n"
			"www 3600 IN RRSIG A 14 3 3600 20100909102025 20100812102025 10771 example.net. "
			"/L5hDKIvGDyI1fcARX3z65qrmPsVz73QD1Mr5CEqOiLP95hxQouuroGCeZOvzFaxsT8Glr74hbav"
			"RKayJNuydCuzWTSSPdz7wnqXL5bdcJzusdnI0RSMROxxwGipWcJm\n",
		.ds =
			"10771 14 4 72d7b62976ce06438e9c0bf319013cf801f09ecc84b8d7e9495f27e305c6a"
			"9b0563a9b5f4d288405c3008a946df983d6",
	},
	{
		.from = "RFC 8080 section 6.1",
		.apex = "example.com.",
		.owner = "@",
		.type = "MX",
		.flags = 257,
		.tag = 3613,
		.algorithm = 15,
		.repeats = true,
		.pkcs8 =
			"302e020100300506032b6570042204203832323630333834363238303830313232363435"
			"313930323034313432323632",
		.zone =
			"@ 3600 IN DNSKEY 257 3 15 "
			"l02Woi0iS8Aa25FQkUd9RMzZHJpBoRQwAQEX1SxZJA4=\n"
			"@ 3600 IN MX 10 mail.example.com.\n"
			"@ 3600 IN RRSIG MX 15 2 3600 20150819220000 20150729220000 3613 example.com. "
			"oL9krJun7xfBOIWcGHi7mag5/hdZrKWw15jPGrHpjQeRAvTdszaPD+QLs3fx8A4M3e23mRZ9Vrbp"
			"MngwcrqNAg==\n",
		.ds =
			"3613 15 2 3aa5ab37efce57f737fc1627013fee07bdf241bd10f3b1964ab55c78e79a30"
			"4b",
	},
	{
		.from = "RFC 8080 section 6.1",
		.apex = "example.com.",
		.owner = "@",
		.type = "MX",
		.flags = 257,
		.tag = 35217,
		.algorithm = 15,
		.repeats = true,
		.pkcs8 =
			"302e020100300506032b6570042204200d2485de8d2cd1ff84956ce3f44fceb31c3c84ba"
			"64e79721926c742d83795a26",
		.zone =
			"@ 3600 IN DNSKEY 257 3 15 "
			"zPnZ/QwEe7S8C5SPz2OfS5RR40ATk2/rYnE9xHIEijs=\n"
			"@ 3600 IN MX 10 mail.example.com.\n"
			"@ 3600 IN RRSIG MX 15 2 3600 20150819220000 20150729220000 35217 example.com. "
			"zXQ0bkYgQTEFyfLyi9QoiY6D8ZdYo4wyUhVioYZXFdT410QPRITQSqJSnzQoSm5poJ7gD7AQR0O7"
			"KuI5k2pcBg==\n",
		.ds =
			"35217 15 2 401781b934e392de492ec77ae2e15d70f6575a1c0bc59c5275c04ebe80c66"
			"14c",
	},
	{
		.from = "RFC 8080 section 6.2",
		.apex = "example.com.",
		.owner = "@",
		.type = "MX",
		.flags = 257,
		.tag = 9713,
		.algorithm = 16,
		.repeats = true,
		.pkcs8 =
			"3047020100300506032b6571043b0439c59fb90a09b8eb7c6e82d918e41d09c7a7ab1535"
			"e9d77ad87a0b2dd2a46d36c3989da569331d19fdce44880f71f3059b0c372dfd4dc58585"
			"80",
		.zone =
			"@ 3600 IN DNSKEY 257 3 16 "
			"3kgROaDjrh0H2iuixWBrc8g2EpBBLCdGzHmn+G2MpTPhpj/OiBVHHSfPodx1FYYUcJKm1MDpJtIA"
			"\n"
			"@ 3600 IN MX 10 mail.example.com.\n"
			"@ 3600 IN RRSIG MX 16 2 3600 20150819220000 20150729220000 9713 example.com. "
			"3cPAHkmlnxcDHMyg7vFC34l0blBhuG1qpwLmjInI8w1CMB29FkEAIJUA0amxWndkmnBZ6SKiwZSA"
			"xGILn/NBtOXft0+Gj7FSvOKxE/07+4RQvE581N3Aj/JtIyaiYVdnYtyMWbSNyGEY2213WKsJlwEA\n",
		.ds =
			"9713 16 2 6ccf18d5bc5d7fc2fceb1d59d17321402f2aa8d368048db93dd811f5cb2b19"
			"c7",
	},
	{
		.from = "RFC 8080 section 6.2",
		.apex = "example.com.",
		.owner = "@",
		.type = "MX",
		.flags = 257,
		.tag = 38353,
		.algorithm = 16,
		.repeats = true,
		.pkcs8 =
			"3047020100300506032b6571043b0439584ca40f786ddcc1e453c887e2e54e2f3f092f0b"
			"51052aa206833a7c5ef6f8cae9feee608f1b81d4357a3673ced81959773e217524e439d3"
			"80",
		.zone =
			"@ 3600 IN DNSKEY 257 3 16 "
			"kkreGWoccSDmUBGAe7+zsbG6ZAFQp+syPmYUurBRQc3tDjeMCJcVMRDmgcNLp5HlHAMy12VoISsA"
			"\n"
			"@ 3600 IN MX 10 mail.example.com.\n"
			"@ 3600 IN RRSIG MX 16 2 3600 20150819220000 20150729220000 38353 example.com. "
			"E1/oLjSGIbmLny/4fcgM1z4oL6aqo+izT3urCyHyvEp4Sp8Syg1eI+lJ57CSnZqjJP41O/9l4m0A"
			"sQ4f7qI1gVnML8vWWiyW2KXhT9kuAICUSxv5OWbf81Rq7Yu60npabODB0QFPb/rkW3kUZmQ0YQUA\n",
		.ds =
			"38353 16 2 645ff078b3568f5852b70cb60e8e696cc77b75bfaaffc118cf79cbda1ba28"
			"af4",
	},
};

/* The key of RFC 5702 section 6.1, of 512 bits. */
static const char small_rsa[] =
	"30820154020100300d06092a864886f70d01010105000482013e3082013a020100024100"
	"c15c1ac6b1c5d822bae1a60a45489b2e21f7d0aa4fb8f0637a5ec4f19c9d416d476161df"
	"a069a27730b6467870082dbdde10b3c3e4c54769ea9fc395498e6dd90203010001024051"
	"1e38c57eb307779a7b2bd34739ac907003acf0a63d69ebf1dc6c370883187ceb30a2cdfa"
	"2fc701a9bef7b1f120a5563431f66daf4c7f5480f31bbd75c1d901022100e1cf08bc5bb5"
	"0155c659e14b2c5879becedf6ddcdd0ba53cd9f76e13a2a44969022100db3669044f195d"
	"59cbef84231b8cc83650df1fe10e12d8c927746d6980ee82f102201b6c403c57cad0a1b1"
	"18034354dc5dd4ad5cf703a6989e759866f328514d30590220198c4fd4f6bb080c2d1e6f"
	"120065f9f78a995687ce32181de98142372795a4a102210089c41d3518e56463e6b899b6"
	"4c869db9b70ef17ed5e32d3b695857e3ae2dc7c4";
// clang-format on

#endif
