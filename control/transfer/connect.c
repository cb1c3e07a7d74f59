#include "control/transfer/connect.h"

#include "control/tls/profiles.h"
#include "shared/err.h"

int transfer_connect(const struct transfer_parts *p, const struct transfer_source *s,
                     const struct stream_owner *owner, struct stream **out)
{
	struct stream_target target = {.to = s->to, .from = s->from};

	if (s->tls)
		TRY(tls_profiles_get(p->tls, s->tls, &target.tls));
	return stream_make(p->streams, &target, owner, out);
}

/* RFC 9103 §7.1. Whoever answers without it speaks TLS, but has not said that it speaks DNS. */
const char *transfer_stream_trouble(const struct stream *s)
{
	const struct tls_peer *peer = stream_peer(s);

	return !peer || peer->dot
	               ? NULL
	               : "TLS: the server has not agreed to ALPN \"dot\" (RFC 9103)";
}

const char *transfer_begin_text(int err)
{
	switch (err) {
	case ERR_NOTFOUND: return "its TSIG key is not known";
	case ERR_INVALID:
	case ERR_IO: return "its TLS profile cannot be used";
	default: return err_text(err);
	}
}
