#pragma once
// Calls of the system that Swift cannot import, because they take a variable number of arguments.
#include <fcntl.h>
#include <malloc.h>
#include <spawn.h>
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

// A pipe that no other program inherits: reading end, writing end (glibc declares pipe2 for _GNU_SOURCE only). 0 on success.
static inline int process_pipe(int ends[2]) {
  extern int pipe2(int *, int);
  return pipe2(ends, O_CLOEXEC);
}

// Has a program that is about to be started inherit no descriptor from FIRST on (glibc 2.34). 0 on success.
static inline int process_close_from(posix_spawn_file_actions_t *actions, int first) {
  extern int posix_spawn_file_actions_addclosefrom_np(posix_spawn_file_actions_t *, int);
  return posix_spawn_file_actions_addclosefrom_np(actions, first);
}
