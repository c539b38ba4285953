#include "muster/base/date.hpp"

#include <algorithm>

#include "muster/base/text.hpp"

namespace muster::base {
namespace {

/// Reads a date piece by piece; the first that is not there makes all that follow fail.
class Pieces {
public:
    explicit Pieces(std::string_view text) : rest_(text) {}

    /// Exactly so many digits, not above `most`.
    unsigned number(std::size_t digits, unsigned most) {
        const auto value = decimal(rest_.substr(0, digits), most);
        good_ = good_ && rest_.size() >= digits && value;
        rest_.remove_prefix(std::min(digits, rest_.size()));
        return static_cast<unsigned>(value.value_or(0));
    }
    void one_of(std::string_view set) { good_ = good_ && next_is(set) && (skip(), true); }
    bool next_is(std::string_view set) const { return !rest_.empty() && set.find(rest_.front()) != set.npos; }
    char skip() {
        const char c = rest_.front();
        rest_.remove_prefix(1);
        return c;
    }
    bool at_end() const { return good_ && rest_.empty(); }

private:
    std::string_view rest_;
    bool good_ = true;
};

Milliseconds fraction(Pieces& pieces) {
    if (!pieces.next_is(".")) return Milliseconds(0);
    pieces.skip();
    int value = static_cast<int>(pieces.number(1, 9)) * 100;
    for (int unit = 10; pieces.next_is("0123456789"); unit /= 10) value += (pieces.skip() - '0') * unit;
    return Milliseconds(value);
}

/// How far the zone is ahead of UTC.
Milliseconds zone(Pieces& pieces) {
    if (pieces.next_is("Zz")) {
        pieces.skip();
        return Milliseconds(0);
    }
    const bool behind = pieces.next_is("-");
    pieces.one_of("+-");
    const auto hours = pieces.number(2, 23);
    pieces.one_of(":");
    const Milliseconds ahead = std::chrono::hours(hours) + std::chrono::minutes(pieces.number(2, 59));
    return behind ? -ahead : ahead;
}

}  // namespace

std::string rfc3339(Wall at) {
    using std::chrono::sys_time;
    const sys_time<Milliseconds> time(at.time_since_epoch());
    const auto day = std::chrono::floor<std::chrono::days>(time);
    const std::chrono::year_month_day date(day);
    const std::chrono::hh_mm_ss clock(time - day);
    std::string text;
    auto put = [&text](std::int64_t value, std::size_t digits, char after) {
        std::string number;
        append_decimal(number, value);
        text.append(digits - std::min(digits, number.size()), '0').append(number) += after;
    };
    put(static_cast<int>(date.year()), 4, '-');
    put(static_cast<unsigned>(date.month()), 2, '-');
    put(static_cast<unsigned>(date.day()), 2, 'T');
    put(clock.hours().count(), 2, ':');
    put(clock.minutes().count(), 2, ':');
    put(clock.seconds().count(), 2, '.');
    put(clock.subseconds().count(), 3, 'Z');
    return text;
}

std::optional<Wall> parse_rfc3339(std::string_view text) {
    Pieces pieces(text);
    const std::chrono::year year(static_cast<int>(pieces.number(4, 9999)));
    pieces.one_of("-");
    const std::chrono::month month(pieces.number(2, 12));
    pieces.one_of("-");
    const std::chrono::year_month_day date(year, month, std::chrono::day(pieces.number(2, 31)));
    pieces.one_of("Tt ");
    Milliseconds clock = std::chrono::hours(pieces.number(2, 23));
    pieces.one_of(":");
    clock += std::chrono::minutes(pieces.number(2, 59));
    pieces.one_of(":");
    clock += Seconds(pieces.number(2, 60));
    clock += fraction(pieces);
    clock -= zone(pieces);
    if (!pieces.at_end() || !date.ok()) return {};
    return Wall(std::chrono::sys_days(date).time_since_epoch() + clock);
}

}  // namespace muster::base
