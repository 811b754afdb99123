#pragma once
#include <cmath>
#include <functional>
#include <sstream>
#include <stdexcept>
#include <string>
#include <vector>

/// A test harness of one page: TEST(name) { CHECK(...); CHECK_NEAR(...); CHECK_THROWS(Type, ...); }
namespace check {

struct Test {
    std::string name;
    std::function<void()> body;
};

inline std::vector<Test>& tests() {
    static std::vector<Test> all;
    return all;
}

struct Registration {
    Registration(const char* name, std::function<void()> body) { tests().push_back({name, std::move(body)}); }
};

[[noreturn]] inline void fail(const char* file, int line, const std::string& what) {
    std::ostringstream message;
    message << file << ":" << line << ": " << what;
    throw std::runtime_error(message.str());
}

}  // namespace check

#define CHECK_JOIN_(a, b) a##b
#define CHECK_JOIN(a, b) CHECK_JOIN_(a, b)
#define TEST(name)                                                                                       \
    static void CHECK_JOIN(test_, __LINE__)();                                                           \
    static const check::Registration CHECK_JOIN(register_, __LINE__)(name, CHECK_JOIN(test_, __LINE__)); \
    static void CHECK_JOIN(test_, __LINE__)()

#define CHECK(condition)                                               \
    do {                                                               \
        if (!(condition)) check::fail(__FILE__, __LINE__, #condition); \
    } while (false)

#define CHECK_NEAR(a, b, tolerance)                                                                  \
    do {                                                                                             \
        const double near_a = static_cast<double>(a), near_b = static_cast<double>(b);               \
        if (!(std::abs(near_a - near_b) <= (tolerance)))                                             \
            check::fail(__FILE__, __LINE__,                                                          \
                        #a " = " + std::to_string(near_a) + ", " #b " = " + std::to_string(near_b)); \
    } while (false)

#define CHECK_THROWS(Type, expression)                                                \
    do {                                                                              \
        bool thrown = false;                                                          \
        try {                                                                         \
            expression;                                                               \
        } catch (const Type&) {                                                       \
            thrown = true;                                                            \
        }                                                                             \
        if (!thrown) check::fail(__FILE__, __LINE__, #expression " threw no " #Type); \
    } while (false)
