/*
 * The N-API face of the kernels: pure functions over byte arrays. Every argument is checked here; the TypeScript side
 * (native-addon.node.ts) compares every function with node:crypto before it is used.
 */
#include "addon.h"

#include <string.h>

#ifndef VITRINE_SOURCE_SHA256
#error "scripts/build-native.ts passes the sources' SHA-256"
#endif

struct kernel {
  const char *name;
  int (*available)(void);
  void (*compress)(uint32_t h[8], const uint8_t *pieces, size_t count);
  void (*leaves)(const struct leaf_plan *plan, const uint8_t *data, size_t count, uint8_t *out);
};

static const struct kernel kernels[] = {
#if defined(__x86_64__)
    {"sha-ni", shani_available, shani_compress, shani_leaves},
    {"avx512", avx512_available, avx512_compress, avx512_leaves},
    {"avx2", avx2_available, avx2_compress, avx2_leaves},
#endif
    {NULL, NULL, NULL, NULL}};

int fail(napi_env env, const char *message) {
  napi_throw_range_error(env, "ERR_VITRINE_HASH", message);
  return 0;
}

int get_bytes(napi_env env, napi_value value, struct bytes *bytes) {
  napi_typedarray_type type;
  void *at = NULL;
  if (napi_get_typedarray_info(env, value, &type, &bytes->length, &at, NULL, NULL) != napi_ok ||
      type != napi_uint8_array) {
    return fail(env, "a Uint8Array is expected");
  }
  bytes->at = at;
  return 1;
}

static const struct kernel *get_kernel(napi_env env, napi_value value) {
  char name[16] = {0};
  size_t length = 0;
  if (napi_get_value_string_utf8(env, value, name, sizeof name, &length) == napi_ok) {
    for (const struct kernel *kernel = kernels; kernel->name != NULL; kernel++) {
      if (strcmp(kernel->name, name) == 0 && kernel->available()) return kernel;
    }
  }
  fail(env, "this processor does not have the kernel");
  return NULL;
}

static void make_plan(struct leaf_plan *plan, const struct kernel *kernel, struct bytes salt, uint32_t block_size) {
  memset(plan, 0, sizeof *plan);
  memcpy(plan->midstate, sha256_initial, sizeof plan->midstate);
  kernel->compress(plan->midstate, salt.at, salt.length / 64);
  plan->rest = salt.length % 64;
  if (plan->rest > 0) memcpy(plan->salt_rest, salt.at + salt.length - plan->rest, plan->rest);
  plan->block_size = block_size;
  plan->direct = block_size / 64 - (plan->rest > 0 ? 1 : 0);
  plan->tail = plan->rest + 9 > 64 ? 2 : 1;
  plan->total_bits = ((uint64_t)salt.length + block_size) * 8;
}

static int get_plan(napi_env env, napi_value salt_value, napi_value size_value, const struct kernel *kernel,
                    struct leaf_plan *plan) {
  struct bytes salt;
  uint32_t block_size;
  if (!get_bytes(env, salt_value, &salt)) return 0;
  if (salt.length > max_salt) return fail(env, "the salt has more than 256 bytes");
  if (napi_get_value_uint32(env, size_value, &block_size) != napi_ok || block_size == 0 || block_size % 64 != 0 ||
      block_size > 512 * 1024) {
    return fail(env, "the block size must be a multiple of 64 up to 524288");
  }
  make_plan(plan, kernel, salt, block_size);
  return 1;
}

/* What (kernel, salt, blockSize, data, out, ...) say together. */
struct job {
  const struct kernel *kernel;
  struct leaf_plan plan;
  const uint8_t *data;
  uint8_t *out;
  size_t count;
};

static int get_job(napi_env env, const napi_value *arguments, struct job *job) {
  struct bytes data, out;
  job->kernel = get_kernel(env, arguments[0]);
  if (job->kernel == NULL || !get_plan(env, arguments[1], arguments[2], job->kernel, &job->plan)) return 0;
  if (!get_bytes(env, arguments[3], &data) || !get_bytes(env, arguments[4], &out)) return 0;
  if (data.length % job->plan.block_size != 0) return fail(env, "whole blocks are expected");
  job->count = data.length / job->plan.block_size;
  if (out.length / sha256_digest < job->count) return fail(env, "there is no room for the digests");
  job->data = data.at;
  job->out = out.at;
  return 1;
}

/* The stream's state is copied out of, and back into, its byte array: that one may lie at any address. */
static int get_stream(napi_env env, napi_value value, struct bytes *bytes, struct stream_state *stream) {
  if (!get_bytes(env, value, bytes)) return 0;
  if (bytes->length != sizeof *stream) return fail(env, "a stream state of another size is expected");
  memcpy(stream, bytes->at, sizeof *stream);
  return 1;
}

/* hashBlocks(kernel, salt, blockSize, data, out) */
static napi_value hash_blocks(napi_env env, napi_callback_info info) {
  struct job job;
  ARGUMENTS(5)
  if (get_job(env, arguments, &job)) job.kernel->leaves(&job.plan, job.data, job.count, job.out);
  return NULL;
}

static napi_value names(napi_env env) {
  napi_value list, name;
  uint32_t count = 0;
  if (napi_create_array(env, &list) != napi_ok) return NULL;
  for (const struct kernel *kernel = kernels; kernel->name != NULL; kernel++) {
    if (!kernel->available()) continue;
    if (napi_create_string_utf8(env, kernel->name, NAPI_AUTO_LENGTH, &name) != napi_ok) return NULL;
    if (napi_set_element(env, list, count++, name) != napi_ok) return NULL;
  }
  return list;
}

#if defined(__x86_64__)
/* hashBlocksAndStream(kernel, salt, blockSize, data, out, state); the kernel must be "sha-ni" */
static napi_value hash_blocks_and_stream(napi_env env, napi_callback_info info) {
  struct job job;
  struct bytes state;
  struct stream_state stream;
  ARGUMENTS(6)
  if (!get_job(env, arguments, &job) || !get_stream(env, arguments[5], &state, &stream)) return NULL;
  if (job.kernel->leaves != shani_leaves) {
    fail(env, "this kernel has no stream");
    return NULL;
  }
  shani_leaves_and_stream(&job.plan, job.data, job.count, job.out, &stream);
  memcpy(state.at, &stream, sizeof stream);
  return NULL;
}

static int require_shani(napi_env env) {
  return shani_available() ? 1 : fail(env, "this processor does not have the kernel");
}

int get_shani_plan(napi_env env, napi_value salt, napi_value block_size, struct leaf_plan *plan) {
  return require_shani(env) && get_plan(env, salt, block_size, &kernels[0], plan);
}

/* streamStart(state) */
static napi_value stream_start(napi_env env, napi_callback_info info) {
  struct bytes state;
  struct stream_state stream;
  ARGUMENTS(1)
  if (!get_stream(env, arguments[0], &state, &stream)) return NULL;
  shani_stream_start(&stream);
  memcpy(state.at, &stream, sizeof stream);
  return NULL;
}

/* streamUpdate(state, bytes) */
static napi_value stream_update(napi_env env, napi_callback_info info) {
  struct bytes state, bytes;
  struct stream_state stream;
  ARGUMENTS(2)
  if (!require_shani(env) || !get_stream(env, arguments[0], &state, &stream)) return NULL;
  if (!get_bytes(env, arguments[1], &bytes)) return NULL;
  shani_stream_update(&stream, bytes.at, bytes.length);
  memcpy(state.at, &stream, sizeof stream);
  return NULL;
}

/* streamFinish(state, out) */
static napi_value stream_finish(napi_env env, napi_callback_info info) {
  struct bytes state, out;
  struct stream_state stream;
  ARGUMENTS(2)
  if (!require_shani(env) || !get_stream(env, arguments[0], &state, &stream)) return NULL;
  if (!get_bytes(env, arguments[1], &out)) return NULL;
  if (out.length != sha256_digest) {
    fail(env, "32 bytes of room are expected");
    return NULL;
  }
  shani_stream_finish(&stream, out.at);
  return NULL;
}
#endif

int set_function(napi_env env, napi_value exports, const char *name, napi_callback function) {
  napi_value value;
  return napi_create_function(env, name, NAPI_AUTO_LENGTH, function, NULL, &value) == napi_ok &&
         napi_set_named_property(env, exports, name, value) == napi_ok;
}

NAPI_MODULE_INIT() {
  napi_value source, list, size;
#if defined(__x86_64__)
  __builtin_cpu_init();
#endif
  list = names(env);
  if (list == NULL || napi_set_named_property(env, exports, "kernels", list) != napi_ok ||
      napi_create_string_utf8(env, VITRINE_SOURCE_SHA256, NAPI_AUTO_LENGTH, &source) != napi_ok ||
      napi_set_named_property(env, exports, "sourceSha256", source) != napi_ok ||
      napi_create_uint32(env, sizeof(struct stream_state), &size) != napi_ok ||
      napi_set_named_property(env, exports, "streamStateSizeBytes", size) != napi_ok ||
      !set_function(env, exports, "hashBlocks", hash_blocks)) {
    return NULL;
  }
#if defined(__x86_64__)
  if (!set_function(env, exports, "hashBlocksAndStream", hash_blocks_and_stream) ||
      !set_function(env, exports, "streamStart", stream_start) ||
      !set_function(env, exports, "streamUpdate", stream_update) ||
      !set_function(env, exports, "streamFinish", stream_finish) || !export_copy(env, exports)) {
    return NULL;
  }
#endif
  return exports;
}
