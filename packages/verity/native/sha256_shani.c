/* Kernel "sha-ni": the x86 SHA extensions, with two messages in flight. */
#if defined(__x86_64__)
#include "sha256.h"

#include <cpuid.h>
#include <immintrin.h>
#include <string.h>

#define SHANI __attribute__((target("sha,sse4.1,ssse3")))

static int ask_processor(void) {
  unsigned a, b, c, d;
  if (!__builtin_cpu_supports("ssse3") || !__builtin_cpu_supports("sse4.1")) return 0;
  return __get_cpuid_count(7, 0, &a, &b, &c, &d) && (b >> 29 & 1);
}

/* Asked once: in a virtual machine the cpuid instruction is an exit to the hypervisor, dearer than many blocks. */
int shani_available(void) {
  static _Atomic int answer = -1;
  int known = answer;
  if (known < 0) answer = known = ask_processor();
  return known;
}

/* The state as the instructions want it: {A,B,E,F} and {C,D,G,H}, A and C in the highest words. */
struct lane {
  __m128i abef, cdgh;
};

SHANI static inline struct lane load_lane(const uint32_t h[8]) {
  __m128i dcba = _mm_loadu_si128((const __m128i *)h), hgfe = _mm_loadu_si128((const __m128i *)(h + 4));
  __m128i cdab = _mm_shuffle_epi32(dcba, 0xb1), efgh = _mm_shuffle_epi32(hgfe, 0x1b);
  struct lane lane = {_mm_alignr_epi8(cdab, efgh, 8), _mm_blend_epi16(efgh, cdab, 0xf0)};
  return lane;
}

SHANI static inline void store_lane(uint32_t h[8], struct lane lane) {
  __m128i feba = _mm_shuffle_epi32(lane.abef, 0x1b), dchg = _mm_shuffle_epi32(lane.cdgh, 0xb1);
  _mm_storeu_si128((__m128i *)h, _mm_blend_epi16(feba, dchg, 0xf0));
  _mm_storeu_si128((__m128i *)(h + 4), _mm_alignr_epi8(dchg, feba, 8));
}

#define LOAD(at) _mm_shuffle_epi8(_mm_loadu_si128((const __m128i *)(at)), swap)

/* Rounds 4g to 4g+3 of one lane over words w[g % 4], which then become the words of round 4g+16. */
#define FOUR_ROUNDS(lane, w, g)                                                                         \
  do {                                                                                                  \
    __m128i wk = _mm_add_epi32(w[(g) % 4], _mm_load_si128((const __m128i *)sha256_k + (g)));            \
    lane.cdgh = _mm_sha256rnds2_epu32(lane.cdgh, lane.abef, wk);                                        \
    lane.abef = _mm_sha256rnds2_epu32(lane.abef, lane.cdgh, _mm_shuffle_epi32(wk, 0x0e));               \
    if ((g) < 12) {                                                                                     \
      __m128i sum = _mm_add_epi32(_mm_sha256msg1_epu32(w[(g) % 4], w[((g) + 1) % 4]),                   \
                                  _mm_alignr_epi8(w[((g) + 3) % 4], w[((g) + 2) % 4], 4));              \
      w[(g) % 4] = _mm_sha256msg2_epu32(sum, w[((g) + 3) % 4]);                                         \
    }                                                                                                   \
  } while (0)

SHANI static void compress_one(struct lane *state, const uint8_t *bytes, size_t count) {
  const __m128i swap = _mm_set_epi64x(0x0c0d0e0f08090a0bLL, 0x0405060700010203LL);
  struct lane lane = *state;
  for (; count > 0; count--, bytes += 64) {
    const struct lane before = lane;
    __m128i w[4] = {LOAD(bytes), LOAD(bytes + 16), LOAD(bytes + 32), LOAD(bytes + 48)};
#pragma GCC unroll 16
    for (int g = 0; g < 16; g++) FOUR_ROUNDS(lane, w, g);
    lane.abef = _mm_add_epi32(lane.abef, before.abef);
    lane.cdgh = _mm_add_epi32(lane.cdgh, before.cdgh);
  }
  *state = lane;
}

/* The same number of pieces of two messages. */
SHANI static void compress_two(struct lane *state_a, const uint8_t *bytes_a, struct lane *state_b,
                               const uint8_t *bytes_b, size_t count) {
  const __m128i swap = _mm_set_epi64x(0x0c0d0e0f08090a0bLL, 0x0405060700010203LL);
  struct lane a = *state_a, b = *state_b;
  for (; count > 0; count--, bytes_a += 64, bytes_b += 64) {
    const struct lane before_a = a, before_b = b;
    __m128i wa[4] = {LOAD(bytes_a), LOAD(bytes_a + 16), LOAD(bytes_a + 32), LOAD(bytes_a + 48)};
    __m128i wb[4] = {LOAD(bytes_b), LOAD(bytes_b + 16), LOAD(bytes_b + 32), LOAD(bytes_b + 48)};
#pragma GCC unroll 16
    for (int g = 0; g < 16; g++) {
      FOUR_ROUNDS(a, wa, g);
      FOUR_ROUNDS(b, wb, g);
    }
    a.abef = _mm_add_epi32(a.abef, before_a.abef);
    a.cdgh = _mm_add_epi32(a.cdgh, before_a.cdgh);
    b.abef = _mm_add_epi32(b.abef, before_b.abef);
    b.cdgh = _mm_add_epi32(b.cdgh, before_b.cdgh);
  }
  *state_a = a;
  *state_b = b;
}

SHANI static inline void store_lane_digest(struct lane lane, uint8_t out[32]) {
  uint32_t h[8];
  store_lane(h, lane);
  store_digest(h, out);
}

SHANI void shani_compress(uint32_t h[8], const uint8_t *pieces, size_t count) {
  struct lane lane = load_lane(h);
  compress_one(&lane, pieces, count);
  store_lane(h, lane);
}

SHANI static void one_leaf(const struct leaf_plan *plan, const uint8_t *block, uint8_t *out) {
  uint8_t piece[128];
  struct lane lane = load_lane(plan->midstate);
  const uint8_t *direct = block;
  if (plan->rest > 0) {
    leaf_first(plan, block, piece);
    compress_one(&lane, piece, 1);
    direct += 64 - plan->rest;
  }
  compress_one(&lane, direct, plan->direct);
  leaf_tail(plan, block, piece);
  compress_one(&lane, piece, plan->tail);
  store_lane_digest(lane, out);
}

SHANI void shani_leaves(const struct leaf_plan *plan, const uint8_t *data, size_t count, uint8_t *out) {
  uint8_t piece_a[128], piece_b[128];
  const size_t size = plan->block_size, skip = plan->rest > 0 ? 64 - plan->rest : 0;
  for (; count >= 2; count -= 2, data += 2 * size, out += 64) {
    struct lane a = load_lane(plan->midstate), b = a;
    if (plan->rest > 0) {
      leaf_first(plan, data, piece_a);
      leaf_first(plan, data + size, piece_b);
      compress_two(&a, piece_a, &b, piece_b, 1);
    }
    compress_two(&a, data + skip, &b, data + size + skip, plan->direct);
    leaf_tail(plan, data, piece_a);
    leaf_tail(plan, data + size, piece_b);
    compress_two(&a, piece_a, &b, piece_b, plan->tail);
    store_lane_digest(a, out);
    store_lane_digest(b, out + 32);
  }
  if (count > 0) one_leaf(plan, data, out);
}

void shani_stream_start(struct stream_state *stream) {
  memset(stream, 0, sizeof *stream);
  memcpy(stream->h, sha256_initial, sizeof stream->h);
}

SHANI void shani_stream_update(struct stream_state *stream, const uint8_t *bytes, size_t length) {
  size_t waiting = stream->length % 64;
  stream->length += length;
  if (waiting > 0) {
    size_t take = length < 64 - waiting ? length : 64 - waiting;
    memcpy(stream->waiting + waiting, bytes, take);
    bytes += take;
    length -= take;
    if (waiting + take < 64) return;
    shani_compress(stream->h, stream->waiting, 1);
  }
  shani_compress(stream->h, bytes, length / 64);
  memcpy(stream->waiting, bytes + length / 64 * 64, length % 64);
}

SHANI void shani_stream_finish(struct stream_state *stream, uint8_t out[32]) {
  uint8_t tail[128] = {0};
  size_t waiting = stream->length % 64, end = waiting + 9 > 64 ? 128 : 64;
  memcpy(tail, stream->waiting, waiting);
  tail[waiting] = 0x80;
  for (size_t i = 0; i < 8; i++) tail[end - 1 - i] = (uint8_t)(stream->length * 8 >> (8 * i));
  shani_compress(stream->h, tail, end / 64);
  store_digest(stream->h, out);
}

/* What the second lane still has to do. */
struct run {
  struct lane lane;
  const uint8_t *bytes;
  size_t count;
};

/* Compresses pieces of one message, and as many of the run beside them. */
SHANI static void compress_beside(struct lane *lane, const uint8_t *bytes, size_t count, struct run *run) {
  size_t both = count < run->count ? count : run->count;
  compress_two(lane, bytes, &run->lane, run->bytes, both);
  run->bytes += 64 * both;
  run->count -= both;
  compress_one(lane, bytes + 64 * both, count - both);
}

SHANI void shani_leaves_and_stream(const struct leaf_plan *plan, const uint8_t *data, size_t count, uint8_t *out,
                                   struct stream_state *stream) {
  const size_t length = count * plan->block_size, waiting = stream->length % 64;
  const size_t head = waiting > 0 && length > 0 ? 64 - waiting : 0;
  const uint8_t *block = data;
  uint8_t piece[128];
  shani_stream_update(stream, data, head);
  struct run run = {load_lane(stream->h), data + head, (length - head) / 64};
  stream->length += length - head;
  memcpy(stream->waiting, data + head + run.count * 64, (length - head) % 64);
  for (; count > 0; count--, block += plan->block_size, out += 32) {
    struct lane lane = load_lane(plan->midstate);
    const uint8_t *direct = block;
    if (plan->rest > 0) {
      leaf_first(plan, block, piece);
      compress_beside(&lane, piece, 1, &run);
      direct += 64 - plan->rest;
    }
    compress_beside(&lane, direct, plan->direct, &run);
    leaf_tail(plan, block, piece);
    compress_beside(&lane, piece, plan->tail, &run);
    store_lane_digest(lane, out);
  }
  compress_one(&run.lane, run.bytes, run.count);
  store_lane(stream->h, run.lane);
}
#endif
