/* Goes through every call and every status that can be had. The arguments are names of regions that are not there. */
#define _GNU_SOURCE
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "zenoh_pinned_exchange.h"

#define EXPECT(condition)                                                                                  \
    do {                                                                                                   \
        if (!(condition)) {                                                                                \
            fprintf(stderr, "%s:%d: %s: last error: %s\n", __FILE__, __LINE__, #condition, zpx_last_error()); \
            exit(1);                                                                                       \
        }                                                                                                  \
    } while (0)

/* A failed call tells its status and a cause in words. */
#define EXPECT_ERROR(call, status, words)                     \
    do {                                                      \
        EXPECT((int)(call) == (status));                      \
        EXPECT(zpx_last_status() == (status));                \
        EXPECT(strstr(zpx_last_error(), (words)) != NULL);    \
    } while (0)

#define EXPECT_NOT_OPENED(call, status, words)                \
    do {                                                      \
        EXPECT((call) == NULL);                               \
        EXPECT(zpx_last_status() == (status));                \
        EXPECT(strstr(zpx_last_error(), (words)) != NULL);    \
    } while (0)

static char path[300];

static const char *path_of(const char *name) {
    snprintf(path, sizeof path, "/dev/shm/%s", name);
    return path;
}

static void opening(const char *name, const char *other) {
    EXPECT(zpx_last_status() == ZPX_OK);
    EXPECT(strcmp(zpx_last_error(), "") == 0);
    EXPECT_NOT_OPENED(zpx_create(NULL, 0600), ZPX_INVALID_ARGUMENT, "NULL");
    EXPECT_NOT_OPENED(zpx_attach(NULL), ZPX_INVALID_ARGUMENT, "NULL");
    EXPECT_NOT_OPENED(zpx_observe(NULL), ZPX_INVALID_ARGUMENT, "NULL");
    EXPECT_NOT_OPENED(zpx_create("a/b", 0600), ZPX_INVALID_ARGUMENT, "a/b");
    EXPECT_NOT_OPENED(zpx_create("\xff", 0600), ZPX_INVALID_ARGUMENT, "UTF-8");
    EXPECT_NOT_OPENED(zpx_create(name, 0700), ZPX_INVALID_ARGUMENT, "700");
    EXPECT_NOT_OPENED(zpx_create_with_reservoirs(name, 0), ZPX_INVALID_ARGUMENT, "mode 0");
    EXPECT_NOT_OPENED(zpx_attach(name), ZPX_NOT_THERE, name);
    EXPECT_NOT_OPENED(zpx_observe(name), ZPX_NOT_THERE, name);
    zpx_close(NULL);

    FILE *file = fopen(path_of(other), "w");
    EXPECT(file != NULL && fputs("no region, whatever it says", file) >= 0 && fclose(file) == 0);
    EXPECT_NOT_OPENED(zpx_create(other, 0600), ZPX_NOT_A_REGION, other);
    EXPECT_NOT_OPENED(zpx_attach(other), ZPX_NOT_A_REGION, other);
    if (geteuid() == 0) {
        EXPECT(chown(path_of(other), 65534, 65534) == 0);
        EXPECT_NOT_OPENED(zpx_create(other, 0600), ZPX_NOT_ALLOWED, "65534");
    }
    EXPECT(unlink(path_of(other)) == 0);

    /* The longest cause there is fits, cut at its end. */
    char long_name[2000];
    memset(long_name, 'x', sizeof long_name - 1);
    long_name[sizeof long_name - 1] = 0;
    EXPECT_NOT_OPENED(zpx_create(long_name, 0600), ZPX_INVALID_ARGUMENT, "xxx");
    EXPECT(strlen(zpx_last_error()) < 512);
}

static void one_of_each(const char *name, const char *other) {
    zpx_exchange *data_plane = zpx_create(name, 0640);
    EXPECT(data_plane != NULL);
    struct stat status;
    EXPECT(stat(path_of(name), &status) == 0 && (status.st_mode & 0777) == 0640);
    EXPECT_NOT_OPENED(zpx_create(name, 0600), ZPX_WRITER_ALIVE, "has its writer already");
    EXPECT_NOT_OPENED(zpx_create_with_reservoirs(name, 0600), ZPX_OTHER_LAYOUT, "another layout");
    EXPECT(zpx_other_side(data_plane) == 0);
    zpx_exchange *agent = zpx_attach(name);
    zpx_exchange *observer = zpx_observe(name);
    EXPECT(agent != NULL && observer != NULL);
    EXPECT_NOT_OPENED(zpx_attach(name), ZPX_WRITER_ALIVE, "has its writer already");
    EXPECT(zpx_other_side(data_plane) == (uint32_t)getpid());
    EXPECT(zpx_other_side(agent) == (uint32_t)getpid());
    EXPECT(zpx_other_side(observer) == (uint32_t)getpid());
    EXPECT(zpx_other_side(NULL) == 0);

    zpx_observation observation, seen;
    zpx_action action, taken;
    memset(&observation, 0, sizeof observation);
    memset(&action, 0x55, sizeof action);
    uint64_t missed = 77;
    float weights[ZPX_SERVERS + 1] = {1, 2, 3, 4};

    /* Before anything was written. */
    EXPECT(zpx_read_observation(agent, &seen, &missed) == ZPX_NOTHING_NEW && missed == 77);
    EXPECT(zpx_read_action(data_plane, &action) == ZPX_NOTHING_NEW);
    EXPECT(zpx_read_action(observer, &action) == ZPX_NOTHING_NEW);
    EXPECT_ERROR(zpx_write_action(agent, 1, weights, 4), ZPX_NOTHING_NEW, "no observation has been read");

    /* Observations. */
    observation.active_as_bitmap = 7;
    observation.as_stats[2].n_flow_on = 5;
    observation.as_stats[2].reservoir_features[9] = 0.5f;
    for (uint64_t number = 1; number <= 3; number++) {
        observation.timestamp_us = number == 3 ? 42 : 0;
        EXPECT(zpx_write_observation(data_plane, &observation) == ZPX_OK);
        EXPECT(observation.sequence_id == number && observation.incarnation == 1);
        EXPECT(observation.num_active_as == 3);
        EXPECT(number == 3 ? observation.timestamp_us == 42 : observation.timestamp_us > 1700000000000000u);
    }
    EXPECT(zpx_read_observation(agent, &seen, &missed) == ZPX_NEW && missed == 2);
    EXPECT(memcmp(&seen, &observation, sizeof seen) == 0);
    EXPECT(zpx_read_observation(agent, &seen, NULL) == ZPX_NOTHING_NEW);
    EXPECT(zpx_read_observation(observer, &seen, NULL) == ZPX_NEW && seen.sequence_id == 3);

    /* Actions. */
    EXPECT_ERROR(zpx_write_action(agent, 3, NULL, 4), ZPX_INVALID_ARGUMENT, "NULL");
    EXPECT_ERROR(zpx_write_action(agent, 3, weights, 0), ZPX_INVALID_ARGUMENT, "above 0");
    EXPECT_ERROR(zpx_write_action(agent, 3, weights, ZPX_SERVERS + 1), ZPX_INVALID_ARGUMENT, "65 weights");
    weights[1] = NAN;
    EXPECT_ERROR(zpx_write_action(agent, 3, weights, 4), ZPX_INVALID_ARGUMENT, "server 1");
    weights[1] = -1;
    EXPECT_ERROR(zpx_write_action(agent, 3, weights, 4), ZPX_INVALID_ARGUMENT, "server 1");
    weights[1] = 2;
    EXPECT(zpx_read_action(data_plane, &action) == ZPX_NOTHING_NEW);
    EXPECT(zpx_write_action(agent, 3, weights, 4) == ZPX_OK);
    EXPECT(zpx_read_action(data_plane, &action) == ZPX_NEW);
    EXPECT(action.sequence_id == 3 && action.incarnation == 1 && action.num_servers == 4);
    EXPECT(action.weights[0] == 1 && action.weights[2] == 3 && action.weights[3] == 0);
    EXPECT(action.timestamp_us > 1700000000000000u);
    for (uint64_t random = 1, picked = 0; picked < 1000; picked++, random *= 6364136223846793005u)
        EXPECT(zpx_pick(&action, random) < 3);
    EXPECT(zpx_read_action(data_plane, &taken) == ZPX_NOTHING_NEW);
    EXPECT(zpx_read_action(observer, &taken) == ZPX_NEW && memcmp(&taken, &action, sizeof action) == 0);

    /* Refused: an observation that nobody wrote, and a server that left. */
    taken = action;
    EXPECT(zpx_write_action(agent, 4, weights, 4) == ZPX_OK);
    EXPECT_ERROR(zpx_read_action(data_plane, &taken), ZPX_REFUSED, "has not been written");
    observation.active_as_bitmap = 3;
    EXPECT(zpx_write_observation(data_plane, &observation) == ZPX_OK);
    EXPECT(zpx_write_action(agent, 4, weights, 4) == ZPX_OK);
    EXPECT_ERROR(zpx_read_action(data_plane, &taken), ZPX_REFUSED, "server 2");
    EXPECT(memcmp(&taken, &action, sizeof action) == 0);

    /* NULL, and calls of the other side. */
    EXPECT_ERROR(zpx_write_observation(NULL, &observation), ZPX_INVALID_ARGUMENT, "NULL");
    EXPECT_ERROR(zpx_write_observation(data_plane, NULL), ZPX_INVALID_ARGUMENT, "NULL");
    EXPECT_ERROR(zpx_read_observation(NULL, &observation, NULL), ZPX_INVALID_ARGUMENT, "NULL");
    EXPECT_ERROR(zpx_read_observation(agent, NULL, NULL), ZPX_INVALID_ARGUMENT, "NULL");
    EXPECT_ERROR(zpx_read_action(NULL, &action), ZPX_INVALID_ARGUMENT, "NULL");
    EXPECT_ERROR(zpx_read_action(data_plane, NULL), ZPX_INVALID_ARGUMENT, "NULL");
    EXPECT_ERROR(zpx_write_action(NULL, 1, weights, 4), ZPX_INVALID_ARGUMENT, "NULL");
    EXPECT_ERROR(zpx_write_observation(agent, &observation), ZPX_WRONG_END, "zpx_create()");
    EXPECT_ERROR(zpx_write_observation(observer, &observation), ZPX_WRONG_END, "zpx_create()");
    EXPECT_ERROR(zpx_read_observation(data_plane, &seen, NULL), ZPX_WRONG_END, "zpx_attach()");
    EXPECT_ERROR(zpx_write_action(data_plane, 1, weights, 4), ZPX_WRONG_END, "zpx_attach()");
    EXPECT_ERROR(zpx_write_action(observer, 1, weights, 4), ZPX_WRONG_END, "zpx_attach()");
    EXPECT_ERROR(zpx_read_action(agent, &action), ZPX_WRONG_END, "the agent");

    /* In a forked child. */
    pid_t child = fork();
    EXPECT(child >= 0);
    if (child == 0) {
        EXPECT_ERROR(zpx_write_observation(data_plane, &observation), ZPX_FORKED, "forked");
        EXPECT_ERROR(zpx_read_action(data_plane, &action), ZPX_FORKED, "forked");
        EXPECT_ERROR(zpx_read_observation(agent, &seen, NULL), ZPX_FORKED, "forked");
        EXPECT_ERROR(zpx_write_action(agent, 4, weights, 4), ZPX_FORKED, "forked");
        EXPECT(zpx_other_side(data_plane) == 0 && zpx_other_side(observer) == 0);
        zpx_close(data_plane);
        zpx_close(agent);
        zpx_close(observer);
        _exit(0);
    }
    int ended;
    EXPECT(waitpid(child, &ended, 0) == child && ended == 0);

    /* Somebody else writes to the region: the number of the newest observation, behind three lines. */
    FILE *file = fopen(path_of(name), "r+");
    const uint64_t far = UINT64_MAX;
    EXPECT(file != NULL && fseek(file, 192, SEEK_SET) == 0);
    EXPECT(fwrite(&far, sizeof far, 1, file) == 1 && fclose(file) == 0);
    EXPECT_ERROR(zpx_read_observation(agent, &seen, NULL), ZPX_MALFORMED, "18446744073709551615");
    /* And a version that is being written for ever. */
    file = fopen(path_of(name), "r+");
    EXPECT(file != NULL && fseek(file, 192, SEEK_SET) == 0);
    const uint64_t fifth = 5;
    EXPECT(fwrite(&fifth, sizeof fifth, 1, file) == 1 && fclose(file) == 0);
    EXPECT_ERROR(zpx_read_observation(agent, &seen, NULL), ZPX_OVERRUN, "faster");
    EXPECT(zpx_write_observation(data_plane, &observation) == ZPX_OK);
    EXPECT(zpx_read_observation(agent, &seen, &missed) == ZPX_NEW && seen.sequence_id == 5 && missed == 1);

    zpx_close(data_plane);
    EXPECT(zpx_other_side(agent) == 0);
    data_plane = zpx_create(name, 0600);
    EXPECT(data_plane != NULL && zpx_write_observation(data_plane, &observation) == ZPX_OK);
    EXPECT(observation.sequence_id == 6 && observation.incarnation == 2);
    zpx_close(agent);
    zpx_close(data_plane);
    zpx_close(observer);
    EXPECT(access(path_of(name), F_OK) != 0);

    /* Reservoirs. */
    zpx_reservoir samples, read;
    memset(&samples, 0, sizeof samples);
    memset(&read, 0xff, sizeof read);
    samples.values[127] = 1.5f;
    samples.timestamps[127] = 99;
    samples.seen = 1000;
    samples.count = 128;
    data_plane = zpx_create_with_reservoirs(other, 0600);
    agent = zpx_attach(other);
    observer = zpx_observe(other);
    EXPECT(data_plane != NULL && agent != NULL && observer != NULL);
    EXPECT(zpx_write_reservoir(data_plane, 63, ZPX_FLOW_DURATION, &samples) == ZPX_OK);
    EXPECT(zpx_read_reservoir(agent, 63, ZPX_FLOW_COMPLETION_TIME, &read) == ZPX_NOTHING_NEW);
    EXPECT(zpx_read_reservoir(agent, 63, ZPX_FLOW_DURATION, &read) == ZPX_NEW);
    EXPECT(memcmp(&read, &samples, sizeof read) == 0);
    EXPECT(zpx_read_reservoir(observer, 63, ZPX_FLOW_DURATION, &read) == ZPX_NEW);
    EXPECT_ERROR(zpx_write_reservoir(data_plane, 64, ZPX_FLOW_DURATION, &samples), ZPX_INVALID_ARGUMENT, "server");
    EXPECT_ERROR(zpx_read_reservoir(agent, 64, ZPX_FLOW_DURATION, &read), ZPX_INVALID_ARGUMENT, "server");
    /* Not through the type, whose values are two: the register holds any. */
    zpx_status (*write_reservoir)(zpx_exchange *, uint32_t, int, const zpx_reservoir *) =
        (zpx_status(*)(zpx_exchange *, uint32_t, int, const zpx_reservoir *))(void (*)(void))zpx_write_reservoir;
    EXPECT_ERROR(write_reservoir(data_plane, 0, 2, &samples), ZPX_INVALID_ARGUMENT, "metric");
    EXPECT_ERROR(write_reservoir(data_plane, 0, -1, &samples), ZPX_INVALID_ARGUMENT, "metric");
    EXPECT_ERROR(zpx_write_reservoir(data_plane, 0, ZPX_FLOW_DURATION, NULL), ZPX_INVALID_ARGUMENT, "NULL");
    EXPECT_ERROR(zpx_write_reservoir(NULL, 0, ZPX_FLOW_DURATION, &samples), ZPX_INVALID_ARGUMENT, "NULL");
    EXPECT_ERROR(zpx_read_reservoir(agent, 0, ZPX_FLOW_DURATION, NULL), ZPX_INVALID_ARGUMENT, "NULL");
    EXPECT_ERROR(zpx_write_reservoir(agent, 0, ZPX_FLOW_DURATION, &samples), ZPX_WRONG_END, "zpx_create()");
    EXPECT_ERROR(zpx_read_reservoir(data_plane, 0, ZPX_FLOW_DURATION, &read), ZPX_WRONG_END, "zpx_attach()");
    zpx_close(observer);
    zpx_close(agent);
    zpx_close(data_plane);

    data_plane = zpx_create(other, 0600);
    agent = zpx_attach(other);
    EXPECT_ERROR(zpx_write_reservoir(data_plane, 0, ZPX_FLOW_DURATION, &samples), ZPX_WRONG_END, "no reservoirs");
    EXPECT(zpx_read_reservoir(agent, 0, ZPX_FLOW_DURATION, &read) == ZPX_NOTHING_NEW);
    zpx_close(data_plane);
    zpx_close(agent);
}

/* Where /dev/shm has no room, and where no file can be opened. */
static void without(void) {
    EXPECT_NOT_OPENED(zpx_create("full", 0600), ZPX_NO_SPACE, "8192 of 8192 bytes free");
    const struct rlimit none = {0, 0};
    EXPECT(setrlimit(RLIMIT_NOFILE, &none) == 0);
    EXPECT_NOT_OPENED(zpx_create("any", 0600), ZPX_SYSTEM, "cannot open the region any");
    EXPECT_NOT_OPENED(zpx_attach("any"), ZPX_SYSTEM, "cannot open the region any");
}

int main(int count, char **arguments) {
    if (count == 2 && strcmp(arguments[1], "without") == 0) {
        without();
        return 0;
    }
    EXPECT(count == 3);
    opening(arguments[1], arguments[2]);
    one_of_each(arguments[1], arguments[2]);
    return 0;
}
