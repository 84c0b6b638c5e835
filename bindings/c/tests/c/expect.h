/* What the test programs in C and C++ have in common. */
#ifndef EXPECT_H
#define EXPECT_H

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "zenoh_pinned.h"

#define EXPECT(condition)                                                                                      \
    do {                                                                                                       \
        if (!(condition)) {                                                                                    \
            fprintf(stderr, "%s:%d: %s: last error: %s\n", __FILE__, __LINE__, #condition, zp_last_error());    \
            exit(1);                                                                                           \
        }                                                                                                      \
    } while (0)

/* Goes well. */
#define OK(call)                                                                                               \
    do {                                                                                                       \
        zp_status expected_ok = (call);                                                                        \
        if (expected_ok != ZP_OK) {                                                                            \
            fprintf(stderr, "%s:%d: %s: %d: %s\n", __FILE__, __LINE__, #call, expected_ok, zp_last_error());    \
            exit(1);                                                                                           \
        }                                                                                                      \
    } while (0)

/* Fails with this status, and this among its words. */
#define FAILS(call, wanted, words)                                                                             \
    do {                                                                                                       \
        zp_status failed_with = (call);                                                                        \
        if (failed_with != (wanted) || zp_last_status() != (wanted) || !strstr(zp_last_error(), (words))) {     \
            fprintf(stderr, "%s:%d: %s: %d: %s\n", __FILE__, __LINE__, #call, failed_with, zp_last_error());    \
            exit(1);                                                                                           \
        }                                                                                                      \
    } while (0)

/* Until it holds; a program that gets stuck fails. A watchdog, not a bound on speed. */
#define EVENTUALLY(condition)                                                                                  \
    do {                                                                                                       \
        int eventually_left = 60000;                                                                           \
        while (!(condition)) {                                                                                 \
            EXPECT(eventually_left-- > 0 && #condition != NULL);                                               \
            pause_for_a_millisecond();                                                                         \
        }                                                                                                      \
    } while (0)

static inline void pause_for_a_millisecond(void) {
    struct timespec time = {0, 1000000};
    nanosleep(&time, NULL);
}

/* A session that meets nobody. */
#define ALONE "{mode: 'peer', scouting: {multicast: {enabled: false}}, listen: {endpoints: []}}"

/* The byte at `index` of frame `number`. */
static inline unsigned char byte_of(unsigned long long number, size_t index) {
    return (unsigned char)(number * 31 + index * 7 + (index >> 12));
}

static inline void fill(void *data, size_t bytes, unsigned long long number) {
    for (size_t index = 0; index < bytes; index++) ((unsigned char *)data)[index] = byte_of(number, index);
}

static inline int is_frame(const void *data, size_t bytes, unsigned long long number) {
    for (size_t index = 0; index < bytes; index++) {
        if (((const unsigned char *)data)[index] != byte_of(number, index)) return 0;
    }
    return 1;
}

#endif
