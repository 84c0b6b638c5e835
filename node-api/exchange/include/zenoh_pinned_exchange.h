/* zenoh-pinned-exchange: newest values between a data plane in C and an agent, without locks.
 *
 * A data plane writes observations of its servers, an agent answers with their weights. Neither waits for the other, and
 * neither ever sees half a message, whoever dies. The region is a file in /dev/shm that both map.
 *
 *     zpx_exchange *x = zpx_create("marllb_lb0", 0660);
 *     if (x == NULL) { fprintf(stderr, "%s\n", zpx_last_error()); return 1; }
 *     for (;;) {
 *         ... fill obs ...
 *         zpx_write_observation(x, &obs);
 *         if (zpx_read_action(x, &action) == ZPX_NEW) have_action = 1;
 *         if (have_action) server = zpx_pick(&action, random);
 *     }
 *     zpx_close(x);
 *
 * Link libzenoh_pinned_exchange.so, or the static library with what the standard library of Rust needs:
 *
 *     cargo build --release -p zenoh-pinned-exchange
 *     cc program.c -I node-api/exchange/include target/release/libzenoh_pinned_exchange.a -lpthread -ldl -lm -lgcc_s
 *
 * Rules for every call:
 *   - Nothing waits but opening: a tenth of a second at most, while a region of the name is just being removed.
 *     zpx_write_observation and zpx_read_action make no system call and allocate nothing.
 *   - A handle is used by one thread at a time. In a forked child it answers ZPX_FORKED; open the region anew there.
 *   - Pointers are to memory of the caller that has the type's size and alignment. NULL is ZPX_INVALID_ARGUMENT.
 *   - A negative status is an error; zpx_last_error() says what it was and what to do, in English.
 */
#ifndef ZENOH_PINNED_EXCHANGE_H
#define ZENOH_PINNED_EXCHANGE_H

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

#define ZPX_SERVERS 64
#define ZPX_FEATURES 10
#define ZPX_RESERVOIR_SAMPLES 128

typedef enum zpx_status {
    ZPX_OK = 0,
    ZPX_NEW = 1,         /* a message was read */
    ZPX_NOTHING_NEW = 2, /* this reader has the newest one already, or there is none yet */

    ZPX_OVERRUN = -1,          /* the writer was faster than this reader at every try: read again */
    ZPX_REFUSED = -2,          /* the action cannot be used; keep the one before */
    ZPX_MALFORMED = -3,        /* something else writes to the region */
    ZPX_FORKED = -4,           /* opened before this process was forked */
    ZPX_WRONG_END = -5,        /* a call of the other side */
    ZPX_INVALID_ARGUMENT = -6, /* NULL, or a name, mode, server, metric or weight that is none */
    ZPX_NOT_THERE = -7,        /* no region of this name: the data plane makes it */
    ZPX_NOT_ALLOWED = -8,      /* another user's, or not readable and writable for this one */
    ZPX_WRITER_ALIVE = -9,     /* there is a data plane, or an agent, already */
    ZPX_OTHER_LAYOUT = -10,    /* made by another version of this library, and in use */
    ZPX_NOT_A_REGION = -11,    /* the name is that of something else */
    ZPX_NO_SPACE = -12,        /* /dev/shm is full */
    ZPX_SYSTEM = -13,          /* a system call failed */
    ZPX_PANIC = -14            /* a fault of this library */
} zpx_status;

/* What is known of one server. */
typedef struct zpx_server_statistics {
    uint32_t n_flow_on; /* flows that it has just now */
    /* Of flow completion times, then of flow durations, each: mean, 90th percentile, standard deviation, mean with
     * decay, 90th percentile with decay. */
    float reservoir_features[ZPX_FEATURES];
} zpx_server_statistics;

/* One observation. Those that are "given" are put in by zpx_write_observation. */
typedef struct zpx_observation {
    uint64_t sequence_id;      /* given: 1 for the first, one more for each */
    uint64_t timestamp_us;     /* microseconds since 1970; given where it is 0 */
    uint64_t active_as_bitmap; /* bit i is set while server i takes flows */
    uint32_t num_active_as;    /* given: how many bits are set */
    uint32_t reserved;
    zpx_server_statistics as_stats[ZPX_SERVERS];
    uint64_t incarnation; /* given: how many data planes the region has had */
    uint64_t reserved_for_later[3];
} zpx_observation;

/* One column of the table for picks in constant time: its own server with this probability, else the other one. */
typedef struct zpx_alias_column {
    float probability;
    uint32_t alias;
} zpx_alias_column;

/* One action. */
typedef struct zpx_action {
    uint64_t sequence_id;  /* the observation that it answers */
    uint64_t timestamp_us; /* when it was written */
    uint32_t num_servers;  /* how many weights were given; those behind them are 0 */
    uint32_t reserved;
    float weights[ZPX_SERVERS];
    zpx_alias_column alias_table[ZPX_SERVERS];
    uint64_t incarnation; /* the data plane whose observation it answers */
    uint64_t reserved_for_later[4];
} zpx_action;

/* The samples of one server and metric. */
typedef enum zpx_metric { ZPX_FLOW_COMPLETION_TIME = 0, ZPX_FLOW_DURATION = 1 } zpx_metric;

typedef struct zpx_reservoir {
    float values[ZPX_RESERVOIR_SAMPLES];
    uint64_t timestamps[ZPX_RESERVOIR_SAMPLES]; /* microseconds since 1970 */
    uint64_t seen;                              /* how many flows the samples were drawn from */
    uint32_t count;                             /* how many samples there are */
    uint32_t reserved;
} zpx_reservoir;

/* One end of a region. */
typedef struct zpx_exchange zpx_exchange;

/* ---- Opening and closing. NULL where it fails; zpx_last_status() and zpx_last_error() say why. ---- */

/* The data plane's end. Makes the region, with these permissions (0600, 0660, ...), or adopts the one that a data plane
 * before this one left: numbers go on, and whoever has it attached stays so. There is one data plane at a time. */
zpx_exchange *zpx_create(const char *name, uint32_t mode);
/* The same, with room for raw reservoirs: 440 KiB instead of 16. */
zpx_exchange *zpx_create_with_reservoirs(const char *name, uint32_t mode);
/* The agent's end of a region that is there. There is one agent at a time. */
zpx_exchange *zpx_attach(const char *name);
/* A reader's end, which maps the region read-only. There can be any number. */
zpx_exchange *zpx_observe(const char *name);
/* Gives the handle back; NULL is allowed. Whoever closes last takes the region's name away, if the file is its
 * user's. */
void zpx_close(zpx_exchange *exchange);

/* ---- The data plane's calls. ---- */

/* ZPX_OK, after the given fields were put into the observation. */
zpx_status zpx_write_observation(zpx_exchange *exchange, zpx_observation *observation);
/* ZPX_NEW with an action that was checked against the servers of the observation that was written last: weights and
 * probabilities are finite and in range, only servers that take flows get some, and the table gives what the weights
 * say. ZPX_NOTHING_NEW, ZPX_REFUSED, ZPX_OVERRUN: *action is untouched, go on with it. An observer calls this as well and
 * gets what the agent wrote, not checked. */
zpx_status zpx_read_action(zpx_exchange *exchange, zpx_action *action);
/* Each server's and metric's samples are exchanged by themselves. */
zpx_status zpx_write_reservoir(zpx_exchange *exchange, uint32_t server, zpx_metric metric, const zpx_reservoir *reservoir);

/* ---- The agent's and the observers' calls. ---- */

/* ZPX_NEW with the newest observation, and in *missed, which may be NULL, how many between it and the one before were not
 * seen. Where there is an error, *observation holds anything. */
zpx_status zpx_read_observation(zpx_exchange *exchange, zpx_observation *observation, uint64_t *missed);
/* The agent only. Answers an observation with the weights of the servers 0 to count - 1; those that took no flows in the
 * observation that was read last get none. Builds the alias table. */
zpx_status zpx_write_action(zpx_exchange *exchange, uint64_t sequence_id, const float *weights, uint32_t count);
/* ZPX_NEW with the samples, ZPX_NOTHING_NEW also where the region has no reservoirs. */
zpx_status zpx_read_reservoir(zpx_exchange *exchange, uint32_t server, zpx_metric metric, zpx_reservoir *reservoir);

/* ---- Both sides. ---- */

/* The agent's process for a data plane, the data plane's for the others; 0 while there is none. A system call. */
uint32_t zpx_other_side(zpx_exchange *exchange);
/* Of the last call of this thread that failed: its status, and its cause and remedy in words, which are valid until this
 * thread's next failing call. */
zpx_status zpx_last_status(void);
const char *zpx_last_error(void);

/* The server for one flow, in constant time: each for its weight's share of all values of `random`, which is uniform over
 * 64 bits. */
static inline uint32_t zpx_pick(const zpx_action *action, uint64_t random) {
    uint32_t column = (uint32_t)(random >> 58);
    float fraction = (float)(random & 0xffffffu) / 16777216.0f;
    const zpx_alias_column *entry = &action->alias_table[column];
    return fraction < entry->probability ? column : entry->alias % ZPX_SERVERS;
}

/* Both sides have the same layout, whatever compiled them. */
#ifdef __cplusplus
#define ZPX_ASSERT(condition) static_assert(condition, #condition)
#else
#define ZPX_ASSERT(condition) _Static_assert(condition, #condition)
#endif
#define ZPX_ASSERT_AT(type, field, bytes) ZPX_ASSERT(offsetof(type, field) == (bytes))

ZPX_ASSERT(sizeof(zpx_status) == 4);
ZPX_ASSERT(sizeof(zpx_server_statistics) == 44);
ZPX_ASSERT_AT(zpx_server_statistics, reservoir_features, 4);
ZPX_ASSERT(sizeof(zpx_observation) == 2880);
ZPX_ASSERT_AT(zpx_observation, sequence_id, 0);
ZPX_ASSERT_AT(zpx_observation, timestamp_us, 8);
ZPX_ASSERT_AT(zpx_observation, active_as_bitmap, 16);
ZPX_ASSERT_AT(zpx_observation, num_active_as, 24);
ZPX_ASSERT_AT(zpx_observation, as_stats, 32);
ZPX_ASSERT_AT(zpx_observation, incarnation, 2848);
ZPX_ASSERT(sizeof(zpx_alias_column) == 8);
ZPX_ASSERT(sizeof(zpx_action) == 832);
ZPX_ASSERT_AT(zpx_action, sequence_id, 0);
ZPX_ASSERT_AT(zpx_action, timestamp_us, 8);
ZPX_ASSERT_AT(zpx_action, num_servers, 16);
ZPX_ASSERT_AT(zpx_action, weights, 24);
ZPX_ASSERT_AT(zpx_action, alias_table, 280);
ZPX_ASSERT_AT(zpx_action, incarnation, 792);
ZPX_ASSERT(sizeof(zpx_reservoir) == 1552);
ZPX_ASSERT_AT(zpx_reservoir, timestamps, 512);
ZPX_ASSERT_AT(zpx_reservoir, seen, 1536);
ZPX_ASSERT_AT(zpx_reservoir, count, 1544);

#undef ZPX_ASSERT_AT
#undef ZPX_ASSERT

#ifdef __cplusplus
}
#endif

#endif
