// Keeping the generator and the server on different cores, whatever the scheduler would prefer.
#ifndef BENCH_AFFINITY_H
#define BENCH_AFFINITY_H

#include "sys.h"

// This process on its first allowed core, every thread of `pid` on the others. With one core: nothing.
void keep_apart(int pid);

#endif
