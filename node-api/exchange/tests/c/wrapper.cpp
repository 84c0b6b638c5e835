// Goes through the wrapper. The arguments are names of regions that are not there.
#include "zenoh_pinned_exchange.hpp"

#include <array>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <type_traits>
#include <unistd.h>
#include <utility>
#include <vector>

#define EXPECT(condition)                                                                                        \
    do {                                                                                                         \
        if (!(condition)) {                                                                                      \
            std::fprintf(stderr, "%s:%d: %s: last error: %s\n", __FILE__, __LINE__, #condition, zpx_last_error()); \
            std::exit(1);                                                                                        \
        }                                                                                                        \
    } while (0)

using namespace zenoh_pinned::exchange;

template <class Type>
constexpr bool moves_only = std::is_nothrow_move_constructible_v<Type> && std::is_nothrow_move_assignable_v<Type> &&
                            !std::is_copy_constructible_v<Type> && !std::is_copy_assignable_v<Type>;
static_assert(moves_only<DataPlane> && moves_only<Agent> && moves_only<Observer>);

template <class Open>
static void throws(zpx_status status, Open open) {
    try {
        open();
    } catch (const Error &error) {
        EXPECT(error.status() == status);
        EXPECT(std::strlen(error.what()) > 10);
        return;
    }
    EXPECT(!"it throws");
}

static bool is_there(const std::string &name) { return access(("/dev/shm/" + name).c_str(), F_OK) == 0; }

int main(int, char **arguments) {
    const std::string name = arguments[1], other = arguments[2];
    throws(ZPX_NOT_THERE, [&] { Agent agent(name); });
    throws(ZPX_NOT_THERE, [&] { Observer observer(name); });
    throws(ZPX_INVALID_ARGUMENT, [&] { DataPlane data_plane("a/b", 0600); });
    {
        DataPlane data_plane(name, 0600);
        throws(ZPX_WRITER_ALIVE, [&] { DataPlane second(name, 0600); });
        Agent agent(name);
        Observer observer(name);
        EXPECT(data_plane.other_side() == static_cast<std::uint32_t>(getpid()));

        zpx_observation observation{}, seen{};
        zpx_action action{};
        std::uint64_t missed = 0;
        observation.active_as_bitmap = 3;
        EXPECT(data_plane.write(observation) == ZPX_OK && data_plane.write(observation) == ZPX_OK);
        EXPECT(agent.read(seen, &missed) == ZPX_NEW && seen.sequence_id == 2 && missed == 1);
        EXPECT(observer.read(seen) == ZPX_NEW && observer.read(seen) == ZPX_NOTHING_NEW);

        const float plain[] = {1, 2};
        EXPECT(agent.write(2, std::vector<float>{1, 2}) == ZPX_OK);
        EXPECT(data_plane.read(action) == ZPX_NEW && action.weights[1] == 2 && zpx_pick(&action, 77) < 2);
        EXPECT(agent.write(2, std::array<float, 2>{3, 4}) == ZPX_OK);
        EXPECT(observer.read(action) == ZPX_NEW && action.weights[1] == 4);
        EXPECT(agent.write(2, plain, 2) == ZPX_OK && agent.write(2, plain) == ZPX_OK);
        EXPECT(agent.write(2, std::vector<float>(65, 1.0f)) == ZPX_INVALID_ARGUMENT);
        EXPECT(agent.write(3, plain) == ZPX_OK && data_plane.read(action) == ZPX_REFUSED);
        EXPECT(std::string(last_error()).find("has not been written") != std::string::npos);

        // Ends move; what is moved from answers, and what is moved onto closes.
        DataPlane moved(std::move(data_plane));
        EXPECT(moved.write(observation) == ZPX_OK && observation.sequence_id == 3);
        EXPECT(data_plane.write(observation) == ZPX_INVALID_ARGUMENT && data_plane.other_side() == 0);
        DataPlane onto(other, 0600, Reservoirs::with);
        EXPECT(is_there(other));
        zpx_reservoir samples{};
        samples.count = 5;
        {
            Agent of_other(other);
            zpx_reservoir read{};
            EXPECT(onto.write(1, ZPX_FLOW_DURATION, samples) == ZPX_OK);
            EXPECT(of_other.read(1, ZPX_FLOW_DURATION, read) == ZPX_NEW && read.count == 5);
            EXPECT(of_other.read(1, ZPX_FLOW_DURATION, read) == ZPX_NOTHING_NEW);
        }
        onto = std::move(moved);
        EXPECT(!is_there(other));
        EXPECT(onto.write(1, ZPX_FLOW_DURATION, samples) == ZPX_WRONG_END);
        EXPECT(onto.write(observation) == ZPX_OK && observation.sequence_id == 4);
    }
    EXPECT(!is_there(name));
    return 0;
}
