/* Reads an action and random numbers, writes the servers that they pick, a byte each. */
#include <stdio.h>

#include "zenoh_pinned_exchange.h"

int main(void) {
    zpx_action action;
    uint64_t random;
    if (fread(&action, sizeof action, 1, stdin) != 1) return 1;
    while (fread(&random, sizeof random, 1, stdin) == 1) putchar((int)zpx_pick(&action, random));
    return 0;
}
