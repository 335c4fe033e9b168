// What this generator measures; each prints its result as JSON lines on stdout.
#ifndef BENCH_MODES_H
#define BENCH_MODES_H

#include "conn.h"

typedef enum {
  FAN,   // every subscriber gets every message
  PAIRS, // publisher i has a subject of its own, to which only subscriber i listens
  QUEUE, // the subscribers are one queue group: one of them gets each message
} shape;

// `from` is where publishers and requesters connect: another broker than `to`, when messages are to cross a link.
typedef struct {
  address to, from;
  shape shape;
  size_t size;             // payload bytes, 16 or more
  uint32_t pubs, subs;     // connections of each; subs 0: nobody listens
  uint32_t subjects;       // more than 1: published to in a shuffled order, received through `bench.>`
  double seconds;          // publish for so long, unless
  uint64_t count;          // so many messages a publisher come first (0: no such bound)
  size_t window_bytes;     // payloads and lines on their way to one subscriber before its publisher pauses
} throughput_options;

typedef struct {
  address to, from;
  size_t size;        // payload bytes, 16 or more
  uint32_t in_flight; // requests outstanding at any time
  double seconds;
} latency_options;

typedef struct {
  address to;
  uint32_t connections;
  double seconds; // hold for at most so long; a line or the end of stdin ends it earlier
} idle_options;

typedef struct {
  address to;
  const char *subject;  // asked on; with several subjects the start of each, a number follows
  const char *expected; // text that every answer must hold
  size_t size;          // payload bytes, 0 or at least 16
  uint32_t connections, window, subjects;
  double seconds;
} asking_options;

typedef struct {
  address to;
  const char *create_subject, *create; // the request that makes the consumer
  const char *next_subject;            // of pulls; NULL: it pushes to bench.deliver
  size_t size;
  uint32_t batch;
  uint64_t count;
  double seconds; // at most
} consuming_options;

typedef struct {
  address to;
  const char *stream, *subject; // the start of each subject published to
  size_t size;
  uint32_t watchers, window;
  double seconds;
} watching_options;

void run_asking(const asking_options *options);
void run_consuming(const consuming_options *options);
void run_watching(const watching_options *options);
typedef struct {
  address to, from;
  uint32_t subjects; // subscribed to at `to`, each once
} interest_options;

void run_interest(const interest_options *options);
void run_throughput(const throughput_options *options);
void run_latency(const latency_options *options);
void run_idle(const idle_options *options);

#endif
