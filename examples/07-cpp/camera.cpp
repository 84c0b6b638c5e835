// The camera of 06-c in C++17: what is opened closes itself, and a call that fails throws zp::error.
#include <algorithm>
#include <chrono>
#include <exception>
#include <iostream>
#include <string>
#include <thread>
#include <utility>
#include <zenoh_pinned.hpp>

using namespace std::chrono_literals;

static void send(const std::string &endpoint) {
    constexpr std::size_t bytes = 1920 * 1080 * 4;
    zp::session session("{listen: {endpoints: ['" + endpoint + "']}}");
    zp_publisher_options options{};
    options.frame_bytes = bytes;
    options.slots = 8;
    zp::publisher camera(session, "camera/front", options);

    // Until somebody is there: the consumer beside this one has a line.
    for (int tries = 0; tries < 1000 && camera.lines().find("by a line") == std::string::npos; tries++) {
        std::this_thread::sleep_for(33ms);
    }
    for (int number = 0; number < 100; number++) {
        zp::slot slot = camera.allocate(bytes);                                 // waits for a free one
        std::fill(slot.begin(), slot.end(), static_cast<std::uint8_t>(number)); // a camera writes here
        camera.put(std::move(slot), &number, sizeof number);
        std::this_thread::sleep_for(33ms);
    }
    camera.drain(10s); // the last ones arrive before the session closes
    zp_pool_statistics pool = camera.statistics();
    std::cout << pool.allocations << " frames of " << bytes << " bytes, written in place in " << pool.slots
              << " slots\n";
}

int main(int count, char **arguments) {
    try {
        send(count > 1 ? arguments[1] : "tcp/127.0.0.1:7452");
    } catch (const std::exception &error) {
        std::cerr << "camera: " << error.what() << "\n";
        return 1;
    }
    return 0;
}
