// Frames by callback, each on the GPU with one DMA, or the reason why it stays on the host.
#include <atomic>
#include <chrono>
#include <cstring>
#include <exception>
#include <iostream>
#include <string>
#include <thread>
#include <zenoh_pinned.hpp>

using namespace std::chrono_literals;

static void receive(const std::string &endpoint) {
    static const char *const paths[] = {"direct", "staged", "pageable", "host"};
    zp::pinner pinner = zp::pinner::device(0); // also where there is none
    const std::string no_device = pinner.reason();
    if (!no_device.empty()) std::cout << "no device: " << no_device << "\n";
    zp::session session("{connect: {endpoints: ['" + endpoint + "'], timeout_ms: -1, exit_on_failure: false}}", pinner);

    std::atomic<int> received{0}, last{-1};
    zp::listener listener(session, "camera/front", [&](zp::frame frame) { // on a thread of the listener's
        int number = 0;
        auto [attachment, length] = frame.attachment();
        if (length == sizeof number) std::memcpy(&number, attachment, length);
        const bool is_whole = frame.data()[frame.size() - 1] == static_cast<std::uint8_t>(number);
        zp::device_buffer on_device;
        if (no_device.empty()) on_device = frame.to_device_buffer(); // one DMA, which goes on; the slot is held
        if (number % 20 == 0)
            std::cout << "frame " << number << ": " << frame.size() << " bytes, whole: " << (is_whole ? "yes" : "no")
                      << ", path " << paths[frame.path()] << std::endl;
        received++;
        last = number;
    });
    for (int seconds = 0; seconds < 120 && last < 99; seconds++) std::this_thread::sleep_for(1s);
    listener.close(); // throws what the callback has thrown
    std::cout << received << " frames received\n";
}

int main(int count, char **arguments) {
    try {
        receive(count > 1 ? arguments[1] : "tcp/127.0.0.1:7452");
    } catch (const std::exception &error) {
        std::cerr << "consumer: " << error.what() << "\n";
        return 1;
    }
    return 0;
}
