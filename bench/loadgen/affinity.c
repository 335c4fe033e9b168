#include "affinity.h"

#include <dirent.h>
#include <errno.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void keep_apart(int pid) {
  cpu_set_t allowed, mine, others;
  if (sched_getaffinity(0, sizeof allowed, &allowed)) fail("sched_getaffinity: %s", strerror(errno));
  if (CPU_COUNT(&allowed) < 2) return;
  int first = 0;
  while (!CPU_ISSET(first, &allowed)) first++;
  CPU_ZERO(&mine);
  CPU_SET(first, &mine);
  others = allowed;
  CPU_CLR(first, &others);
  if (sched_setaffinity(0, sizeof mine, &mine)) fail("sched_setaffinity: %s", strerror(errno));
  char path[64];
  snprintf(path, sizeof path, "/proc/%d/task", pid);
  DIR *tasks = opendir(path);
  if (!tasks) fail("no process %d to keep apart from", pid);
  for (struct dirent *task; (task = readdir(tasks));) {
    int tid = atoi(task->d_name);
    // A thread may have ended since it was listed: ESRCH is no fault.
    if (tid && sched_setaffinity(tid, sizeof others, &others) && errno != ESRCH) {
      fail("could not place process %d: %s", pid, strerror(errno));
    }
  }
  closedir(tasks);
}
