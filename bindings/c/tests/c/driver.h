/* The few calls of the CUDA driver that the tests make themselves, looked up at run time: no toolkit is needed. */
#ifndef DRIVER_H
#define DRIVER_H

#include <dlfcn.h>
#include <stdint.h>

#include "expect.h"

typedef void (*driver_call)(void); /* the type that compilers let any function have */

static inline driver_call driver(const char *name) {
    static void *library;
    if (library == NULL) library = dlopen("libcuda.so.1", RTLD_NOW);
    EXPECT(library != NULL);
    void *found = dlsym(library, name);
    driver_call call;
    EXPECT(found != NULL);
    memcpy(&call, &found, sizeof call); /* C has no cast from one to the other */
    return call;
}

#define DRIVER(name, types, ...) EXPECT(((int (*) types)driver(#name))(__VA_ARGS__) == 0)

/* The context that the application has, as the CUDA runtime makes it. */
static inline void *own_context(void) {
    void *context = NULL;
    DRIVER(cuInit, (unsigned), 0);
    DRIVER(cuDevicePrimaryCtxRetain, (void **, int), &context, 0);
    return context;
}

/* A context beside the primary one, as an application of the driver API makes it; not current afterwards. */
static inline void *made_context(void) {
    void *context = NULL, *popped = NULL;
    DRIVER(cuInit, (unsigned), 0);
    DRIVER(cuCtxCreate_v2, (void **, unsigned, int), &context, 0, 0);
    DRIVER(cuCtxPopCurrent_v2, (void **), &popped);
    EXPECT(context != NULL && context == popped);
    return context;
}

static inline void *own_stream(void *context) {
    void *stream = NULL, *before = NULL;
    DRIVER(cuCtxGetCurrent, (void **), &before);
    DRIVER(cuCtxSetCurrent, (void *), context);
    DRIVER(cuStreamCreate, (void **, unsigned), &stream, 1);
    DRIVER(cuCtxSetCurrent, (void *), before);
    return stream;
}

static inline uint64_t device_memory(void *context, size_t bytes) {
    uint64_t address = 0;
    void *before = NULL;
    DRIVER(cuCtxGetCurrent, (void **), &before);
    DRIVER(cuCtxSetCurrent, (void *), context);
    DRIVER(cuMemAlloc_v2, (uint64_t *, size_t), &address, bytes);
    DRIVER(cuCtxSetCurrent, (void *), before);
    return address;
}

static inline void synchronize(void *context, void *stream) {
    DRIVER(cuCtxSetCurrent, (void *), context);
    DRIVER(cuStreamSynchronize, (void *), stream);
    DRIVER(cuCtxSetCurrent, (void *), NULL);
}

static inline void to_host(void *context, void *destination, uint64_t address, size_t bytes) {
    DRIVER(cuCtxSetCurrent, (void *), context);
    DRIVER(cuMemcpyDtoH_v2, (void *, uint64_t, size_t), destination, address, bytes);
    DRIVER(cuCtxSetCurrent, (void *), NULL);
}

static inline int no_context_is_current(void) {
    void *current = NULL;
    DRIVER(cuCtxGetCurrent, (void **), &current);
    return current == NULL;
}

#endif
