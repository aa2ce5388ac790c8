#pragma once
// Calls of the system that Swift cannot import, because they take a variable number of arguments.
#include <sys/prctl.h>

// Forbids other processes of the same user to trace or read this one, and the kernel to dump it. 0 on success.
static inline int process_forbid_inspection(void) {
  return prctl(PR_SET_DUMPABLE, 0, 0, 0, 0);
}

// Asks that this process gets SIGNAL when its parent dies. 0 on success.
static inline int process_die_with_parent(int signal) {
  return prctl(PR_SET_PDEATHSIG, signal, 0, 0, 0);
}
