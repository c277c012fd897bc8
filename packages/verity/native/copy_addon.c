/* The N-API face of the copier. Whatever it works on is copied out of JavaScript's memory first. */
#if defined(__x86_64__)
#include "addon.h"

#include <stdlib.h>
#include <string.h>

#include "copy.h"

enum { fields = 8, max_files = 1 << 26, max_threads = 256 };
/* Offsets and sizes below this cannot overflow when they are added. */
static const uint64_t max_offset = (uint64_t)1 << 61;

static const char *const step_names[] = {
    [copy_done] = "done",         [copy_stopped] = "stopped",   [copy_memory] = "memory",   [copy_open] = "open",
    [copy_stat] = "stat",         [copy_read] = "read",         [copy_write] = "write",     [copy_replaced] = "replaced",
    [copy_resized] = "resized",   [copy_touched] = "touched",   [copy_ended] = "ended",     [copy_grown] = "grown"};

/* Lives as long as the handle that JavaScript has of it, and the work. */
struct copying {
  struct copy copy;
  struct copy_outcome outcome;
  char *paths;
  struct copy_file *files;
  napi_async_work work;
  napi_deferred deferred;
  napi_ref handle; /* so that it is not collected while the work goes on */
};

static void release(napi_env env, void *data, void *hint) {
  struct copying *copying = data;
  (void)env;
  (void)hint;
  free(copying->paths);
  free(copying->files);
  free(copying->copy.digests);
  free(copying);
}

/* Of a fraction or NaN, N-API would make some integer. */
static int get_number(napi_env env, napi_value value, int64_t max, int64_t *number) {
  double given;
  if (napi_get_value_double(env, value, &given) == napi_ok && given >= 0 && given <= (double)max) {
    *number = (int64_t)given;
    if ((double)*number == given) return 1;
  }
  return fail(env, "a number is out of range, or no integer");
}

/* One path behind the other, each with its NUL. */
static int get_paths(napi_env env, napi_value value, struct copying *copying) {
  struct bytes paths;
  size_t count = copying->copy.count, found = 0;
  if (!get_bytes(env, value, &paths)) return 0;
  copying->paths = malloc(paths.length + 1);
  if (copying->paths == NULL) return fail(env, "there is not enough memory");
  memcpy(copying->paths, paths.at, paths.length);
  for (size_t at = 0; at < paths.length && found < count; found++) {
    const char *end = memchr(copying->paths + at, 0, paths.length - at);
    if (end == NULL) break;
    copying->files[found].path = copying->paths + at;
    at = (size_t)(end - copying->paths) + 1;
    if (found + 1 == count && at != paths.length) return fail(env, "there are more paths than files");
  }
  return found == count ? 1 : fail(env, "there are fewer paths than files");
}

static int is_possible(const struct copy_file *file, size_t block_size) {
  return file->size < max_offset && file->block_bytes <= file->size && file->data_offset < max_offset &&
         file->tail_offset < max_offset && file->data_offset % block_size == 0;
}

/* Eight numbers a file, in the order of struct copy_file. */
static int get_files(napi_env env, napi_value value, struct copying *copying) {
  napi_typedarray_type type;
  void *at = NULL;
  size_t length = 0;
  if (napi_get_typedarray_info(env, value, &type, &length, &at, NULL, NULL) != napi_ok ||
      type != napi_biguint64_array || length % fields != 0 || length / fields > max_files) {
    return fail(env, "a BigUint64Array with eight numbers for each file is expected");
  }
  const uint64_t *numbers = at;
  const size_t count = copying->copy.count = length / fields;
  copying->files = calloc(count + 1, sizeof *copying->files);
  copying->copy.digests = calloc(count + 1, sha256_digest);
  if (copying->files == NULL || copying->copy.digests == NULL) return fail(env, "there is not enough memory");
  copying->copy.files = copying->files;
  for (size_t i = 0; i < count; i++, numbers += fields) {
    copying->files[i] = (struct copy_file){NULL,       numbers[0], numbers[1], numbers[2], numbers[3],
                                           numbers[4], numbers[5], numbers[6], numbers[7]};
    if (!is_possible(&copying->files[i], copying->copy.plan.block_size)) return fail(env, "a file cannot lie there");
  }
  return 1;
}

static int get_copying(napi_env env, const napi_value *arguments, struct copying *copying) {
  int64_t descriptor = 0, leaves_offset = 0, threads = 0;
  if (!get_shani_plan(env, arguments[0], arguments[1], &copying->copy.plan)) return 0;
  if (copy_piece_bytes % copying->copy.plan.block_size != 0) return fail(env, "a piece must be of whole blocks");
  if (!get_number(env, arguments[2], INT32_MAX, &descriptor)) return 0;
  if (!get_number(env, arguments[3], (int64_t)max_offset, &leaves_offset)) return 0;
  if (!get_number(env, arguments[4], max_threads, &threads)) return 0;
  if (threads == 0) return fail(env, "at least one thread is needed");
  copying->copy.destination = (int)descriptor;
  copying->copy.leaves_offset = (uint64_t)leaves_offset;
  copying->copy.threads = (unsigned)threads;
  return get_files(env, arguments[6], copying) && get_paths(env, arguments[5], copying);
}

static void execute(napi_env env, void *data) {
  struct copying *copying = data;
  (void)env;
  copying->outcome = copy_run(&copying->copy);
}

static int set_number(napi_env env, napi_value object, const char *name, double number) {
  napi_value value;
  return napi_create_double(env, number, &value) == napi_ok &&
         napi_set_named_property(env, object, name, value) == napi_ok;
}

static int make_answer(napi_env env, const struct copying *copying, napi_value *answer) {
  const struct copy_outcome *outcome = &copying->outcome;
  const size_t length = copying->copy.count * sha256_digest;
  napi_value step, buffer, digests;
  void *at = NULL;
  if (napi_create_object(env, answer) != napi_ok) return 0;
  if (napi_create_string_utf8(env, step_names[outcome->step], NAPI_AUTO_LENGTH, &step) != napi_ok) return 0;
  if (napi_set_named_property(env, *answer, "step", step) != napi_ok) return 0;
  if (napi_create_arraybuffer(env, length, &at, &buffer) != napi_ok) return 0;
  if (length > 0) memcpy(at, copying->copy.digests, length);
  if (napi_create_typedarray(env, napi_uint8_array, length, buffer, 0, &digests) != napi_ok) return 0;
  return napi_set_named_property(env, *answer, "digests", digests) == napi_ok &&
         set_number(env, *answer, "errno", outcome->error) && set_number(env, *answer, "file", (double)outcome->file) &&
         set_number(env, *answer, "bytes", (double)outcome->bytes);
}

static void complete(napi_env env, napi_status status, void *data) {
  struct copying *copying = data;
  napi_value answer;
  if (status != napi_ok) copying->outcome = (struct copy_outcome){.step = copy_stopped};
  if (make_answer(env, copying, &answer)) {
    napi_resolve_deferred(env, copying->deferred, answer);
  } else {
    napi_get_undefined(env, &answer);
    napi_reject_deferred(env, copying->deferred, answer);
  }
  napi_delete_async_work(env, copying->work);
  napi_delete_reference(env, copying->handle); /* From here on the handle may be collected, and `copying` with it. */
}

static int start(napi_env env, struct copying *copying, napi_value handle, napi_value *promise) {
  napi_value name;
  return napi_create_string_utf8(env, "vitrine copy", NAPI_AUTO_LENGTH, &name) == napi_ok &&
         napi_create_reference(env, handle, 1, &copying->handle) == napi_ok &&
         napi_create_promise(env, &copying->deferred, promise) == napi_ok &&
         napi_create_async_work(env, NULL, name, execute, complete, copying, &copying->work) == napi_ok &&
         napi_queue_async_work(env, copying->work) == napi_ok;
}

/* copyFiles(salt, blockSize, descriptor, leavesOffset, threads, paths, numbers): { handle, done: Promise } */
static napi_value copy_files(napi_env env, napi_callback_info info) {
  napi_value answer, handle, promise;
  ARGUMENTS(7)
  struct copying *copying = calloc(1, sizeof *copying);
  if (copying == NULL) {
    fail(env, "there is not enough memory");
    return NULL;
  }
  if (!get_copying(env, arguments, copying) ||
      napi_create_external(env, copying, release, NULL, &handle) != napi_ok) {
    release(env, copying, NULL);
    return NULL;
  }
  if (!start(env, copying, handle, &promise) || napi_create_object(env, &answer) != napi_ok ||
      napi_set_named_property(env, answer, "handle", handle) != napi_ok ||
      napi_set_named_property(env, answer, "done", promise) != napi_ok) {
    return NULL;
  }
  return answer;
}

static struct copying *get_handle(napi_env env, napi_value value) {
  napi_valuetype type;
  void *data = NULL;
  if (napi_typeof(env, value, &type) == napi_ok && type == napi_external &&
      napi_get_value_external(env, value, &data) == napi_ok) {
    return data;
  }
  fail(env, "the handle of a copying is expected");
  return NULL;
}

/* copyProgress(handle): [bytes that were copied, index of a file that is being copied] */
static napi_value copy_progress(napi_env env, napi_callback_info info) {
  napi_value answer, bytes, file;
  ARGUMENTS(1)
  struct copying *copying = get_handle(env, arguments[0]);
  if (copying == NULL || napi_create_array_with_length(env, 2, &answer) != napi_ok ||
      napi_create_double(env, (double)atomic_load(&copying->copy.done_bytes), &bytes) != napi_ok ||
      napi_create_double(env, (double)atomic_load(&copying->copy.current), &file) != napi_ok ||
      napi_set_element(env, answer, 0, bytes) != napi_ok || napi_set_element(env, answer, 1, file) != napi_ok) {
    return NULL;
  }
  return answer;
}

/* copyStop(handle): it ends soon, with what it is at */
static napi_value copy_stop(napi_env env, napi_callback_info info) {
  ARGUMENTS(1)
  struct copying *copying = get_handle(env, arguments[0]);
  if (copying != NULL) atomic_store(&copying->copy.stop, 1);
  return NULL;
}

int export_copy(napi_env env, napi_value exports) {
  return set_function(env, exports, "copyFiles", copy_files) &&
         set_function(env, exports, "copyProgress", copy_progress) &&
         set_function(env, exports, "copyStop", copy_stop);
}
#endif
