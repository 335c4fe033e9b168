// What is inside a payload, so that the receiver can tell a right one from a wrong one at little cost:
// the first 8 bytes name publisher and sequence, the last 8 are their complement, a fixed pattern is between.
#ifndef BENCH_PAYLOAD_H
#define BENCH_PAYLOAD_H

#include "sys.h"

enum { PAYLOAD_MIN = 16, SEQ_BITS = 48 };
#define SEQ_MASK (((uint64_t)1 << SEQ_BITS) - 1)

// The pattern of one payload; its first and last 8 bytes are stamped for each message.
void payload_fill(uint8_t *payload, size_t size);

static inline void payload_stamp(uint8_t *payload, size_t size, uint64_t word) {
  store_u64(payload, word);
  store_u64(payload + size - 8, ~word);
}

// The stamped word. Fails the run when the two ends disagree or any byte between them is wrong.
uint64_t payload_check(const uint8_t *payload, size_t size);

#endif
