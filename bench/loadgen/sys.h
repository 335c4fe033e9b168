// The clock, the one way to fail, and memory that never comes back empty.
#ifndef BENCH_SYS_H
#define BENCH_SYS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

// Monotonic nanoseconds.
uint64_t now_ns(void);

// No wait lasts past this moment (monotonic nanoseconds); main sets it before anything is opened.
extern uint64_t deadline_ns;

// Milliseconds until the deadline for poll and epoll, at most max_ms. Fails the run once it is past.
int wait_ms(int max_ms, const char *waiting_for);

// Prints {"error": "..."} on stdout and exits 1: a run with a wrong answer has no numbers.
_Noreturn void fail(const char *format, ...) __attribute__((format(printf, 1, 2)));

void *must_alloc(size_t bytes);

// Processor time of this process so far, user and system.
double cpu_seconds(void);

uint64_t random_u64(void);

static inline uint64_t load_u64(const uint8_t *from) {
  uint64_t word;
  __builtin_memcpy(&word, from, sizeof word);
  return word;
}

static inline void store_u64(uint8_t *to, uint64_t word) {
  __builtin_memcpy(to, &word, sizeof word);
}

#endif
