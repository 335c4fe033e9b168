#include "sys.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <time.h>
#include <unistd.h>

uint64_t deadline_ns = UINT64_MAX;

uint64_t now_ns(void) {
  struct timespec now;
  clock_gettime(CLOCK_MONOTONIC, &now);
  return (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec;
}

int wait_ms(int max_ms, const char *waiting_for) {
  uint64_t now = now_ns();
  if (now >= deadline_ns) fail("timed out while waiting for %s", waiting_for);
  uint64_t left_ms = (deadline_ns - now) / 1000000u + 1;
  return left_ms < (uint64_t)max_ms ? (int)left_ms : max_ms;
}

void fail(const char *format, ...) {
  char text[1024];
  va_list args;
  va_start(args, format);
  vsnprintf(text, sizeof text, format, args);
  va_end(args);
  fputs("{\"error\": \"", stdout);
  for (const char *c = text; *c; c++) {
    if (*c == '"' || *c == '\\') printf("\\%c", *c);
    else if ((unsigned char)*c < 0x20 || (unsigned char)*c >= 0x7f) printf("\\u%04x", (unsigned char)*c);
    else putchar(*c);
  }
  puts("\"}");
  fflush(stdout);
  _exit(1);
}

void *must_alloc(size_t bytes) {
  void *memory = calloc(1, bytes ? bytes : 1);
  if (!memory) fail("out of memory: %zu bytes", bytes);
  return memory;
}

double cpu_seconds(void) {
  struct rusage usage;
  getrusage(RUSAGE_SELF, &usage);
  return (double)(usage.ru_utime.tv_sec + usage.ru_stime.tv_sec) +
         (double)(usage.ru_utime.tv_usec + usage.ru_stime.tv_usec) / 1e6;
}

uint64_t random_u64(void) {
  static uint64_t state = 0x9e3779b97f4a7c15u;
  state ^= state << 13;
  state ^= state >> 7;
  state ^= state << 17;
  return state;
}
