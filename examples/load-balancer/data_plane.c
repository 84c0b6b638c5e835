/* A data plane as a packet processor has it: flows come in batches, each gets a server, and nothing ever waits for the
 * agent. Here the flows and the servers are simulated (servers.h), so the same seed gives the same run.
 *
 *     data_plane NAME [option value]...
 *       --speeds A,B,...          work that each server does in a second; a flow has one unit on average (100 for each)
 *       --load L                  arriving work, as a share of what all servers can do at first (0.7)
 *       --event T:SERVER:FACTOR   from second T on the server has FACTOR of its speed; 0: it takes no new flows
 *       --seed N                  (1)
 *       --length S                end after so many simulated seconds (never)
 *       --rate R                  simulated seconds in a second; 0: as fast as can be (1)
 *       --lockstep 1              wait for the answer to each observation while there is an agent: for comparisons only
 *       --flows FILE              write each flow that ended: struct ended
 */
#define _GNU_SOURCE
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "servers.h"

#define BATCH 0.001         /* seconds of arrivals that are handled at once */
#define BATCHES_A_PAUSE 10  /* how often the clock is looked at */
#define BATCHES_A_LOOK 200  /* an observation every 200 ms */
#define EVENTS 16

typedef struct event {
    double at, factor;
    uint32_t server;
} event;

typedef struct ended {
    float at, took;
    uint32_t server;
} ended;

typedef struct options {
    const char *name, *flows;
    double speeds[ZPX_SERVERS], load, length, rate;
    uint32_t servers, events;
    int lockstep;
    uint64_t seed;
    event event[EVENTS];
} options;

typedef struct counts {
    uint64_t begun, ended, refused, actions, actions_refused;
    double took;
} counts;

/* All that the loop touches: it allocates nothing. */
static struct {
    server servers[ZPX_SERVERS];
    uint64_t active, flow_random, pick_random, sample_random, start_us;
    zpx_observation observation;
    zpx_action action;
    int has_action;
    counts counts;
    FILE *flows;
    char buffer[1 << 16];
} plane;

static volatile sig_atomic_t stopped;

static void stop(int signal_number) {
    (void)signal_number;
    stopped = 1;
}

static uint64_t now_us(double now) { return plane.start_us + (uint64_t)(now * 1e6); }

static void advance(uint32_t number, double until) {
    server *s = &plane.servers[number];
    double took;
    while (server_advance(s, until, &took)) {
        reservoir_add(&s->completion, &plane.sample_random, took, now_us(s->now));
        plane.counts.ended++;
        plane.counts.took += took;
        if (plane.flows != NULL) {
            ended record = {(float)s->now, (float)took, number};
            fwrite(&record, sizeof record, 1, plane.flows);
        }
    }
}

static int is_active(uint32_t number) { return plane.active >> number & 1; }

/* The server for one flow: by the last action that could be used, and by chance alone where that gives none. */
static uint32_t pick(uint32_t servers) {
    uint32_t number = ZPX_SERVERS;
    for (int tries = 0; plane.has_action && tries < 16; tries++) {
        number = zpx_pick(&plane.action, random_bits(&plane.pick_random));
        if (is_active(number)) return number; /* one can have left since the action was made */
    }
    do number = (uint32_t)(random_bits(&plane.pick_random) % servers);
    while (!is_active(number));
    return number;
}

static void handle_batch(const options *o, double until, double *next_arrival, double arrivals) {
    while (*next_arrival <= until) {
        uint32_t number = pick(o->servers);
        double work = random_work(&plane.flow_random);
        advance(number, *next_arrival);
        if (server_begin(&plane.servers[number], work)) plane.counts.begun++;
        else plane.counts.refused++;
        *next_arrival += random_gap(&plane.flow_random, arrivals);
    }
    for (uint32_t number = 0; number < o->servers; number++) {
        server *s = &plane.servers[number];
        advance(number, until);
        if (s->count == 0) continue;
        /* A packet of one of its flows passes, and tells how long that has been there. */
        const flow *seen = &s->flows[random_bits(&plane.sample_random) % s->count];
        reservoir_add(&s->duration, &plane.sample_random, until - seen->began, now_us(until));
    }
}

static void apply_events(const options *o, double now, double batch_before) {
    for (uint32_t i = 0; i < o->events; i++) {
        const event *e = &o->event[i];
        if (e->at < batch_before || e->at >= now) continue;
        if (e->factor > 0.0) {
            plane.active |= UINT64_C(1) << e->server;
            plane.servers[e->server].speed = o->speeds[e->server] * e->factor;
        } else if (plane.active & ~(UINT64_C(1) << e->server)) { /* the last one stays */
            plane.active &= ~(UINT64_C(1) << e->server);
        }
    }
}

static zpx_status read_action(zpx_exchange *exchange) {
    zpx_status status = zpx_read_action(exchange, &plane.action);
    if (status == ZPX_NEW) plane.has_action = 1;
    plane.counts.actions += status == ZPX_NEW;
    plane.counts.actions_refused += status == ZPX_REFUSED;
    return status;
}

static int write_observation(zpx_exchange *exchange, const options *o, double now) {
    zpx_observation *observation = &plane.observation;
    observation->timestamp_us = now_us(now);
    observation->active_as_bitmap = plane.active;
    for (uint32_t number = 0; number < o->servers; number++) {
        server *s = &plane.servers[number];
        zpx_server_statistics *known = &observation->as_stats[number];
        known->n_flow_on = s->count;
        reservoir_features(&s->completion, now_us(now), known->reservoir_features);
        reservoir_features(&s->duration, now_us(now), known->reservoir_features + 5);
        if (zpx_write_reservoir(exchange, number, ZPX_FLOW_COMPLETION_TIME, &s->completion) != ZPX_OK) return 0;
        if (zpx_write_reservoir(exchange, number, ZPX_FLOW_DURATION, &s->duration) != ZPX_OK) return 0;
    }
    return zpx_write_observation(exchange, observation) == ZPX_OK;
}

static void wait_for_answer(zpx_exchange *exchange) {
    const struct timespec pause = {0, 20000};
    while (!stopped && read_action(exchange) != ZPX_REFUSED) {
        if (plane.has_action && plane.action.sequence_id == plane.observation.sequence_id
            && plane.action.incarnation == plane.observation.incarnation)
            return;
        if (plane.counts.actions > 0 && zpx_other_side(exchange) == 0) return;
        nanosleep(&pause, NULL);
    }
}

static int64_t clock_ns(void) {
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000000000 + now.tv_nsec;
}

/* Keeps the pace; who is late does not hurry afterwards. */
static void pace(double seconds, int64_t *due) {
    int64_t now = clock_ns();
    *due += (int64_t)(seconds * 1e9);
    if (*due < now) *due = now;
    struct timespec until = {*due / 1000000000, *due % 1000000000};
    clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &until, NULL);
}

static int run(zpx_exchange *exchange, const options *o) {
    double capacity = 0.0, next_arrival = 0.0, now = 0.0;
    for (uint32_t number = 0; number < o->servers; number++) {
        plane.servers[number].speed = o->speeds[number];
        plane.active |= UINT64_C(1) << number;
        capacity += o->speeds[number];
    }
    plane.flow_random = o->seed;
    plane.pick_random = ~o->seed;
    plane.sample_random = o->seed << 32;
    plane.start_us = (uint64_t)time(NULL) * 1000000;
    int64_t due = clock_ns();
    for (uint64_t batch = 1; !stopped && !(o->length > 0.0 && now >= o->length); batch++) {
        double before = now;
        now = (double)batch * BATCH;
        read_action(exchange);
        apply_events(o, now, before);
        handle_batch(o, now, &next_arrival, o->load * capacity);
        if (batch % BATCHES_A_LOOK == 0) {
            if (!write_observation(exchange, o, now)) return 0;
            if (o->lockstep) wait_for_answer(exchange);
        }
        if (batch % BATCHES_A_PAUSE == 0 && o->rate > 0.0) pace(BATCHES_A_PAUSE * BATCH / o->rate, &due);
    }
    const counts *c = &plane.counts;
    printf("{\"seconds\": %.3f, \"flows\": %llu, \"refused\": %llu, \"mean\": %.9f, \"actions\": %llu, "
           "\"actions_refused\": %llu, \"incarnation\": %llu}\n",
           now, (unsigned long long)c->ended, (unsigned long long)c->refused,
           c->ended > 0 ? c->took / (double)c->ended : 0.0, (unsigned long long)c->actions,
           (unsigned long long)c->actions_refused, (unsigned long long)plane.observation.incarnation);
    return 1;
}

static int parse(int count, char **words, options *o) {
    if (count < 2 || count % 2 != 0) return 0;
    o->name = words[1];
    for (int i = 2; i < count; i += 2) {
        const char *key = words[i], *value = words[i + 1];
        char *rest = NULL;
        if (strcmp(key, "--speeds") == 0) {
            for (o->servers = 0; o->servers < ZPX_SERVERS; value = rest + 1) {
                o->speeds[o->servers] = strtod(value, &rest);
                if (!(o->speeds[o->servers++] > 0.0)) return 0;
                if (*rest != ',') break;
            }
        } else if (strcmp(key, "--event") == 0) {
            event *e = &o->event[o->events++];
            if (o->events > EVENTS || sscanf(value, "%lf:%u:%lf", &e->at, &e->server, &e->factor) != 3) return 0;
            if (e->server >= ZPX_SERVERS) return 0;
        } else if (strcmp(key, "--load") == 0) o->load = strtod(value, NULL);
        else if (strcmp(key, "--seed") == 0) o->seed = strtoull(value, NULL, 10);
        else if (strcmp(key, "--length") == 0) o->length = strtod(value, NULL);
        else if (strcmp(key, "--rate") == 0) o->rate = strtod(value, NULL);
        else if (strcmp(key, "--lockstep") == 0) o->lockstep = atoi(value);
        else if (strcmp(key, "--flows") == 0) o->flows = value;
        else return 0;
    }
    for (uint32_t i = 0; i < o->events; i++)
        if (o->event[i].server >= o->servers) return 0;
    return o->load > 0.0;
}

int main(int count, char **words) {
    static options o = {.load = 0.7, .seed = 1, .rate = 1.0, .servers = 4, .speeds = {100, 100, 100, 100}};
    if (!parse(count, words, &o)) {
        fprintf(stderr, "%s NAME [--speeds A,B,...] [--load L] [--event T:SERVER:FACTOR]... [--seed N] [--length S] "
                        "[--rate R] [--lockstep 1] [--flows FILE]\n", words[0]);
        return 2;
    }
    struct sigaction action = {.sa_handler = stop};
    sigaction(SIGINT, &action, NULL);
    sigaction(SIGTERM, &action, NULL);
    if (o.flows != NULL) {
        plane.flows = fopen(o.flows, "wb");
        if (plane.flows == NULL) {
            fprintf(stderr, "%s: %s\n", o.flows, strerror(errno));
            return 1;
        }
        setvbuf(plane.flows, plane.buffer, _IOFBF, sizeof plane.buffer);
    }
    zpx_exchange *exchange = zpx_create_with_reservoirs(o.name, 0600);
    int went_well = exchange != NULL && run(exchange, &o);
    if (!went_well) fprintf(stderr, "%s\n", zpx_last_error());
    zpx_close(exchange);
    if (plane.flows != NULL && fclose(plane.flows) != 0) return 1;
    return went_well ? 0 : 1;
}
