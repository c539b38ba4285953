#pragma once
// HTML as text in which nobody's words become markup.

#include <concepts>
#include <cstddef>
#include <string>
#include <string_view>
#include <utility>

#include "muster/base/text.hpp"

namespace muster::daemon {

/// Markup of ours: made of literals alone.
struct Markup {
    std::string_view text;
};
consteval Markup operator""_html(const char* text, std::size_t length) { return {{text, length}}; }

/// What is put in is escaped, for elements and for quoted attributes, unless it is Markup or Html itself.
class Html {
public:
    Html& operator<<(Markup markup) {
        text_ += markup.text;
        return *this;
    }
    Html& operator<<(const Html& part) {
        text_ += part.text_;
        return *this;
    }
    Html& operator<<(std::string_view words);
    template <std::integral T>
    Html& operator<<(T number) {
        base::append_decimal(text_, number);
        return *this;
    }

    const std::string& text() const& { return text_; }
    std::string text() && { return std::move(text_); }

private:
    std::string text_;
};

/// "1,234,567".
std::string grouped(std::uint64_t number);
/// "3 d 4 h", "2 h 5 min", "61 s" become two units at most.
std::string lasting(std::uint64_t seconds);
/// "12 MB": powers of 1,000.
std::string bytes(std::uint64_t count);
/// At most so many bytes, cut between characters and then with an ellipsis.
std::string clipped(std::string_view text, std::size_t most);

}  // namespace muster::daemon
