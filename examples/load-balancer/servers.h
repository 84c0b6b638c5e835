/* What is simulated: servers that share their speed among their flows, and what is known of each from samples. Nothing
 * here knows of the exchange, but for the form of its reservoirs. */
#ifndef SERVERS_H
#define SERVERS_H

#include <math.h>
#include <stdint.h>
#include <string.h>

#include "zenoh_pinned_exchange.h"

/* ---- Random numbers: splitmix64, one state for each purpose, so that every policy is given the same flows. ---- */

static inline uint64_t random_bits(uint64_t *state) {
    uint64_t bits = *state += 0x9e3779b97f4a7c15u;
    bits = (bits ^ bits >> 30) * 0xbf58476d1ce4e5b9u;
    bits = (bits ^ bits >> 27) * 0x94d049bb133111ebu;
    return bits ^ bits >> 31;
}

/* Above 0, at most 1. */
static inline double random_fraction(uint64_t *state) { return ((double)(random_bits(state) >> 11) + 1.0) / 9007199254740992.0; }

static inline double random_gap(uint64_t *state, double rate) { return -log(random_fraction(state)) / rate; }

/* A flow's work with mean 1 and a heavy tail: Pareto with exponent 1.5, cut at a thousand times the smallest. */
static inline double random_work(uint64_t *state) {
    const double exponent = 1.5, cut = 1000.0;
    const double mean = 3.0 * (1.0 - pow(cut, -0.5)) / (1.0 - pow(cut, -exponent));
    double uniform = random_fraction(state) * (1.0 - pow(cut, -exponent)) + pow(cut, -exponent);
    return pow(uniform, -1.0 / exponent) / mean;
}

/* ---- Reservoirs ---- */

#define SEEN_AT_MOST 512 /* from there on a sample's odds stay, so that the reservoir follows a server that changes */
#define DECAY_SECONDS 2.0

/* Algorithm R (Vitter 1985): each of the values seen is among the samples with the same odds. */
static inline void reservoir_add(zpx_reservoir *reservoir, uint64_t *state, double value, uint64_t now_us) {
    uint64_t place = reservoir->count;
    reservoir->seen++;
    if (place < ZPX_RESERVOIR_SAMPLES) {
        reservoir->count++;
    } else {
        uint64_t seen = reservoir->seen < SEEN_AT_MOST ? reservoir->seen : SEEN_AT_MOST;
        place = random_bits(state) % seen;
        if (place >= ZPX_RESERVOIR_SAMPLES) return;
    }
    reservoir->values[place] = (float)value;
    reservoir->timestamps[place] = now_us;
}

/* The smallest value with at least 90 % of the weight at or below it; values ascend. */
static inline float percentile_90(const float *values, const double *weights, uint32_t count, double total) {
    double below = 0.0;
    for (uint32_t i = 0; i < count; i++) {
        below += weights[i];
        if (below >= 0.9 * total) return values[i];
    }
    return values[count - 1];
}

/* Mean, 90th percentile, standard deviation, then mean and 90th percentile with samples that lose weight with age. */
static inline void reservoir_features(const zpx_reservoir *reservoir, uint64_t now_us, float features[5]) {
    float values[ZPX_RESERVOIR_SAMPLES];
    double fresh[ZPX_RESERVOIR_SAMPLES], alike[ZPX_RESERVOIR_SAMPLES];
    double sum = 0.0, squares = 0.0, fresh_total = 0.0, fresh_sum = 0.0;
    uint32_t count = reservoir->count;
    memset(features, 0, 5 * sizeof *features);
    if (count == 0) return;
    for (uint32_t i = 0; i < count; i++) {
        double value = reservoir->values[i];
        double weight = exp(-(double)(now_us - reservoir->timestamps[i]) / (DECAY_SECONDS * 1e6));
        uint32_t place = i;
        for (; place > 0 && values[place - 1] > reservoir->values[i]; place--) {
            values[place] = values[place - 1];
            fresh[place] = fresh[place - 1];
        }
        values[place] = reservoir->values[i];
        fresh[place] = weight;
        alike[i] = 1.0;
        sum += value;
        squares += value * value;
        fresh_total += weight;
        fresh_sum += weight * value;
    }
    double mean = sum / count, variance = squares / count - mean * mean;
    features[0] = (float)mean;
    features[1] = percentile_90(values, alike, count, count);
    features[2] = (float)sqrt(variance > 0.0 ? variance : 0.0);
    /* All samples can be so old that nothing is left of their weight. */
    features[3] = fresh_total > 0.0 ? (float)(fresh_sum / fresh_total) : features[0];
    features[4] = fresh_total > 0.0 ? percentile_90(values, fresh, count, fresh_total) : features[1];
}

/* ---- Servers ---- */

#define FLOWS 128 /* a server that has so many refuses more */

typedef struct flow {
    double ends_at; /* the level at which it is done, see below */
    double began;
} flow;

/* `level` is how much work each flow that was always there has been given; a flow of work w that comes now is done at
 * level + w. The flows are a heap, the next one to end first. */
typedef struct server {
    double now, speed, level;
    uint32_t count;
    flow flows[FLOWS];
    zpx_reservoir completion, duration;
} server;

static inline int server_begin(server *s, double work) {
    uint32_t place = s->count;
    if (place == FLOWS) return 0;
    flow new_flow = {.ends_at = s->level + work, .began = s->now};
    s->count++;
    for (; place > 0 && s->flows[(place - 1) / 2].ends_at > new_flow.ends_at; place = (place - 1) / 2)
        s->flows[place] = s->flows[(place - 1) / 2];
    s->flows[place] = new_flow;
    return 1;
}

static inline void server_drop_first(server *s) {
    flow last = s->flows[--s->count];
    uint32_t place = 0, child;
    while ((child = 2 * place + 1) < s->count) {
        if (child + 1 < s->count && s->flows[child + 1].ends_at < s->flows[child].ends_at) child++;
        if (s->flows[child].ends_at >= last.ends_at) break;
        s->flows[place] = s->flows[child];
        place = child;
    }
    s->flows[place] = last;
}

/* Goes on to `until`, or to the end of one flow if that is earlier: 1, with how long it took in *took. */
static inline int server_advance(server *s, double until, double *took) {
    if (s->count > 0) {
        double rate = s->speed / s->count;
        double ends = s->now + (s->flows[0].ends_at - s->level) / rate;
        if (ends <= until) {
            s->now = ends > s->now ? ends : s->now;
            s->level = s->flows[0].ends_at;
            *took = s->now - s->flows[0].began;
            server_drop_first(s);
            return 1;
        }
        s->level += (until - s->now) * rate;
    } else {
        s->level = 0.0; /* numbers stay small */
    }
    s->now = until;
    return 0;
}

#endif
