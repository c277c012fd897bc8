/* Kernel "avx512": sixteen messages at once. */
#if defined(__x86_64__)
#include "sha256.h"

#include <string.h>

#define LANES 16
#define TARGET __attribute__((target("avx512f,avx512bw,avx512vl,avx512dq")))
#define NAME(x) avx512_##x

int avx512_available(void) {
  return __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") &&
         __builtin_cpu_supports("avx512vl") && __builtin_cpu_supports("avx512dq");
}

#include "sha256_lanes.h"
#endif
