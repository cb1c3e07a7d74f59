#include "shared/namehash.h"

#define OCTETS(n) (~(~UINT64_C(0) << 8 * (n)))
#define ALL       (~UINT64_C(0))

const struct name_chunk name_front_masks[NAME_STEP] = {
	{0, 0},           {OCTETS(1), 0},   {OCTETS(2), 0},   {OCTETS(3), 0},
	{OCTETS(4), 0},   {OCTETS(5), 0},   {OCTETS(6), 0},   {OCTETS(7), 0},
	{ALL, 0},         {ALL, OCTETS(1)}, {ALL, OCTETS(2)}, {ALL, OCTETS(3)},
	{ALL, OCTETS(4)}, {ALL, OCTETS(5)}, {ALL, OCTETS(6)}, {ALL, OCTETS(7)},
};

HOT uint64_t name_hash(const struct name_hash_key *key, const uint8_t *name)
{
	uint8_t folded[NAME_MAX_LEN + NAME_PAD];
	struct name_steps steps;

	return name_fold_and_hash(key, folded, name, name_len(name, NAME_MAX_LEN),
	                          &steps);
}
