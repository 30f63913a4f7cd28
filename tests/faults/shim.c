/* Preloaded, it counts what a process writes, syncs and renames, and at the k-th of these kills the process or fails.
 *
 * shim_arm(k, action, error): from now on; action 0 kills, 1 writes the half and kills, 2 fails with `error`, 3 counts only.
 * shim_count(): how many there were since.
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <unistd.h>

static int at, action, failure, count, armed;

void shim_arm(int k, int what, int error) { at = k; action = what; failure = error; count = 0; armed = 1; }
int shim_count(void) { armed = 0; return count; }

/* Whether this call is to fail; one that is to kill does not come back. */
static int struck(int fd, const void *data, size_t size) {
    if (!armed || ++count != at || action == 3) return 0;
    if (action == 2) { errno = failure; return 1; }
    if (action == 1 && data) {
        ssize_t (*whole)(int, const void *, size_t) = dlsym(RTLD_NEXT, "write");
        if (whole(fd, data, size / 2)) {}
    }
    kill(getpid(), SIGKILL);
    for (;;) pause();
}

ssize_t write(int fd, const void *data, size_t size) {
    ssize_t (*real)(int, const void *, size_t) = dlsym(RTLD_NEXT, "write");
    return fd > 2 && struck(fd, data, size) ? -1 : real(fd, data, size);
}

int fsync(int fd) {
    int (*real)(int) = dlsym(RTLD_NEXT, "fsync");
    return struck(fd, NULL, 0) ? -1 : real(fd);
}

int rename(const char *from, const char *to) {
    int (*real)(const char *, const char *) = dlsym(RTLD_NEXT, "rename");
    return struck(-1, NULL, 0) ? -1 : real(from, to);
}
