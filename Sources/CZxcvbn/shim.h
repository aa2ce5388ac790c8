#pragma once
#include <fcntl.h>
#include <errno.h>
#include <stddef.h>
#include <sys/wait.h>
#include <unistd.h>
#include <zxcvbn.h>

// What libzxcvbn found out about a passphrase.
struct zxcvbn_estimate {
  double bits;         // of entropy
  unsigned int kinds;  // bit k: a part matched as kind k of ZxcTypeMatch_t; bit 31: a part was repeated
};

// Estimates in a process of its own, whose memory dies with it. libzxcvbn keeps on the heap a reversed copy (which it
// overwrites) and for every part that matched the exact rank of the dictionary word, as an entropy (which it only
// frees): enough to write the words out again. 0 on success.
//
// Safe although other threads may run: glibc makes malloc usable after fork, and nothing else is called but write and
// _exit, which are async-signal-safe. A passphrase that makes the library slow ends with the alarm.
static inline int zxcvbn_estimate_apart(const char *passphrase, struct zxcvbn_estimate *estimate) {
  int ends[2];
  if (pipe(ends) != 0) return -1;
  fcntl(ends[0], F_SETFD, FD_CLOEXEC);
  fcntl(ends[1], F_SETFD, FD_CLOEXEC);
  pid_t child = fork();
  if (child == 0) {
    struct zxcvbn_estimate found = {0, 0};
    ZxcMatch_t *matches = NULL;
    alarm(10);
    found.bits = ZxcvbnMatch(passphrase, NULL, &matches);
    for (; matches != NULL; matches = matches->Next) {
      found.kinds |= 1u << ((unsigned int)matches->Type & 31u);
      if ((unsigned int)matches->Type & (unsigned int)MULTIPLE_MATCH) found.kinds |= 1u << 31;
    }
    _exit(write(ends[1], &found, sizeof found) == (ssize_t)sizeof found ? 0 : 1);
  }
  close(ends[1]);
  ssize_t count = -1;
  if (child > 0) {
    do {
      count = read(ends[0], estimate, sizeof *estimate);
    } while (count < 0 && errno == EINTR);
    while (waitpid(child, NULL, 0) < 0 && errno == EINTR) {
    }
  }
  close(ends[0]);
  return count == (ssize_t)sizeof *estimate ? 0 : -1;
}
