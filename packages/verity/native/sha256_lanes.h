/*
 * A kernel that hashes LANES messages at once, one in each 32-bit lane of a vector; included once for each width.
 * Wants: LANES (8 or 16), TARGET (function attribute), NAME(x) (prefix of the names).
 */
typedef uint32_t NAME(vec) __attribute__((vector_size(4 * LANES)));
typedef uint8_t NAME(bytes) __attribute__((vector_size(4 * LANES)));
#define V NAME(vec)

#if LANES == 8
#define EACH(f) {f(0), f(1), f(2), f(3), f(4), f(5), f(6), f(7)}
#define REPEAT(...) __VA_ARGS__, __VA_ARGS__
#else
#define EACH(f) \
  {f(0), f(1), f(2), f(3), f(4), f(5), f(6), f(7), f(8), f(9), f(10), f(11), f(12), f(13), f(14), f(15)}
#define REPEAT(...) __VA_ARGS__, __VA_ARGS__, __VA_ARGS__, __VA_ARGS__
#endif

#define LOW(k, s) ((k) & (s) ? LANES + (k) - (s) : (k))
#define HIGH(k, s) ((k) & (s) ? LANES + (k) : (k) + (s))
#define LOW1(k) LOW(k, 1)
#define HIGH1(k) HIGH(k, 1)
#define LOW2(k) LOW(k, 2)
#define HIGH2(k) HIGH(k, 2)
#define LOW4(k) LOW(k, 4)
#define HIGH4(k) HIGH(k, 4)
#define LOW8(k) LOW(k, 8)
#define HIGH8(k) HIGH(k, 8)

/* One step of a transposition by recursive halves: exchanges the off-diagonal s x s squares. */
#define EXCHANGE(rows, s)                                                       \
  _Pragma("GCC unroll 16") for (int i = 0; i < LANES; i++) if (!(i & s)) {      \
    V low = __builtin_shuffle(rows[i], rows[i + s], (V)EACH(LOW##s));           \
    V high = __builtin_shuffle(rows[i], rows[i + s], (V)EACH(HIGH##s));         \
    rows[i] = low;                                                              \
    rows[i + s] = high;                                                         \
  }

/* w[t] = word t of the 64-byte piece at at[lane], for every lane. */
TARGET static inline void NAME(load_words)(V w[16], const uint8_t *const at[LANES], size_t offset) {
  const NAME(bytes) swap = {REPEAT(3, 2, 1, 0, 7, 6, 5, 4, 11, 10, 9, 8, 15, 14, 13, 12)
#if LANES == 8
                                ,
  };
  const NAME(bytes) within = {0,  0,  0,  0,  0,  0,  0,  0,  0,  0,  0,  0,  0,  0,  0,  0,
                              16, 16, 16, 16, 16, 16, 16, 16, 16, 16, 16, 16, 16, 16, 16, 16};
#else
  };
  const NAME(bytes) within = {0,  0,  0,  0,  0,  0,  0,  0,  0,  0,  0,  0,  0,  0,  0,  0,
                              16, 16, 16, 16, 16, 16, 16, 16, 16, 16, 16, 16, 16, 16, 16, 16,
                              32, 32, 32, 32, 32, 32, 32, 32, 32, 32, 32, 32, 32, 32, 32, 32,
                              48, 48, 48, 48, 48, 48, 48, 48, 48, 48, 48, 48, 48, 48, 48, 48};
#endif
#pragma GCC unroll 2
  for (int half = 0; half < 16 / LANES; half++) {
    V *rows = w + half * LANES;
#pragma GCC unroll 16
    for (int lane = 0; lane < LANES; lane++) {
      memcpy(&rows[lane], at[lane] + offset + 4 * LANES * half, sizeof rows[lane]);
    }
    EXCHANGE(rows, 1)
    EXCHANGE(rows, 2)
    EXCHANGE(rows, 4)
#if LANES == 16
    EXCHANGE(rows, 8)
#endif
#pragma GCC unroll 16
    for (int t = 0; t < LANES; t++) rows[t] = (V)__builtin_shuffle((NAME(bytes))rows[t], swap + within);
  }
}

#define ROTATE(x, n) ((x) >> (n) | (x) << (32 - (n)))

/* Compresses `count` consecutive pieces of each lane's message (FIPS 180-4 section 6.2.2). */
TARGET static void NAME(compress_lanes)(V h[8], const uint8_t *const at[LANES], size_t count) {
  for (size_t piece = 0; piece < count; piece++) {
    V w[16];
    NAME(load_words)(w, at, 64 * piece);
    V a = h[0], b = h[1], c = h[2], d = h[3], e = h[4], f = h[5], g = h[6], hh = h[7];
#pragma GCC unroll 4
    for (int base = 0; base < 64; base += 16) {
#pragma GCC unroll 16
      for (int t = 0; t < 16; t++) {
        if (base > 0) {
          V w15 = w[(t + 1) & 15], w2 = w[(t + 14) & 15];
          w[t] += (ROTATE(w15, 7) ^ ROTATE(w15, 18) ^ w15 >> 3) + w[(t + 9) & 15] +
                  (ROTATE(w2, 17) ^ ROTATE(w2, 19) ^ w2 >> 10);
        }
        V t1 = hh + (ROTATE(e, 6) ^ ROTATE(e, 11) ^ ROTATE(e, 25)) + (g ^ (e & (f ^ g))) + sha256_k[base + t] + w[t];
        V t2 = (ROTATE(a, 2) ^ ROTATE(a, 13) ^ ROTATE(a, 22)) + ((a & b) | (c & (a | b)));
        hh = g, g = f, f = e, e = d + t1, d = c, c = b, b = a, a = t1 + t2;
      }
    }
    h[0] += a, h[1] += b, h[2] += c, h[3] += d, h[4] += e, h[5] += f, h[6] += g, h[7] += hh;
  }
}

TARGET void NAME(compress)(uint32_t h[8], const uint8_t *pieces, size_t count) {
  const uint8_t *at[LANES];
  V lanes[8];
  for (int lane = 0; lane < LANES; lane++) at[lane] = pieces;
  for (int i = 0; i < 8; i++) lanes[i] = (V){0} + h[i];
  NAME(compress_lanes)(lanes, at, count);
  for (int i = 0; i < 8; i++) h[i] = lanes[i][0];
}

/* Lanes without a block of their own hash the last one again; their digests are dropped. */
TARGET void NAME(leaves)(const struct leaf_plan *plan, const uint8_t *data, size_t count, uint8_t *out) {
  const size_t skip = plan->rest > 0 ? 64 - plan->rest : 0;
  for (size_t first = 0; first < count; first += LANES) {
    const size_t used = count - first < LANES ? count - first : LANES;
    const uint8_t *block[LANES], *direct[LANES], *composed[LANES];
    uint8_t piece[LANES][128];
    V h[8];
    for (int i = 0; i < 8; i++) h[i] = (V){0} + plan->midstate[i];
    for (size_t lane = 0; lane < LANES; lane++) {
      block[lane] = data + (first + (lane < used ? lane : used - 1)) * plan->block_size;
      direct[lane] = block[lane] + skip;
      composed[lane] = piece[lane];
    }
    if (plan->rest > 0) {
      for (size_t lane = 0; lane < LANES; lane++) leaf_first(plan, block[lane], piece[lane]);
      NAME(compress_lanes)(h, composed, 1);
    }
    NAME(compress_lanes)(h, direct, plan->direct);
    for (size_t lane = 0; lane < LANES; lane++) leaf_tail(plan, block[lane], piece[lane]);
    NAME(compress_lanes)(h, composed, plan->tail);
    for (size_t lane = 0; lane < used; lane++) {
      uint32_t digest[8];
      for (int i = 0; i < 8; i++) digest[i] = h[i][lane];
      store_digest(digest, out + 32 * (first + lane));
    }
  }
}
