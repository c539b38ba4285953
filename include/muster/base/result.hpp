#pragma once
// The one error of the rules of SIP: an answer (RFC 3261 s21).

#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

namespace muster::base {

/// A final answer that refuses a request, with the rule that decided.
struct Reject {
    int status = 500;
    std::string_view reason;  ///< reason phrase; a literal
    std::string_view rule;    ///< which rule refused, as "RFC 3261 s10.3 step 6"; a literal
    /// Extra header fields of the answer, in order, e.g. {"Unsupported", "foo"}.
    std::vector<std::pair<std::string_view, std::string>> headers{};
};

template <class T>
class Result {
public:
    Result(T value) : held_(std::move(value)) {}
    Result(Reject reject) : held_(std::move(reject)) {}

    explicit operator bool() const { return held_.index() == 0; }
    T& operator*() { return std::get<0>(held_); }
    const T& operator*() const { return std::get<0>(held_); }
    T* operator->() { return &std::get<0>(held_); }
    const T* operator->() const { return &std::get<0>(held_); }
    Reject& reject() { return std::get<1>(held_); }
    const Reject& reject() const { return std::get<1>(held_); }

private:
    std::variant<T, Reject> held_;
};

/// A check with nothing to return: empty when it passes.
using Check = std::optional<Reject>;

}  // namespace muster::base
