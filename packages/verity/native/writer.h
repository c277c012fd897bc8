/* One file, written by one thread at a time, while the others go on: the kernel would let them spin for their turn. */
#ifndef VITRINE_WRITER_H
#define VITRINE_WRITER_H

#include <pthread.h>
#include <stddef.h>
#include <stdint.h>

/* Bytes on their way to a place in the file, and the list that they go back to when they are there. */
struct piece {
  struct piece *next;
  struct piece **home;
  uint8_t *bytes;
  size_t length;
  uint64_t offset; /* in the file */
};

/* A thread that fills pieces. */
struct filler {
  uint64_t left; /* bytes that it still has to hand in, as far as it knows */
};

/* Everything in it is guarded by `mutex`, also the lists that pieces go home to. */
struct writer {
  pthread_mutex_t mutex;
  pthread_cond_t changed;
  int descriptor;
  struct piece *first, *last; /* full pieces, the oldest first */
  int busy;                   /* a thread is writing */
  unsigned waiting;           /* threads that want to be told of a change */
  unsigned helpers;           /* threads that have nothing else to do any more */
  unsigned filling;           /* threads that may still add pieces */
  uint64_t left;              /* of all fillers */
  int stopped;                /* what is full goes home unwritten */
  int error;                  /* errno of the write that failed, or 0 */
};

/* Answers 0, or an errno. */
int writer_open(struct writer *writer, int descriptor, unsigned threads);
void writer_close(struct writer *writer);

/* Takes an empty piece of the list; while there is none, writes, or waits. */
struct piece *writer_take(struct writer *writer, struct piece **home);
/* Tells how much a filler will hand in, besides what it told before. */
void writer_expect(struct writer *writer, struct filler *filler, uint64_t bytes);
/* Hands in a full piece, `bytes` of what was expected. A filler that has less left than most writes for all. */
void writer_add(struct writer *writer, struct filler *filler, struct piece *piece, uint64_t bytes);
/* This thread adds no more: it writes what the others add, until the last of them is here too. */
void writer_help(struct writer *writer);
/* Whether to go on: a write failed, or somebody wants to stop. */
int writer_stopped(struct writer *writer);
void writer_stop(struct writer *writer);

#endif
