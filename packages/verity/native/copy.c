/* What is hashed are the very bytes that are written: they are read once, into memory of our own. */
#if defined(__x86_64__)
#include "copy.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "writer.h"

enum {
  piece_bytes = copy_piece_bytes,
  pieces = 4, /* a thread hashes one while others wait to be written; with three, threads wait as well */
  digests_at_once = piece_bytes / sha256_block, /* of a piece, however small its blocks; of many pieces otherwise */
  digest_pieces = 2,
  claim_files = 64, /* small files are taken so many, or so many bytes, at a time */
  claim_bytes = 1024 * 1024
};

/* What the threads of one copying share. */
struct crew {
  struct copy *copy;
  struct writer writer;
  pthread_mutex_t mutex; /* guards the rest */
  size_t next;           /* file that nobody has taken yet */
  struct copy_outcome outcome;
};

struct worker {
  struct crew *crew;
  struct filler filler;
  struct piece storage[pieces + digest_pieces];
  struct piece *free_data, *free_digests;
  struct piece *digests;      /* that are not handed in yet, or none */
  uint64_t next_digest_block; /* whose digest could follow them */
};

/* The first thing that goes wrong is the outcome. */
static int fail(struct crew *crew, struct copy_outcome outcome) {
  pthread_mutex_lock(&crew->mutex);
  if (crew->outcome.step == copy_done) crew->outcome = outcome;
  pthread_mutex_unlock(&crew->mutex);
  writer_stop(&crew->writer);
  return 0;
}

static int fail_system(struct crew *crew, size_t file, enum copy_step step) {
  return fail(crew, (struct copy_outcome){.step = step, .error = errno, .file = file});
}

static int fail_changed(struct crew *crew, size_t file, enum copy_step step, uint64_t bytes) {
  return fail(crew, (struct copy_outcome){.step = step, .file = file, .bytes = bytes});
}

static int goes_on(struct crew *crew) {
  if (atomic_load_explicit(&crew->copy->stop, memory_order_relaxed)) {
    return fail(crew, (struct copy_outcome){.step = copy_stopped});
  }
  return !writer_stopped(&crew->writer);
}

static uint64_t nanoseconds(struct timespec time) {
  return (uint64_t)time.tv_sec * 1000000000u + (uint64_t)time.tv_nsec;
}

static int require_same(struct crew *crew, size_t index, int descriptor) {
  const struct copy_file *file = &crew->copy->files[index];
  struct stat found;
  if (fstat(descriptor, &found) != 0) return fail_system(crew, index, copy_stat);
  if (!S_ISREG(found.st_mode) || found.st_dev != file->device || found.st_ino != file->inode) {
    return fail_changed(crew, index, copy_replaced, 0);
  }
  if ((uint64_t)found.st_size != file->size) return fail_changed(crew, index, copy_resized, (uint64_t)found.st_size);
  if (nanoseconds(found.st_mtim) != file->modified_ns || nanoseconds(found.st_ctim) != file->changed_ns) {
    return fail_changed(crew, index, copy_touched, 0);
  }
  return 1;
}

static ssize_t read_some(int descriptor, uint8_t *into, size_t length, uint64_t at) {
  for (;;) {
    ssize_t count = pread(descriptor, into, length, (off_t)at);
    if (count >= 0 || errno != EINTR) return count;
  }
}

static int read_fully(struct crew *crew, size_t index, int descriptor, uint8_t *into, size_t length, uint64_t at) {
  for (size_t done = 0; done < length;) {
    ssize_t count = read_some(descriptor, into + done, length - done, at + done);
    if (count < 0) return fail_system(crew, index, copy_read);
    if (count == 0) return fail_changed(crew, index, copy_ended, at + done);
    done += (size_t)count;
  }
  return 1;
}

static int require_end(struct crew *crew, size_t index, int descriptor) {
  uint8_t more;
  ssize_t count = read_some(descriptor, &more, 1, crew->copy->files[index].size);
  if (count < 0) return fail_system(crew, index, copy_read);
  return count == 0 ? 1 : fail_changed(crew, index, copy_grown, 0);
}

static void hand_in_digests(struct worker *worker) {
  if (worker->digests == NULL) return;
  writer_add(&worker->crew->writer, &worker->filler, worker->digests, 0);
  worker->digests = NULL;
}

/* Where the digests of the blocks from `first` go: behind the last ones if they follow them. */
static uint8_t *room_for_digests(struct worker *worker, uint64_t first, size_t count) {
  const size_t length = count * sha256_digest;
  struct piece *digests = worker->digests;
  if (digests != NULL &&
      (first != worker->next_digest_block || digests->length + length > digests_at_once * sha256_digest)) {
    hand_in_digests(worker);
  }
  if (worker->digests == NULL) {
    worker->digests = writer_take(&worker->crew->writer, &worker->free_digests);
    worker->digests->length = 0;
    worker->digests->offset = worker->crew->copy->leaves_offset + first * sha256_digest;
  }
  uint8_t *room = worker->digests->bytes + worker->digests->length;
  worker->digests->length += length;
  worker->next_digest_block = first + count;
  return room;
}

/* Hashes a file's bytes that lie in blocks of their own, and fills the last of them up. */
static void hash_blocks(struct worker *worker, struct piece *piece, struct stream_state *stream) {
  const struct leaf_plan *plan = &worker->crew->copy->plan;
  const size_t size = plan->block_size, whole = piece->length / size, rest = piece->length % size;
  const size_t count = whole + (rest > 0 ? 1 : 0);
  uint8_t *digests = room_for_digests(worker, piece->offset / size, count), *end = piece->bytes + whole * size;
  shani_leaves_and_stream(plan, piece->bytes, whole, digests, stream);
  if (rest == 0) return;
  shani_stream_update(stream, end, rest);
  memset(end + rest, 0, size - rest);
  shani_leaves(plan, end, 1, digests + whole * sha256_digest);
  piece->length = count * size;
}

static int copy_contents(struct worker *worker, size_t index, int descriptor, struct stream_state *stream) {
  struct crew *crew = worker->crew;
  const struct copy_file *file = &crew->copy->files[index];
  for (uint64_t at = 0; at < file->size;) {
    if (!goes_on(crew)) return 0;
    const int in_blocks = at < file->block_bytes;
    const uint64_t left = (in_blocks ? file->block_bytes : file->size) - at;
    const size_t length = left < piece_bytes ? (size_t)left : piece_bytes;
    struct piece *piece = writer_take(&crew->writer, &worker->free_data);
    if (!read_fully(crew, index, descriptor, piece->bytes, length, at)) return 0;
    piece->length = length;
    if (in_blocks) {
      piece->offset = file->data_offset + at;
      hash_blocks(worker, piece, stream);
    } else {
      piece->offset = file->tail_offset + at - file->block_bytes;
      shani_stream_update(stream, piece->bytes, length);
    }
    writer_add(&crew->writer, &worker->filler, piece, length);
    at += length;
    atomic_fetch_add_explicit(&crew->copy->done_bytes, length, memory_order_relaxed);
  }
  return 1;
}

static int copy_open_file(struct worker *worker, size_t index, int descriptor) {
  struct crew *crew = worker->crew;
  struct stream_state stream;
  shani_stream_start(&stream);
  if (!require_same(crew, index, descriptor) || !copy_contents(worker, index, descriptor, &stream) ||
      !require_end(crew, index, descriptor) || !require_same(crew, index, descriptor)) {
    return 0;
  }
  shani_stream_finish(&stream, crew->copy->digests + index * sha256_digest);
  return 1;
}

static int copy_file(struct worker *worker, size_t index) {
  struct crew *crew = worker->crew;
  atomic_store_explicit(&crew->copy->current, index, memory_order_relaxed);
  /* Not blocking, should the name lead to a FIFO by now; not through a link that took the file's place. */
  const int flags = O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC;
  int descriptor;
  do descriptor = open(crew->copy->files[index].path, flags);
  while (descriptor < 0 && errno == EINTR);
  if (descriptor < 0) return fail_system(crew, index, copy_open);
  int copied = copy_open_file(worker, index, descriptor);
  close(descriptor);
  return copied;
}

/* The files from *first to before the answer are the worker's. */
static size_t claim(struct worker *worker, size_t *first) {
  struct crew *crew = worker->crew;
  const struct copy *copy = crew->copy;
  uint64_t bytes = 0;
  pthread_mutex_lock(&crew->mutex);
  size_t end = *first = crew->next;
  while (end < copy->count && end - *first < claim_files && bytes < claim_bytes) bytes += copy->files[end++].size;
  crew->next = end;
  pthread_mutex_unlock(&crew->mutex);
  writer_expect(&crew->writer, &worker->filler, bytes);
  return end;
}

static void *work(void *argument) {
  struct worker *worker = argument;
  size_t index, end;
  int fine = 1;
  while (fine && (end = claim(worker, &index)) > index) {
    for (; fine && index < end; index++) fine = goes_on(worker->crew) && copy_file(worker, index);
  }
  hand_in_digests(worker);
  writer_help(&worker->crew->writer);
  return NULL;
}

static void add_piece(struct piece *piece, struct piece **home, uint8_t *bytes) {
  *piece = (struct piece){.next = *home, .home = home, .bytes = bytes};
  *home = piece;
}

/* Lays out a worker's pieces in memory of `worker_bytes`. */
static const size_t worker_bytes = pieces * piece_bytes + digest_pieces * digests_at_once * sha256_digest;

static void prepare(struct worker *worker, struct crew *crew, uint8_t *memory) {
  *worker = (struct worker){.crew = crew};
  for (int i = 0; i < pieces; i++, memory += piece_bytes) add_piece(&worker->storage[i], &worker->free_data, memory);
  for (int i = 0; i < digest_pieces; i++, memory += digests_at_once * sha256_digest) {
    add_piece(&worker->storage[pieces + i], &worker->free_digests, memory);
  }
}

/* This thread and as many others as can be had. Signals stay with the threads that wait for them. */
static void run_workers(struct worker *workers, unsigned count, pthread_t *threads) {
  struct writer *writer = &workers[0].crew->writer;
  sigset_t all, before;
  unsigned started = 0;
  sigfillset(&all);
  pthread_sigmask(SIG_SETMASK, &all, &before);
  while (started + 1 < count && pthread_create(&threads[started], NULL, work, &workers[started + 1]) == 0) started++;
  pthread_sigmask(SIG_SETMASK, &before, NULL);
  pthread_mutex_lock(&writer->mutex);
  writer->filling -= count - 1 - started;
  pthread_mutex_unlock(&writer->mutex);
  work(&workers[0]);
  for (unsigned i = 0; i < started; i++) pthread_join(threads[i], NULL);
}

struct copy_outcome copy_run(struct copy *copy) {
  const struct copy_outcome no_memory = {.step = copy_memory};
  const unsigned count = copy->threads;
  struct crew crew = {.copy = copy, .mutex = PTHREAD_MUTEX_INITIALIZER};
  struct worker *workers = calloc(count, sizeof *workers);
  pthread_t *threads = calloc(count, sizeof *threads);
  uint8_t *memory = aligned_alloc(4096, count * worker_bytes);
  if (workers == NULL || threads == NULL || memory == NULL || writer_open(&crew.writer, copy->destination, count) != 0) {
    crew.outcome = no_memory;
  } else {
    for (unsigned i = 0; i < count; i++) prepare(&workers[i], &crew, memory + i * worker_bytes);
    run_workers(workers, count, threads);
    if (crew.outcome.step == copy_done && crew.writer.error != 0) {
      crew.outcome = (struct copy_outcome){.step = copy_write, .error = crew.writer.error};
    }
    writer_close(&crew.writer);
  }
  free(memory);
  free(threads);
  free(workers);
  return crew.outcome;
}
#endif
