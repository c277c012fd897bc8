/* Full pieces wait in one queue, the oldest first; who has little left to hash, or no empty piece, writes them. */
#include "writer.h"

#include <errno.h>
#include <unistd.h>

int writer_open(struct writer *writer, int descriptor, unsigned threads) {
  *writer = (struct writer){.descriptor = descriptor, .filling = threads};
  int error = pthread_mutex_init(&writer->mutex, NULL);
  if (error != 0) return error;
  error = pthread_cond_init(&writer->changed, NULL);
  if (error != 0) pthread_mutex_destroy(&writer->mutex);
  return error;
}

void writer_close(struct writer *writer) {
  pthread_cond_destroy(&writer->changed);
  pthread_mutex_destroy(&writer->mutex);
}

/* Answers 0, or an errno. */
static int write_fully(int descriptor, const struct piece *piece) {
  for (size_t done = 0; done < piece->length;) {
    ssize_t count = pwrite(descriptor, piece->bytes + done, piece->length - done, (off_t)(piece->offset + done));
    if (count < 0 && errno == EINTR) continue;
    if (count < 0) return errno;
    if (count == 0) return EIO;
    done += (size_t)count;
  }
  return 0;
}

static void tell(struct writer *writer) {
  if (writer->waiting > 0) pthread_cond_broadcast(&writer->changed);
}

static void wait_for_change(struct writer *writer) {
  writer->waiting++;
  pthread_cond_wait(&writer->changed, &writer->mutex);
  writer->waiting--;
}

static int can_write(const struct writer *writer) { return !writer->busy && writer->first != NULL; }

static void write_oldest(struct writer *writer) {
  struct piece *piece = writer->first;
  writer->first = piece->next;
  if (!writer->stopped) {
    writer->busy = 1;
    pthread_mutex_unlock(&writer->mutex);
    int error = write_fully(writer->descriptor, piece);
    pthread_mutex_lock(&writer->mutex);
    writer->busy = 0;
    if (error != 0 && !writer->stopped) {
      writer->error = error;
      writer->stopped = 1;
    }
  }
  piece->next = *piece->home;
  *piece->home = piece;
  tell(writer);
}

static void write_all(struct writer *writer) {
  while (can_write(writer)) write_oldest(writer);
}

struct piece *writer_take(struct writer *writer, struct piece **home) {
  pthread_mutex_lock(&writer->mutex);
  while (*home == NULL) {
    if (can_write(writer)) write_oldest(writer);
    else wait_for_change(writer);
  }
  struct piece *piece = *home;
  *home = piece->next;
  pthread_mutex_unlock(&writer->mutex);
  return piece;
}

void writer_expect(struct writer *writer, struct filler *filler, uint64_t bytes) {
  pthread_mutex_lock(&writer->mutex);
  filler->left += bytes;
  writer->left += bytes;
  pthread_mutex_unlock(&writer->mutex);
}

void writer_add(struct writer *writer, struct filler *filler, struct piece *piece, uint64_t bytes) {
  pthread_mutex_lock(&writer->mutex);
  filler->left -= bytes;
  writer->left -= bytes;
  piece->next = NULL;
  if (writer->first == NULL) writer->first = piece;
  else writer->last->next = piece;
  writer->last = piece;
  /* So all come to their ends at about the same time. A helper has come to its end already. */
  if (writer->helpers > 0) tell(writer);
  else if (filler->left * writer->filling <= writer->left) write_all(writer);
  pthread_mutex_unlock(&writer->mutex);
}

void writer_help(struct writer *writer) {
  pthread_mutex_lock(&writer->mutex);
  writer->filling--;
  writer->helpers++;
  tell(writer);
  while (writer->filling > 0 || writer->busy || writer->first != NULL) {
    if (can_write(writer)) write_oldest(writer);
    else wait_for_change(writer);
  }
  writer->helpers--;
  pthread_mutex_unlock(&writer->mutex);
}

int writer_stopped(struct writer *writer) {
  pthread_mutex_lock(&writer->mutex);
  int stopped = writer->stopped;
  pthread_mutex_unlock(&writer->mutex);
  return stopped;
}

void writer_stop(struct writer *writer) {
  pthread_mutex_lock(&writer->mutex);
  writer->stopped = 1;
  pthread_mutex_unlock(&writer->mutex);
}
