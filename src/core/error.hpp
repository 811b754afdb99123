#pragma once
#include <stdexcept>
#include <string>

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
inline void require(bool holds, const std::string& message) {
    if (!holds) throw InvalidInput(message);
}

}  // namespace cellweave
