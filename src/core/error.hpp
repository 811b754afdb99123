#pragma once
#include <concepts>
#include <stdexcept>
#include <string>
#include <string_view>

namespace cellweave {

/// The caller's input is wrong. The message names the argument, what was found and what to do. Python sees a
/// ValueError.
class InvalidInput : public std::invalid_argument {
    using std::invalid_argument::invalid_argument;
};

/// The caller asked to stop (Ctrl-C). Thrown by the calling thread only, and crosses every parallel loop.
class Cancelled : public std::runtime_error {
public:
    Cancelled() : std::runtime_error("cancelled") {}
};

/// Throws InvalidInput with `message` unless `holds`.
inline void require(bool holds, std::string_view message) {
    if (!holds) throw InvalidInput(std::string(message));
}

/// The same for checks in a loop: `message` is a function, and put together only when it is needed.
template <std::invocable Message>
void require(bool holds, Message&& message) {
    if (!holds) throw InvalidInput(message());
}

}  // namespace cellweave
