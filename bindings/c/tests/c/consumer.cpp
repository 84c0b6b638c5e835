// A consumer: `consumer CONFIGURATION KEY BYTES FRAMES`. Says "ready" when frames come, then checks each until it has
// had number FRAMES; with FRAMES 0 it holds three frames and waits to be killed.
#include "zenoh_pinned.hpp"

#include <iostream>
#include <thread>

#include "expect.h"

using namespace std::chrono_literals;

int main(int count, char **arguments) {
    EXPECT(count == 5);
    const std::size_t bytes = strtoull(arguments[3], nullptr, 10);
    const unsigned long long frames = strtoull(arguments[4], nullptr, 10);
    zp::session session(arguments[1]);
    zp_subscriber_options options{};
    options.overflow = frames == 0 ? ZP_DROP_OLDEST : ZP_REFUSE;
    zp::subscriber subscriber(session, arguments[2], options);
    std::vector<zp::frame> held;
    unsigned long long last = 0, lost = 0, wrong = 0, copied = 0, checked = 0;
    for (bool is_ready = false; last < frames || frames == 0;) {
        std::optional<zp::frame> frame = subscriber.receive(60s);
        EXPECT(frame && frame->size() == bytes && frame->key() == arguments[2]);
        unsigned long long number = 0;
        auto [attachment, length] = frame->attachment();
        EXPECT(length == sizeof number);
        memcpy(&number, attachment, length);
        if (!is_ready) std::cout << "ready" << std::endl;
        is_ready = true;
        if (frames == 0) {
            held.push_back(std::move(*frame));
            if (held.size() < 3) continue;
            std::cout << "holding" << std::endl;
            for (;;) std::this_thread::sleep_for(1s);
        }
        if (number == 0) continue;
        lost += number - last - 1;
        wrong += !is_frame(frame->data(), bytes, number);
        copied += !frame->is_shared();
        last = number;
        checked++;
    }
    std::cout << "checked " << checked << " lost " << lost << " wrong " << wrong << " copied " << copied << " overrun "
              << subscriber.overrun() << " line [" << subscriber.lines() << "]" << std::endl;
    return 0;
}
