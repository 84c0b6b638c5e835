/* What one write and one read cost from C: the exchange, and a mutex in shared memory as the plain way.
 *
 *     operations write|read|mutex-write|mutex-read ROUNDS REGION
 *
 * Prints the nanoseconds of each call, a clock's reading included, as 32-bit numbers on standard output. A round writes
 * one observation and reads it; one of the two is timed. */
#define _GNU_SOURCE
#include "zenoh_pinned_exchange.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <time.h>

typedef struct locked {
    pthread_mutex_t mutex;
    uint64_t newest;
    zpx_observation observation;
} locked;

static uint64_t now(void) {
    struct timespec time;
    clock_gettime(CLOCK_MONOTONIC, &time);
    return (uint64_t)time.tv_sec * 1000000000u + (uint64_t)time.tv_nsec;
}

static void fail(const char *what) {
    fprintf(stderr, "%s: %s\n", what, zpx_last_error());
    exit(1);
}

static locked *make_locked(void) {
    locked *shared = mmap(NULL, sizeof *shared, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    pthread_mutexattr_t kind;
    if (shared == MAP_FAILED || pthread_mutexattr_init(&kind) != 0 ||
        pthread_mutexattr_setpshared(&kind, PTHREAD_PROCESS_SHARED) != 0 ||
        pthread_mutexattr_setrobust(&kind, PTHREAD_MUTEX_ROBUST) != 0 ||
        pthread_mutex_init(&shared->mutex, &kind) != 0) {
        fail("mutex");
    }
    return shared;
}

int main(int count, char **arguments) {
    if (count != 4) {
        return 2;
    }
    const char *what = arguments[1];
    size_t rounds = strtoul(arguments[2], NULL, 10);
    int with_mutex = strncmp(what, "mutex", 5) == 0;
    int timed_write = strstr(what, "write") != NULL;
    locked *shared = with_mutex ? make_locked() : NULL;
    zpx_exchange *writer = zpx_create(arguments[3], 0600);
    zpx_exchange *reader = zpx_attach(arguments[3]);
    if (writer == NULL || reader == NULL) {
        fail("open");
    }
    uint32_t *taken = malloc(rounds * sizeof *taken);
    zpx_observation seen, read;
    memset(&seen, 0, sizeof seen);
    seen.active_as_bitmap = ~0ull;
    uint64_t wrong = 0;
    for (size_t round = 0; round < rounds; round++) {
        for (int server = 0; server < ZPX_SERVERS; server++) {
            seen.as_stats[server].n_flow_on = (uint32_t)round;
        }
        seen.timestamp_us = round + 1;
        uint64_t begin = now();
        if (with_mutex) {
            pthread_mutex_lock(&shared->mutex);
            memcpy(&shared->observation, &seen, sizeof seen);
            shared->newest = round + 1;
            pthread_mutex_unlock(&shared->mutex);
        } else {
            wrong += zpx_write_observation(writer, &seen) != ZPX_OK;
        }
        uint64_t between = now();
        if (with_mutex) {
            pthread_mutex_lock(&shared->mutex);
            wrong += shared->newest != round + 1;
            memcpy(&read, &shared->observation, sizeof read);
            pthread_mutex_unlock(&shared->mutex);
        } else {
            wrong += zpx_read_observation(reader, &read, NULL) != ZPX_NEW;
        }
        uint64_t end = now();
        wrong += read.as_stats[63].n_flow_on != (uint32_t)round;
        taken[round] = (uint32_t)(timed_write ? between - begin : end - between);
    }
    zpx_close(reader);
    zpx_close(writer);
    if (wrong != 0) {
        fprintf(stderr, "%lu wrong\n", (unsigned long)wrong);
        return 1;
    }
    return fwrite(taken, sizeof *taken, rounds, stdout) == rounds ? 0 : 1;
}
