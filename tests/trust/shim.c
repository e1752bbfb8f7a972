/* Preloaded into a mount: a disk that refuses writes, and a clock that jumps.
 *
 * While the file $SHIM_ILL exists, writes to files below $SHIM_FOLDER end in EIO. The file $SHIM_CLOCK holds how many
 * seconds the time of day is off. */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

static int is_ill(int fd) {
    const char *ill = getenv("SHIM_ILL"), *folder = getenv("SHIM_FOLDER");
    char link[64], path[4096];
    if (!ill || !folder || access(ill, F_OK) != 0) return 0;
    snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
    ssize_t length = readlink(link, path, sizeof path - 1);
    if (length < 0) return 0;
    path[length] = 0;
    return strncmp(path, folder, strlen(folder)) == 0;
}

ssize_t pwrite64(int fd, const void *bytes, size_t count, off64_t at) {
    if (is_ill(fd)) return errno = EIO, -1;
    return syscall(SYS_pwrite64, fd, bytes, count, at);
}

ssize_t write(int fd, const void *bytes, size_t count) {
    if (is_ill(fd)) return errno = EIO, -1;
    return syscall(SYS_write, fd, bytes, count);
}

int clock_gettime(clockid_t clock, struct timespec *now) {
    int result = (int)syscall(SYS_clock_gettime, clock, now);
    const char *file = getenv("SHIM_CLOCK");
    if (result != 0 || clock != CLOCK_REALTIME || !file) return result;
    char text[32] = {0};
    int fd = open(file, O_RDONLY | O_CLOEXEC);
    if (fd >= 0) {
        if (read(fd, text, sizeof text - 1) > 0) now->tv_sec += atoll(text);
        close(fd);
    }
    return result;
}
