/* Opens both ends, forbids system calls, then reads and writes. The arguments: a region's name, and what to do. */
#define _GNU_SOURCE
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include "zenoh_pinned_exchange.h"

/* Only the thread's own end is let through. */
static int forbid_system_calls(void) {
    struct sock_filter filter[] = {
        BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_exit, 0, 1),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_KILL_PROCESS),
    };
    struct sock_fprog program = {sizeof filter / sizeof *filter, filter};
    if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0) return -1;
    return prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program);
}

static void end(int status) { syscall(SYS_exit, status); }

static void exchange(zpx_exchange *data_plane, zpx_exchange *agent, zpx_exchange *observer, int with_clock) {
    static zpx_observation observation, seen;
    static zpx_action action;
    static zpx_reservoir samples;
    float weights[4] = {1, 2, 3, 4};
    uint64_t missed;
    observation.active_as_bitmap = 15;
    for (uint64_t number = 1; number <= 10000; number++) {
        observation.timestamp_us = with_clock ? 0 : number;
        if (zpx_write_observation(data_plane, &observation) != ZPX_OK) end(10);
        if (zpx_write_reservoir(data_plane, 3, ZPX_FLOW_DURATION, &samples) != ZPX_OK) end(11);
        if (zpx_read_observation(agent, &seen, &missed) != ZPX_NEW) end(12);
        if (zpx_read_observation(agent, &seen, &missed) != ZPX_NOTHING_NEW) end(13);
        if (zpx_read_observation(observer, &seen, &missed) != ZPX_NEW) end(14);
        if (zpx_read_reservoir(agent, 3, ZPX_FLOW_DURATION, &samples) != ZPX_NEW) end(15);
        if (!with_clock) continue;
        /* An action has the time of writing, always. */
        if (zpx_write_action(agent, seen.sequence_id, weights, 4) != ZPX_OK) end(16);
        if (zpx_read_action(data_plane, &action) != ZPX_NEW) end(17);
        if (zpx_read_action(data_plane, &action) != ZPX_NOTHING_NEW) end(18);
        if (zpx_pick(&action, number * 6364136223846793005u) > 3) end(19);
        /* Refused: the words of the error are made without a system call, too. */
        if (zpx_write_action(agent, number + 1, weights, 4) != ZPX_OK) end(20);
        if (zpx_read_action(data_plane, &action) != ZPX_REFUSED) end(21);
    }
}

int main(int count, char **arguments) {
    if (count != 3) return 2;
    zpx_exchange *data_plane = zpx_create_with_reservoirs(arguments[1], 0600);
    zpx_exchange *agent = zpx_attach(arguments[1]);
    zpx_exchange *observer = zpx_observe(arguments[1]);
    if (data_plane == NULL || agent == NULL || observer == NULL) {
        fprintf(stderr, "%s\n", zpx_last_error());
        return 3;
    }
    const char *what = arguments[2];
    int control = strcmp(what, "control") == 0, clock = strcmp(what, "only the clock") == 0;
    int all = strcmp(what, "all") == 0;
    struct timespec now;
    clock_gettime(CLOCK_REALTIME, &now);
    if (forbid_system_calls() != 0) {
        perror("the filter");
        return 4;
    }
    if (control) syscall(SYS_getpid);
    if (clock) clock_gettime(CLOCK_REALTIME, &now);
    if (!control && !clock) exchange(data_plane, agent, observer, all);
    end(0);
}
