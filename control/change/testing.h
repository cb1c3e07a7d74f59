/* What tests of changes share. */
#ifndef CONTROL_CHANGE_TESTING_H
#define CONTROL_CHANGE_TESTING_H

#include "control/change/check.h"
#include "control/store/testing.h"

static inline void test_put_sets(struct store_txn *t, uint32_t zone,
                                 const struct change_view *v)
{
	for (size_t i = 0; i < v->count; i++) {
		const struct overlay_set *s = &v->sets[i];
		struct rrset r;

		if (s->size == 0) {
			assert_int_equal(
				store_rrset_delete(t, zone, s->key, s->key_len, s->type),
				0);
			continue;
		}
		assert_int_equal(rrset_open(s->type, s->blob, s->size, &r), 0);
		assert_int_equal(store_rrset_put(t, zone, s->key, s->key_len, &r), 0);
	}
}

static inline void test_put_extras(struct store_txn *t, uint32_t zone,
                                   const struct change_view *v)
{
	for (size_t i = 0; i < v->extra_count; i++) {
		const struct overlay_set *s = &v->extras[i];
		const struct store_extra x = {.key = s->key,
		                              .key_len = s->key_len,
		                              .type = s->type,
		                              .value = s->blob,
		                              .size = s->size};

		assert_int_equal(s->size ? store_extra_put(t, zone, &x)
		                         : store_extra_delete(t, zone, s->key, s->key_len,
		                                              s->type),
		                 0);
	}
}

/* Writes a view down, as a commit does. */
static inline void test_put_view(struct store_txn *t, struct store_zone *zone,
                                 const struct change_view *v)
{
	test_put_sets(t, zone->id, v);
	test_put_extras(t, zone->id, v);
	zone->rrsets += (uint64_t)v->rrsets;
	zone->records += (uint64_t)v->records;
}

#endif
