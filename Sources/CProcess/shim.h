#pragma once
// Calls of the system that Swift cannot import, because they take a variable number of arguments.
#include <malloc.h>
#include <sys/prctl.h>

// Forbids other processes of the same user to trace or read this one, and the kernel to dump it. 0 on success.
static inline int process_forbid_inspection(void) {
  return prctl(PR_SET_DUMPABLE, 0, 0, 0, 0);
}

// Asks that this process gets SIGNAL when its parent dies. 0 on success.
static inline int process_die_with_parent(int signal) {
  return prctl(PR_SET_PDEATHSIG, signal, 0, 0, 0);
}

// Renames within a folder unless the new name is taken (glibc declares renameat2 for _GNU_SOURCE only). 0 on success.
static inline int file_rename_if_new(int folder, const char *old_name, const char *new_name) {
  extern int renameat2(int, const char *, int, const char *, unsigned int);
  return renameat2(folder, old_name, folder, new_name, 1 /* RENAME_NOREPLACE */);
}

// Writes all that is pending on the file system of an open file or folder to the disk. 0 on success.
static inline int file_system_synchronize(int descriptor) {
  extern int syncfs(int);
  return syncfs(descriptor);
}

// Has free() overwrite what it gives back (glibc, mallopt(3), M_PERTURB). 1 on success.
static inline int process_overwrite_freed_memory(void) {
  return mallopt(M_PERTURB, 0x5a);
}
