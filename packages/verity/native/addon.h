/* What the N-API faces share: arguments are read here, and refused where they are not what is expected. */
#ifndef VITRINE_ADDON_H
#define VITRINE_ADDON_H

#include <node_api.h>
#include <stddef.h>
#include <stdint.h>

#include "sha256.h"

struct bytes {
  uint8_t *at;
  size_t length;
};

/* Throws a RangeError; answers 0. */
int fail(napi_env env, const char *message);
/* These answer 0 after they threw. */
int get_bytes(napi_env env, napi_value value, struct bytes *bytes);
int get_shani_plan(napi_env env, napi_value salt, napi_value block_size, struct leaf_plan *plan);
int set_function(napi_env env, napi_value exports, const char *name, napi_callback function);

#define ARGUMENTS(n)                                                              \
  napi_value arguments[n];                                                        \
  size_t given = n;                                                               \
  if (napi_get_cb_info(env, info, &given, arguments, NULL, NULL) != napi_ok) return NULL; \
  if (given != n) {                                                               \
    fail(env, "wrong number of arguments");                                       \
    return NULL;                                                                  \
  }

#if defined(__x86_64__)
/* Sets copyFiles, copyProgress and copyStop. */
int export_copy(napi_env env, napi_value exports);
#endif

#endif
