/* SHA-256 (FIPS 180-4) of many salted blocks of one size, and of one byte stream. No allocation, no global state. */
#ifndef VITRINE_SHA256_H
#define VITRINE_SHA256_H

#include <stddef.h>
#include <stdint.h>

enum { sha256_block = 64, sha256_digest = 32, max_salt = 256 };

extern const uint32_t sha256_k[64] __attribute__((aligned(64)));
extern const uint32_t sha256_initial[8];

/*
 * The message salt || block, cut into 64-byte pieces: `first` (the salt's rest and the block's beginning; absent when
 * the salt is a multiple of 64), `direct` pieces that lie in the block as they are, and one or two `tail` pieces (the
 * block's rest and the padding). Whole 64-byte pieces of the salt are in `midstate` already.
 */
struct leaf_plan {
  uint32_t midstate[8];
  uint8_t salt_rest[64];
  size_t rest;         /* bytes of the salt in `first`; the block's last `rest` bytes are in the tail */
  size_t direct;       /* pieces */
  size_t tail;         /* pieces */
  size_t block_size;   /* bytes, a multiple of 64 */
  uint64_t total_bits; /* of salt || block */
};

/* Composes the pieces that do not lie in the block as they are. */
void leaf_first(const struct leaf_plan *plan, const uint8_t *block, uint8_t first[64]);
void leaf_tail(const struct leaf_plan *plan, const uint8_t *block, uint8_t tail[128]);
void store_digest(const uint32_t h[8], uint8_t out[32]);

/* A stream between updates. Plain data: it lives in a byte array of the caller. */
struct stream_state {
  uint32_t h[8];
  uint64_t length; /* bytes so far; length % 64 of them wait in `waiting` */
  uint8_t waiting[64];
};

#if defined(__x86_64__)
/* One SHA-NI unit, two messages in flight: sha256rnds2 has twice the latency of its throughput. */
int shani_available(void);
void shani_compress(uint32_t h[8], const uint8_t *pieces, size_t count);
void shani_leaves(const struct leaf_plan *plan, const uint8_t *data, size_t count, uint8_t *out);
void shani_stream_start(struct stream_state *stream);
void shani_stream_update(struct stream_state *stream, const uint8_t *bytes, size_t length);
void shani_stream_finish(struct stream_state *stream, uint8_t out[32]);
void shani_leaves_and_stream(const struct leaf_plan *plan, const uint8_t *data, size_t count, uint8_t *out,
                             struct stream_state *stream);

/* One message in each 32-bit lane of a vector. */
int avx2_available(void);
void avx2_compress(uint32_t h[8], const uint8_t *pieces, size_t count);
void avx2_leaves(const struct leaf_plan *plan, const uint8_t *data, size_t count, uint8_t *out);
int avx512_available(void);
void avx512_compress(uint32_t h[8], const uint8_t *pieces, size_t count);
void avx512_leaves(const struct leaf_plan *plan, const uint8_t *data, size_t count, uint8_t *out);
#endif

#endif
