/* Kernel "avx2": eight messages at once. */
#if defined(__x86_64__)
#include "sha256.h"

#include <string.h>

#define LANES 8
#define TARGET __attribute__((target("avx2")))
#define NAME(x) avx2_##x

int avx2_available(void) { return __builtin_cpu_supports("avx2") != 0; }

#include "sha256_lanes.h"
#endif
