/* Files are read, hashed block by block and as a whole, and written into one file, in one pass, by several threads. */
#ifndef VITRINE_COPY_H
#define VITRINE_COPY_H

#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>

#include "sha256.h"

/* So much is read, hashed and written at once. */
enum { copy_piece_bytes = 256 * 1024 };

/* A file as it was looked at, and where it goes. Offsets count from the destination's start. */
struct copy_file {
  const char *path;
  uint64_t size, device, inode;
  uint64_t modified_ns, changed_ns; /* modulo 2^64, before 1970 too */
  uint64_t block_bytes;             /* of the size; they go to `data_offset`, filled up with zeros to a whole block */
  uint64_t data_offset;             /* a multiple of the block size */
  uint64_t tail_offset;             /* for the rest of the size */
};

/* What ended the copying. The names are those that the TypeScript side reads. */
enum copy_step {
  copy_done,
  copy_stopped,
  copy_memory,   /* there is not enough */
  copy_open,     /* the system's error */
  copy_stat,     /* the system's error */
  copy_read,     /* the system's error */
  copy_write,    /* the system's error */
  copy_replaced, /* another file has the name */
  copy_resized,  /* to `bytes` */
  copy_touched,  /* its times are others */
  copy_ended,    /* at `bytes`, before its size */
  copy_grown     /* there is more behind its size */
};

struct copy_outcome {
  enum copy_step step;
  int error;      /* errno, where the system has one */
  size_t file;    /* index, where it is about a file */
  uint64_t bytes; /* where it is about a place */
};

struct copy {
  struct leaf_plan plan;
  int destination;
  uint64_t leaves_offset; /* where the digest of the destination's block 0 goes; those of its other blocks follow */
  const struct copy_file *files;
  size_t count;
  uint8_t *digests; /* of each file, 32 bytes */
  unsigned threads;

  _Atomic int stop; /* set by anyone at any time */
  _Atomic uint64_t done_bytes;
  _Atomic size_t current; /* a file that is being copied */
};

/* Copies all files, in about their order: the large ones should come first. Needs the kernel "sha-ni". */
struct copy_outcome copy_run(struct copy *copy);

#endif
